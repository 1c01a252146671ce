import { FormatError } from '../bytes/errors.js';
import { isName, StructCollector, type RawMember } from './symbol-table.js';
import { Cursor, skipField } from './type-record.js';

/*
 * The type stream of a PDB: CodeView records, as Microsoft publishes them (microsoft-pdb, cvinfo.h) and LLVM documents them
 * (llvm.org/docs/PDB/TpiStream.html, CodeViewTypes.html).
 */

const HEADER = 56;
const FIRST_RECORD = 0x1000;
/** Some structures lay over whole regions of addresses. */
const MOST_SIZE = 0x100_0000_0000;
const MOST_NESTING = 16;
/** Field lists that go on in another one. */
const MOST_PARTS = 4096;
/** Entries of all lists of fields; those of 10,000 structures are 300,000. */
const MOST_ENTRIES = 4_000_000;
const UNNAMED = /__unnamed|<(unnamed|anonymous)-|^<unnamed>$|^$/;

const LF = {
  MODIFIER: 0x1001, POINTER: 0x1002, PROCEDURE: 0x1008, MFUNCTION: 0x1009, FIELDLIST: 0x1203, BITFIELD: 0x1205, ARRAY: 0x1503, ARRAY_ST: 0x1003,
  ENUM: 0x1507, ENUM_ST: 0x1007,
} as const;

/** How the records of structures differ: name after its length (before Visual C++ 7), and the order of the first members. */
interface AggregateForm {
  readonly properties: number;
  readonly wide?: true;
  readonly fieldList: number;
  /** Where the size begins. */
  readonly size: number;
  readonly counted?: true;
}
const AGGREGATES: ReadonlyMap<number, AggregateForm> = new Map<number, AggregateForm>([
  ...[0x1504, 0x1505, 0x1519].map((leaf) => [leaf, { properties: 2, fieldList: 4, size: 16 }] as const),
  [0x1506, { properties: 2, fieldList: 4, size: 8 }],
  ...[0x1004, 0x1005].map((leaf) => [leaf, { properties: 2, fieldList: 4, size: 16, counted: true }] as const),
  [0x1006, { properties: 2, fieldList: 4, size: 8, counted: true }],
  ...[0x1608, 0x1609].map((leaf) => [leaf, { properties: 0, wide: true, fieldList: 4, size: 18 }] as const),
]);
const FORWARD = 0x80;

/** The simple types: name, bytes. */
const SIMPLE: Readonly<Record<number, readonly [name: string, size: number]>> = {
  0x03: ['void', 0], 0x08: ['HRESULT', 4],
  0x10: ['char', 1], 0x20: ['unsigned char', 1], 0x68: ['char', 1], 0x69: ['unsigned char', 1], 0x70: ['char', 1], 0x7c: ['char', 1],
  0x71: ['wchar', 2], 0x7a: ['wchar', 2], 0x7b: ['unsigned long', 4],
  0x11: ['short', 2], 0x21: ['unsigned short', 2], 0x72: ['short', 2], 0x73: ['unsigned short', 2],
  0x12: ['long', 4], 0x22: ['unsigned long', 4], 0x74: ['int', 4], 0x75: ['unsigned int', 4],
  0x13: ['long long', 8], 0x23: ['unsigned long long', 8], 0x76: ['long long', 8], 0x77: ['unsigned long long', 8],
  0x14: ['int128', 16], 0x24: ['unsigned int128', 16], 0x78: ['int128', 16], 0x79: ['unsigned int128', 16],
  0x30: ['unsigned char', 1], 0x31: ['unsigned short', 2], 0x32: ['unsigned long', 4], 0x33: ['unsigned long long', 8],
  0x40: ['float', 4], 0x41: ['double', 8], 0x42: ['float80', 10], 0x43: ['float128', 16], 0x46: ['float16', 2],
};
/** Bytes of a pointer to a simple type, by mode. */
const POINTER_MODES = [0, 2, 4, 4, 4, 6, 8, 16] as const;

interface Aggregate {
  readonly name: string;
  readonly size: number;
  readonly fieldList: number;
  readonly forward: boolean;
}

/** What the type stream holds. */
export interface PdbTypes {
  readonly structs: StructCollector;
  readonly scalars: ReadonlyMap<string, number>;
}

/** @param pointerSize for pointers whose record does not say it @throws FormatError when the stream contradicts itself */
export function pdbTypes(stream: Buffer, pointerSize: 4 | 8): PdbTypes {
  const types = new TypeStream(stream, pointerSize);
  return { structs: types.structs(), scalars: types.scalars() };
}

class TypeStream {
  readonly #starts: Uint32Array;
  /** Definitions by name: what a forward reference means. */
  readonly #defined = new Map<string, number>();
  #entries = 0;

