import type { Column, Table } from '../vfs/column.js';
import type { Allocation, Heap, HeapSegment } from '../windows/heap.js';
import type { Process } from '../windows/process.js';

interface OfHeap {
  readonly process: Process;
  readonly heap: Heap;
}

/** A heap, as its table shows it. */
export type HeapRow = OfHeap;

export interface HeapSegmentRow extends OfHeap {
  readonly segment: HeapSegment;
}

export interface AllocationRow extends OfHeap {
  readonly allocation: Allocation;
  /** Its first sixteen bytes, in hex and as ASCII; undefined when they are not in the image. */
  readonly bytes?: string | undefined;
}

const PID: Column<OfHeap> = { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ process }) => process.pid, text: { width: 6, align: 'right' }, doc: 'process ID' };
const HEAP: Column<OfHeap> = { name: 'heap', csv: 'Heap', kind: 'decimal', value: ({ heap }) => heap.number, text: { width: 4, align: 'right' }, doc: 'the heap\'s number' };

/** The heaps of a process. */
export const HEAPS: Table<HeapRow> = {
  name: 'heaps',
  doc: 'The heaps of a process by its PEB\'s list.',
  heading: '   #    PID Heap          Address Type',
  index: 4,
  columns: [
    PID, HEAP,
    { name: 'address', csv: 'Address', kind: 'address', value: ({ heap }) => heap.address, text: { width: 16, align: 'right' }, doc: 'address of the _HEAP or _SEGMENT_HEAP' },
    {
      name: 'type', csv: 'Type', kind: 'text', value: ({ heap }) => heap.kind, doc: 'Nt, Seg; *** when it is not in the image; in the text (32) for those of the 32-bit half',
      text: { width: 8, align: 'left', show: ({ heap }) => `${heap.kind ?? '***'}${heap.half.wow64 ? ' (32)' : ''}` },
    },
    { name: 'wow64', csv: 'Wow64', kind: 'flag', value: ({ heap }) => heap.half.wow64, doc: 'it is of the 32-bit half' },
  ],
};

/** The segments of the heaps of a process. */
export const HEAP_SEGMENTS: Table<HeapSegmentRow> = {
  name: 'segments',
  doc: 'The memory that the heaps of a process have: segments, front ends, allocations with pages of their own.',
  heading: '   #    PID Heap          Address Type',
  index: 4,
  columns: [
    PID, HEAP,
    { name: 'address', csv: 'Address', kind: 'address', value: ({ segment }) => segment.address, text: { width: 16, align: 'right' }, doc: 'its first byte' },
    { name: 'size', csv: 'Size', kind: 'hex', value: ({ segment }) => segment.size, doc: 'bytes, reserved ones included; absent when the heap does not say' },
    { name: 'type', csv: 'Type', kind: 'text', value: ({ segment }) => segment.kind, text: { width: 11, align: 'left' }, doc: 'NtSegment, NtLfh, NtLarge, SegHeap, SegSegment, SegLarge' },
  ],
};

const ALLOCATION_COLUMNS: readonly Column<AllocationRow>[] = [
  PID, HEAP,
  { name: 'address', csv: 'Address', kind: 'address', value: ({ allocation }) => allocation.address, text: { width: 16, align: 'right' }, doc: 'its first byte' },
  { name: 'size', csv: 'Size', kind: 'hex', value: ({ allocation }) => allocation.size, text: { width: 8, align: 'right' }, doc: 'bytes asked for, as far as the heap tells' },
  { name: 'type', csv: 'Type', kind: 'text', value: ({ allocation }) => allocation.kind, text: { width: 8, align: 'left' }, doc: 'Nt, NtLfh, NtLarge, SegVs, SegLfh, SegBlock, SegLarge' },
];

/** The allocations of a heap. */
export const ALLOCATIONS: Table<AllocationRow> = {
  name: 'allocations', doc: 'The allocations of a heap that are in use, ascending by address.',
  heading: '   #    PID Heap          Address     Size Type', index: 4, columns: ALLOCATION_COLUMNS,
};

/** The same with how each begins. */
export const ALLOCATIONS_VERBOSE: Table<AllocationRow> = {
  name: 'allocations-v', doc: 'The allocations of a heap that are in use, with how each begins.',
  heading: '   #    PID Heap          Address     Size Type     HexAscii16', index: 4,
  columns: [
    ...ALLOCATION_COLUMNS,
    { name: 'bytes', csv: 'HexAscii16', kind: 'text', value: ({ bytes }) => bytes, text: { width: 67, align: 'left', show: ({ bytes }) => bytes ?? '***' }, doc: 'its first sixteen bytes in hex and as ASCII; *** when they are not in the image' },
  ],
};
