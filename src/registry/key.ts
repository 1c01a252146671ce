import { FormatError } from '../bytes/errors.js';
import { utf16 } from '../bytes/utf16.js';
import { NO_CELL, VOLATILE_BIT } from './cells.js';
import type { RegistryHive } from './hive.js';
import { cellName, pathNames, upcase } from './name.js';
import { hintFits, listedKeys, type ListedKey } from './subkey-list.js';
import { Value } from './value.js';

/** Bytes of a key node before its name; no key is smaller. */
export const KEY_NODE_SIZE = 0x4c;
/** Windows allows no deeper tree; a deeper one is a trap. */
const MAX_DEPTH = 512;
const NK = 0x6b6e;

/** `_CM_KEY_NODE.Flags`. */
export const KEY_FLAGS = {
  volatile: 0x1,
  /** A mount point: the sub-keys are another hive's. */
  hiveExit: 0x2,
  hiveEntry: 0x4,
  noDelete: 0x8,
  symbolicLink: 0x10,
  compressedName: 0x20,
  /** A predefined handle: the place of the value count holds the handle. */
  predefinedHandle: 0x40,
} as const;

/** A registry key. Corresponds to `_CM_KEY_NODE`. Properties are free; methods read cells. */
export class Key {
  #name: string | undefined;
  #path: string | undefined;

  private constructor(
    readonly hive: RegistryHive,
    /** The cell's index. */
    readonly cell: number,
    readonly bytes: Buffer,
    /** The key this one was reached from; undefined for the root and for keys opened by their cell. */
    readonly from: Key | undefined,
    readonly depth: number,
  ) {}

  /** Reads a key node; undefined when it is not in the image. @throws FormatError when the cell holds no key */
  static read(hive: RegistryHive, cell: number, from: Key | undefined): Key | undefined {
    const bytes = hive.cells.read(cell);
    if (bytes === undefined) return undefined;
    if (bytes.length < KEY_NODE_SIZE || bytes.readUInt16LE(0) !== NK) throw new FormatError('a cell holds no key', cell);
    if (KEY_NODE_SIZE + bytes.readUInt16LE(0x48) > bytes.length) throw new FormatError('a key\'s name is longer than its cell', cell);
    return new Key(hive, cell, bytes, from, from === undefined ? 0 : from.depth + 1);
  }

  get name(): string {
    return this.#name ??= cellName(this.bytes, KEY_NODE_SIZE, this.bytes.readUInt16LE(0x48), this.has(KEY_FLAGS.compressedName));
  }
  /** The last write, a FILETIME. */
  get written(): bigint { return this.bytes.readBigUInt64LE(4); }
  get flags(): number { return this.bytes.readUInt16LE(2); }
  /** The key lives in volatile storage and is never written to the hive's file. */
  get volatile(): boolean { return this.cell >= VOLATILE_BIT; }
  /** Stable and volatile sub-keys, as the key counts them. */
  get subkeyCount(): number { return this.stableSubkeyCount + this.volatileSubkeyCount; }
  get stableSubkeyCount(): number { return this.bytes.readUInt32LE(0x14); }
  get volatileSubkeyCount(): number { return this.has(KEY_FLAGS.hiveExit) ? 0 : this.bytes.readUInt32LE(0x18); }
  get valueCount(): number { return this.has(KEY_FLAGS.predefinedHandle) ? 0 : this.bytes.readUInt32LE(0x24); }
  /** The cell index of the security descriptor; undefined when it has none. */
  get securityCell(): number | undefined { return cellOrNone(this.bytes.readUInt32LE(0x2c)); }
  /** The cell index of the parent, as the key says; the root's leads out of the hive. */
  get parentCell(): number { return this.bytes.readUInt32LE(0x10); }
  /** Who has opened the key since boot, in bits (Windows 8 on). */
  get accessBits(): number { return this.bytes.readUInt8(0x0c); }
  /** How a layered key is merged with the one below it: 0 merges, 1 is a tombstone, 2 and 3 hide the lower one (Windows 10 on). */
  get layerSemantics(): number { return this.bytes.readUInt8(0x0d) & 3; }
  /** A layered key takes its class from the one below it. */
  get inheritsClass(): boolean { return (this.bytes.readUInt8(0x0d) & 0x80) !== 0; }
  get userFlags(): number { return this.bytes.readUInt8(0x36) & 0x0f; }
  /** Control of registry virtualization. */
  get virtualizationFlags(): number { return this.bytes.readUInt8(0x36) >>> 4; }
  get debugFlags(): number { return this.bytes.readUInt8(0x37); }
  /** Bytes of the longest name and class of a sub-key, and of the longest name and data of a value, as the key keeps them. */
  get longest(): { subkeyName: number; subkeyClass: number; valueName: number; valueData: number } {
    return {
      subkeyName: this.bytes.readUInt16LE(0x34), subkeyClass: this.bytes.readUInt32LE(0x38),
      valueName: this.bytes.readUInt32LE(0x3c), valueData: this.bytes.readUInt32LE(0x40),
    };
  }

