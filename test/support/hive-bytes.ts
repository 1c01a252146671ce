import { BASE_BLOCK_SIZE, repairedBaseBlock } from '../../src/registry/base-block.js';
import { NO_CELL } from '../../src/registry/cells.js';
import { nameHint } from '../../src/registry/subkey-list.js';
import { SEGMENT } from '../../src/registry/value.js';

/** A value to be written; `data` longer than a segment becomes big data. */
export interface ValueToWrite {
  readonly name: string;
  readonly type: number;
  readonly data: Buffer;
}

/** A key to be written, with what is below it. */
export interface KeyToWrite {
  readonly name: string;
  readonly written?: bigint;
  readonly className?: string;
  readonly flags?: number;
  readonly values?: readonly ValueToWrite[];
  readonly keys?: readonly KeyToWrite[];
  /** The kind of sub-key list; `lh` when not said. `ri` splits it into leaves of two. */
  readonly list?: 'lf' | 'lh' | 'li' | 'ri';
}

/** A hive file and where its parts are, for tests that break it. */
export interface WrittenHive {
  readonly file: Buffer;
  /** Cell indices of keys by path (the root's is empty), of values by `path:name`, of data by `path:name:data`, of lists by `path:keys`, `path:values`. */
  readonly cells: ReadonlyMap<string, number>;
}

const BLOCK = 0x1000;
/** `_CM_KEY_NODE.Flags` of a root: KEY_HIVE_ENTRY and KEY_NO_DELETE. */
const ROOT_FLAGS = 0xc;

/** The offset in the file of a cell's bytes behind its size field. */
export function inFile(cell: number): number {
  return BASE_BLOCK_SIZE + cell + 4;
}

class Bins {
  #room = Buffer.alloc(16 * BLOCK);
  #length = 0;
  #used = 0;

