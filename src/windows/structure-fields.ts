import { isFiletime } from '../bytes/filetime.js';
import { ascii, utf16 } from '../bytes/utf16.js';
import { wordAt } from '../bytes/word.js';
import type { Field, FieldFact } from '../profile/profile.js';
import type { Kernel } from './kernel.js';

/** What a field holds: a number; a time; characters; the bytes of an array. */
export type FieldValue =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'pointer'; readonly value: bigint }
  | { readonly kind: 'time'; readonly value: bigint }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'bytes'; readonly value: Buffer }
  /** A structure, whose fields follow; an array too long to be shown. */
  | { readonly kind: 'none' };

/** A field of a structure in memory. */
export interface StructureField {
  /** Bytes from the start of the outermost structure. */
  readonly offset: number;
  /** Windows' names, outermost first: `Pcb.Header.Type`. */
  readonly path: string;
  /** As the symbol table spells it: `*_EPROCESS`, `unsigned long:0,3`. */
  readonly type: string;
  /** Undefined when its bytes are not in the image. */
  readonly value: FieldValue | undefined;
}

const MAX_DEPTH = 8;
/** More fields than the largest structures of kernels have, all that they embed included. */
const MAX_FIELDS = 20_000;
/** Arrays of structures: so many elements are shown. */
const MAX_ELEMENTS = 4;
/** Bytes shown of an array of numbers. */
const MAX_BYTES = 64;
const PRINTABLE = /^[\x20-\x7e]+$/;

/**
 * All that a profile knows of a structure, read from memory: its fields by offset, each structure that it embeds before that one's own fields.
 *
 * @param memory where it lies; kernel memory by default
 * @returns nothing when the profile does not know it
 */
export function structureFields(kernel: Kernel, name: string, address: bigint, memory = kernel.memory): readonly StructureField[] {
  const size = kernel.profile.sizeOf(name);
  if (size === undefined) return [];
  const found: StructureField[] = [];
  const bytes = Buffer.alloc(size);
  const present: { start: number; end: number }[] = [];
  if (memory.fill(address, bytes) === 0) present.push({ start: 0, end: size });
  else {
    for (const run of memory.runs(address, address + BigInt(size))) {
      const start = Number(run.start - address);
      present.push({ start, end: start + run.length });
    }
  }
  const has = (offset: number, length: number): boolean => present.some(({ start, end }) => offset >= start && offset + length <= end);
  collect({ kernel, bytes, has, found }, name, 0, '', 0);
  return found;
}

interface Collection {
  readonly kernel: Kernel;
  readonly bytes: Buffer;
  readonly has: (offset: number, length: number) => boolean;
  readonly found: StructureField[];
}

function collect(into: Collection, struct: string, base: number, prefix: string, depth: number): void {
  const { kernel: { profile }, bytes, has, found } = into;
  const facts = [...profile.fact(struct)?.[1] ?? []].sort((a, b) => a[1] - b[1]);
  for (const [name, at, spelled] of facts as readonly FieldFact[]) {
    if (found.length >= MAX_FIELDS) return;
    const field = profile.field(struct, name);
    if (field === undefined) continue;
    const offset = base + at;
    const path = `${prefix}${name}`;
    const fits = offset + field.size <= bytes.length;
    found.push({ offset, path, type: spelled, value: fits && has(offset, field.size) ? valueOf(into, field, name, offset) : undefined });
    if (!fits || depth >= MAX_DEPTH || field.type.startsWith('*') || profile.fact(field.type) === undefined) continue;
    if (field.count === undefined) collect(into, field.type, offset, `${path}.`, depth + 1);
    else {
      const element = field.count === 0 ? 0 : field.size / field.count;
      for (let i = 0; i < Math.min(field.count, MAX_ELEMENTS); i += 1) collect(into, field.type, offset + i * element, `${path}[${i}].`, depth + 1);
    }
  }
}

function valueOf({ kernel, bytes }: Collection, field: Field, name: string, offset: number): FieldValue {
  const { profile } = kernel;
  if (field.type === '_UNICODE_STRING') return { kind: 'text', value: stringAt(kernel, bytes, offset) ?? '' };
  if (field.type === '_GUID' || (field.count !== undefined && profile.fact(field.type) === undefined)) return arrayValue(bytes, field, offset);
  // Unions of a whole and its halves are structures of two fields; what counts is the whole.
  const whole = field.type === '_LARGE_INTEGER' || field.type === '_ULARGE_INTEGER';
  if (!whole && profile.fact(field.type) !== undefined) return { kind: 'none' };
  if (![1, 2, 4, 8].includes(field.size)) return { kind: 'none' };
  const word = unsignedAt(bytes, offset, field.size);
  if (field.type.startsWith('*')) return { kind: 'pointer', value: word };
  if (field.bits !== undefined) return { kind: 'number', value: (word >> BigInt(field.bits[0])) & ((1n << BigInt(field.bits[1])) - 1n) };
  if (field.size === 8 && /Time$/.test(name) && isFiletime(word) && word > 1n << 56n) return { kind: 'time', value: word };
  return { kind: 'number', value: word };
}

function unsignedAt(bytes: Buffer, at: number, size: number): bigint {
  if (size === 8) return bytes.readBigUInt64LE(at);
  return BigInt(bytes.readUIntLE(at, size));
}

function arrayValue(bytes: Buffer, { size, type, count }: Field, offset: number): FieldValue {
  const part = bytes.subarray(offset, offset + Math.min(size, MAX_BYTES));
  const characters = count !== undefined && (type === 'unsigned char' || type === 'char') ? ascii(part) : '';
  return PRINTABLE.test(characters) && characters.length > 1 ? { kind: 'text', value: characters } : { kind: 'bytes', value: part };
}

/** The characters of a `_UNICODE_STRING`; undefined when they are not in the image. */
function stringAt(kernel: Kernel, bytes: Buffer, at: number): string | undefined {
  const { pointerSize } = kernel;
  const length = bytes.readUInt16LE(at) & ~1;
  const buffer = wordAt(bytes, at + pointerSize, pointerSize);
  if (length === 0 || !kernel.isKernelAddress(buffer)) return undefined;
  const characters = kernel.memory.read(buffer, length);
  return characters === undefined ? undefined : utf16(characters);
}