  /** A flag of KEY_FLAGS. */
  has(flag: number): boolean {
    return (this.bytes.readUInt16LE(2) & flag) !== 0;
  }

  /** The key above; undefined for the root, and when it cannot be read. */
  get parent(): Key | undefined {
    return this.from ?? (this.cell === this.hive.rootCell ? undefined : this.hive.keyAt(this.parentCell));
  }

  /** The names below the root, joined by `\`; empty for the root. */
  get path(): string {
    return this.#path ??= this.#pathAbove(this.from?.path);
  }

  /** The path, by that of the key this one was reached from, or by the parents that the cells name. */
  #pathAbove(above: string | undefined): string {
    if (this.cell === this.hive.rootCell) return '';
    if (above !== undefined) return above === '' ? this.name : `${above}\\${this.name}`;
    const names = [this.name];
    for (let cell = this.parentCell; cell !== this.hive.rootCell && names.length < MAX_DEPTH;) {
      const key = this.hive.keyAt(cell);
      if (key === undefined) break;
      names.push(key.name);
      cell = key.parentCell;
    }
    return names.reverse().join('\\');
  }

  /** The sub-keys, stable ones first, in the order of their lists (which is the order of upper-case names). */
  *subkeys(): Generator<Key> {
    if (this.has(KEY_FLAGS.hiveExit)) return;
    if (this.depth >= MAX_DEPTH) {
      if (this.subkeyCount > 0) this.hive.anomalies.add(this.hive.where, `keys deeper than ${MAX_DEPTH} levels are left out`, this.cell);
      return;
    }
    if (this.subkeyCount === 0) return;
    const where = this.#where();
    const { anomalies, budget, cells } = this.hive;
    const seen = new Set<number>();
    let useless = 0;
    for (const at of [0x1c, 0x20]) {
      const count = this.bytes.readUInt32LE(at - 8);
      // A hive file still counts the volatile keys of the running system that wrote it.
      if (count === 0 || (at === 0x20 && !cells.hasVolatile)) continue;
      let named = 0;
      let previous: string | undefined;
      for (const listed of listedKeys(this.bytes.readUInt32LE(at), { cells, where, anomalies })) {
        if (listed !== undefined) named += 1;
        const key = listed === undefined ? undefined : this.#child(listed, seen, where);
        if (key === undefined) {
          useless += 1;
          if (budget.useless(this.cell, useless)) continue;
          // Of the hive, not of the key: a place that has many anomalies leaves the last ones out.
          anomalies.add(this.hive.where, `the sub-keys of "${this.path}": the lists name more than the hive has room for; what follows ${useless} useless entries is left out`, this.cell);
          return;
        }
        const name = upcase(key.name);
        if (previous !== undefined && name <= previous && isAscii(name) && isAscii(previous)) {
          anomalies.add(where, name === previous ? `two sub-keys are called "${key.name}"` : `the sub-key "${key.name}" is not in the order of names: Windows may not find it`, key.cell);
        }
        previous = name;
        yield key;
      }
      if (named !== count) anomalies.add(where, `the key counts ${count} sub-keys, its lists name ${named}`, this.cell);
    }
  }

  /**
   * A listed sub-key. It must name this key as its parent: a cell that was given to another key meanwhile does not,
   * and since each key then has one place only, no walk through the tree can be endless.
   */
  #child(listed: ListedKey, seen: Set<number>, where: string): Key | undefined {
    const { cell } = listed;
    if (seen.has(cell)) {
      this.hive.anomalies.add(where, 'a sub-key is listed twice', cell);
      return undefined;
    }
    seen.add(cell);
    return this.hive.anomalies.attempt(where, () => {
      const key = Key.read(this.hive, cell, this);
      if (key === undefined) {
        this.hive.anomalies.add(where, 'a sub-key is not in the image', cell);
        return undefined;
      }
      if (key.parentCell !== this.cell || cell === this.hive.rootCell) {
        throw new FormatError(`the sub-key "${key.name}" says that its parent is another key`, cell);
      }
      if (!hintFits(listed, key.name)) {
        this.hive.anomalies.add(where, `the ${listed.kind === 'lh' ? 'hash' : 'hint'} of the sub-key "${key.name}" does not fit its name: Windows does not find it by name`, cell);
      }
      return key;
    });
  }

  /** A sub-key by its name, case does not matter; undefined when there is none. */
  subkey(name: string): Key | undefined {
    const wanted = upcase(name);
    for (const key of this.subkeys()) {
      if (key.name.length === name.length && upcase(key.name) === wanted) return key;
    }
    return undefined;
  }

  /** The key at a path below this one. */
  key(path: string): Key | undefined {
    return pathNames(path).reduce<Key | undefined>((key, name) => key?.subkey(name), this);
  }

  /** The values in the order of their list. */
  *values(): Generator<Value> {
    const count = this.valueCount;
    if (count === 0) return;
    const where = this.#where();
    const { anomalies, budget, cells } = this.hive;
    const list = this.bytes.readUInt32LE(0x28);
    const content = anomalies.attempt(where, () => cells.content(list));
    if (content === undefined || content.missing > 0) anomalies.add(where, 'the list of values is not in the image or damaged', list);
    if (content === undefined) return;
    const room = Math.floor(content.bytes.length / 4);
    if (count > room) anomalies.add(where, `the key counts ${count} values, its list has room for ${room}`, this.cell);
    const named = Math.min(count, room);
    const granted = budget.values(this.cell, named);
    if (granted < named) anomalies.add(this.hive.where, `the values of "${this.path}": the lists name more than the hive has room for; ${granted} of ${named} are looked at`, this.cell);
    const seen = new Set<number>();
    for (let i = 0; i < granted; i += 1) {
      const cell = content.bytes.readUInt32LE(4 * i);
      if (cell === 0 && content.missing > 0) continue;
      if (seen.has(cell)) {
        anomalies.add(where, 'a value is listed twice', cell);
        continue;
      }
      seen.add(cell);
      const value = anomalies.attempt(where, () => {
        const read = Value.read(this, cell);
        if (read === undefined) anomalies.add(where, 'a value is not in the image', cell);
        return read;
      });
      if (value !== undefined) yield value;
    }
  }

  /** A value by its name, case does not matter; the default value's name is empty. Undefined when there is none. */
  value(name: string): Value | undefined {
    const wanted = upcase(name);
    for (const value of this.values()) {
      if (upcase(value.name) === wanted) return value;
    }
    return undefined;
  }

  /** The class name; undefined when it has none, or it is not in the image. */
  className(): string | undefined {
    const cell = cellOrNone(this.bytes.readUInt32LE(0x30));
    const length = this.bytes.readUInt16LE(0x4a);
    if (cell === undefined || length === 0) return undefined;
    return this.hive.anomalies.attempt(this.#where(), () => {
      const bytes = this.hive.cells.read(cell);
      if (bytes !== undefined && length > bytes.length) throw new FormatError('a class name is longer than its cell', cell);
      return bytes === undefined ? undefined : utf16(bytes.subarray(0, length));
    });
  }

  #where(): string {
    return `${this.hive.where} key ${this.path}`;
  }
}

/** The upper case of other names is a matter of Windows' own table. */
function isAscii(name: string): boolean {
  return /^[\0-\x7f]*$/.test(name);
}

function cellOrNone(index: number): number | undefined {
  return index === NO_CELL ? undefined : index;
}
