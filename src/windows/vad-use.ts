import { heaps } from './heap-list.js';
import type { Process } from './process.js';
import type { Vad } from './vad.js';

/** What a process uses a VAD for. `text` as MemProcFS shows it: `HEAP-00 [NtSegment]`, `STACK-0464`, `TEB-0464`. */
export interface VadUse {
  readonly kind: 'heap' | 'stack' | 'teb' | 'peb' | 'section' | 'parameters' | 'shared-data';
  readonly text: string;
}

/** What kind of memory a heap's own is called. */
const KINDS = { Nt: 'NtSegment', Seg: 'SegHeap' } as const;

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
  for (const { number, address, segments, kind } of heaps(process)) {
    for (const own of [address, ...segments]) mark(own, { kind: 'heap', text: `HEAP-${digits(number, 2)}${kind === undefined ? '' : ` [${KINDS[kind]}]`}` });
  }
  for (const { tid, userStackBase, teb } of process.threads()) {
    if (userStackBase !== undefined && userStackBase > 0n) mark(userStackBase - 1n, { kind: 'stack', text: `STACK-${digits(tid, 4)}` });
    mark(teb, { kind: 'teb', text: `TEB-${digits(tid, 4)}` });
  }
  return uses;
}
