import { ARTEFACTS } from '../../src/artefacts/artefacts.js';
import type { HiveSet } from '../../src/registry/hive-set.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';

/**
 * What the registry tells, matter by matter: `services.txt`, `userassist.txt` …, each with its twins.
 * @param set asked at every rendering: the pool scan adds hives
 */
export function artefactsDirectory(set: () => HiveSet): Directory {
  return directory(Object.fromEntries(ARTEFACTS.map((artefact) =>
    [`${artefact.name}.txt`, () => artefact.use((of) => tableFile(of.table, () => of.rows(set()), { cost: 'slow', doc: of.table.doc }))])),
  { doc: 'what the registry tells, matter by matter: autostarts, services, programs run, devices, users' });
}
