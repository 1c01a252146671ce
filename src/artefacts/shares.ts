import { artefact } from './artefact.js';
import { inControlSet, WHERE, type Found } from './found.js';
import { textsOf } from './key-values.js';
import { count, plainTable, text } from './plain-table.js';

interface Share extends Found {
  readonly name: string;
  readonly path: string | undefined;
  readonly type: string | undefined;
  readonly remark: string | undefined;
  readonly permissions: number | undefined;
  readonly maxUses: number | undefined;
  readonly cscFlags: number | undefined;
}

/** STYPE_… of a share ([MS-SRVS] 2.2.2.4). */
const TYPES: Readonly<Record<string, string>> = { 0: 'folder', 1: 'printer', 2: 'device', 3: 'IPC' };

/** Folders and printers that the machine shares. Administrative shares (`C$`) are made at start and are not here. */
export const SHARES = artefact<Share>({
  reads: ['SYSTEM\\<control set>\\Services\\LanmanServer\\Shares'],
  table: plainTable({
    name: 'shares',
    doc: 'Folders and printers that the machine shares. Administrative shares such as C$ are made anew at every start and are not in the registry.',
    columns: [
      text('name', (r) => r.name, 'name of the share', 16),
      text('path', (r) => r.path, 'what is shared', 40),
      text('type', (r) => r.type, 'folder, printer, device or IPC', 7),
      text('remark', (r) => r.remark, 'remark', 24),
      count('permissions', (r) => r.permissions, 'permissions for share-level security'),
      count('max_uses', (r) => r.maxUses, 'most users at once; 4294967295: any'),
      count('csc_flags', (r) => r.cscFlags, 'caching on clients'),
      ...WHERE,
    ],
  }),
  * rows(set) {
    for (const found of inControlSet(set, 'Services\\LanmanServer\\Shares')) {
      for (const value of found.key.values()) {
        const fields = new Map<string, string>();
        for (const line of textsOf(value) ?? []) {
          const equals = line.indexOf('=');
          if (equals > 0) fields.set(line.slice(0, equals).toUpperCase(), line.slice(equals + 1));
        }
        if (fields.size === 0) continue;
        const number = (name: string): number | undefined => (/^\d+$/.test(fields.get(name) ?? '') ? Number(fields.get(name)) : undefined);
        const type = fields.get('TYPE');
        yield {
          ...found,
          name: fields.get('SHARENAME') ?? value.name,
          path: fields.get('PATH'),
          type: type === undefined ? undefined : TYPES[type] ?? type,
          remark: fields.get('REMARK'),
          permissions: number('PERMISSIONS'),
          maxUses: number('MAXUSES'),
          cscFlags: number('CSCFLAGS'),
        };
      }
    }
  },
});
