import type { AddressSpace, Mapping } from '../paging/address-space.js';
import { codeView, exportDirectory, peHeader, type PeHeader } from '../pe/header.js';

/** The kernel's image in memory. */
export interface KernelImage {
  readonly base: bigint;
  /** SizeOfImage in bytes. */
  readonly size: number;
  /** What it is named by: its export directory, else its symbol file, else how it was known. */
  readonly name: string;
  /** IMAGE_FILE_HEADER.Machine and TimeDateStamp, which with `size` tell one kernel file from another; undefined: its header is not in memory. */
  readonly machine: number;
  readonly timestamp: number | undefined;
  /** GUID and age of its symbol file, `89284D…-1`, and the file's name; undefined when it names none, or that is not in memory. */
  readonly symbolFile: string | undefined;
  readonly symbolPath: string | undefined;
  /** Address of System's `_EPROCESS`, where that is how the kernel was found. */
  readonly system: bigint | undefined;
  /** Relative virtual address of an export; undefined when there is none, or its part of the export directory is not in memory. */
  exported(name: string): number | undefined;
}

const PAGE = 0x1000n;
const PAGE_BYTES = 0x1000;
/** The image and what lies between its parts: never farther than this below code of the kernel. */
const HINT_REACH = 0x400_0000n;
/** Pages looked at in one range by the first address space: 16 GiB of mapped kernel memory; half as many by each that follows. */
const MAX_PAGES = 4_194_304;
const MIN_PAGES = 262_144;
/** Free and checked builds, of one processor and several, without and with PAE, with five levels. */
const KERNEL_NAMES = /^nt(oskrnl|krnlmp|krnlpa|krpamp|krla57)\.exe$/i;
/** Names of the kernel's symbol file. */
export const KERNEL_SYMBOLS = /(^|\\)nt(oskrnl|krnlmp|krnlpa|krpamp|krla57)\.pdb$/i;
/** Sections that the memory manager, the executive and the verifier have in the kernel's image alone, XP to 11. */
const KERNEL_SECTIONS = ['POOLCODE', 'POOLMI', 'MISYSPTE', 'PAGEVRFY', 'PAGEVRFC', 'PAGEKD', 'PAGEHDLS', 'ALMOSTRO', 'INITKDBG', 'KVASCODE', 'PAGEWMI', 'PAGELKCO'];
/** A debugger extension or the HAL has one of these, never three. */
const ENOUGH_SECTIONS = 3;
const NATIVE = 1;

/** The kernel's image at an address; undefined when something else is there. */
export function kernelAt(space: AddressSpace, base: bigint): KernelImage | undefined {
  if (!beginsAsImage(space, base)) return undefined;
  const header = peHeader(space, base);
  if (header === undefined || header.machine !== space.mode.machine) return undefined;
  const exports = exportDirectory(space, base, header);
  const view = codeView(space, base, header);
  const name = [exports?.name ?? '', view?.path ?? ''].find((each) => KERNEL_NAMES.test(each) || KERNEL_SYMBOLS.test(each))
    ?? (hasKernelSections(header) ? 'a kernel without a name, known by its sections' : undefined);
  if (name === undefined) return undefined;
  return {
    base, size: header.sizeOfImage, name, machine: header.machine, timestamp: header.timestamp,
    symbolFile: view === undefined ? undefined : `${view.guid}-${view.age}`,
    symbolPath: view?.path,
    system: undefined,
    exported: (wanted) => exports?.find(wanted),
  };
}

/** An image whose names are not in memory, or were taken out of it. */
function hasKernelSections({ subsystem, sections }: PeHeader): boolean {
  return subsystem === NATIVE && sections.filter(({ name }) => KERNEL_SECTIONS.includes(name)).length >= ENOUGH_SECTIONS;
}

/**
 * What the searches of one image share, so that any number of false tables that map the same frames over and over costs
 * bounded work: a frame that does not begin with `MZ` is looked at once.
 */
export class KernelSearch {
  readonly #dull: Uint8Array;
  #spaces = 0;

  /** @param size one past the highest physical address, in bytes */
  constructor(size: number) {
    this.#dull = new Uint8Array(Math.ceil(size / PAGE_BYTES / 8));
  }

  /** How many pages of each range the next address space may cost. */
  nextBudget(): number {
    const pages = Math.max(MIN_PAGES, MAX_PAGES / 2 ** this.#spaces);
    this.#spaces += 1;
    return pages;
  }

  /** The kernel's image in a run of pages. */
  in(space: AddressSpace, { start, physical }: Mapping, pages: number): KernelImage | undefined {
    for (let page = 0; page < pages; page += 1) {
      const frame = physical / PAGE_BYTES + page;
      const bit = 1 << (frame & 7);
      if ((this.#dull[frame >>> 3]! & bit) !== 0) continue;
      const base = start + BigInt(page) * PAGE;
      if (!beginsAsImage(space, base)) {
        this.#dull[frame >>> 3]! |= bit;
        continue;
      }
      const found = kernelAt(space, base);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/**
 * The kernel's image in an address space: below the hint, else the first mapped page of the kernel half that begins with
 * `MZ`, is made for this processor, and whose export directory or symbol file is named like a kernel's.
 */
export function findKernel(space: AddressSpace, hint: bigint | undefined, search: KernelSearch): KernelImage | undefined {
  if (hint !== undefined && hint >= space.mode.kernelStart) {
    const top = hint & ~(PAGE - 1n);
    const bottom = top - HINT_REACH < space.mode.kernelStart ? space.mode.kernelStart : top - HINT_REACH;
    for (let at = top; at >= bottom; at -= PAGE) {
      const found = kernelAt(space, at);
      if (found !== undefined) return found;
    }
  }
  const budget = search.nextBudget();
  for (const [start, end] of space.mode.kernelRanges) {
    let left = budget;
    for (const mapping of space.mappings(start, end)) {
      const pages = Math.min(mapping.pages, left);
      const found = search.in(space, mapping, pages);
      if (found !== undefined) return found;
      left -= pages;
      if (left === 0) break;
    }
  }
  return undefined;
}

function beginsAsImage(space: AddressSpace, base: bigint): boolean {
  return space.read(base, 2)?.readUInt16LE(0) === 0x5a4d;
}