  constructor(private readonly bytes: Buffer, private readonly pointerSize: 4 | 8) {
    if (bytes.length < HEADER) throw new FormatError('the PDB\'s type stream has no header');
    const header = bytes.readUInt32LE(4);
    const [begin, end, size] = [bytes.readUInt32LE(8), bytes.readUInt32LE(12), bytes.readUInt32LE(16)];
    if (begin !== FIRST_RECORD || end < begin || header < HEADER || header + size > bytes.length || end - begin > size / 4) {
      throw new FormatError('the PDB\'s type stream has a header that cannot be');
    }
    this.#starts = new Uint32Array(end - begin);
    let at = header;
    for (let i = 0; i < this.#starts.length; i += 1) {
      if (at + 4 > header + size) throw new FormatError('the PDB\'s type stream ends too early', at);
      this.#starts[i] = at;
      const length = bytes.readUInt16LE(at);
      if (length < 2 || at + 2 + length > header + size) throw new FormatError('a type record that cannot be', at);
      at += 2 + length;
    }
  }

  structs(): StructCollector {
    const collector = new StructCollector();
    for (const [index, aggregate] of this.#aggregates(collector)) this.#defined.set(aggregate.name, index);
    for (const [name, index] of this.#defined) {
      const aggregate = this.#aggregate(index);
      if (aggregate !== undefined) collector.add(name, aggregate.size, () => this.#members(aggregate));
    }
    return collector;
  }

  /** Enumerations and simple types. */
  scalars(): ReadonlyMap<string, number> {
    const sizes = new Map<string, number>(Object.values(SIMPLE));
    for (let i = 0; i < this.#starts.length; i += 1) {
      const { leaf, cursor } = this.#record(FIRST_RECORD + i)!;
      if (leaf !== LF.ENUM && leaf !== LF.ENUM_ST) continue;
      const { name, underlying } = this.#enumeration(leaf, cursor);
      const size = isName(name) && !isAmbiguous(name) ? this.#sizeOf(underlying, 0) : 0;
      if (size > 0 && size <= 8) sizes.set(name, size);
    }
    return sizes;
  }

  /** Named structures that are defined here; one that contradicts itself is counted. */
  *#aggregates(collector: StructCollector): Generator<[number, Aggregate]> {
    for (let i = 0; i < this.#starts.length; i += 1) {
      const index = FIRST_RECORD + i;
      let aggregate: Aggregate | undefined;
      try {
        aggregate = this.#aggregate(index);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        collector.skipped += 1;
      }
      if (aggregate !== undefined && !aggregate.forward && isName(aggregate.name) && !isAmbiguous(aggregate.name)) yield [index, aggregate];
    }
  }

  #record(index: number): { readonly leaf: number; readonly cursor: Cursor } | undefined {
    const start = this.#starts[index - FIRST_RECORD];
    if (start === undefined) return undefined;
    const end = start + 2 + this.bytes.readUInt16LE(start);
    return { leaf: this.bytes.readUInt16LE(start + 2), cursor: new Cursor(this.bytes, start + 4, end) };
  }

