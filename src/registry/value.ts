import { FormatError } from '../bytes/errors.js';
import type { Content } from './cells.js';
import type { Key } from './key.js';
import { cellName } from './name.js';
import { nativeOf, valueTypeName, type Native } from './value-type.js';

/** Bytes of a value before its name. */
const VALUE_SIZE = 0x14;
const VK = 0x6b76;
const DB = 0x6264;
/** `_CM_KEY_VALUE.Flags`: the name is Latin-1. */
const COMPRESSED_NAME = 1;
/** `_CM_KEY_VALUE.Flags`: the value of a layered key hides that of the key below (Windows 10 on). */
const TOMBSTONE = 2;
/** The bit of DataLength that says that up to four bytes lie in the value itself. */
const RESIDENT = 0x8000_0000;
/** Bytes of a segment of big data; longer data is split from hive version 1.4 on. */
export const SEGMENT = 16_344;
const BIG_DATA_FROM = 4;
const NOTHING: Content = { bytes: Buffer.alloc(0), missing: 0 };

/** A registry value. Corresponds to `_CM_KEY_VALUE`. Properties are free; methods read cells. */
export class Value {
  #name: string | undefined;

  private constructor(
    readonly key: Key,
    /** The cell's index. */
    readonly cell: number,
    readonly bytes: Buffer,
  ) {}

  /** Reads a value; undefined when it is not in the image. @throws FormatError when the cell holds no value */
  static read(key: Key, cell: number): Value | undefined {
    const bytes = key.hive.cells.read(cell);
    if (bytes === undefined) return undefined;
    if (bytes.length < VALUE_SIZE || bytes.readUInt16LE(0) !== VK) throw new FormatError('a cell holds no value', cell);
    if (VALUE_SIZE + bytes.readUInt16LE(2) > bytes.length) throw new FormatError('a value\'s name is longer than its cell', cell);
    return new Value(key, cell, bytes);
  }

  /** Empty for the default value. */
  get name(): string {
    return this.#name ??= cellName(this.bytes, VALUE_SIZE, this.bytes.readUInt16LE(2), (this.bytes.readUInt16LE(0x10) & COMPRESSED_NAME) !== 0);
  }
  /** 0 to 11 are Windows' types; others are in use too (SAM keeps RIDs here). */
  get type(): number { return this.bytes.readUInt32LE(0x0c); }
  get typeName(): string { return valueTypeName(this.type); }
  /** Bytes of data, as the value says. */
  get length(): number { return this.bytes.readUInt32LE(4) & 0x7fff_ffff; }
  /** A layered key's mark that the value below it is gone. */
  get tombstone(): boolean { return (this.bytes.readUInt16LE(0x10) & TOMBSTONE) !== 0; }
  /** The data lies in the value's own cell. */
  get resident(): boolean { return this.bytes.readUInt32LE(4) >= RESIDENT; }
  /** The cell index of the data or of its `db` record; undefined for resident and empty data. */
  get dataCell(): number | undefined {
    return this.resident || this.length === 0 ? undefined : this.bytes.readUInt32LE(8);
  }

  /** The data; undefined when some of it is not in the image or it is damaged. */
  data(): Buffer | undefined {
    const content = this.content();
    return content === undefined || content.missing > 0 ? undefined : content.bytes;
  }

  /**
   * The data with zeros for what is not in the image.
   * @returns undefined when nothing is known of it: not in the image, or damaged (which is an anomaly)
   */
  content(): Content | undefined {
    const { length } = this;
    if (length === 0) return NOTHING;
    if (this.resident) return { bytes: this.bytes.subarray(8, 8 + Math.min(length, 4)), missing: 0 };
    return this.key.hive.anomalies.attempt(this.#where(), () => this.#content());
  }

  /** What the data means: characters up to the first NUL, a list of them, a number, or bytes. Undefined as `data`. */
  native(): Native | undefined {
    const data = this.data();
    return data === undefined ? undefined : nativeOf(this.type, data);
  }

  /** The value as text, when its type is one of text; undefined otherwise and as `data`. */
  text(): string | undefined {
    const native = this.native();
    return typeof native === 'string' ? native : undefined;
  }

  /** The data that lies in cells of its own. */
  #content(): Content | undefined {
    const { length, key: { hive } } = this;
    const cell = this.bytes.readUInt32LE(8);
    const content = hive.cells.content(cell);
    if (content === undefined) return undefined;
    const big = length > SEGMENT && hive.minor >= BIG_DATA_FROM && content.bytes.readUInt16LE(0) === DB;
    if (big) return this.#big(content.bytes, cell, length);
    this.#pay(Math.min(length, content.bytes.length));
    if (content.bytes.length < length) {
      hive.anomalies.add(this.#where(), `the data is cut: ${content.bytes.length} of ${length} bytes`, cell);
      return content;
    }
    return { bytes: content.bytes.subarray(0, length), missing: Math.min(content.missing, length) };
  }

  /** Data in segments. Corresponds to `_CM_BIG_DATA`: signature, count, and a cell that lists the segments' cells. */
  #big(record: Buffer, cell: number, length: number): Content | undefined {
    const { hive } = this.key;
    const count = record.readUInt16LE(2);
    const listCell = record.readUInt32LE(4);
    if (count * SEGMENT < length || length > hive.cells.storage(cell).length) throw new FormatError(`big data of ${length} bytes has ${count} segments`, cell);
    this.#pay(length);
    const list = hive.cells.read(listCell);
    if (list === undefined) return undefined;
    if (list.length < 4 * count) throw new FormatError('the list of big data is shorter than its count', listCell);
    const bytes = Buffer.alloc(length);
    let missing = 0;
    for (let i = 0; i * SEGMENT < length; i += 1) {
      const wanted = Math.min(SEGMENT, length - i * SEGMENT);
      const segment = hive.cells.content(list.readUInt32LE(4 * i));
      if (segment !== undefined && segment.bytes.length < wanted) throw new FormatError('a segment of big data is too short', list.readUInt32LE(4 * i));
      segment?.bytes.copy(bytes, i * SEGMENT, 0, wanted);
      missing += segment === undefined ? wanted : Math.min(segment.missing, wanted);
    }
    return { bytes, missing };
  }

  #pay(bytes: number): void {
    if (!this.key.hive.budget.data(this.cell, bytes)) throw new FormatError('values have more data than the hive has room for; this one is left out', this.cell);
  }

  #where(): string {
    const { key } = this;
    return `${key.hive.where} key ${key.path}`;
  }
}
