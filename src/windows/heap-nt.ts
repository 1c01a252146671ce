import { FormatError } from '../bytes/errors.js';
import { walk } from '../bytes/walk.js';
import { big, list, number, optional, place, struct } from '../profile/struct.js';
import { MAX_ALLOCATIONS, type Allocation, type HeapSegment } from './heap-allocation.js';
import { askedFor, BUSY, entryReader, INTERNAL, LAST, type EntryReader, type HeapEntry } from './heap-entry.js';
import type { Heap } from './heap-list.js';
import { lfhAllocations, type UserBlocks } from './heap-lfh.js';
import type { Process } from './process.js';

const HEAP = struct('_HEAP', {
  head: optional(place('VirtualAllocdBlocks')), blocks: optional(list('VirtualAllocdBlocks')), frontEnd: optional(big('FrontEndHeap')), frontEndType: optional(number('FrontEndHeapType')),
});
const SEGMENT = struct('_HEAP_SEGMENT', { pages: number('NumberOfPages'), first: big('FirstEntry'), end: big('LastValidEntry') });
const LARGE = struct('_HEAP_VIRTUAL_ALLOC_ENTRY', { entry: list('Entry'), committed: big('CommitSize'), reserved: big('ReserveSize'), block: place('BusyBlock') });

const PAGE = 4096;
/** `_HEAP.FrontEndHeapType` of the low-fragmentation heap. */
const LFH = 2;
/** No segment of an NT heap is larger; a head that says more is believed so far. */
const MAX_SEGMENT = 1 << 28;
/** Read at once. */
const CHUNK = 1 << 22;
const MAX_LARGE = 1 << 16;
/** As much as a process can have. */
const MAX_LARGE_BYTES = 1n << 47n;
/** Heads in a row that must fit each other where a walk begins anew. */
const PROOF = 4;

/** What an NT heap has: its segments, its front end, the allocations that have pages of their own. */
export function* ntSegments(process: Process, heap: Heap): Generator<HeapSegment> {
  const { half } = heap;
  for (const address of heap.segments) {
    const segment = half.read(SEGMENT, address);
    yield { address, size: segment === undefined ? undefined : segment.pages * PAGE, kind: 'NtSegment' };
  }
  const front = half.read(HEAP, heap.address);
  if (front?.frontEnd !== undefined && front.frontEnd !== 0n && front.frontEndType === LFH) yield { address: front.frontEnd, size: undefined, kind: 'NtLfh' };
  for (const { address, committed } of largeBlocks(process, heap)) yield { address, size: committed, kind: 'NtLarge' };
}

/** The allocations of an NT heap, in no order. */
export function* ntAllocations(process: Process, heap: Heap): Generator<Allocation> {
  const reader = entryReader(heap);
  const userBlocks: UserBlocks[] = [];
  for (const segment of new Set(heap.segments)) {
    for (const { address, total, entry } of busyBlocks(process, heap, segment, reader)) {
      const data = address + BigInt(reader.granule);
      const size = askedFor(total, entry, reader.granule);
      if ((entry.flags & INTERNAL) !== 0) userBlocks.push({ address: data, length: total - reader.granule });
      else if (size > 0) yield { address: data, size, kind: 'Nt' };
    }
  }
  yield* lfhAllocations(process, heap, userBlocks);
  for (const { address, size, header } of largeBlocks(process, heap, reader)) yield { address: address + BigInt(header), size, kind: 'NtLarge' };
}

interface Block {
  /** Of its head. */
  readonly address: bigint;
  /** Bytes, the head's included. */
  readonly total: number;
  readonly entry: HeapEntry;
}

