import type { AddressSpace } from '../paging/address-space.js';
import { exportDirectory, peHeader, type PeExports, type PeHeader } from '../pe/header.js';

/** The kernel's image in memory. */
export interface KernelImage {
  readonly base: bigint;
  readonly header: PeHeader;
  readonly exports: PeExports;
}

const PAGE = 0x1000n;
/** The image and what lies between its parts: never farther than this below code of the kernel. */
const HINT_REACH = 0x400_0000n;
/** Where Windows x64 has loaded the kernel since Vista, and all of the kernel half after it. */
const RANGES: readonly (readonly [bigint, bigint])[] = [
  [0xffff_f800_0000_0000n, 0xffff_f880_0000_0000n],
  [0xffff_8000_0000_0000n, 0xffff_ffff_ffff_f000n],
];
/** Pages looked at in one range: 16 GiB of mapped kernel memory. */
const MAX_PAGES = 4_194_304;
const KERNEL_NAMES = /^nt(oskrnl|krnlmp|krnlpa|krpamp|krla57)\.exe$/i;

/** The kernel's image at an address; undefined when something else is there. */
export function kernelAt(space: AddressSpace, base: bigint): KernelImage | undefined {
  const magic = space.read(base, 2);
  if (magic === undefined || magic.readUInt16LE(0) !== 0x5a4d) return undefined;
  const header = peHeader(space, base);
  if (header === undefined) return undefined;
  const exports = exportDirectory(space, base, header);
  return exports !== undefined && KERNEL_NAMES.test(exports.name ?? '') ? { base, header, exports } : undefined;
}

/**
 * The kernel's image in an address space: below the hint, else the first mapped page of the kernel half that begins with
 * `MZ` and whose export directory is named like a kernel.
 */
export function findKernel(space: AddressSpace, hint: bigint | undefined): KernelImage | undefined {
  if (hint !== undefined) {
    const top = hint & ~(PAGE - 1n);
    for (let at = top; at > top - HINT_REACH; at -= PAGE) {
      const found = kernelAt(space, at);
      if (found !== undefined) return found;
    }
  }
  for (const [start, end] of RANGES) {
    let left = MAX_PAGES;
    for (const mapping of space.mappings(start, end)) {
      for (let page = 0; page < mapping.pages && left > 0; page += 1, left -= 1) {
        const found = kernelAt(space, mapping.start + BigInt(page) * PAGE);
        if (found !== undefined) return found;
      }
    }
  }
  return undefined;
}
