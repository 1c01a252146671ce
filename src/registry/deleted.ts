import { VOLATILE_BIT, type Content, type Storage } from './cells.js';
import { CellLayout, bytesOf, filled } from './cell-layout.js';
import { DeletedKey, DeletedValue, recordLength, type DeletedSource, type FoundIn } from './deleted-item.js';
import { cellIndex, liveCells, type LiveCells } from './deleted-live.js';
import { NK, VALUE_SIZE, VK, plausibleKey, plausibleValue } from './deleted-record.js';
import type { RegistryHive } from './hive.js';
import { Key, KEY_NODE_SIZE } from './key.js';
import { SEGMENT } from './value.js';

/** More than these are not shown of one hive. */
const MOST_ITEMS = 200_000;
/** The longest record that is looked for: a node or value and its name. */
const LONGEST_RECORD = KEY_NODE_SIZE + 1024;
const MAX_DEPTH = 512;
/** Characters of a path; what is above a longer one is left out. Windows has paths of about 16,000 at most. */
const MOST_PATH = 16_384;
/** Stands for keys above that are lost. */
const LOST = '?';
const NOTHING: Content = { bytes: Buffer.alloc(0), missing: 0 };

/** The deleted keys and values of a hive, in the order of their cells. */
export interface DeletedItems {
  readonly keys: readonly DeletedKey[];
  /** All values, those of deleted keys too. */
  readonly values: readonly DeletedValue[];
  /** Deleted values of which no deleted key is known: of keys in the tree (`value.key`), or of unknown ones. */
  readonly loose: readonly DeletedValue[];
  /** Deleted keys whose parent is no deleted key: the tops of deleted trees. */
  readonly tops: readonly DeletedKey[];
}

/**
 * Finds deleted keys and values: in free cells (which hold several former cells where Windows has merged them), behind what
 * cells in use hold, in cells in use that the tree does not reach, and in bytes of bins that belong to no cell. What is found
 * must look as Windows writes it (names, times, counts, cells that exist); values are given to the keys whose lists name them.
 * Works on hive files and on hives in memory; takes time in proportion to the hive's bytes.
 */
export function recoverDeleted(hive: RegistryHive): DeletedItems {
  return new Recovery(hive).items();
}

class Recovery implements DeletedSource {
  readonly #layouts: readonly CellLayout[];
  /** What lies behind the bins of a file, at offsets that go on where the bins end. */
  readonly #behind: Storage | undefined;
  readonly #live: LiveCells;
  readonly #keys = new Map<number, DeletedKey>();
  readonly #values = new Map<number, DeletedValue>();
  readonly #below = new Map<DeletedKey, DeletedKey[]>();
  readonly #listed = new Map<DeletedKey, DeletedValue[]>();
  readonly #owners = new Map<DeletedValue, DeletedKey>();
  readonly #paths = new Map<DeletedKey, string>();
  /** Entries of lists of values that may still be read: no hive has more. */
  #entries: number;

