import type { Allocation } from './heap-allocation.js';
import type { UserHalf } from './wow64.js';

/** `_HEAP_VS_SUBSEGMENT`: Size in granules, and the same with a constant as its signature (15 bits). The same since Windows 10 1809. */
const SUBSEGMENT = { size: 0x20, signature: 0x22, first: 0x30 } as const;
const SIGNATURE = 0x2bed;
const SIGNATURE_BITS = 0x7fff;
/** `_HEAP_VS_CHUNK_HEADER`: sizes, encoded; then bits of chunks in use, of which one tells that the last two bytes count what was not asked for. */
const HEADER = 0x10;
const UNUSED_AT = 8;
const HAS_UNUSED = 0x100;
const GRANULE = 16;

/** The allocations of a subsegment for blocks of any size; `keys` are those that its heads may be XORed with. */
export function vsBlocks(half: UserHalf, { address, size }: { readonly address: bigint; readonly size: number }, keys: readonly bigint[]): readonly Allocation[] {
  const bytes = Buffer.alloc(size);
  if (half.memory.fill(address, bytes) === size || size < SUBSEGMENT.first + HEADER) return [];
  if (((bytes.readUInt16LE(SUBSEGMENT.size) ^ SIGNATURE) & SIGNATURE_BITS) !== (bytes.readUInt16LE(SUBSEGMENT.signature) & SIGNATURE_BITS)) return [];
  // The key is right when chunk follows chunk: the longest walk is the true one.
  return keys.map((key) => chunks(address, bytes, key)).reduce<Walk>((best, one) => (one.seen > best.seen ? one : best), { seen: 0, found: [] }).found;
}

interface Walk {
  readonly seen: number;
  readonly found: readonly Allocation[];
}

function chunks(address: bigint, bytes: Buffer, key: bigint): Walk {
  const found: Allocation[] = [];
  let seen = 0;
  let before: number | undefined;
  for (let at = SUBSEGMENT.first; at + HEADER <= bytes.length;) {
    const sizes = bytes.readBigUInt64LE(at) ^ BigInt.asUintN(64, (address + BigInt(at)) ^ key);
    const granules = Number((sizes >> 16n) & 0xffffn);
    const previous = Number((sizes >> 32n) & 0xffffn);
    const total = granules * GRANULE;
    if (granules === 0 || at + total > bytes.length || (before !== undefined && previous !== before)) break;
    seen += 1;
    before = granules;
    if (((sizes >> 48n) & 1n) === 1n && total > HEADER) {
      const counted = (bytes.readUInt32LE(at + UNUSED_AT) & HAS_UNUSED) !== 0 ? bytes.readUInt16LE(at + total - 2) : 0;
      const size = total - HEADER;
      found.push({ address: address + BigInt(at + HEADER), size: counted < size ? size - counted : size, kind: 'SegVs' });
    }
    at += total;
  }
  return { seen, found };
}
