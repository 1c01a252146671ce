import { FormatError } from '../bytes/errors.js';
import type { Memory } from '../bytes/memory.js';
import { ascii } from '../bytes/utf16.js';
import type { Field, Profile } from './profile.js';

/** Turns a field's place in a structure's bytes into a value. */
type Decode<T> = (bytes: Buffer, at: number, address: bigint) => T;

/** How one member of a declared structure is read. */
export interface Member<T> {
  readonly path: string;
  readonly optional: boolean;
  /** Undefined where the build has no such member, but needed where it has. */
  readonly ifKnown?: boolean;
  /** Bytes needed from the field's offset on. */
  readonly extent: (field: Field, profile: Profile) => number;
  readonly decoder: (field: Field, profile: Profile) => Decode<T>;
}

type Members = Readonly<Record<string, Member<unknown>>>;

/** A structure as we use it: Windows' own name and the members that are read, each by Windows' own path. */
export interface Struct<M extends Members> {
  readonly name: string;
  readonly members: M;
}

/** What one read yields. */
export type RecordOf<S> = S extends Struct<infer M> ? { readonly [K in keyof M]: M[K] extends Member<infer T> ? T : never } : never;

/** Declares a structure. */
export function struct<M extends Members>(name: string, members: M): Struct<M> {
  return { name, members };
}

const width = (field: Field): number => field.size;

function unsigned(bytes: Buffer, at: number, size: number): bigint {
  switch (size) {
    case 1: return BigInt(bytes.readUInt8(at));
    case 2: return BigInt(bytes.readUInt16LE(at));
    case 4: return BigInt(bytes.readUInt32LE(at));
    case 8: return bytes.readBigUInt64LE(at);
    default: throw new FormatError(`a field of ${size} bytes is no integer`);
  }
}

/** Bytes of the integer that a field is: of an array its first element (`DirectoryTableBase[2]` of 32-bit builds). */
const integerSize = ({ size, count }: Field): number => (count === undefined || count === 0 ? size : size / count);

/** An integer of at most 53 significant bits, signed as its type says; bit fields give their bits, arrays their first element. */
export function number(path: string): Member<number> {
  return {
    path, optional: false, extent: width,
    decoder: (field) => {
      const { bits, type } = field;
      const size = integerSize(field);
      if (bits !== undefined) {
        const mask = (1n << BigInt(bits[1])) - 1n;
        return (bytes, at) => Number((unsigned(bytes, at, size) >> BigInt(bits[0])) & mask);
      }
      const signed = /^(char|short|long|int|long long)$/.test(type);
      switch (size) {
        case 1: return signed ? (b, at) => b.readInt8(at) : (b, at) => b.readUInt8(at);
        case 2: return signed ? (b, at) => b.readInt16LE(at) : (b, at) => b.readUInt16LE(at);
        case 4: return signed ? (b, at) => b.readInt32LE(at) : (b, at) => b.readUInt32LE(at);
        default: return signed ? (b, at) => Number(b.readBigInt64LE(at)) : (b, at) => Number(unsigned(b, at, size));
      }
    },
  };
}

/** A pointer or any unsigned integer as `bigint`; a 64-bit FILETIME too. Of an array its first element. */
export function big(path: string): Member<bigint> {
  return { path, optional: false, extent: width, decoder: (field) => {
    const { bits } = field;
    const size = integerSize(field);
    if (bits === undefined) return (bytes, at) => unsigned(bytes, at, size);
    const mask = (1n << BigInt(bits[1])) - 1n;
    return (bytes, at) => (unsigned(bytes, at, size) >> BigInt(bits[0])) & mask;
  } };
}

/** A FILETIME or pointer where zero means that there is none. */
export function nonZero(path: string): Member<bigint | undefined> {
  const inner = big(path);
  return { ...inner, decoder: (field, profile) => {
    const decode = inner.decoder(field, profile);
    return (bytes, at, address) => decode(bytes, at, address) || undefined;
  } };
}

/** `_EX_FAST_REF`: a pointer whose low bits (4 on 64-bit, 3 on 32-bit) count references; undefined when zero. */
export function fastRef(path: string): Member<bigint | undefined> {
  return { path, optional: false, extent: (_, { pointerSize }) => pointerSize, decoder: (_, { pointerSize }) => {
    const mask = pointerSize === 8 ? ~0xfn : ~0x7n;
    return (bytes, at) => (unsigned(bytes, at, pointerSize) & mask) || undefined;
  } };
}

/** Where an embedded member lies: the structure's address plus the offset. Reads nothing. */
export function place(path: string): Member<bigint> {
  return { path, optional: false, extent: () => 0, decoder: ({ offset }) => (_, __, address) => address + BigInt(offset) };
}

/** 8-bit characters up to the first NUL, at most `length` bytes. */
export function chars(path: string, length?: number): Member<string> {
  return { path, optional: false, extent: (field) => length ?? field.size,
    decoder: (field) => (bytes, at) => ascii(bytes.subarray(at, at + (length ?? field.size))) };
}

