import { FormatError } from '../bytes/errors.js';
import { walk } from '../bytes/walk.js';
import { wordAt } from '../bytes/word.js';
import { big, list, number, place, raw, struct } from '../profile/struct.js';
import { MAX_ALLOCATIONS, type Allocation, type HeapSegment } from './heap-allocation.js';
import type { Heap } from './heap-list.js';
import type { Process } from './process.js';
import { lfhBlocks, lfhKey, type LfhSubsegment } from './heap-segment-lfh.js';
import { vsBlocks } from './heap-segment-vs.js';

const HEAP = struct('_SEGMENT_HEAP', { contexts: place('SegContexts'), large: place('LargeAllocMetadata') });
const CONTEXT = struct('_HEAP_SEG_CONTEXT', { mask: big('SegmentMask'), unitShift: number('UnitShift'), first: number('FirstDescriptorIndex'), head: place('SegmentListHead'), segments: list('SegmentListHead') });
const SEGMENT = struct('_HEAP_PAGE_SEGMENT', { links: list('ListEntry'), signature: big('Signature') });
const DESCRIPTOR = struct('_HEAP_PAGE_RANGE_DESCRIPTOR', { flags: number('RangeFlags'), units: number('UnitSize'), unused: number('UnusedBytes') });
const LARGE = struct('_HEAP_LARGE_ALLOC_DATA', { node: raw('TreeNode'), address: big('VirtualAddress'), pages: big('AllocatedPages') });

const CONTEXTS = 2;
const PAGE = 4096;
const DESCRIPTOR_COUNT = 256;
const MAX_SEGMENTS = 1 << 14;
const MAX_LARGE = 1 << 16;
/** A segment is of 1 MiB, or of 16 where blocks are large. */
const MAX_SEGMENT = 1 << 26;
const MAX_BYTES = 1n << 47n;
/** With it, its own address, its context's and the key of the process's heaps a page segment is signed. */
const SIGNATURE = 0xa2e6_4ead_a2e6_4eadn;
/** `RangeFlags`: pages in use; their first descriptor; of a front end; of the one for blocks of any size, else for blocks of one. */
const FLAGS = { used: 0x1, first: 0x2, frontEnd: 0x8, anySize: 0x4 } as const;

interface Context {
  readonly address: bigint;
  readonly unitShift: number;
  readonly first: number;
  readonly size: number;
  readonly segments: readonly { readonly address: bigint; readonly signature: bigint }[];
}

/** Whether the layouts of segment heaps are known: those of Windows 10 1809 and later, not of the 32-bit half. */
function isKnown({ half }: Heap, process: Process): boolean {
  const known = !half.wow64 && process.kernel.profile.sizeOf('_HEAP_PAGE_SEGMENT') !== undefined;
  if (!known) process.anomalies.add(`${process.where} heaps`, 'the layouts of this segment heap are not known');
  return known;
}

function contexts(process: Process, heap: Heap): readonly Context[] {
  const { half } = heap;
  const record = half.read(HEAP, heap.address);
  if (record === undefined) return [];
  const { size } = half.reader(CONTEXT);
  return Array.from({ length: CONTEXTS }, (_, i) => record.contexts + BigInt(i * size)).flatMap((address): Context[] => {
    const context = half.read(CONTEXT, address);
    if (context === undefined || context.segments.flink === 0n || context.unitShift < 12 || context.unitShift > 20) return [];
    const segments = [...walk([context.segments.flink], (link) => link, (link) => {
      if (link % BigInt(PAGE) !== 0n) throw new FormatError('a segment of a heap does not begin a page', link);
      const segment = half.read(SEGMENT, link);
      return segment === undefined ? undefined : { value: { address: link, signature: segment.signature }, next: [segment.links.flink] };
    }, { where: `${process.where} heaps`, cap: MAX_SEGMENTS, anomalies: process.anomalies }, (link) => link === context.head)];
    const bytes = Number(BigInt.asUintN(64, ~context.mask)) + 1;
    return [{ address, unitShift: context.unitShift, first: context.first, size: Math.min(bytes, MAX_SEGMENT), segments }];
  });
}

/** What a segment heap has: itself, its page segments, the allocations that have pages of their own. */
export function* segmentHeapSegments(process: Process, heap: Heap): Generator<HeapSegment> {
  yield { address: heap.address, size: undefined, kind: 'SegHeap' };
  if (!isKnown(heap, process)) return;
  for (const { segments, size } of contexts(process, heap)) for (const { address } of segments) yield { address, size, kind: 'SegSegment' };
  for (const { address, size } of largeAllocations(process, heap)) yield { address, size, kind: 'SegLarge' };
}

