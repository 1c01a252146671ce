import type { PagedMemory } from '../paging/address-space.js';
import { ARM64, MODES, X64, X64_LA57, X86, X86_PAE, type PagingMode } from '../paging/mode.js';
import { processTables } from './dtb-by-process.js';

/** A page that may be System's top-level page table. */
export interface DtbCandidate {
  readonly dtb: number;
  /** The way the processor would read it. */
  readonly mode: PagingMode;
  readonly how: string;
  /** An address in the kernel's code, when the place that named the table names one. */
  readonly hint: bigint | undefined;
}

const PAGE = 4096;
const BLOCK = 1 << 20;
const CR4_LA57 = 1 << 12;
/** The frame, and the two bits that an entry which names a table has set in every mode. A small integer: this is compared all over the image. */
const SELF_BITS = 0xffff_f003 | 0;
/** Candidates of one image kept for the end; they are second opinions on pages that were yielded already, or weak. */
const MAX_DEFERRED = 4096;

/**
 * The processor start block (PROCESSOR_START_BLOCK) that Windows x64 leaves in the first megabyte: a jump, the address where
 * the kernel goes on, and CR3 and CR4. Page by page below 640 KiB.
 */
export function* startBlocks(memory: PagedMemory, modes: readonly PagingMode[]): Generator<DtbCandidate> {
  for (let frame = 1; frame < 0xa0; frame += 1) {
    const page = memory.read(frame * PAGE, 0xb0);
    if (page === undefined) continue;
    if ((page.readBigUInt64LE(0) & 0xffff_ffff_ffff_00ffn) !== 0x0001_0006_00e9n) continue;
    const entry = page.readBigUInt64LE(0x70);
    const dtb = page.readBigUInt64LE(0xa0);
    const mode = (page.readUInt32LE(0xa8) & CR4_LA57) === 0 ? X64 : X64_LA57;
    if ((entry & 0xffff_f800_0000_0003n) !== 0xffff_f800_0000_0000n || (dtb & 0xffff_ff00_0000_0fffn) !== 0n || !modes.includes(mode)) continue;
    yield { dtb: Number(dtb), mode, how: `processor start block in page 0x${frame.toString(16)}`, hint: entry };
  }
}

/** A page of a block under the eyes of all looks, and what they found in it. */
interface Seen {
  readonly memory: PagedMemory;
  readonly words: Uint32Array;
  /** The page's first word in `words`. */
  readonly first: number;
  readonly frame: number;
  /** One past the highest frame of the image. */
  readonly frames: number;
  readonly found: Finding[];
}

/** Found at an address by one look; `weak`: kept until no better one is left. */
interface Finding { readonly dtb: number; readonly mode: PagingMode; readonly how: string; readonly weak: boolean }

const SELF = 'self-referencing top-level table';

/** How a self-referencing top-level table of eight-byte entries looks in a mode. */
interface TopLook {
  readonly mode: PagingMode;
  /** Of the low word of each present entry: bits that count, and how they are. A top-level entry maps no memory itself. */
  readonly mask: number;
  readonly value: number;
  /** Of the low word of the entry that names the page. */
  readonly selfMask: number;
  readonly selfValue: number;
  /** Entries of the kernel half that name tables in the image, at least. */
  readonly tables: number;
}

const TOP_LOOKS: readonly TopLook[] = [
  // Windows' tables of ARM64 leave the bits for device memory, non-secure and user access clear, where x64 has accessed and dirty.
  { mode: ARM64, mask: 0x3, value: 0x3, selfMask: 0x73, selfValue: 0x3, tables: 4 },
  // The self-map, the kernel image, pools, PFN database and page tables: never fewer than these.
  { mode: X64, mask: 0x81, value: 0x1, selfMask: 0x83, selfValue: 0x3, tables: 4 },
  // Here one entry spans 256 TiB: the self-map, and one for all else.
  { mode: X64_LA57, mask: 0x81, value: 0x1, selfMask: 0x83, selfValue: 0x3, tables: 2 },
];

/**
 * Whether a page names itself in its upper half: a self-map's slot (MmPteBase) is at random since 14393. One comparison a slot rejects
 * nearly every page in every mode at once.
 */
function namesItself(words: Uint32Array, first: number, frame: number): boolean {
  const low = ((frame % 0x10_0000) * PAGE + 0x3) | 0;
  const end = first + 1024;
  // Four at a time: this loop sees half of all words of the image.
  for (let index = first + 512; index < end; index += 4) {
    if ((words[index]! & SELF_BITS) === low || (words[index + 1]! & SELF_BITS) === low
      || (words[index + 2]! & SELF_BITS) === low || (words[index + 3]! & SELF_BITS) === low) return true;
  }
  return false;
}

