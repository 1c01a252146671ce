import { artefact } from './artefact.js';
import { inControlSet, WHERE, type Found } from './found.js';
import { valuesOf } from './key-values.js';
import { count, flag, plainTable, text, time } from './plain-table.js';
import { shimcache, type ShimEntry } from './shimcache-blob.js';

interface Shim extends Found, ShimEntry {
  readonly position: number;
  readonly format: string;
}

/** Windows XP keeps it in another key than those after it. */
const KEYS = ['Control\\Session Manager\\AppCompatCache', 'Control\\Session Manager\\AppCompatibility'];

/** The application compatibility cache, newest first. Windows writes it at shutdown: the key's time is then. */
export const SHIMCACHE = artefact<Shim>({
  reads: KEYS.map((key) => `SYSTEM\\<control set>\\${key}`),
  table: plainTable({
    name: 'shimcache',
    doc: 'Programs that Windows looked at for compatibility, newest first, from XP to 11. Written at shutdown: what came later is not in it. Being listed proves presence; '
      + 'execution only where the column says so.',
    columns: [
      count('position', (r) => r.position, '0: the newest'),
      time('modified', (r) => r.modified, 'last modification of the file, not of the entry'),
      text('path', (r) => r.path, 'program; of a packaged application its package\'s names', 64),
      flag('executed', (r) => r.executed, 'it was executed; empty: the format or the entry does not tell'),
      count('size', (r) => r.size, 'bytes of the file (Windows XP and Server 2003)'),
      time('updated', (r) => r.updated, 'when the entry was written (Windows XP)'),
      text('format', (r) => r.format, 'the Windows whose format it is', 16),
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'SHIM',
    * events(r) {
      yield { time: r.modified, action: 'MOD', text: `file of shimcache ${r.path}` };
      yield { time: r.updated, action: 'RD', text: `shimcache ${r.path}` };
    },
  },
  * rows(set) {
    for (const path of KEYS) {
      for (const found of inControlSet(set, path)) {
        const blob = valuesOf(found.key).bytes('AppCompatCache');
        if (blob === undefined) continue;
        const cache = shimcache(blob);
        const damage = cache === undefined ? 'the application compatibility cache has an unknown format' : cache.damage;
        if (damage !== undefined) set.anomalies.add(found.hive.registry.where, damage, found.key.cell);
        for (const [position, entry] of (cache?.entries ?? []).entries()) yield { ...found, ...entry, position, format: cache?.format ?? '' };
      }
    }
  },
});
