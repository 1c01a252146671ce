import type { SetHive } from '../../src/registry/hive-set.js';
import type { Key } from '../../src/registry/key.js';
import { upcase } from '../../src/registry/name.js';
import { fileName } from '../../src/vfs/name.js';
import type { Directory } from '../../src/vfs/node.js';
import { keyRows, mtimeOf, rowsDirectory, type KeyRow } from './registry-key.js';
import { relativePath, type KeyPlace } from './registry-place.js';

/** A key of which there are two to be seen as one. */
interface Side {
  /** Without a place in the tree: nothing in it is a link. */
  readonly place: KeyPlace;
  readonly key: Key;
  /** Where the key shows by itself, names below /registry. */
  readonly path: readonly string[];
}

/**
 * A user's HKEY_CLASSES_ROOT as Windows merges it: the user's classes over those of the machine ("Merged View of HKEY_CLASSES_ROOT",
 * Microsoft). A key that both have is a directory with the values of both, the user's first; one that only one of them has is a link to it.
 * @param at where the directory shows, names below /registry
 */
export function mergedClasses(user: { hive: SetHive; key: Key; path: readonly string[] }, machine: { hive: SetHive; key: Key; path: readonly string[] }, at: readonly string[]): Directory {
  const side = ({ hive, key, path }: typeof user): Side => ({ place: { hive, path: [], registry: undefined }, key, path });
  return merged(side(user), side(machine), at);
}

function merged(user: Side, machine: Side, at: readonly string[]): Directory {
  return rowsDirectory(() => mergedRows(user, machine, at), user.place.hive, {
    ...mtimeOf(user.key.written > machine.key.written ? user.key.written : machine.key.written),
  });
}

function* mergedRows(user: Side, machine: Side, at: readonly string[]): Generator<KeyRow> {
  const others = new Map<string, KeyRow>();
  for (const row of keyRows(machine.place, machine.key)) {
    if (row.self !== true) others.set(identity(row), row);
  }
  for (const row of keyRows(user.place, user.key)) {
    const other = row.self === true ? undefined : others.get(identity(row));
    if (other !== undefined) others.delete(identity(row));
    yield mergedRow(row, other, user, machine, at);
  }
  for (const row of others.values()) yield mergedRow(row, undefined, machine, machine, at);
}

/** Keys and values have names of their own; case does not matter. */
function identity({ key, original, name }: KeyRow): string {
  return `${key === undefined ? 'value' : 'key'} ${upcase(original ?? name)}`;
}

function mergedRow(row: KeyRow, other: KeyRow | undefined, side: Side, machine: Side, at: readonly string[]): KeyRow {
  const { key, name } = row;
  if (key === undefined) return row;
  const { place: { hive } } = side;
  const path = [...side.path, name];
  if (other?.key === undefined) {
    return { ...row, leadsTo: { hive, key }, node: () => ({ kind: 'link', target: relativePath(at, path), ...mtimeOf(key.written) }) };
  }
  const below: Side = { ...machine, key: other.key, path: [...machine.path, fileName(other.key.name)] };
  // Without its key: one of two is no export of both.
  return { name, ...(row.original === undefined ? {} : { original: row.original }), node: () => merged({ ...side, key, path }, below, [...at, name]) };
}
