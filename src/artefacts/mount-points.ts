import { artefact } from './artefact.js';
import { below, inUsers, USER, WHERE, type Found } from './found.js';
import { valuesOf } from './key-values.js';
import { plainTable, text } from './plain-table.js';

interface MountPoint extends Found {
  readonly kind: 'volume' | 'network' | 'drive';
  readonly target: string;
  readonly label: string | undefined;
}

const MOUNT_POINTS = 'Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\MountPoints2';
const NETWORK = 'Network';
const HISTORY = 'Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\Map Network Drive MRU';

function* rowsOf(found: Found): Generator<MountPoint> {
  const { name } = found.key;
  const label = valuesOf(found.key).text('_LabelFromReg');
  // A share is written with # for \: `##server#share`.
  if (name.startsWith('##')) yield { ...found, kind: 'network', target: name.replaceAll('#', '\\'), label };
  else if (/^\{[0-9a-f-]{36}\}$/i.test(name)) yield { ...found, kind: 'volume', target: name, label };
  else if (/^[a-z]$/i.test(name)) yield { ...found, kind: 'drive', target: `${name.toUpperCase()}:`, label };
}

/** Volumes and shares that a user had mounted. */
export const MOUNT_POINTS_OF_USERS = artefact<MountPoint>({
  reads: [
    'NTUSER.DAT\\Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\MountPoints2', 'NTUSER.DAT\\Network',
    'NTUSER.DAT\\Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\Map Network Drive MRU',
  ],
  table: plainTable({
    name: 'mount_points',
    doc: 'Volumes, shares and network drives that a user had. The key was written when it was last mounted; a volume is known by its GUID from mounted_devices.',
    columns: [
      USER,
      text('kind', (r) => r.kind, 'volume, share (network) or drive letter'),
      text('target', (r) => r.target, 'GUID of the volume, path of the share, or letter', 40),
      text('label', (r) => r.label, 'name shown; of a network drive the path', 24),
      ...WHERE,
    ],
  }),
  timeline: { type: 'MOUNTP', events: (r) => [{ time: r.key.written, action: '---', text: `mounted ${r.target}` }] },
  * rows(set) {
    for (const points of inUsers(set, MOUNT_POINTS)) for (const point of below(points)) yield* rowsOf(point);
    for (const drives of inUsers(set, NETWORK)) {
      for (const drive of below(drives)) {
        const path = valuesOf(drive.key).text('RemotePath');
        if (path !== undefined) yield { ...drive, kind: 'network', target: path, label: `${drive.key.name.toUpperCase()}:` };
      }
    }
    for (const found of inUsers(set, HISTORY)) {
      for (const value of found.key.values()) {
        const path = /^[a-z]$/i.test(value.name) ? value.text() : undefined;
        if (path !== undefined) yield { ...found, kind: 'network', target: path, label: undefined };
      }
    }
  },
});