  #aggregate(index: number): Aggregate | undefined {
    const record = this.#record(index);
    const form = record === undefined ? undefined : AGGREGATES.get(record.leaf);
    if (record === undefined || form === undefined) return undefined;
    const { cursor } = record;
    const start = cursor.skip(form.size);
    const properties = form.wide === true ? this.bytes.readUInt32LE(start + form.properties) : this.bytes.readUInt16LE(start + form.properties);
    const fieldList = this.bytes.readUInt32LE(start + form.fieldList);
    const size = cursor.numeric();
    if (size < 0 || size > MOST_SIZE) throw new FormatError(`a structure of ${size} bytes`, start);
    return { name: cursor.name(form.counted === true), size, fieldList, forward: (properties & FORWARD) !== 0 };
  }

  /** The definition of an aggregate that may be a forward reference. */
  #definition(index: number): Aggregate | undefined {
    const aggregate = this.#aggregate(index);
    if (aggregate?.forward !== true) return aggregate;
    const defined = this.#defined.get(aggregate.name);
    return defined === undefined ? aggregate : this.#aggregate(defined);
  }

  *#members({ fieldList }: Aggregate): Generator<RawMember> {
    let next = fieldList;
    for (let parts = 0; next !== 0; parts += 1) {
      if (parts >= MOST_PARTS) throw new FormatError('a list of fields that does not end');
      const record = this.#record(next);
      if (record?.leaf !== LF.FIELDLIST) throw new FormatError(`type 0x${next.toString(16)} is no list of fields`);
      next = yield* this.#fieldList(record.cursor);
    }
  }

  /** The data members of one list; answers where it goes on, 0: nowhere. */
  *#fieldList(cursor: Cursor): Generator<RawMember, number> {
    let next = 0;
    while (cursor.left >= 2) {
      // Many structures may name the same list, and a list itself.
      this.#entries += 1;
      if (this.#entries > MOST_ENTRIES) throw new FormatError(`a PDB with more than ${MOST_ENTRIES} fields`);
      const pad = cursor.bytes.readUInt8(cursor.at);
      if (pad >= 0xf0) {
        cursor.skip(Math.min(Math.max(pad & 0xf, 1), cursor.left));
        continue;
      }
      const leaf = cursor.u16();
      switch (leaf) {
        case 0x150d: case 0x1405: {
          cursor.skip(2);
          const type = cursor.u32();
          yield this.#member(cursor.numeric(), type, cursor.name(leaf === 0x1405));
          break;
        }
        case 0x1404:
          cursor.skip(2);
          next = cursor.u32();
          break;
        default: skipField(leaf, cursor);
      }
    }
    return next;
  }

  #member(offset: number, type: number, name: string): RawMember {
    if (offset < 0 || offset > MOST_SIZE || !isName(name)) throw new FormatError('a member that cannot be');
    const plain = this.#withoutModifiers(type);
    const aggregate = this.#definition(plain);
    if (aggregate?.forward === false && UNNAMED.test(aggregate.name)) return { name, offset, type: undefined, inner: () => this.#members(aggregate) };
    return { name, offset, type: this.#spelled(plain, 0), inner: undefined };
  }

  #withoutModifiers(type: number): number {
    let index = type;
    for (let depth = 0; depth < MOST_NESTING; depth += 1) {
      const record = this.#record(index);
      if (record?.leaf !== LF.MODIFIER) return index;
      index = record.cursor.u32();
    }
    throw new FormatError('a type is nested too deep');
  }

  #enumeration(leaf: number, cursor: Cursor): { readonly name: string; readonly underlying: number } {
    cursor.skip(4);
    const underlying = cursor.u32();
    cursor.skip(4);
    return { name: cursor.name(leaf === LF.ENUM_ST), underlying };
  }

  /** A type as profiles spell it. */
  #spelled(type: number, depth: number): string {
    if (depth > MOST_NESTING) throw new FormatError('a type is nested too deep');
    if (type < FIRST_RECORD) {
      const name = SIMPLE[type & 0xff]?.[0] ?? 'void';
      return (type & 0x700) === 0 ? name : `*${name}`;
    }
    const record = this.#record(type);
    if (record === undefined) throw new FormatError(`type 0x${type.toString(16)} does not exist`);
    const { leaf, cursor } = record;
    switch (leaf) {
      case LF.MODIFIER: return this.#spelled(cursor.u32(), depth + 1);
      case LF.POINTER: return `*${this.#spelled(cursor.u32(), depth + 1)}`;
      case LF.PROCEDURE: case LF.MFUNCTION: return 'fn';
      case LF.ENUM: case LF.ENUM_ST: return this.#enumeration(leaf, cursor).name || `__unnamed_${type.toString(16)}`;
      case LF.BITFIELD: {
        const base = this.#spelled(cursor.u32(), depth + 1);
        const [length, first] = [cursor.bytes.readUInt8(cursor.skip(1)), cursor.bytes.readUInt8(cursor.skip(1))];
        if (length > 64 || first > 63) throw new FormatError('a bit field that cannot be');
        return `${base}:${first},${length}`;
      }
      case LF.ARRAY: case LF.ARRAY_ST: {
        const element = cursor.u32();
        cursor.skip(4);
        const [size, each] = [cursor.numeric(), this.#sizeOf(element, depth + 1)];
        return `${this.#spelled(element, depth + 1)}[${each === 0 || size < 0 ? 0 : Math.floor(size / each)}]`;
      }
      default: {
        const aggregate = this.#aggregate(type);
        if (aggregate === undefined) return 'void';
        return isAmbiguous(aggregate.name) || !isName(aggregate.name) ? `__unnamed_${type.toString(16)}` : aggregate.name;
      }
    }
  }

  /** Bytes; 0 when it has none or is not known. */
  #sizeOf(type: number, depth: number): number {
    if (depth > MOST_NESTING) throw new FormatError('a type is nested too deep');
    if (type < FIRST_RECORD) {
      const mode = (type >> 8) & 7;
      return mode === 0 ? SIMPLE[type & 0xff]?.[1] ?? 0 : POINTER_MODES[mode] ?? 0;
    }
    const record = this.#record(type);
    if (record === undefined) return 0;
    const { leaf, cursor } = record;
    switch (leaf) {
      case LF.MODIFIER: case LF.BITFIELD: return this.#sizeOf(cursor.u32(), depth + 1);
      case LF.POINTER:
        cursor.skip(4);
        return ((cursor.u32() >>> 13) & 0x3f) || this.pointerSize;
      case LF.ARRAY: case LF.ARRAY_ST:
        cursor.skip(8);
        return cursor.numeric();
      case LF.ENUM: case LF.ENUM_ST: return this.#sizeOf(this.#enumeration(leaf, cursor).underlying, depth + 1);
      default: return this.#definition(type)?.size ?? 0;
    }
  }
}

/** Names that different types share: they say nothing. */
function isAmbiguous(name: string): boolean {
  return name === '' || /^(__unnamed|<unnamed>|<(unnamed|anonymous)-tag>)$/.test(name) || name.endsWith('::<unnamed-tag>') || name.endsWith('::__unnamed');
}