/** The first look that a page passes is the likeliest, the others are weak; in most pages nothing of this is reached. */
function selfReferencing(seen: Seen, modes: readonly PagingMode[]): void {
  const { frame, found } = seen;
  const before = found.length;
  for (const look of TOP_LOOKS) {
    if (!modes.includes(look.mode) || !looksTop(seen, look)) continue;
    found.push({ dtb: frame * PAGE, mode: look.mode, how: SELF, weak: found.length > before });
  }
  const slot = found.length === before && modes.includes(X86) ? selfSlotX86(seen) : undefined;
  // PteBase is 0xc0000000: the self-map is directory entry 0x300. Elsewhere nobody has seen it.
  if (slot !== undefined) found.push({ dtb: frame * PAGE, mode: X86, how: SELF, weak: slot !== 0x300 || !hasOddEntries(seen) });
}

function looksTop({ memory, words, first, frame, frames }: Seen, { mode, mask, value, selfMask, selfValue, tables: least }: TopLook): boolean {
  const low = ((frame % 0x10_0000) * PAGE + selfValue) | 0;
  const high = Math.floor(frame / 0x10_0000);
  let self = 0;
  let tables = 0;
  let lost = 0;
  for (let index = first; index < first + 1024; index += 2) {
    const entry = words[index]!;
    if ((entry & 1) === 0) continue;
    if ((entry & mask) !== value) return false;
    const upper = words[index + 1]! & mode.frameHigh;
    const kernel = index >= first + 512;
    if (kernel && upper === high && (entry & (0xffff_f000 | selfMask)) === low) self += 1;
    // An image that was cut off lacks some tables; most entries of a page of anything else lead outside.
    if (upper * 0x10_0000 + (entry >>> 12) >= frames) lost += 1;
    else if (kernel) tables += 1;
  }
  return self === 1 && tables >= least && lost <= tables && (mode !== X64_LA57 || leadsToPml4(memory, words[first + 1022]!, words[first + 1023]!, frames));
}

/** Whether the entry of the topmost 256 TiB, where the kernel is, names a table that may be a PML4: no large pages, several tables at its top. */
function leadsToPml4(memory: PagedMemory, low: number, high: number, frames: number): boolean {
  const words = (low & 1) === 0 ? undefined : memory.page((high & X64_LA57.frameHigh) * 0x10_0000 + (low >>> 12));
  if (words === undefined) return false;
  let tables = 0;
  for (let index = 0; index < 1024; index += 2) {
    const entry = words[index]!;
    if ((entry & 1) === 0) continue;
    if ((entry & 0x80) !== 0 || (words[index + 1]! & X64_LA57.frameHigh) * 0x10_0000 + (entry >>> 12) >= frames) return false;
    tables += index >= 512 ? 1 : 0;
  }
  return tables >= 2;
}

/** The slot by which a page directory of four-byte entries names itself; undefined when it does not look like one. */
function selfSlotX86({ words, first, frame, frames }: Seen): number | undefined {
  if (frame >= 0x10_0000) return undefined;
  const low = (frame * PAGE + 0x3) | 0;
  let slot: number | undefined;
  let tables = 0;
  let lost = 0;
  for (let index = 0; index < 1024; index += 1) {
    const entry = words[first + index]!;
    if ((entry & 1) === 0) continue;
    if (index >= 512 && (entry & 0xffff_f083) === low) {
      if (slot !== undefined) return undefined;
      slot = index;
    }
    const large = (entry & 0x80) !== 0;
    // Bit 21 of a large page's entry is reserved; a page of anything else is full of such bits.
    if (large && (entry & (1 << 21)) !== 0) return undefined;
    if (!large && entry >>> 12 >= frames) lost += 1;
    else if (index >= 512) tables += 1;
  }
  // The self-map, the kernel and the pools.
  return tables >= 3 && lost <= tables ? slot : undefined;
}

/** Whether four-byte entries stand side by side; in a page of eight-byte entries every second word is none. */
function hasOddEntries({ words, first }: Seen): boolean {
  for (let index = first + 1; index < first + 1024; index += 2) {
    if ((words[index]! & 0x3) === 0x3) return true;
  }
  return false;
}

/** Bits that are reserved in an entry of the four (Intel SDM 3A 4.4.1), with the one for present. */
const PDPTE_MASK = 0x1e7;