  constructor(private readonly hive: RegistryHive) {
    const { behind, cells } = hive;
    this.#behind = behind === undefined ? undefined : tail(behind, cells.stable.length);
    this.#layouts = [new CellLayout(cells.stable), ...cells.hasVolatile ? [new CellLayout(cells.volatile)] : []];
    this.#live = liveCells(hive);
    this.#entries = Math.ceil((cells.stable.length + cells.volatile.length) / 4);
    this.#layouts.forEach((layout, i) => { this.#scan(layout, i === 1); });
    if (this.#behind !== undefined) this.#scanBytes(this.#behind, cells.stable.length, this.#behind.length, 'behind the bins', false);
    for (const key of this.#keys.values()) {
      this.#listed.set(key, this.#valuesOf(key));
      const above = this.#keys.get(key.parentCell);
      if (above === undefined || above === key) continue;
      const below = this.#below.get(above);
      if (below === undefined) this.#below.set(above, [key]);
      else below.push(key);
    }
  }

  items(): DeletedItems {
    const keys = [...this.#keys.values()];
    const values = [...this.#values.values()];
    const tops = this.#tops();
    return {
      keys, values,
      loose: values.filter((value) => !this.#owners.has(value)),
      tops: keys.filter((key) => tops.has(key)),
    };
  }

  path(key: DeletedKey): string {
    const known = this.#paths.get(key);
    if (known !== undefined) return known;
    const chain: DeletedKey[] = [];
    const seen = new Set<DeletedKey>();
    let top: string | undefined;
    for (let at = key; top === undefined;) {
      chain.push(at);
      seen.add(at);
      const parent = this.parent(at);
      if (parent instanceof Key) top = parent.path;
      else if (parent === undefined || seen.has(parent) || chain.length >= MAX_DEPTH) top = LOST;
      else if (this.#paths.has(parent)) top = this.#paths.get(parent);
      else at = parent;
    }
    for (const each of chain.reverse()) {
      if (top.length > MOST_PATH) top = LOST;
      top = top === '' ? each.name : `${top}\\${each.name}`;
      this.#paths.set(each, top);
    }
    return this.#paths.get(key) ?? LOST;
  }

  parent(key: DeletedKey): DeletedKey | Key | undefined {
    return this.#live.keys.get(key.parentCell) ?? this.#keys.get(key.parentCell);
  }

  subkeys(key: DeletedKey): readonly DeletedKey[] { return this.#below.get(key) ?? []; }
  values(key: DeletedKey): readonly DeletedValue[] { return this.#listed.get(key) ?? []; }
  owner(value: DeletedValue): DeletedKey | Key | undefined { return this.#owners.get(value) ?? this.#live.formerValues.get(value.cell); }

  content(value: DeletedValue): Content | undefined {
    const { length } = value;
    if (length === 0) return NOTHING;
    if (value.resident) return { bytes: value.bytes.subarray(8, 8 + Math.min(length, 4)), missing: 0 };
    const cell = value.bytes.readUInt32LE(8);
    const content = this.#former(cell, length);
    if (length <= SEGMENT || this.hive.minor < 4 || content === undefined || content.bytes.length < 8 || content.bytes.toString('latin1', 0, 2) !== 'db') return content;
    return this.#big(content.bytes, length);
  }

  /** Big data, as far as its segments are there, one after the other. */
  #big(record: Buffer, length: number): Content | undefined {
    const count = Math.ceil(length / SEGMENT);
    const list = this.#former(record.readUInt32LE(4), 4 * count);
    if (list === undefined || record.readUInt16LE(2) !== count) return undefined;
    const parts: Buffer[] = [];
    let missing = 0;
    for (let i = 0; 4 * i + 4 <= list.bytes.length; i += 1) {
      const wanted = Math.min(SEGMENT, length - i * SEGMENT);
      const part = this.#former(list.bytes.readUInt32LE(4 * i), wanted);
      if (part === undefined || part.bytes.length < wanted) break;
      parts.push(part.bytes);
      missing += part.missing;
    }
    return parts.length === 0 ? undefined : { bytes: Buffer.concat(parts), missing };
  }

  /** Up to `length` bytes of a cell that is not in use any more; undefined when its place was given to another. */
  #former(cell: number, length: number): Content | undefined {
    const layout = this.#layouts[cell >= VOLATILE_BIT ? 1 : 0];
    const offset = cell % VOLATILE_BIT;
    const place = layout?.around(offset);
    if (place === undefined && this.#behind !== undefined && cell >= this.hive.cells.stable.length && cell < VOLATILE_BIT) {
      const size = Math.abs(bytesOf(this.#behind, cell, 4)?.readInt32LE(0) ?? 0);
      return size < 8 || cell + size > this.#behind.length ? undefined : filled(this.#behind, cell + 4, Math.min(length, size - 4));
    }
    if (layout === undefined || place === undefined) return undefined;
    const start = layout.starts[place] as number;
    if ((layout.sizes[place] as number) < 0 && this.#live.used.has(cellIndex(cell >= VOLATILE_BIT, start))) return undefined;
    const room = layout.end(place) - offset - 4;
    return room <= 0 ? undefined : filled(layout.storage, offset + 4, Math.min(length, room));
  }

  /** Deleted values that a deleted key's list names, in its order. */
  #valuesOf(key: DeletedKey): DeletedValue[] {
    const count = Math.min(key.valueCount, this.#entries);
    if (count === 0) return [];
    const list = this.#former(key.bytes.readUInt32LE(0x28), 4 * count)?.bytes;
    if (list === undefined) return [];
    const found = new Set<DeletedValue>();
    this.#entries -= Math.floor(list.length / 4);
    for (let at = 0; at + 4 <= list.length; at += 4) {
      const value = this.#values.get(list.readUInt32LE(at));
      if (value === undefined) continue;
      found.add(value);
      if (!this.#owners.has(value)) this.#owners.set(value, key);
    }
    return [...found];
  }

  /** Deleted keys below no other deleted key. Of those that are parents of one another the one with the lowest cell is made the top. */
  #tops(): Set<DeletedKey> {
    const tops = new Set<DeletedKey>();
    const done = new Set<DeletedKey>();
    for (const key of this.#keys.values()) {
      const way = new Set<DeletedKey>();
      for (let at: DeletedKey | undefined = key; at !== undefined && !done.has(at); at = this.#keys.get(at.parentCell)) {
        if (way.has(at)) {
          const loop = [...way].slice([...way].indexOf(at));
          tops.add(loop.reduce((low, each) => (each.cell < low.cell ? each : low)));
          break;
        }
        way.add(at);
        if (!this.#keys.has(at.parentCell)) tops.add(at);
      }
      for (const each of way) done.add(each);
    }
    return tops;
  }

  #scan(layout: CellLayout, volatile: boolean): void {
    const { storage, starts, sizes } = layout;
    starts.forEach((start, i) => {
      const size = sizes[i] as number;
      const end = start + Math.abs(size);
      const used = size > 0 ? undefined : this.#live.used.get(cellIndex(volatile, start));
      if (size > 0) this.#scanBytes(storage, start + 4, end, 'free cell', volatile);
      else if (used === undefined) this.#scanBytes(storage, start + 4, end, 'unreferenced cell', volatile);
      else if (end - start - 4 - used >= VALUE_SIZE) this.#scanBytes(storage, start + 4 + used, end, 'slack', volatile);
    });
    for (const { start, end } of layout.remnants) this.#scanBytes(storage, start, end, 'no cell', volatile);
  }

  /** Looks for records in [from, to). Those of former cells begin four bytes behind a multiple of eight; others are copies in the slack. */
  #scanBytes(storage: Storage, from: number, to: number, foundIn: FoundIn, volatile: boolean): void {
    for (let at = from + (from & 1); at + VALUE_SIZE <= to;) {
      const stretch = storage.stretch(at);
      if (stretch === undefined) {
        at += 0x1000 - at % 0x1000;
        continue;
      }
      const { bytes, start } = stretch;
      const last = Math.min(to, start + bytes.length);
      let next = Math.max(last, at + 2);
      for (; at + 2 <= last; at += 2) {
        const signature = bytes.readUInt16LE(at - start);
        if (signature !== NK && signature !== VK) continue;
        const length = this.#take(storage, at, Math.min(to - at, LONGEST_RECORD), foundIn, volatile);
        if (length === 0) continue;
        next = Math.max(next, at + length);
        at += length + (length & 1) - 2;
      }
      at = next + (next & 1);
      if (this.#keys.size + this.#values.size >= MOST_ITEMS) {
        this.hive.anomalies.add(this.hive.where, `of the deleted keys and values only ${MOST_ITEMS} are shown`);
        return;
      }
    }
  }

  /** Keeps the record at `at`, when it is one that the tree does not have; answers its length, or zero. */
  #take(storage: Storage, at: number, room: number, foundIn: FoundIn, volatile: boolean): number {
    const bytes = room < VALUE_SIZE ? undefined : filled(storage, at, room).bytes;
    if (bytes === undefined) return 0;
    const cell = cellIndex(volatile, at - 4);
    const isKey = bytes.readUInt16LE(0) === NK;
    // What lies behind the bins may come from a hive that was longer than the file is now.
    const isCell = (index: number): boolean => (foundIn === 'behind the bins' ? index % 8 === 0 : this.#isCell(index));
    const name = isKey ? plausibleKey(bytes, isCell, fits(storage, at, bytes)) : plausibleValue(bytes, isCell);
    if (name === undefined) return 0;
    const length = recordLength(bytes);
    const whole = bytesOf(storage, at, length);
    if (whole === undefined || this.#live.used.has(cell)) return 0;
    if (isKey) this.#keys.set(cell, new DeletedKey(this, cell, whole, name, foundIn));
    else this.#values.set(cell, new DeletedValue(this, cell, whole, name, foundIn));
    return length;
  }

  /** An index that a cell of this hive can have. */
  #isCell(index: number): boolean {
    const offset = index % VOLATILE_BIT;
    const { length } = index < VOLATILE_BIT && this.#behind !== undefined ? this.#behind : this.hive.cells.storage(index);
    return offset % 8 === 0 && offset >= 0x20 && offset < length;
  }
}

/** The size before a record is one of a cell that holds it and not much more. */
function fits(storage: Storage, at: number, bytes: Buffer): boolean {
  const size = at % 8 === 4 ? Math.abs(bytesOf(storage, at - 4, 4)?.readInt32LE(0) ?? 0) : 0;
  return size % 8 === 0 && bytes.length >= KEY_NODE_SIZE && size >= 4 + recordLength(bytes);
}

/** Bytes behind a storage of `start` bytes, as a storage that goes on there. */
function tail(bytes: Buffer, start: number): Storage {
  const stretch = { start, bytes };
  return { length: start + bytes.length, stretch: (offset) => (offset >= start && offset < start + bytes.length ? stretch : undefined), binEnd: () => undefined };
}
