import type { Allocation } from './heap-allocation.js';
import type { UserHalf } from './wow64.js';

/** A subsegment for blocks of one size. */
export interface LfhSubsegment {
  readonly address: bigint;
  readonly size: number;
}

/** `_HEAP_LFH_SUBSEGMENT`: the same since Windows 10 1809. */
const LAYOUT = { count: 0x22, offsets: 0x28, bitmap: 0x30 } as const;
const GRANULE = 16;
/** Two bits a block: in use; its last two bytes count what was not asked for. */
const BITS = 2;
const BLOCKS_A_WORD = 32;
const ONE_UNUSED = 0x8000;
/** Subsegments that a key is looked for in: they agree or they do not. */
const VOTERS = 64;

/** The first build that shifts the whole address, not its lower half. */
const WHOLE_ADDRESS = 26_100;

/** `BlockOffsets`, XORed with the subsegment's own page. */
function word(bytes: Buffer, address: bigint, build: number): number {
  const page = Number((build < WHOLE_ADDRESS ? (address & 0xffff_ffffn) >> 12n : address >> 12n) & 0xffff_ffffn);
  return (bytes.readUInt32LE(LAYOUT.offsets) ^ page) >>> 0;
}

/** Blocks begin behind the header and its bits. */
const firstOf = (count: number): number => Math.ceil((LAYOUT.bitmap + Math.ceil(count / BLOCKS_A_WORD) * 8) / GRANULE) * GRANULE;

/**
 * The key that BlockOffsets are XORed with. It is in ntdll alone, but what it hides can be told: as many blocks as BlockCount says fill the
 * subsegment behind its bits. The key that makes sense of most subsegments is it; undefined when none is there.
 */
export function lfhKey(half: UserHalf, subsegments: readonly LfhSubsegment[], build: number): number | undefined {
  const votes = new Map<number, number>();
  for (const { address, size } of subsegments.slice(0, VOTERS)) {
    const bytes = half.memory.read(address, LAYOUT.bitmap);
    const count = bytes?.readUInt16LE(LAYOUT.count) ?? 0;
    if (bytes === undefined || count === 0) continue;
    const first = firstOf(count);
    const most = Math.floor((size - first) / count / GRANULE) * GRANULE;
    const least = Math.max(GRANULE, Math.floor((size - first) / (count + 1)));
    for (let block = most; block >= least && block > 0; block -= GRANULE) {
      const key = (word(bytes, address, build) ^ (block | (first << 16))) >>> 0;
      votes.set(key, (votes.get(key) ?? 0) + 1);
    }
  }
  return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0];
}

/** The allocations of a subsegment for blocks of one size. */
export function* lfhBlocks(half: UserHalf, { address, size }: LfhSubsegment, key: number, build: number): Generator<Allocation> {
  const bytes = Buffer.alloc(size);
  if (half.memory.fill(address, bytes) === size) return;
  const offsets = (word(bytes, address, build) ^ key) >>> 0;
  const block = offsets & 0xffff;
  const first = offsets >>> 16;
  const count = bytes.readUInt16LE(LAYOUT.count);
  if (block < GRANULE || block % GRANULE !== 0 || first < LAYOUT.bitmap || first + count * block > size) return;
  for (let i = 0; i < count; i += 1) {
    const bits = ((bytes[LAYOUT.bitmap + (i >> 2)] ?? 0) >> ((i & 3) * BITS)) & 3;
    if ((bits & 1) === 0) continue;
    const at = first + i * block;
    const told = (bits & 2) === 0 ? 0 : bytes.readUInt16LE(at + block - 2);
    const unused = (told & ONE_UNUSED) === 0 ? told : 1;
    yield { address: address + BigInt(at), size: unused < block ? block - unused : block, kind: 'SegLfh' };
  }
}
