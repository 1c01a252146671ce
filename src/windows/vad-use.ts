import { big, number, struct } from '../profile/struct.js';
import type { Process } from './process.js';
import type { Vad } from './vad.js';
import { userHalves, type UserHalf } from './wow64.js';

/** What a process uses a VAD for. `text` as MemProcFS shows it: `HEAP-00 [NtSegment]`, `STACK-0464`, `TEB-0464`. */
export interface VadUse {
  readonly kind: 'heap' | 'stack' | 'teb' | 'peb' | 'section' | 'parameters' | 'shared-data';
  readonly text: string;
}

const PEB = struct('_PEB', { count: number('NumberOfHeaps'), heaps: big('ProcessHeaps') });
const HEAP = struct('_HEAP', { signature: number('SegmentSignature') });

/** `_HEAP.SegmentSignature` of an NT heap; of a segment heap (`_SEGMENT_HEAP.Signature`), at the same offset. */
const NT_HEAP = 0xffee_ffee;
const SEGMENT_HEAP = 0xddee_ddee;
const MAX_HEAPS = 4096;

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
    for (const { address, kind } of heaps(half)) {
      mark(address, { kind: 'heap', text: `HEAP-${digits(number, 2)}${kind === undefined ? '' : ` [${kind}]`}` });
      number += 1;
    }
  }
  for (const { tid, userStackBase, teb } of process.threads()) {
    if (userStackBase !== undefined && userStackBase > 0n) mark(userStackBase - 1n, { kind: 'stack', text: `STACK-${digits(tid, 4)}` });
    mark(teb, { kind: 'teb', text: `TEB-${digits(tid, 4)}` });
  }
  return uses;
}

/** The heaps of a PEB's list. */
function* heaps(half: UserHalf): Generator<{ address: bigint; kind: 'NtSegment' | 'SegHeap' | undefined }> {
  const peb = half.read(PEB, half.peb);
  if (peb === undefined || peb.heaps === 0n) return;
  const count = Math.min(peb.count, MAX_HEAPS);
  const table = half.memory.read(peb.heaps, count * half.pointerSize);
  if (table === undefined) return;
  for (let i = 0; i < count; i += 1) {
    const address = half.pointerSize === 8 ? table.readBigUInt64LE(i * 8) : BigInt(table.readUInt32LE(i * 4));
    if (address === 0n) continue;
    const signature = half.read(HEAP, address)?.signature;
    yield { address, kind: signature === NT_HEAP ? 'NtSegment' : signature === SEGMENT_HEAP ? 'SegHeap' : undefined };
  }
}
