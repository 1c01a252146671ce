import { walk } from '../bytes/walk.js';
import { big, list, number, optional, place, raw, struct } from '../profile/struct.js';
import type { Process } from './process.js';
import type { Vad } from './vad.js';
import { userHalves, type UserHalf } from './wow64.js';

/** What a process uses a VAD for. `text` as MemProcFS shows it: `HEAP-00 [NtSegment]`, `STACK-0464`, `TEB-0464`. */
export interface VadUse {
  readonly kind: 'heap' | 'stack' | 'teb' | 'peb' | 'section' | 'parameters' | 'shared-data';
  readonly text: string;
}

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

const digits = (value: number, width: number): string => value.toString(16).toUpperCase().padStart(width, '0');

/**
 * What the VADs of a process hold, by their start, from its PEBs and threads. A VAD that holds several (the PEB and all TEBs
 * share one) is named by the last: heaps, then stacks and TEBs by ascending TID.
 * @param at the VAD that holds an address
 */
export function vadUses(process: Process, at: (address: bigint) => Vad | undefined): ReadonlyMap<bigint, VadUse> {
  const uses = new Map<bigint, VadUse>();
  if (process.terminated) return uses;
  const mark = (address: bigint | undefined, use: VadUse): void => {
    const vad = address === undefined || address === 0n ? undefined : at(address);
    if (vad !== undefined && !vad.image && vad.file === undefined) uses.set(vad.start, use);
  };
  let number = 0;
  for (const half of userHalves(process)) {
    for (const { addresses, kind } of heaps(process, half)) {
      for (const address of addresses) mark(address, { kind: 'heap', text: `HEAP-${digits(number, 2)}${kind === undefined ? '' : ` [${kind}]`}` });
      number += 1;
    }
  }
  for (const { tid, userStackBase, teb } of process.threads()) {
    if (userStackBase !== undefined && userStackBase > 0n) mark(userStackBase - 1n, { kind: 'stack', text: `STACK-${digits(tid, 4)}` });
    mark(teb, { kind: 'teb', text: `TEB-${digits(tid, 4)}` });
  }
  return uses;
}

interface Heap {
  /** The heap itself, and the further segments of an NT heap. */
  readonly addresses: readonly bigint[];
  readonly kind: 'NtSegment' | 'SegHeap' | undefined;
}

/** The heaps of a PEB's list. */
function* heaps(process: Process, half: UserHalf): Generator<Heap> {
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
      case NT_HEAP: yield { addresses: [address, ...segments(process, half, heap.head, heap.segments?.flink)], kind: 'NtSegment' }; break;
      case SEGMENT_HEAP: yield { addresses: [address], kind: 'SegHeap' }; break;
      default: yield { addresses: [address], kind: undefined };
    }
  }
}

function oldHeap(half: UserHalf, address: bigint): Heap {
  const heap = half.read(OLD_HEAP, address);
  if (heap === undefined || heap.signature !== HEAP_SIGNATURE) return { addresses: [address], kind: undefined };
  return { addresses: [address, ...pointers(heap.segments, half.pointerSize)], kind: 'NtSegment' };
}

/** The pointers of an array that are not zero. */
function* pointers(table: Buffer, size: 4 | 8): Generator<bigint> {
  for (let at = 0; at + size <= table.length; at += size) {
    const pointer = size === 8 ? table.readBigUInt64LE(at) : BigInt(table.readUInt32LE(at));
    if (pointer !== 0n) yield pointer;
  }
}

/** The segments of an NT heap by its list; the first lies in the heap's own head. */
function segments(process: Process, half: UserHalf, head: bigint | undefined, first: bigint | undefined): Iterable<bigint> {
  if (head === undefined || first === undefined || first === 0n) return [];
  const offset = BigInt(half.reader(SEGMENT).offset('links') ?? 0);
  return walk([first], (link) => link, (link) => {
    const links = half.read(SEGMENT, link - offset)?.links;
    return links === undefined ? undefined : { value: link - offset, next: links.flink === 0n ? [] : [links.flink] };
  }, { where: `${process.where} heap segments`, cap: MAX_SEGMENTS, anomalies: process.anomalies }, (link) => link === head);
}
