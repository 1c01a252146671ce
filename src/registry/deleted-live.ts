import { NO_CELL, VOLATILE_BIT, type Cells } from './cells.js';
import type { RegistryHive } from './hive.js';
import { KEY_NODE_SIZE, type Key } from './key.js';
import { SEGMENT, type Value } from './value.js';

const VALUE_SIZE = 0x14;
const SECURITY_HEAD = 0x14;

/** What the tree of a hive uses: by cell index how many bytes of the cell, its size field not counted. */
export interface LiveCells {
  readonly used: ReadonlyMap<number, number>;
  /** Keys in the tree, by the cell index. */
  readonly keys: ReadonlyMap<number, Key>;
  /** Values that a key of the tree named once: the key, by cell indices in the slack of its list of values. */
  readonly formerValues: ReadonlyMap<number, Key>;
}

/** Walks the whole tree once. */
export function liveCells(hive: RegistryHive): LiveCells {
  const { cells } = hive;
  const used = new Map<number, number>();
  const keys = new Map<number, Key>();
  const formerValues = new Map<number, Key>();
  const mark = (cell: number, bytes: number): void => {
    if (cell !== NO_CELL) used.set(cell, Math.max(bytes, used.get(cell) ?? 0));
  };
  for (const key of hive.keys()) {
    keys.set(key.cell, key);
    mark(key.cell, KEY_NODE_SIZE + key.bytes.readUInt16LE(0x48));
    if (key.securityCell !== undefined && !used.has(key.securityCell)) {
      mark(key.securityCell, SECURITY_HEAD + (peek(hive, cells, key.securityCell, 0x14)?.readUInt32LE(0x10) ?? 0));
    }
    mark(key.bytes.readUInt32LE(0x30), key.bytes.readUInt16LE(0x4a));
    if (key.stableSubkeyCount > 0) markLists(hive, key.bytes.readUInt32LE(0x1c), used, mark);
    if (key.volatileSubkeyCount > 0 && cells.hasVolatile) markLists(hive, key.bytes.readUInt32LE(0x20), used, mark);
    if (key.valueCount === 0) continue;
    // A list has one owner; keys that share one would make this walk longer than the hive.
    const list = key.bytes.readUInt32LE(0x28);
    if (used.has(list)) continue;
    mark(list, 4 * key.valueCount);
    const entries = peek(hive, cells, list, 4);
    if (entries !== undefined) {
      for (let at = 4 * key.valueCount; at + 4 <= entries.length; at += 4) formerValues.set(entries.readUInt32LE(at), key);
    }
    for (const value of key.values()) markValue(hive, value, mark);
  }
  return { used, keys, formerValues };
}

/** A cell in use of at least `least` bytes. */
function peek(hive: RegistryHive, cells: Cells, cell: number, least: number): Buffer | undefined {
  const bytes = hive.anomalies.attempt(hive.where, () => cells.read(cell));
  return bytes !== undefined && bytes.length >= least ? bytes : undefined;
}

function markLists(hive: RegistryHive, list: number, used: ReadonlyMap<number, number>, mark: (cell: number, bytes: number) => void, depth = 0): void {
  const bytes = peek(hive, hive.cells, list, 4);
  if (bytes === undefined || used.has(list)) return;
  const signature = bytes.toString('latin1', 0, 2);
  const step = signature === 'lf' || signature === 'lh' ? 8 : 4;
  const count = Math.min(bytes.readUInt16LE(2), Math.floor((bytes.length - 4) / step));
  mark(list, 4 + count * step);
  if (signature !== 'ri' || depth > 0) return;
  for (let i = 0; i < count; i += 1) markLists(hive, bytes.readUInt32LE(4 + 4 * i), used, mark, 1);
}

function markValue(hive: RegistryHive, value: Value, mark: (cell: number, bytes: number) => void): void {
  mark(value.cell, VALUE_SIZE + value.bytes.readUInt16LE(2));
  const { dataCell, length } = value;
  if (dataCell === undefined) return;
  const record = length > SEGMENT && hive.minor >= 4 ? peek(hive, hive.cells, dataCell, 8) : undefined;
  if (record?.toString('latin1', 0, 2) !== 'db') {
    mark(dataCell, length);
    return;
  }
  const count = record.readUInt16LE(2);
  const list = record.readUInt32LE(4);
  mark(dataCell, 8);
  mark(list, 4 * count);
  const segments = peek(hive, hive.cells, list, 4);
  for (let i = 0; i < count && segments !== undefined && 4 * i + 4 <= segments.length; i += 1) {
    mark(segments.readUInt32LE(4 * i), Math.min(SEGMENT, Math.max(0, length - i * SEGMENT)));
  }
}

/** The cell index of an offset in one of the two storages. */
export function cellIndex(volatile: boolean, offset: number): number {
  return volatile ? offset + VOLATILE_BIT : offset;
}