/** Whether four entries stand in a page as a PDPT has them; one comparison for most places. */
function holdsPointerTable(words: Uint32Array, first: number): boolean {
  for (let index = first; index < first + 1024; index += 8) {
    if ((words[index]! & PDPTE_MASK) === 1 && isPointerTable(words, index)) return true;
  }
  return false;
}

function isPointerTable(words: Uint32Array, index: number): boolean {
  return (words[index]! & PDPTE_MASK) === 1 && (words[index + 2]! & PDPTE_MASK) === 1 && (words[index + 4]! & PDPTE_MASK) === 1
    && (words[index + 6]! & PDPTE_MASK) === 1 && ((words[index + 1]! | words[index + 3]! | words[index + 5]! | words[index + 7]!) & 0xfff0_0000) === 0;
}

/**
 * Four entries, 32-byte aligned, that name four directories, of which one names all four in a row: the self-map, at 0xc0000000 in Windows.
 */
function pointerTables({ memory, words, first, frame, frames, found }: Seen): void {
  for (let index = first; index < first + 1024; index += 8) {
    if (!isPointerTable(words, index)) continue;
    const directories: number[] = [];
    for (let entry = index; entry < index + 8; entry += 2) {
      const target = words[entry + 1]! * 0x10_0000 + (words[entry]! >>> 12);
      if (target < frames && !directories.includes(target)) directories.push(target);
    }
    if (directories.length < 4) continue;
    const slot = selfMapSlot(memory, directories);
    if (slot === undefined) continue;
    found.push({ dtb: frame * PAGE + (index - first) * 4, mode: X86_PAE, how: `four directories that name each other at 0x${slot.toString(16)}`, weak: false });
  }
}

/** Where in the kernel half the four directories stand in a row, as an address; undefined when they do nowhere. */
function selfMapSlot(memory: PagedMemory, directories: readonly number[]): number | undefined {
  for (const half of [3, 2]) {
    const words = memory.page(directories[half]!);
    if (words === undefined) continue;
    for (let index = 0; index < 1024; index += 8) {
      const named = directories.every((target, i) => {
        const entry = words[index + i * 2]!;
        return (entry & 0x81) === 0x1 && (words[index + i * 2 + 1]! & 0xfffff) * 0x10_0000 + (entry >>> 12) === target;
      });
      if (named) return half * 2 ** 30 + (index / 2) * 2 ** 21;
    }
  }
  return undefined;
}

/** All looks at all pages of a block that begins at physical address `at`. */
function findings(memory: PagedMemory, words: Uint32Array, at: number, length: number, modes: readonly PagingMode[]): Finding[] {
  const frames = Math.floor(memory.size / PAGE);
  const pae = modes.includes(X86_PAE);
  const found: Finding[] = [];
  for (let page = 0; page + PAGE <= length; page += PAGE) {
    const first = page / 4;
    const frame = (at + page) / PAGE;
    if (namesItself(words, first, frame)) selfReferencing({ memory, words, first, frame, frames, found }, modes);
    if (pae && holdsPointerTable(words, first)) pointerTables({ memory, words, first, frame, frames, found });
  }
  return found;
}

/** One pass over the image, in which each page is looked at once, by all looks. Ascending by address, what is weak last. */
function* scan(memory: PagedMemory, modes: readonly PagingMode[]): Generator<DtbCandidate> {
  const block = new Uint8Array(BLOCK);
  const words = new Uint32Array(block.buffer);
  const deferred: Finding[] = [];
  for (const run of memory.runs(0, memory.size)) {
    for (let at = run.start; at < run.start + run.length; at += BLOCK) {
      const length = Math.min(BLOCK, run.start + run.length - at);
      memory.fill(at, block.subarray(0, length));
      for (const finding of findings(memory, words, at, length, modes)) {
        if (!finding.weak) yield { dtb: finding.dtb, mode: finding.mode, how: finding.how, hint: undefined };
        else if (deferred.length < MAX_DEFERRED) deferred.push(finding);
      }
    }
  }
  for (const { dtb, mode, how } of deferred) yield { dtb, mode, how, hint: undefined };
}

/**
 * Candidates for System's table, the surest first. Looking on costs a pass over the image, at the end several, so take them one by one. Any process's
 * table may be among them: all map the kernel.
 * @param modes those that come into question
 */
export function* dtbCandidates(memory: PagedMemory, modes: readonly PagingMode[] = MODES): Generator<DtbCandidate> {
  const seen = new Set<string>();
  for (const source of [startBlocks, scan, processTables]) {
    for (const candidate of source(memory, modes)) {
      const key = `${candidate.mode.name} ${candidate.dtb}`;
      if (seen.has(key)) continue;
      seen.add(key);
      yield candidate;
    }
  }
}
