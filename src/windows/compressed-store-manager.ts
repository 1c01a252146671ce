import { wordAt } from '../bytes/word.js';
import { otherStoreLayouts, ownStoreLayout, type StoreLayout } from './compressed-store-layouts.js';
import type { Kernel } from './kernel.js';
import { plausibleProcess, processFacts } from './process-list.js';
import type { ProcessFacts } from './process.js';

/** The store manager of an image, and how it is laid out. */
export interface StoreManager {
  readonly layout: StoreLayout;
  /** Address of its `_SMKM_STORE_MGR`. */
  readonly address: bigint;
  /** Address of the first page of the tree from page keys to stores. */
  readonly tree: bigint;
}

/** Stores are found in 32 arrays of 32. */
export const ROWS = 32;
const PER_ROW = 32;
export const MOST_STORES = ROWS * PER_ROW;

/**
 * The store manager that the kernel's SmGlobals is or leads to; undefined when it has no store, or none that is laid out as any build's are
 * known to be. What is not known of the build, and layouts that were taken from another, are anomalies.
 *
 * @param globals address of SmGlobals
 * @param where the place named in anomalies
 */
export function storeManager(kernel: Kernel, globals: bigint, build: number, where: string): StoreManager | undefined {
  const by = (layout: StoreLayout): { manager: StoreManager; verdict: Verdict } | undefined => {
    const manager = managerBy(kernel, globals, layout);
    return manager === undefined ? undefined : { manager, verdict: verdict(kernel, manager) };
  };
  const own = ownStoreLayout(build, kernel.pointerSize);
  const ours = own === undefined ? undefined : by(own);
  if (ours?.verdict === 'holds') return ours.manager;
  for (const layout of otherStoreLayouts(build, kernel.pointerSize)) {
    const other = by(layout);
    if (other?.verdict !== 'holds') continue;
    kernel.anomalies.add(where, own === undefined
      ? `how build ${build} lays out its stores is not published; those of this image are laid out as build ${layout.build}'s`
      : `the stores of this image are not laid out as build ${build}'s are known to be, but as build ${layout.build}'s`, globals);
    return other.manager;
  }
  if (own === undefined) {
    kernel.anomalies.add(where, `how build ${build} lays out its stores is not published, and no other build's layout fits: compressed pages are missing`, globals);
  } else if (ours?.verdict === 'contradicts') {
    kernel.anomalies.add(where, `no store of this image is laid out as build ${build}'s are known to be: what is read of them is not verified`, globals);
  }
  return ours?.manager;
}

function managerBy(kernel: Kernel, globals: bigint, layout: StoreLayout): StoreManager | undefined {
  let address = globals;
  if (layout.apart !== undefined) {
    const pointer = kernel.pointer(globals + BigInt(layout.apart.pointer));
    if (pointer === undefined || !kernel.isKernelAddress(pointer)) return undefined;
    address = pointer - BigInt(layout.apart.into);
  }
  const tree = kernel.pointer(address + BigInt(layout.storeTree));
  return tree === undefined || !kernel.isKernelAddress(tree) ? undefined : { layout, address, tree };
}

/** `holds`: a store names itself, and a process as its owner; `names itself`: only that. */
export type Verdict = 'holds' | 'names itself' | 'contradicts' | 'nothing to see';

/** Whether the stores that a manager leads to are what its layout says. */
export function verdict(kernel: Kernel, manager: StoreManager): Verdict {
  const { layout } = manager;
  let seen: Verdict = 'nothing to see';
  for (const store of storeAddresses(kernel, manager)) {
    const self = kernel.pointer(store + BigInt(layout.data + layout.self));
    if (self === store) {
      if (storeOwner(kernel, layout, store) !== undefined) return 'holds';
      seen = 'names itself';
    } else if (self !== undefined && seen === 'nothing to see') {
      seen = 'contradicts';
    }
  }
  return seen;
}

/** The process that a store says its regions are in; undefined when what it names is none. */
export function storeOwner(kernel: Kernel, layout: StoreLayout, store: bigint): ProcessFacts | undefined {
  const address = kernel.pointer(store + BigInt(layout.owner));
  return address === undefined || !kernel.isKernelAddress(address) ? undefined : processAt(kernel, address);
}

/** What can be a process at an address; undefined when nothing there can. */
export function processAt(kernel: Kernel, address: bigint): ProcessFacts | undefined {
  const facts = processFacts(kernel, address);
  return facts !== undefined && plausibleProcess(kernel, facts, true) ? facts : undefined;
}

function* storeAddresses(kernel: Kernel, { layout, address }: StoreManager): Generator<bigint> {
  const rows = kernel.memory.read(address, ROWS * kernel.pointerSize);
  if (rows === undefined) return;
  for (let row = 0; row < ROWS; row += 1) {
    const array = wordAt(rows, row * kernel.pointerSize, kernel.pointerSize);
    const entries = kernel.isKernelAddress(array) ? kernel.memory.read(array, PER_ROW * layout.metadataSize) : undefined;
    if (entries === undefined) continue;
    for (let i = 0; i < PER_ROW; i += 1) {
      const store = wordAt(entries, i * layout.metadataSize, kernel.pointerSize);
      if (kernel.isKernelAddress(store)) yield store;
    }
  }
}

/** Address of the `_SMKM_STORE` with that number, less than `MOST_STORES`; undefined when there is none. */
export function storeAddress(kernel: Kernel, { layout, address }: StoreManager, index: number): bigint | undefined {
  const array = kernel.pointer(address + BigInt(Math.floor(index / PER_ROW) * kernel.pointerSize));
  if (array === undefined || !kernel.isKernelAddress(array)) return undefined;
  const store = kernel.pointer(array + BigInt((index % PER_ROW) * layout.metadataSize));
  return store === undefined || !kernel.isKernelAddress(store) ? undefined : store;
}
