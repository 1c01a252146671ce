/** What made an allocation: of an NT heap its back end, its low-fragmentation front end, or whole pages; of a segment heap likewise. */
export type AllocationKind = 'Nt' | 'NtLfh' | 'NtLarge' | 'SegVs' | 'SegLfh' | 'SegLarge' | 'SegBlock';

/** Memory that a program has asked a heap for and not given back. */
export interface Allocation {
  readonly address: bigint;
  /** Bytes, as far as the heap tells how many were asked for; else as many as there are. */
  readonly size: number;
  readonly kind: AllocationKind;
}

export type HeapSegmentKind = 'NtSegment' | 'NtLfh' | 'NtLarge' | 'SegHeap' | 'SegSegment' | 'SegLarge';

/** Memory that a heap has. */
export interface HeapSegment {
  readonly address: bigint;
  /** Bytes, reserved ones included; undefined when the heap does not say. */
  readonly size: number | undefined;
  readonly kind: HeapSegmentKind;
}

/** No heap shows more allocations than this. */
export const MAX_ALLOCATIONS = 1 << 20;