/** The allocations of a segment heap, in no order. */
export function* segmentHeapAllocations(process: Process, heap: Heap): Generator<Allocation> {
  if (!isKnown(heap, process)) return;
  const all = contexts(process, heap);
  const keys = heapKeys(all);
  const subsegments: LfhSubsegment[] = [];
  let count = 0;
  for (const context of all) {
    for (const { address } of context.segments) {
      for (const range of ranges(heap, context, address)) {
        if ((range.flags & FLAGS.frontEnd) === 0) yield { address: range.address, size: Math.max(0, range.size - range.unused), kind: 'SegBlock' };
        else if ((range.flags & FLAGS.anySize) !== 0) yield* vsBlocks(heap.half, range, keys);
        else subsegments.push(range);
        count += 1;
        if (count >= MAX_ALLOCATIONS) return;
      }
    }
  }
  const { build } = process.kernel.profile;
  const key = lfhKey(heap.half, subsegments, build);
  if (key !== undefined) for (const subsegment of subsegments) yield* lfhBlocks(heap.half, subsegment, key, build);
  yield* largeAllocations(process, heap);
}

/** What the signatures say of the key that the heads of blocks are XORed with: the one that most name, without and with the constant (gone in 11 24H2). */
function heapKeys(all: readonly Context[]): readonly bigint[] {
  const votes = new Map<bigint, number>();
  for (const context of all) {
    for (const { address, signature } of context.segments) {
      const key = signature ^ address ^ context.address ^ SIGNATURE;
      votes.set(key, (votes.get(key) ?? 0) + 1);
    }
  }
  const best = [...votes].sort((a, b) => b[1] - a[1])[0]?.[0];
  return best === undefined ? [] : [best, best ^ SIGNATURE];
}

interface PageRange {
  readonly address: bigint;
  readonly size: number;
  readonly flags: number;
  readonly unused: number;
}

/** The ranges of pages in use of a segment, by its descriptors. */
function* ranges({ half }: Heap, { unitShift, first, size }: Context, segment: bigint): Generator<PageRange> {
  const reader = half.reader(DESCRIPTOR);
  // They begin the segment; those that are not in the image say nothing.
  const array = Buffer.alloc(DESCRIPTOR_COUNT * reader.size);
  half.memory.fill(segment, array);
  for (let index = Math.max(1, first); index < DESCRIPTOR_COUNT;) {
    const at = index * reader.size;
    const descriptor = reader.decode(array.subarray(at, at + reader.size), segment + BigInt(at));
    const units = descriptor?.units ?? 0;
    const start = index * 2 ** unitShift;
    if (descriptor !== undefined && units > 0 && (descriptor.flags & (FLAGS.used | FLAGS.first)) === (FLAGS.used | FLAGS.first) && start + units * 2 ** unitShift <= size) {
      yield { address: segment + BigInt(start), size: units * 2 ** unitShift, flags: descriptor.flags, unused: descriptor.unused };
    }
    index += Math.max(1, units);
  }
}

/** The tree of allocations that have pages of their own. */
function* largeAllocations(process: Process, { half, address }: Heap): Generator<Allocation> {
  const tree = half.read(HEAP, address)?.large;
  // `_RTL_RB_TREE`: Root, then Min, whose lowest bit tells that Root is XORed with the tree's own address.
  const roots = tree === undefined ? undefined : half.memory.read(tree, 2 * half.pointerSize);
  if (tree === undefined || roots === undefined) return;
  const [written, least] = [wordAt(roots, 0, half.pointerSize), wordAt(roots, half.pointerSize, half.pointerSize)];
  if (written === 0n) return;
  const root = (least & 1n) === 1n ? written ^ tree : written;
  yield* walk([root], (node) => node, (node) => {
    const record = half.read(LARGE, node);
    if (record === undefined) return undefined;
    const bytes = record.pages * BigInt(PAGE);
    const unused = record.address & 0xffffn;
    if (bytes === 0n || bytes > MAX_BYTES || unused > bytes) throw new FormatError('a large allocation of a heap contradicts itself', node);
    const children = [0, 8].map((at) => record.node.readBigUInt64LE(at)).filter((child) => child !== 0n);
    return { value: { address: record.address & ~0xffffn, size: Number(bytes - unused), kind: 'SegLarge' } as const, next: children };
  }, { where: `${process.where} heaps`, cap: MAX_LARGE, anomalies: process.anomalies });
}
