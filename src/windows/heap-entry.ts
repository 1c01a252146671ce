import { number, optional, place, struct } from '../profile/struct.js';
import type { Heap } from './heap-list.js';

const ENTRY = struct('_HEAP_ENTRY', {
  size: number('Size'), flags: number('Flags'), tag: number('SmallTagIndex'), previous: number('PreviousSize'), unused: number('UnusedBytes'),
});
const ENCODING = struct('_HEAP', { encoding: optional(place('Encoding')) });

/** `_HEAP_ENTRY.Flags`: in use; of the heap's own (a front end's blocks); nothing follows but memory that is not committed. */
export const BUSY = 0x1;
export const INTERNAL = 0x8;
export const LAST = 0x10;

/** The head of a block of an NT heap. Sizes count in granules. */
export interface HeapEntry {
  readonly size: number;
  readonly flags: number;
  readonly previous: number;
  /** Bytes of the block that were not asked for, its head included. */
  readonly unused: number;
}

/** Reads the heads of a heap's blocks: its own encoding undone, checked by their checksum. */
export interface EntryReader {
  /** Bytes of a head, and the unit of sizes. */
  readonly granule: number;
  /** Heads can be told from other bytes by their checksum. */
  readonly checked: boolean;
  /** The head at a place; undefined when its checksum says that it is none. */
  decode(bytes: Buffer, at: number): HeapEntry | undefined;
}

/** Since Vista the head's last eight bytes are XORed with the heap's Encoding, and SmallTagIndex is the XOR of the three bytes before it. */
const ENCODED = 8;

/** @throws FormatError when the layouts do not have the structure */
export function entryReader({ half, address }: Heap): EntryReader {
  const reader = half.reader(ENTRY);
  const granule = reader.size;
  const [size = 0, flags = 0, tag = 0, previous = 0, unused = 0] = (['size', 'flags', 'tag', 'previous', 'unused'] as const).map((name) => reader.offset(name));
  const skipped = granule - ENCODED;
  const encodedAt = half.reader(ENCODING).offset('encoding');
  const encoding = encodedAt === undefined ? undefined : half.memory.read(address + BigInt(encodedAt + skipped), ENCODED);
  const mask = encoding ?? Buffer.alloc(ENCODED);
  const checked = mask.some((byte) => byte !== 0);
  const byte = (bytes: Buffer, at: number, offset: number): number => (bytes[at + offset] ?? 0) ^ (mask[offset - skipped] ?? 0);
  const word = (bytes: Buffer, at: number, offset: number): number => byte(bytes, at, offset) | (byte(bytes, at, offset + 1) << 8);
  return {
    granule, checked,
    decode(bytes, at) {
      if (at < 0 || at + granule > bytes.length) return undefined;
      const granules = word(bytes, at, size);
      const bits = byte(bytes, at, flags);
      if (granules === 0 || (checked && byte(bytes, at, tag) !== ((granules & 0xff) ^ (granules >> 8) ^ bits))) return undefined;
      return { size: granules, flags: bits, previous: word(bytes, at, previous), unused: byte(bytes, at, unused) };
    },
  };
}

/** The bytes that were asked for, of a block of `total`; where the head says what cannot be, all behind it. */
export function askedFor(total: number, { unused }: Pick<HeapEntry, 'unused'>, granule: number): number {
  return unused >= granule / 2 && unused <= total ? total - unused : total - granule;
}
