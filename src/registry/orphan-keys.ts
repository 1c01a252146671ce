import { FormatError } from '../bytes/errors.js';
import { CellLayout, bytesOf } from './cell-layout.js';
import { VOLATILE_BIT } from './cells.js';
import type { RegistryHive } from './hive.js';
import { Key, KEY_NODE_SIZE } from './key.js';

const NK = 0x6b6e;

/**
 * Keys in use that no way from the root leads to: their parent is not in the image, is damaged, or does not list them. Of those that hang
 * below one another the topmost. In the order of their cells.
 */
export function orphanKeys(hive: RegistryHive): readonly Key[] {
  const reached = new Set<number>();
  for (const { cell } of hive.keys()) reached.add(cell);
  const orphans = new Map<number, Key>();
  for (const [storage, base] of [[hive.cells.stable, 0], [hive.cells.volatile, VOLATILE_BIT]] as const) {
    const { starts, sizes } = new CellLayout(storage);
    starts.forEach((offset, place) => {
      if ((sizes[place] ?? 0) > -KEY_NODE_SIZE || reached.has(base + offset) || bytesOf(storage, offset + 4, 2)?.readUInt16LE(0) !== NK) return;
      const key = keyIn(hive, base + offset);
      if (key !== undefined) orphans.set(key.cell, key);
    });
  }
  const below = new Set<number>();
  for (const key of orphans.values()) for (const { cell } of key.subkeys()) below.add(cell);
  return [...orphans.values()].filter(({ cell }) => !below.has(cell));
}

/** What looks like a key and is none is no anomaly: a cell may hold anything. */
function keyIn(hive: RegistryHive, cell: number): Key | undefined {
  try {
    const key = Key.read(hive, cell, undefined);
    return key === undefined || key.name === '' ? undefined : key;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
