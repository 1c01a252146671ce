import type { Artefact } from '../../src/artefacts/artefact.js';
import type { HiveSet } from '../../src/registry/hive-set.js';
import { cellValue, type CellValue } from '../../src/vfs/table.js';
import type { KeyToWrite } from './hive-bytes.js';

/** A row of an artefact as JSONL has it: the values by their columns' names. */
export type ArtefactRow = Readonly<Record<string, CellValue>>;

export function artefactRows(artefact: Artefact, set: HiveSet): readonly ArtefactRow[] {
  return artefact.use((of) => [...of.rows(set)].map((row) => Object.fromEntries(of.table.columns.map((column) => [column.name, cellValue(column, row)]))));
}

/** What an artefact gives to the timeline: `FILETIME action text`, those without a time left out. */
export function artefactEvents(artefact: Artefact, set: HiveSet): readonly string[] {
  return artefact.use((of) => [...of.rows(set)].flatMap((row) => [...of.timeline?.events(row) ?? []])
    .filter(({ time }) => time !== undefined && time !== 0n).map(({ time, action, text }) => `${time} ${action} ${text}`));
}

/** Columns of a row, in their order. */
export function picked(row: ArtefactRow | undefined, ...names: readonly string[]): readonly CellValue[] {
  return names.map((name) => row?.[name]);
}

/** What a key holds, its name left out: that is the end of its path. */
export type KeyContent = Omit<KeyToWrite, 'name'>;

/** The root of a hive with keys by their paths: `{ 'Microsoft\\Windows': { values: […] } }`. */
export function rootWith(content: Readonly<Record<string, KeyContent>>): KeyToWrite {
  const below = (prefix: string): KeyToWrite[] => {
    const names = new Set(Object.keys(content).filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length).split('\\')[0] ?? ''));
    return [...names].map((name) => {
      const path = `${prefix}${name}`;
      const own = content[path];
      return { ...own, name, keys: [...own?.keys ?? [], ...below(`${path}\\`)] };
    });
  };
  return { name: 'ROOT', keys: below('') };
}

/** As `rootWith`, for a user's hive, which is known as one by what every user's hive has. */
export function userRoot(content: Readonly<Record<string, KeyContent>>): KeyToWrite {
  return rootWith({ ...content, 'Control Panel': {}, Environment: {} });
}

/** As `rootWith`, for a SYSTEM hive: the paths are those below its only control set, or (`\\MountedDevices`) below the root. */
export function systemRoot(content: Readonly<Record<string, KeyContent>>): KeyToWrite {
  const current = Buffer.from([1, 0, 0, 0]);
  return rootWith({
    Select: { values: [{ name: 'Current', type: 4, data: current }] },
    ...Object.fromEntries(Object.entries(content).map(([path, key]) => [path.startsWith('\\') ? path.slice(1) : `ControlSet001\\${path}`, key])),
  });
}
