import type { DumpRegion } from '../minidump/dump.js';
import type { Mapping } from '../paging/address-space.js';
import { mappedAt } from './page-rights.js';
import type { Process } from './process.js';
import type { Vad } from './vad.js';

const MEM_COMMIT = 0x1000;
const MEM_RESERVE = 0x2000;
const MEM_FREE = 0x1_0000;
const MEM_PRIVATE = 0x2_0000;
const MEM_MAPPED = 0x4_0000;
const MEM_IMAGE = 0x100_0000;
/** PAGE_NOACCESS: of what is free. */
const NO_ACCESS = 1;
/** PAGE_* by `_MMVAD_FLAGS.Protection`: no access, r, x, rx, rw, copy, rwx, copy and x; and the modifiers no-cache, guard, write-combine. */
const PAGE_VALUES = [0x01, 0x02, 0x10, 0x20, 0x04, 0x08, 0x40, 0x80] as const;
const MODIFIER_VALUES = [0, 0x200, 0x100, 0x400] as const;
/** No process of a real machine has as many. */
const MAX_REGIONS = 1 << 18;
/** Windows gives no addresses below. */
const LOWEST = 0x1_0000n;

/** PAGE_* (winnt.h) of a protection as VADs keep it. */
export function pageProtection(protection: number): number {
  const access = PAGE_VALUES[protection & 7] ?? NO_ACCESS;
  return access === NO_ACCESS ? NO_ACCESS : access | (MODIFIER_VALUES[(protection >> 3) & 3] ?? 0);
}

/** What a present page allows. The processor's own bit denies writing also to pages that are written for the first time. */
function mappedProtection({ executable, writable }: Mapping, { image, protection }: Vad): number {
  const mayWrite = writable || (!image && [4, 6].includes(protection & 7));
  if (executable) return mayWrite ? 0x40 : 0x20;
  return mayWrite ? 0x04 : 0x02;
}

/**
 * The regions of a process's user half as VirtualQuery would give them, ascending and without gaps: what no VAD holds is free, private memory
 * without a page table entry is reserved. What is not present has the protection it was allocated with.
 */
export function virtualQuery(process: Process): readonly DumpRegion[] {
  const { kernelStart } = process.memory.mode;
  const found: DumpRegion[] = [];
  const add = (region: DumpRegion): void => {
    const last = found.at(-1);
    if (last !== undefined && last.base + last.size === region.base && last.allocationBase === region.allocationBase && last.state === region.state
      && last.protect === region.protect && last.type === region.type) {
      found[found.length - 1] = { ...last, size: last.size + region.size };
    } else {
      found.push(region);
    }
  };
  const free = (from: bigint, to: bigint): void => {
    if (to > from) add({ base: from, size: to - from, allocationBase: 0n, allocationProtect: 0, state: MEM_FREE, protect: NO_ACCESS, type: 0 });
  };
  let next = LOWEST;
  for (const vad of process.vads()) {
    // A hostile tree's VADs overlap.
    if (vad.start < next || vad.end >= kernelStart) continue;
    free(next, vad.start);
    for (const region of within(process, vad)) {
      add(region);
      if (found.length < MAX_REGIONS) continue;
      process.anomalies.add(`${process.where} minidump`, `the memory map stops after ${MAX_REGIONS} regions`, region.base);
      return found;
    }
    next = vad.end + 1n;
  }
  free(next, kernelStart);
  return found;
}

/** The parts of one VAD that are alike. */
function* within({ memory }: Process, vad: Vad): Generator<DumpRegion> {
  const type = vad.image ? MEM_IMAGE : vad.private ? MEM_PRIVATE : MEM_MAPPED;
  const allocationProtect = pageProtection(vad.protection);
  const end = vad.end + 1n;
  const part = (from: bigint, to: bigint, state: number, protect: number): DumpRegion =>
    ({ base: from, size: to - from, allocationBase: vad.start, allocationProtect, state, protect, type });
  const untouched = (from: bigint, to: bigint): DumpRegion =>
    (vad.private && !vad.memCommit ? part(from, to, MEM_RESERVE, 0) : part(from, to, MEM_COMMIT, allocationProtect));
  const mapped = mappedAt(memory, vad.start, end);
  let next = vad.start;
  for (const { start, pages, kind } of memory.states(vad.start, end)) {
    if (start > next) yield untouched(next, start);
    next = start + BigInt(pages) * 4096n;
    for (let at = start; at < next;) {
      const mapping = kind === 'present' ? mapped(at) : undefined;
      const to = mapping === undefined ? next : least(next, mapping.start + BigInt(mapping.pages) * 4096n);
      yield part(at, to, MEM_COMMIT, mapping === undefined ? allocationProtect : mappedProtection(mapping, vad));
      at = to;
    }
  }
  if (next < end) yield untouched(next, end);
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
