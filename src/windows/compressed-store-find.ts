import { wordAt } from '../bytes/word.js';
import { peHeader } from '../pe/header.js';
import { otherStoreLayouts, ownStoreLayout, type StoreLayout } from './compressed-store-layouts.js';
import { ROWS, verdict, type StoreManager } from './compressed-store-manager.js';
import type { Kernel } from './kernel.js';

/** The section that kernels keep SmGlobals in, among other variables that are aligned to cache lines. */
const SECTION = 'CACHEALI';
/** Larger than that section of any build. */
const MOST_BYTES = 4 << 20;
const PAGE = 4096n;

/**
 * The store manager of a kernel whose symbols are not known: a row of pointers into the kernel and a tree's page where the layout has them, with
 * a store that names itself and a process as its owner. Undefined when nothing is so.
 */
export function findStoreManager(kernel: Kernel, build: number): StoreManager | undefined {
  const layout = ownStoreLayout(build, kernel.pointerSize) ?? otherStoreLayouts(build, kernel.pointerSize)[0];
  const section = peHeader(kernel.memory, kernel.base)?.sections.find(({ name }) => name === SECTION);
  if (layout === undefined || section === undefined || section.virtualSize > MOST_BYTES) return undefined;
  const bytes = Buffer.alloc(section.virtualSize);
  const start = kernel.base + BigInt(section.rva);
  if (kernel.memory.fill(start, bytes) === bytes.length) return undefined;
  for (const address of managers(kernel, layout, start, bytes)) {
    const tree = kernel.pointer(address + BigInt(layout.storeTree));
    if (tree === undefined || !kernel.isKernelAddress(tree) || tree % PAGE !== 0n) continue;
    const manager = { layout, address, tree };
    if (rowsFit(kernel, address) && verdict(kernel, manager) === 'holds') return manager;
  }
  return undefined;
}

/** Where a manager can be by the variables: itself, or what one points into. */
function* managers(kernel: Kernel, { apart, storeTree, pointerSize }: StoreLayout, start: bigint, bytes: Buffer): Generator<bigint> {
  // The variable's own pointers tell most places apart without a read.
  const told = apart?.pointer ?? storeTree;
  for (let at = 0; at + told + pointerSize <= bytes.length; at += pointerSize) {
    const pointer = wordAt(bytes, at + told, pointerSize);
    if (!kernel.isKernelAddress(pointer)) continue;
    if (apart !== undefined) yield pointer - BigInt(apart.into);
    else if (pointer % PAGE === 0n) yield start + BigInt(at);
  }
}

/** All of a manager's pointers to rows of stores are addresses of the kernel, or none. */
function rowsFit(kernel: Kernel, address: bigint): boolean {
  const bytes = kernel.memory.read(address, ROWS * kernel.pointerSize);
  if (bytes === undefined) return false;
  let any = false;
  for (let row = 0; row < ROWS; row += 1) {
    const pointer = wordAt(bytes, row * kernel.pointerSize, kernel.pointerSize);
    if (pointer === 0n) continue;
    if (!kernel.isKernelAddress(pointer)) return false;
    any = true;
  }
  return any;
}
