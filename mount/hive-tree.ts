import { basename } from 'node:path';
import type { Anomaly } from '../src/bytes/anomaly.js';
import { isFiletime } from '../src/bytes/filetime.js';
import { upcase } from '../src/registry/name.js';
import type { Table } from '../src/vfs/column.js';
import { directory } from '../src/vfs/directory.js';
import { fileName, uniqueNames } from '../src/vfs/name.js';
import type { Directory, WindowFile } from '../src/vfs/node.js';
import { tableFile } from '../src/vfs/table.js';
import { text } from '../src/vfs/text.js';
import { hiveDiagnosis, hiveDiagnosisText } from './hive-diagnosis.js';
import { hiveSetOfBytes, type FileHive, type FileHiveSet, type HiveBytes } from './open-hives.js';
import { REGISTRY_TIMELINE, registryEvents, newestFirst } from './registry-timeline.js';
import { mtimeOf } from './tree/registry-key.js';
import { registryDirectory, type RegistrySource } from './tree/registry.js';

/** The tree over hive files, in one thread. */
export interface HiveTree {
  readonly root: Directory;
  /** The latest write of a hive, as the hives say; FILETIME. */
  readonly captureTime: bigint | undefined;
  readonly set: FileHiveSet;
  /** What other threads open the same tree from. */
  readonly files: readonly HiveBytes[];
  /** Nothing joins later: there is no pool to scan. */
  join(): void;
  close(): void;
}

/** Opens the tree over hives that were read. @throws UserError when none of them is a hive */
export function openHiveTree(files: readonly HiveBytes[]): HiveTree {
  const set = hiveSetOfBytes(files);
  const times = set.hives.map(writtenTime).filter(isFiletime);
  return {
    root: rootDirectory(set), set, files,
    captureTime: times.length === 0 ? undefined : times.reduce((latest, time) => (time > latest ? time : latest)),
    join: () => undefined,
    close: () => undefined,
  };
}

/** When a hive was last written: as its base block says, else as its root key does. */
function writtenTime({ header, registry }: FileHive): bigint {
  return isFiletime(header.written) ? header.written : registry.root()?.written ?? 0n;
}

function rootDirectory(set: FileHiveSet): Directory {
  return directory({
    'anomalies.txt': tableFile(ANOMALIES, () => allAnomalies(set), { cost: 'slow', doc: 'where the hives contradict themselves; all keys and values are read for it' }),
    'diagnose.json': text(() => `${JSON.stringify(hiveDiagnosis(set), undefined, 2)}\n`, { doc: 'the same for programs' }),
    'diagnose.txt': text(() => hiveDiagnosisText(hiveDiagnosis(set)), { doc: 'what each file is, whether it is dirty, and what was done with its logs' }),
    forensic: directory({
      timeline: directory({
        'timeline_registry.txt': tableFile(REGISTRY_TIMELINE, () => newestFirst(registryEvents(set)), { cost: 'slow', doc: 'last writes of all keys and the times of the artefacts, newest first' }),
      }, { doc: 'what happened when' }),
    }, { doc: 'what is made of all hives together' }),
    registry: () => registryDirectory(registrySource(set), 'the registry of these hives'),
  }, { doc: 'registry hives' });
}

/** The hives as the registry's tree takes them: under the names of their files. */
function registrySource(set: FileHiveSet): RegistrySource {
  const names = uniqueNames(set.hives.map(({ file }) => fileName(basename(file.path))));
  const nameOf = new Map<unknown, string>(set.hives.map((hive, i) => [hive, names[i] ?? '']));
  const times = new Map<unknown, bigint>(set.hives.map((hive) => [hive, writtenTime(hive)]));
  const named = set.hives.map((hive, i) => [names[i] ?? '', () => recoveredFile(hive)] as const);
  return {
    hives: () => set,
    about: (hive) => ({ name: nameOf.get(hive) ?? fileName(basename(hive.source)), ...mtimeOf(times.get(hive)) }),
    extras: {
      hive_files: directory(Object.fromEntries(named), { doc: 'the hives with their transaction logs applied' }),
    },
  };
}

function recoveredFile(hive: FileHive): WindowFile {
  const bytes = Buffer.from(hive.file.bytes);
  return {
    kind: 'window', size: bytes.length, ...mtimeOf(writtenTime(hive)),
    fill(offset, target) {
      bytes.copy(target, 0, offset, offset + target.length);
      return 0;
    },
  };
}

const ANOMALIES: Table<Anomaly> = {
  name: 'anomalies',
  doc: 'Where the hives contradict themselves, and what had to be left out.',
  heading: 'Address    Where                                     What',
  columns: [
    { name: 'address', csv: 'Address', kind: 'hex', value: ({ address }) => address, text: { width: 8, align: 'right' }, doc: 'cell index, or offset from the first bin' },
    { name: 'where', csv: 'Where', kind: 'text', value: ({ where }) => where, text: { width: 40, align: 'left', lead: '  ' }, doc: 'hive and key' },
    { name: 'what', csv: 'What', kind: 'text', value: ({ what }) => what, text: { width: 0, align: 'left', lead: '  ' }, doc: 'what was found' },
  ],
};

/** All anomalies: reads every key and the data of every value to find them. */
function allAnomalies(set: FileHiveSet): readonly Anomaly[] {
  for (const { registry } of set.hives) {
    for (const key of registry.keys()) for (const value of key.values()) value.content();
  }
  const order = (one: Anomaly): string => upcase(one.where);
  return [...set.anomalies.list].sort((a, b) => (order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : Number(a.address ?? 0) - Number(b.address ?? 0)));
}