/** The blocks in use of a segment: head after head, over what is not committed or not in the image to the next that can be told. */
function* busyBlocks(process: Process, { half }: Heap, segment: bigint, reader: EntryReader): Generator<Block> {
  const { granule } = reader;
  const record = half.read(SEGMENT, segment);
  if (record === undefined) return;
  const limit = segment + BigInt(Math.min(record.pages * PAGE, MAX_SEGMENT));
  const end = record.end < limit ? record.end : limit;
  if (record.first < segment || record.first >= end || record.first % BigInt(granule) !== 0n) return;
  let next: bigint | undefined = record.first;
  let count = 0;
  for (const run of half.memory.runs(segment, end)) {
    const stop = run.start + BigInt(run.length);
    for (let at: bigint = run.start; at < stop;) {
      const bytes: Buffer | undefined = half.memory.read(at, Math.min(CHUNK, Number(stop - at)));
      if (bytes === undefined) break;
      let offset: number = next === undefined || next < at ? begin(bytes, reader) : Number(next - at);
      while (offset + granule <= bytes.length) {
        const entry = reader.decode(bytes, offset);
        if (entry === undefined) {
          const again = begin(bytes, reader, offset + granule);
          if (again + granule > bytes.length) {
            process.anomalies.add(`${process.where} heaps`, 'a block\'s head contradicts itself; what follows in its segment is left out', at + BigInt(offset));
            offset = bytes.length;
            next = undefined;
            break;
          }
          offset = again;
          continue;
        }
        const total = entry.size * granule;
        const address = at + BigInt(offset);
        if ((entry.flags & BUSY) !== 0 && address + BigInt(total) <= end) {
          yield { address, total, entry };
          count += 1;
          if (count >= MAX_ALLOCATIONS) {
            process.anomalies.add(`${process.where} heaps`, `stopped after ${MAX_ALLOCATIONS} blocks`, segment);
            return;
          }
        }
        offset += total;
        next = (entry.flags & LAST) === 0 ? at + BigInt(offset) : undefined;
        // What is committed after a range that is not begins with a head.
        if (next === undefined) offset = begin(bytes, reader, offset);
      }
      at += BigInt(bytes.length);
      if (next !== undefined && next > at) at = next < stop ? next : stop;
    }
  }
}

/** The first place from `from` on where heads follow each other; the end of the bytes when there is none, or heads cannot be told. */
function begin(bytes: Buffer, reader: EntryReader, from = 0): number {
  if (!reader.checked) return bytes.length;
  for (let at = from; at + reader.granule <= bytes.length; at += reader.granule) if (isBegin(bytes, reader, at)) return at;
  return bytes.length;
}

/** One head in 256 passes its checksum by chance: several must fit each other, fewer where nothing follows, one where committed pages begin. */
function isBegin(bytes: Buffer, reader: EntryReader, from: number): boolean {
  let before: HeapEntry | undefined;
  let at = from;
  for (let heads = 0; heads < PROOF; heads += 1) {
    const ends = at + reader.granule > bytes.length || (before !== undefined && (before.flags & LAST) !== 0);
    if (ends) return heads > 1 || (heads === 1 && from % PAGE === 0);
    const entry = reader.decode(bytes, at);
    if (entry === undefined || (before !== undefined && entry.previous !== before.size)) return false;
    before = entry;
    at += entry.size * reader.granule;
  }
  return true;
}

interface Large {
  readonly address: bigint;
  readonly committed: number;
  /** Bytes before the allocation. */
  readonly header: number;
  readonly size: number;
}

/** The allocations that have pages of their own. */
function* largeBlocks(process: Process, { half, address }: Heap, reader?: EntryReader): Generator<Large> {
  const heap = half.read(HEAP, address);
  if (heap?.blocks === undefined || heap.head === undefined || heap.blocks.flink === 0n) return;
  const { size: header } = half.reader(LARGE);
  yield* walk([heap.blocks.flink], (link) => link, (link) => {
    const record = half.read(LARGE, link);
    if (record === undefined) return undefined;
    if (link % BigInt(PAGE) !== 0n || record.committed > record.reserved || record.committed < BigInt(header) || record.reserved > MAX_LARGE_BYTES) throw new FormatError('a large block of a heap contradicts itself', link);
    const committed = Number(record.committed);
    const bytes = reader === undefined ? undefined : half.memory.read(record.block, reader.granule);
    // Of these blocks the head's size is what was not asked for.
    const entry = bytes === undefined ? undefined : reader?.decode(bytes, 0);
    const size = entry !== undefined && entry.size >= header && entry.size < committed ? committed - entry.size : committed - header;
    return { value: { address: link, committed, header, size }, next: [record.entry.flink] };
  }, { where: `${process.where} heaps`, cap: MAX_LARGE, anomalies: process.anomalies }, (link) => link === heap.head);
}
