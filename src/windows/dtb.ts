import type { PagedMemory } from '../paging/address-space.js';

/** A page that may be System's top-level page table. */
export interface DtbCandidate {
  readonly dtb: number;
  readonly how: string;
  /** An address in the kernel's code, when the place that named the table names one. */
  readonly hint: bigint | undefined;
}

const PAGE = 4096;
const BLOCK = 1 << 20;
const PRESENT_WRITABLE = 0x3;
const FRAME_HIGH = 0xfffff;

/**
 * The processor start block (PROCESSOR_START_BLOCK) that Windows x64 leaves in the first megabyte: a jump, the address where
 * the kernel goes on and CR3. Page by page below 640 KiB.
 */
function* startBlocks(memory: PagedMemory): Generator<DtbCandidate> {
  for (let frame = 1; frame < 0xa0; frame += 1) {
    const page = memory.read(frame * PAGE, 0xa8);
    if (page === undefined) continue;
    if ((page.readBigUInt64LE(0) & 0xffff_ffff_ffff_00ffn) !== 0x0001_0006_00e9n) continue;
    const entry = page.readBigUInt64LE(0x70);
    const dtb = page.readBigUInt64LE(0xa0);
    if ((entry & 0xffff_f800_0000_0003n) !== 0xffff_f800_0000_0000n || (dtb & 0xffff_ff00_0000_0fffn) !== 0n) continue;
    yield { dtb: Number(dtb), how: `processor start block in page 0x${frame.toString(16)}`, hint: entry };
  }
}

/**
 * Pages with one entry in the kernel half that names the page itself (MmPteBase's slot, at random since 14393), and that
 * otherwise look like a top-level table. Ascending by address.
 */
function* selfReferencing(memory: PagedMemory): Generator<DtbCandidate> {
  const block = new Uint8Array(BLOCK);
  const words = new Uint32Array(block.buffer);
  const frames = Math.floor(memory.size / PAGE);
  for (const run of memory.runs(0, memory.size)) {
    for (let at = run.start; at < run.start + run.length; at += BLOCK) {
      const length = Math.min(BLOCK, run.start + run.length - at);
      memory.fill(at, block.subarray(0, length));
      for (let page = 0; page + PAGE <= length; page += PAGE) {
        const frame = (at + page) / PAGE;
        if (!looksTopLevel(words, page / 4, frame, frames)) continue;
        yield { dtb: frame * PAGE, how: 'self-referencing top-level table', hint: undefined };
      }
    }
  }
}

/** @param first the page's first word in `words` */
function looksTopLevel(words: Uint32Array, first: number, frame: number, maxFrame: number): boolean {
  const low = ((frame % 0x10_0000) * PAGE + PRESENT_WRITABLE) | 0;
  const high = Math.floor(frame / 0x10_0000);
  let self = -1;
  for (let index = first + 512; index < first + 1024; index += 2) {
    // The comparison of the low word rejects nearly every page.
    if ((words[index]! & 0xffff_f083) !== low || (words[index + 1]! & FRAME_HIGH) !== high) continue;
    if (self >= 0) return false;
    self = index;
  }
  if (self < 0) return false;
  let tables = 0;
  let lost = 0;
  for (let index = first; index < first + 1024; index += 2) {
    const entry = words[index]!;
    if ((entry & 1) === 0) continue;
    if ((entry & 0x80) !== 0) return false;
    // An image that was cut off lacks some tables; most entries of a page of anything else lead outside.
    if ((words[index + 1]! & FRAME_HIGH) * 0x10_0000 + (entry >>> 12) >= maxFrame) lost += 1;
    else if (index >= first + 512) tables += 1;
  }
  // The self-map, the kernel image, pools, PFN database and page tables: never fewer than these.
  return tables >= 4 && lost <= tables;
}

/** Candidates for an x64 System table, the surest first. Looking on costs a pass over the image, so take them one by one. */
export function* dtbCandidates(memory: PagedMemory): Generator<DtbCandidate> {
  const seen = new Set<number>();
  for (const source of [startBlocks, selfReferencing]) {
    for (const candidate of source(memory)) {
      if (seen.has(candidate.dtb)) continue;
      seen.add(candidate.dtb);
      yield candidate;
    }
  }
}