/** The bytes of the member. */
export function raw(path: string, length?: number): Member<Buffer> {
  return { path, optional: false, extent: (field) => length ?? field.size,
    decoder: (field) => (bytes, at) => bytes.subarray(at, at + (length ?? field.size)) };
}

/** A `_UNICODE_STRING`: where its characters are. Read them with `Kernel.text` or `unicodeText`. */
export interface UnicodeString {
  /** Bytes. */
  readonly length: number;
  readonly maximumLength: number;
  readonly buffer: bigint;
}

export function unicode(path: string): Member<UnicodeString> {
  return { path, optional: false, extent: (_, { pointerSize }) => 2 * pointerSize, decoder: (_, { pointerSize }) => (bytes, at) => ({
    length: bytes.readUInt16LE(at), maximumLength: bytes.readUInt16LE(at + 2), buffer: unsigned(bytes, at + pointerSize, pointerSize),
  }) };
}

/** A `_LIST_ENTRY`. */
export interface ListEntry {
  readonly flink: bigint;
  readonly blink: bigint;
}

export function list(path: string): Member<ListEntry> {
  return { path, optional: false, extent: (_, { pointerSize }) => 2 * pointerSize, decoder: (_, { pointerSize }) => (bytes, at) => ({
    flink: unsigned(bytes, at, pointerSize), blink: unsigned(bytes, at + pointerSize, pointerSize),
  }) };
}

/** A member that some builds do not have: undefined there, and where its bytes are missing. */
export function optional<T>(member: Member<T>): Member<T | undefined> {
  return { ...member, optional: true };
}

/** The largest structures of kernels are of 60 KB; a symbol file that says more would have us read without end. */
const MOST_EXTENT = 1 << 20;

/** A member that the layouts may not say: undefined then; where they do, its bytes are needed as others'. */
export function ifKnown<T>(member: Member<T>): Member<T | undefined> {
  return { ...member, ifKnown: true };
}

interface Plan {
  readonly name: string;
  readonly offset: number;
  readonly extent: number;
  readonly optional: boolean;
  readonly decode: Decode<unknown>;
}

/** Reads a declared structure of one build: one read for all members. */
export class Reader<S extends Struct<Members>> {
  /** Bytes, as the profile says. */
  readonly size: number;
  readonly #plans: Plan[] = [];
  readonly #first: number;
  readonly #end: number;

  /** @throws FormatError when the build has no such structure or lacks a member that is not optional */
  constructor(readonly declared: S, private readonly profile: Profile) {
    const size = profile.sizeOf(declared.name);
    if (size === undefined) throw new FormatError(`the profile ${profile.version} does not know ${declared.name}`);
    this.size = size;
    for (const [name, member] of Object.entries(declared.members)) {
      const field = member.optional || member.ifKnown === true ? profile.field(declared.name, member.path) : profile.need(declared.name, member.path);
      if (field === undefined) continue;
      this.#plans.push({
        name, offset: field.offset, optional: member.optional,
        extent: member.extent(field, profile), decode: member.decoder(field, profile),
      });
    }
    const read = this.#plans.filter((plan) => plan.extent > 0);
    this.#first = Math.min(...read.map((plan) => plan.offset), size);
    this.#end = Math.max(...read.map((plan) => plan.offset + plan.extent), this.#first);
    if (this.#end > MOST_EXTENT) throw new FormatError(`the profile ${profile.version} has members of ${declared.name} at offset ${this.#end}`);
  }

  /** Offset in bytes of a declared member; undefined when this build lacks it. */
  offset(name: keyof S['members'] & string): number | undefined {
    const member = this.declared.members[name];
    return member === undefined ? undefined : this.profile.field(this.declared.name, member.path)?.offset;
  }

  /** Undefined when a member that is not optional is not in the image. */
  read(memory: Memory<bigint>, address: bigint): RecordOf<S> | undefined {
    const whole = this.#end === this.#first ? Buffer.alloc(0) : memory.read(address + BigInt(this.#first), this.#end - this.#first);
    if (whole !== undefined) return this.#decode(whole, this.#first, address);
    const record: Record<string, unknown> = {};
    for (const plan of this.#plans) {
      const bytes = plan.extent === 0 ? Buffer.alloc(0) : memory.read(address + BigInt(plan.offset), plan.extent);
      if (bytes !== undefined) record[plan.name] = plan.decode(bytes, 0, address);
      else if (!plan.optional) return undefined;
    }
    return record as RecordOf<S>;
  }

  /** Decodes bytes that begin at the structure's address. Undefined when they are too few. */
  decode(bytes: Buffer, address: bigint): RecordOf<S> | undefined {
    return bytes.length < this.#end ? undefined : this.#decode(bytes, 0, address);
  }

  #decode(bytes: Buffer, skipped: number, address: bigint): RecordOf<S> {
    const record: Record<string, unknown> = {};
    for (const plan of this.#plans) record[plan.name] = plan.decode(bytes, plan.offset - skipped, address);
    return record as RecordOf<S>;
  }
}
