import { wordAt } from '../bytes/word.js';
import type { Allocation } from './heap-allocation.js';
import type { Heap } from './heap-list.js';
import type { Process } from './process.js';
import type { UserHalf } from './wow64.js';

/** A block that the low-fragmentation heap has taken from the back end, to cut it into blocks of one size. */
export interface UserBlocks {
  readonly address: bigint;
  readonly length: number;
}

/** Offsets of the two structures of the front end, which symbols of most kernels lack. */
interface LfhLayout {
  /** `_HEAP_USERDATA_HEADER` */
  readonly signature: number;
  /** EncodedOffsets; undefined before Windows 8, where blocks follow the header and say themselves whether they are in use. */
  readonly offsets: number | undefined;
  /** BusyBitmap.SizeOfBitMap; its bits. */
  readonly count: number;
  readonly bitmap: number;
  /** Bytes of the header. */
  readonly size: number;
  /** `_HEAP_SUBSEGMENT`: UserBlocks, BlockSize, BlockCount. */
  readonly userBlocks: number;
  readonly blockSize: number;
  readonly blockCount: number;
}

/** By the build each begins at, and by the width of pointers (ntdll's symbols; the same to Windows 11). */
const LAYOUTS: readonly { readonly since: number; readonly 4: LfhLayout; readonly 8: LfhLayout }[] = [
  {
    since: 6000,
    4: { signature: 0xc, offsets: undefined, count: 0, bitmap: 0, size: 0x10, userBlocks: 4, blockSize: 0x10, blockCount: 0x14 },
    8: { signature: 0x18, offsets: undefined, count: 0, bitmap: 0, size: 0x20, userBlocks: 8, blockSize: 0x18, blockCount: 0x1c },
  },
  {
    since: 9200,
    4: { signature: 0xc, offsets: 0x10, count: 0x14, bitmap: 0x1c, size: 0x1c, userBlocks: 4, blockSize: 0x14, blockCount: 0x18 },
    8: { signature: 0x14, offsets: 0x18, count: 0x20, bitmap: 0x30, size: 0x30, userBlocks: 8, blockSize: 0x24, blockCount: 0x28 },
  },
];
/** `_HEAP_USERDATA_HEADER.Signature` */
const SIGNATURE = 0xf0e0_d0c0;
/** `_HEAP_ENTRY.UnusedBytes` of a front end's block: this bit, and below it how much was not asked for; a free one has nothing below it. */
const LFH_BLOCK = 0x80;
const UNUSED = 0x3f;
/** More blocks than the front end makes at once (0x400 in Windows 10, fewer before). */
const MAX_BLOCKS = 0x1_0000;

/** Stride and first offset of blocks. */
interface Cut {
  readonly first: number;
  readonly stride: number;
}

interface Opened extends UserBlocks {
  readonly bytes: Buffer;
  readonly count: number;
  /** What the subsegment, which names it as its own, says. */
  readonly told: Cut | undefined;
}

/** The allocations of a heap's front end, in blocks that the back end has marked as the heap's own. */
export function* lfhAllocations(process: Process, { half }: Heap, userBlocks: readonly UserBlocks[]): Generator<Allocation> {
  const layout = LAYOUTS.filter(({ since }) => since <= process.kernel.profile.build).at(-1)?.[half.pointerSize];
  if (layout === undefined) return;
  const opened = userBlocks.flatMap((blocks) => {
    const one = open(half, layout, blocks);
    return one === undefined ? [] : [one];
  });
  // EncodedOffsets is XORed with its own address, the front end's and a key of the process: what the last two make is one number a heap.
  const keys = layout.offsets === undefined ? [] : opened.flatMap(({ bytes, address, told }) => (told === undefined ? [] : [encoded(bytes, layout, address) ^ packed(told)]));
  const key = mostFrequent(keys);
  for (const blocks of opened) yield* blocksOf(half, layout, blocks, key);
}

function open(half: UserHalf, layout: LfhLayout, { address, length }: UserBlocks): Opened | undefined {
  const head = layout.size + half.pointerSize;
  if (length < head) return undefined;
  const start = half.memory.read(address, head);
  if (start === undefined || start.readUInt32LE(layout.signature) !== SIGNATURE) return undefined;
  const granule = 2 * half.pointerSize;
  const subsegment = wordAt(start, 0, half.pointerSize);
  const facts = subsegment === 0n ? undefined : half.memory.read(subsegment, layout.blockCount + 2);
  const own = facts !== undefined && wordAt(facts, layout.userBlocks, half.pointerSize) === address;
  const count = Math.min(MAX_BLOCKS, layout.offsets === undefined ? (own ? facts.readUInt16LE(layout.blockCount) : 0) : start.readUInt32LE(layout.count));
  const stride = own ? facts.readUInt16LE(layout.blockSize) * granule : 0;
  const first = firstOffset(layout, count, granule);
  const bytes = Buffer.alloc(length);
  half.memory.fill(address, bytes);
  return { address, length, bytes, count, told: fits({ first, stride }, count, length, granule) ? { first, stride } : undefined };
}

/** The blocks begin behind the header and its bits. */
function firstOffset({ size, offsets }: LfhLayout, count: number, granule: number): number {
  const bits = offsets === undefined ? 0 : Math.ceil(count / (granule * 4)) * (granule / 2);
  return Math.ceil((size + bits) / granule) * granule;
}

function fits({ first, stride }: Cut, count: number, length: number, granule: number): boolean {
  return stride >= granule && stride % (granule / 2) === 0 && first >= granule && count > 0 && first + count * stride <= length + granule;
}

const packed = ({ first, stride }: Cut): number => (first | (stride << 16)) >>> 0;

function encoded(bytes: Buffer, layout: LfhLayout, address: bigint): number {
  return (bytes.readUInt32LE(layout.offsets ?? 0) ^ Number(address & 0xffff_ffffn)) >>> 0;
}

function* blocksOf(half: UserHalf, layout: LfhLayout, { address, length, bytes, count, told }: Opened, key: number | undefined): Generator<Allocation> {
  const granule = 2 * half.pointerSize;
  const unpack = (word: number): Cut => ({ first: word & 0xffff, stride: word >>> 16 });
  // Written plainly in Windows 8.0.
  const plain = layout.offsets === undefined ? undefined : unpack(bytes.readUInt32LE(layout.offsets));
  const decoded = key === undefined || layout.offsets === undefined ? undefined : unpack((encoded(bytes, layout, address) ^ key) >>> 0);
  const cut = told ?? [decoded, plain].find((one) => one !== undefined && fits(one, count, length, granule));
  if (cut === undefined) return;
  for (let i = 0; i < count; i += 1) {
    const at = cut.first + i * cut.stride;
    if (at + cut.stride > length + granule / 2) return;
    const state = bytes[at + granule - 1] ?? 0;
    const busy = layout.offsets === undefined ? (state & LFH_BLOCK) !== 0 && (state & UNUSED) !== 0 : (((bytes[layout.bitmap + (i >> 3)] ?? 0) >> (i & 7)) & 1) === 1;
    if (!busy) continue;
    const unused = state & UNUSED;
    const size = (state & LFH_BLOCK) !== 0 && unused >= granule / 2 && unused < UNUSED && unused <= cut.stride ? cut.stride - unused : cut.stride - granule;
    if (size > 0) yield { address: address + BigInt(at + granule), size, kind: 'NtLfh' };
  }
}

function mostFrequent(numbers: readonly number[]): number | undefined {
  const counts = new Map<number, number>();
  for (const one of numbers) counts.set(one >>> 0, (counts.get(one >>> 0) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}
