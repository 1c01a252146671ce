import { textTime } from '../../src/bytes/filetime.js';
import { hex } from '../../src/bytes/hex.js';
import { DeletedKey, type DeletedValue } from '../../src/registry/deleted-item.js';
import { recoverDeleted } from '../../src/registry/deleted.js';
import type { SetHive } from '../../src/registry/hive-set.js';
import { pathNames, upcase } from '../../src/registry/name.js';
import { orphanKeys } from '../../src/registry/orphan-keys.js';
import { fileName } from '../../src/vfs/name.js';
import type { BytesFile, Directory } from '../../src/vfs/node.js';
import { safeLine, text } from '../../src/vfs/text.js';
import { cellPlace, keyDirectory, KEY_CELL, mtimeOf, rowsDirectory, valueRows, type KeyRow } from './registry-key.js';

/** Keys in use that nothing leads to, as directories. */
export function orphanDirectory(hive: SetHive): Directory {
  const place = { hive, path: [], registry: undefined };
  return rowsDirectory(function* (): Generator<KeyRow> {
    for (const key of orphanKeys(hive.registry)) yield { name: fileName(key.name), original: key.name, key, node: () => keyDirectory(place, key) };
  }, hive, { cost: 'slow', doc: 'keys in use that no key leads to, and what is below them' });
}

/** Deleted keys and values below the name of a key, which need not be deleted itself. */
interface Branch {
  readonly name: string;
  readonly branches: Map<string, Branch>;
  readonly keys: DeletedKey[];
  readonly values: DeletedValue[];
}

const branch = (name: string): Branch => ({ name, branches: new Map(), keys: [], values: [] });
/** Where deleted values are of which no key is known. */
const LOOSE = '(values)';

/**
 * What was deleted and is still there: keys at the paths that they had, as far as those are known (`?` where not); values of keys that are
 * not deleted at the path of the key; others under `(values)`. What is in use and hangs nowhere is an orphan and not here.
 */
export function deletedDirectory(hive: SetHive): Directory {
  let made: Branch | undefined;
  return rowsDirectory(() => branchRows(hive, made ??= deletedBranches(hive)), hive, { cost: 'slow', doc: 'keys and values that were deleted, by the paths that they had; recovered from free cells and slack' });
}

function deletedBranches(hive: SetHive): Branch {
  const { keys, loose } = recoverDeleted(hive.registry);
  const top = branch('');
  const shown = new Set<DeletedKey>();
  const show = (key: DeletedKey): void => {
    below(top, pathNames(key.path).slice(0, -1)).keys.push(key);
    for (const queue = [key]; queue.length > 0;) {
      const next = queue.pop();
      if (next === undefined || shown.has(next)) continue;
      shown.add(next);
      for (const subkey of shownBelow(next)) queue.push(subkey);
    }
  };
  const deleted = keys.filter(({ foundIn }) => foundIn !== 'unreferenced cell');
  for (const key of deleted) {
    const { parent } = key;
    if (!(parent instanceof DeletedKey) || parent.foundIn === 'unreferenced cell') show(key);
  }
  // Keys that are one another's parents hang below none: one of them stands for all.
  for (const key of deleted) if (!shown.has(key)) show(key);
  for (const value of loose) {
    const { key } = value;
    below(top, key === undefined ? [LOOSE] : pathNames(key.path)).values.push(value);
  }
  return top;
}

function shownBelow(key: DeletedKey): DeletedKey[] {
  return key.subkeys().filter(({ foundIn }) => foundIn !== 'unreferenced cell');
}

function below(top: Branch, names: readonly string[]): Branch {
  let at = top;
  for (const name of names) {
    let next = at.branches.get(upcase(name));
    if (next === undefined) at.branches.set(upcase(name), next = branch(name));
    at = next;
  }
  return at;
}

function* branchRows(hive: SetHive, { branches, keys, values }: Branch): Generator<KeyRow> {
  for (const next of branches.values()) {
    yield { name: fileName(next.name), original: next.name, node: () => rowsDirectory(() => branchRows(hive, next), hive, {}) };
  }
  for (const key of keys) yield deletedRow(hive, key, []);
  for (const value of values) yield* deletedValueRows(hive, value);
}

/** @param above the deleted keys above it: a key is not below itself */
function deletedRow(hive: SetHive, key: DeletedKey, above: readonly DeletedKey[]): KeyRow {
  return { name: fileName(key.name), original: key.name, node: () => rowsDirectory(() => deletedRows(hive, key, [...above, key]), hive, {
    ...mtimeOf(key.written), xattrs: () => found(hive, key),
  }) };
}

function* deletedRows(hive: SetHive, key: DeletedKey, above: readonly DeletedKey[]): Generator<KeyRow> {
  const cell: BytesFile = { kind: 'bytes', cost: 'quick', mime: 'application/octet-stream', render: () => key.bytes, xattrs: () => found(hive, key) };
  yield { name: KEY_CELL, self: true, node: () => cell };
  yield { name: `${KEY_CELL}.txt`, self: true, node: () => text(() => keyText(hive, key), { xattrs: () => found(hive, key) }) };
  for (const subkey of shownBelow(key)) if (!above.includes(subkey)) yield deletedRow(hive, subkey, above);
  for (const value of key.values()) yield* deletedValueRows(hive, value);
}

function deletedValueRows(hive: SetHive, value: DeletedValue): Generator<KeyRow> {
  return valueRows(hive, value, () => ({ ...found(hive, value), 'user.memlens.data': value.completeness }));
}

function found(hive: SetHive, { cell, name, foundIn }: DeletedKey | DeletedValue): Record<string, string> {
  return { 'user.memlens.address': cellPlace(hive, cell), 'user.memlens.found': foundIn, ...(name === fileName(name) || name === '' ? {} : { 'user.memlens.name': name }) };
}

function keyText(hive: SetHive, key: DeletedKey): string {
  return [
    cellPlace(hive, key.cell), 'REG_KEY', safeLine(key.name), textTime(key.written),
    `Path:      ${safeLine(`${hive.mount}\\${key.path}`)}`,
    `Found in:  ${key.foundIn}`,
    `Sub-keys:  ${key.subkeyCount} as it counted, ${key.subkeys().length} found`,
    `Values:    ${key.valueCount} as it counted, ${key.values().length} found`,
    `Flags:     ${hex(key.flags, 4)}`,
  ].map((line) => `${line.trimEnd()}\n`).join('');
}
