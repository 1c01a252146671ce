import { walk } from '../bytes/walk.js';
import { wordAt } from '../bytes/word.js';
import { big, list, number, optional, place, raw, struct } from '../profile/struct.js';
import type { Process } from './process.js';
import { userHalves, type UserHalf } from './wow64.js';

const PEB = struct('_PEB', { count: number('NumberOfHeaps'), heaps: big('ProcessHeaps') });
const HEAP = struct('_HEAP', {
  signature: optional(number('SegmentSignature')), head: optional(place('SegmentList')), segments: optional(list('SegmentList')),
});
/** XP and 2003: an array of pointers to segments in place of their list. */
const OLD_HEAP = struct('_HEAP', { signature: number('Signature'), segments: raw('Segments') });
const SEGMENT = struct('_HEAP_SEGMENT', { links: list('SegmentListEntry') });

/** `_HEAP.SegmentSignature` of an NT heap; of a segment heap (`_SEGMENT_HEAP.Signature`), at the same offset. */
const NT_HEAP = 0xffee_ffee;
const SEGMENT_HEAP = 0xddee_ddee;
/** `_HEAP.Signature`. */
const HEAP_SIGNATURE = 0xeeff_eeff;
const MAX_HEAPS = 4096;
const MAX_SEGMENTS = 4096;

/** A heap of a process. */
export interface Heap {
  /** Its place in the lists of both PEBs, from 0 on. */
  readonly number: number;
  readonly half: UserHalf;
  readonly address: bigint;
  /** Undefined when it is not in the image, or is neither. */
  readonly kind: 'Nt' | 'Seg' | undefined;
  /** Of an NT heap: its segments, the heap itself first. */
  readonly segments: readonly bigint[];
}

/** The heaps of a process by its PEBs' lists, of its own width first. */
export function heaps(process: Process): readonly Heap[] {
  if (process.terminated) return [];
  const found: Heap[] = [];
  for (const half of userHalves(process)) for (const heap of halfHeaps(process, half)) found.push({ ...heap, half, number: found.length });
  return found;
}

function* halfHeaps(process: Process, half: UserHalf): Generator<Omit<Heap, 'number' | 'half'>> {
  const peb = half.read(PEB, half.peb);
  if (peb === undefined || peb.heaps === 0n) return;
  const count = Math.min(peb.count, MAX_HEAPS);
  const table = half.memory.read(peb.heaps, count * half.pointerSize);
  if (table === undefined) return;
  const listed = half.reader(HEAP).offset('signature') !== undefined;
  for (const address of pointers(table, half.pointerSize)) {
    if (!listed) {
      yield oldHeap(half, address);
      continue;
    }
    const heap = half.read(HEAP, address);
    switch (heap?.signature) {
      case NT_HEAP: yield { address, segments: [address, ...segments(process, half, address, heap.head, heap.segments?.flink)], kind: 'Nt' }; break;
      case SEGMENT_HEAP: yield { address, segments: [], kind: 'Seg' }; break;
      default: yield { address, segments: [], kind: undefined };
    }
  }
}

function oldHeap(half: UserHalf, address: bigint): Omit<Heap, 'number' | 'half'> {
  const heap = half.read(OLD_HEAP, address);
  if (heap === undefined || heap.signature !== HEAP_SIGNATURE) return { address, segments: [], kind: undefined };
  return { address, segments: [...pointers(heap.segments, half.pointerSize)], kind: 'Nt' };
}

/** The pointers of an array that are not zero. */
function* pointers(table: Buffer, size: 4 | 8): Generator<bigint> {
  for (let at = 0; at + size <= table.length; at += size) {
    const pointer = wordAt(table, at, size);
    if (pointer !== 0n) yield pointer;
  }
}

/** The further segments of an NT heap by its list; the first lies in the heap's own head. */
function segments(process: Process, half: UserHalf, heap: bigint, head: bigint | undefined, first: bigint | undefined): bigint[] {
  if (head === undefined || first === undefined || first === 0n) return [];
  const offset = BigInt(half.reader(SEGMENT).offset('links') ?? 0);
  const found = walk([first], (link) => link, (link) => {
    const links = half.read(SEGMENT, link - offset)?.links;
    return links === undefined ? undefined : { value: link - offset, next: links.flink === 0n ? [] : [links.flink] };
  }, { where: `${process.where} heap segments`, cap: MAX_SEGMENTS, anomalies: process.anomalies }, (link) => link === head);
  return [...found].filter((address) => address !== heap);
}