  get bytes(): Buffer { return this.#room.subarray(0, this.#length); }

  /** A new cell for `data`; its index. */
  add(data: Buffer): number {
    const size = (data.length + 4 + 7) & ~7;
    if (this.#used + size > this.#length) this.#grow(size);
    const index = this.#used;
    this.#room.writeInt32LE(-size, index);
    data.copy(this.#room, index + 4);
    this.#used += size;
    return index;
  }

  /** Marks what is left of the last bin as free, and begins another one that has room for `size`. */
  #grow(size: number): void {
    this.close();
    const length = Math.ceil((size + 0x20) / BLOCK) * BLOCK;
    const start = this.#length;
    this.#length += length;
    if (this.#length > this.#room.length) this.#room = Buffer.concat([this.#room], 2 * this.#length);
    this.#room.write('hbin', start, 'latin1');
    this.#room.writeUInt32LE(start, start + 4);
    this.#room.writeUInt32LE(length, start + 8);
    this.#used = start + 0x20;
  }

  close(): void {
    if (this.#used < this.#length) this.#room.writeInt32LE(this.#length - this.#used, this.#used);
  }
}

export interface HiveToWrite {
  /** The minor version; 5 when not said. */
  readonly minor?: number;
  /** The security descriptor of all keys; none that makes sense when not said. */
  readonly descriptor?: Buffer;
}

/** Writes a hive file. Names that are not Latin-1 are written as UTF-16. */
export function writeHive(root: KeyToWrite, { minor = 5, descriptor = Buffer.from('a descriptor', 'latin1') }: HiveToWrite = {}): WrittenHive {
  const bins = new Bins();
  const cells = new Map<string, number>();
  const security = bins.add(securityOf(descriptor));
  const rootCell = writeKey(bins, cells, root, '', NO_CELL, security);
  bins.close();
  const header = repairedBaseBlock(undefined, { length: bins.bytes.length, rootCell, minor });
  return { file: Buffer.concat([header, bins.bytes]), cells };
}

function securityOf(descriptor: Buffer): Buffer {
  const head = Buffer.alloc(0x14);
  head.write('sk', 0, 'latin1');
  head.writeUInt32LE(1, 0x0c);
  head.writeUInt32LE(descriptor.length, 0x10);
  return Buffer.concat([head, descriptor]);
}

function nameBytes(name: string): { bytes: Buffer; compressed: boolean } {
  const compressed = [...name].every((character) => character.charCodeAt(0) < 0x100);
  return { bytes: Buffer.from(name, compressed ? 'latin1' : 'utf16le'), compressed };
}

function writeKey(bins: Bins, cells: Map<string, number>, key: KeyToWrite, path: string, parent: number, security: number): number {
  const { bytes, compressed } = nameBytes(key.name);
  const node = Buffer.alloc(0x4c + bytes.length);
  const self = bins.add(node);
  cells.set(path, self);
  const below = (key.keys ?? []).map((child) => writeKey(bins, cells, child, path === '' ? child.name : `${path}\\${child.name}`, self, security));
  const values = (key.values ?? []).map((value) => writeValue(bins, cells, value, path));
  const className = Buffer.from(key.className ?? '', 'utf16le');
  const keyList = below.length === 0 ? NO_CELL : writeList(bins, below.map((cell, i) => ({ cell, name: key.keys?.[i]?.name ?? '' })), key.list ?? 'lh');
  const valueList = values.length === 0 ? NO_CELL : bins.add(words(values));
  cells.set(`${path}:keys`, keyList);
  cells.set(`${path}:values`, valueList);
  node.write('nk', 0, 'latin1');
  node.writeUInt16LE((key.flags ?? (parent === NO_CELL ? ROOT_FLAGS : 0)) | (compressed ? 0x20 : 0), 2);
  node.writeBigUInt64LE(key.written ?? 0n, 4);
  node.writeUInt32LE(parent, 0x10);
  node.writeUInt32LE(below.length, 0x14);
  node.writeUInt32LE(keyList, 0x1c);
  node.writeUInt32LE(NO_CELL, 0x20);
  node.writeUInt32LE(values.length, 0x24);
  node.writeUInt32LE(valueList, 0x28);
  node.writeUInt32LE(security, 0x2c);
  node.writeUInt32LE(className.length === 0 ? NO_CELL : bins.add(className), 0x30);
  node.writeUInt16LE(bytes.length, 0x48);
  node.writeUInt16LE(className.length, 0x4a);
  bytes.copy(node, 0x4c);
  node.copy(bins.bytes, self + 4);
  return self;
}

function words(numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * numbers.length);
  numbers.forEach((number, i) => bytes.writeUInt32LE(number, 4 * i));
  return bytes;
}

function writeList(bins: Bins, below: readonly { readonly cell: number; readonly name: string }[], kind: 'lf' | 'lh' | 'li' | 'ri'): number {
  const head = Buffer.from(`${kind}\0\0`, 'latin1');
  if (kind === 'ri') {
    const leaves: number[] = [];
    for (let i = 0; i < below.length; i += 2) leaves.push(writeList(bins, below.slice(i, i + 2), 'lh'));
    head.writeUInt16LE(leaves.length, 2);
    return bins.add(Buffer.concat([head, words(leaves)]));
  }
  head.writeUInt16LE(below.length, 2);
  return bins.add(Buffer.concat([head, words(below.flatMap(({ cell, name }) => (kind === 'li' ? [cell] : [cell, nameHint(kind, name) ?? 0])))]));
}

function writeValue(bins: Bins, cells: Map<string, number>, value: ValueToWrite, path: string): number {
  const { bytes, compressed } = nameBytes(value.name);
  const record = Buffer.alloc(0x14 + bytes.length);
  record.write('vk', 0, 'latin1');
  record.writeUInt16LE(bytes.length, 2);
  record.writeUInt32LE(value.type, 0x0c);
  record.writeUInt16LE(compressed ? 1 : 0, 0x10);
  bytes.copy(record, 0x14);
  if (value.data.length <= 4) {
    record.writeUInt32LE(0x8000_0000 + value.data.length, 4);
    value.data.copy(record, 8);
  } else {
    const data = value.data.length > SEGMENT ? writeBig(bins, value.data) : bins.add(value.data);
    cells.set(`${path}:${value.name}:data`, data);
    record.writeUInt32LE(value.data.length, 4);
    record.writeUInt32LE(data, 8);
  }
  const cell = bins.add(record);
  cells.set(`${path}:${value.name}`, cell);
  return cell;
}

function writeBig(bins: Bins, data: Buffer): number {
  const segments: number[] = [];
  for (let at = 0; at < data.length; at += SEGMENT) {
    const segment = Buffer.alloc(SEGMENT + 4);
    data.copy(segment, 0, at, at + SEGMENT);
    segments.push(bins.add(segment));
  }
  const record = Buffer.alloc(8);
  record.write('db', 0, 'latin1');
  record.writeUInt16LE(segments.length, 2);
  record.writeUInt32LE(bins.add(words(segments)), 4);
  return bins.add(record);
}

/** Characters as the registry keeps them, with their final NUL. */
export function sz(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf16le');
}

/** A number as the registry keeps it. */
export function dword(number: number): Buffer {
  return words([number]);
}
