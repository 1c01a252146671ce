import type { HiveSet } from '../registry/hive-set.js';
import { artefact } from './artefact.js';
import { at, below, inUsers, USER, WHERE, type Found } from './found.js';
import { filetime, filetimeAt } from './key-values.js';
import { flag, plainTable, text, time } from './plain-table.js';

interface OfficeDocument extends Found {
  readonly kind: 'opened' | 'folder' | 'trusted';
  readonly version: string;
  readonly program: string;
  readonly item: string;
  readonly path: string;
  readonly time: bigint | undefined;
  readonly macros: boolean | undefined;
}

const OFFICE = 'Software\\Microsoft\\Office';
/** The last four bytes of a trust record: editing was enabled (1), macros too. */
const MACROS_ENABLED = 0x7fff_ffff;

/** `[F00000000][T01D5A3F2C4B81230][O00000000]*C:\…`; undefined when it is none. */
function item(text: string): { path: string; time: bigint | undefined } | undefined {
  const star = text.indexOf('*');
  if (star < 0) return undefined;
  const stamp = /\[T([0-9A-F]{16})\]/i.exec(text.slice(0, star))?.[1];
  return { path: text.slice(star + 1), time: stamp === undefined ? undefined : filetime(BigInt(`0x${stamp}`)) };
}

function* lists(program: Found): Generator<readonly [Found, 'opened' | 'folder']> {
  for (const [name, kind] of [['File MRU', 'opened'], ['Place MRU', 'folder']] as const) {
    for (const list of at(program, name)) yield [list, kind];
    // With a Microsoft account the lists lie below its id.
    for (const users of at(program, 'User MRU')) {
      for (const user of below(users)) for (const list of at(user, name)) yield [list, kind];
    }
  }
}

function* documents(set: HiveSet): Generator<OfficeDocument> {
  for (const office of inUsers(set, OFFICE)) {
    for (const version of below(office)) {
      if (!/^\d+\.\d$/.test(version.key.name)) continue;
      for (const program of below(version)) {
        const known = { version: version.key.name, program: program.key.name };
        for (const [list, kind] of lists(program)) {
          for (const value of list.key.values()) {
            const found = /^Item \d+$/i.test(value.name) ? item(value.text() ?? '') : undefined;
            if (found !== undefined) yield { ...list, ...known, kind, item: value.name, ...found, macros: undefined };
          }
        }
        for (const records of at(program, 'Security\\Trusted Documents\\TrustRecords')) {
          for (const value of records.key.values()) {
            const data = value.data();
            if (data === undefined || data.length < 24) continue;
            yield {
              ...records, ...known, kind: 'trusted', item: '', path: value.name, time: filetimeAt(data), macros: data.readUInt32LE(data.length - 4) === MACROS_ENABLED,
            };
          }
        }
      }
    }
  }
}

/** Documents and folders that Office opened, and documents that its user trusted. */
export const OFFICE_DOCUMENTS = artefact<OfficeDocument>({
  reads: [
    'NTUSER.DAT\\Software\\Microsoft\\Office\\<version>\\<program>\\File MRU', 'NTUSER.DAT\\Software\\Microsoft\\Office\\<version>\\<program>\\Place MRU',
    'NTUSER.DAT\\Software\\Microsoft\\Office\\<version>\\<program>\\Security\\Trusted Documents\\TrustRecords',
  ],
  table: plainTable({
    name: 'office_documents',
    doc: 'Documents and folders that Office opened last, and documents whose user clicked "Enable editing" or "Enable content": with macros, that ran what was in them.',
    columns: [
      USER,
      text('kind', (r) => r.kind, 'opened, folder (of an opened one), or trusted', 7),
      text('program', (r) => r.program, 'Word, Excel, …', 12),
      text('path', (r) => r.path, 'the document or folder', 48),
      time('time', (r) => r.time, 'when it was opened; of a trusted one, its creation'),
      flag('macros_enabled', (r) => r.macros, 'of a trusted one: macros too'),
      text('item', (r) => r.item, 'place in the list: Item 1 is the last'),
      text('version', (r) => r.version, 'version of Office'),
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'OFFICE',
    events: (r) => [{ time: r.kind === 'trusted' ? r.key.written : r.time, action: 'RD', text: `${r.program} ${r.kind} ${r.path}` }],
  },
  rows: documents,
});
