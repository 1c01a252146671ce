import { FormatError } from '../bytes/errors.js';
import { walk } from '../bytes/walk.js';
import { wordAt } from '../bytes/word.js';
import type { Kernel } from './kernel.js';

const PAGE = 4096;
/** Bytes of an entry of a leaf: key and value. */
const LEAF_ENTRY = 8;
/** With a hundred children a node, ten levels hold more keys than there are. */
const MOST_LEVELS = 10;

/** One page of a tree, as it was read. */
interface TreePage {
  /** Of a leaf: what the key leads to. */
  readonly value: number | undefined;
  readonly next: readonly bigint[];
}

/**
 * Looks a key up in a B+-tree of the store manager. Each of its pages begins with the count of entries (2 bytes), the level (1), whether it is
 * a leaf (1), and the pointer to the page of keys below the first; then the entries, ascending: key and value of a leaf, key and pointer else.
 *
 * @param root address of the tree's first page
 * @param where the place named in anomalies
 * @returns the key's value; undefined when the tree does not have it or a page on the way is not in the image
 */
export function treeValue(kernel: Kernel, root: bigint, key: number, where: string): number | undefined {
  let value: number | undefined;
  const pages = walk([root], (address) => address, (address) => {
    const page = treePage(kernel, address, key);
    return page === undefined ? undefined : { value: page, next: page.next };
  }, { where, cap: MOST_LEVELS, anomalies: kernel.anomalies });
  for (const page of pages) value = page.value;
  return value;
}

function treePage(kernel: Kernel, address: bigint, key: number): TreePage | undefined {
  if (!kernel.isKernelAddress(address)) throw new FormatError('a tree of the compressed store leads out of kernel memory', address);
  const bytes = kernel.memory.read(address, PAGE);
  if (bytes === undefined) return undefined;
  const leaf = bytes[3] !== 0;
  const entry = leaf ? LEAF_ENTRY : 2 * kernel.pointerSize;
  const first = 2 * kernel.pointerSize;
  const count = bytes.readUInt16LE(0);
  if (first + count * entry > PAGE) throw new FormatError(`a page of a tree of the compressed store has ${count} entries`, address);
  const found = lastNotAbove(bytes, first, entry, count, key);
  if (leaf) {
    const at = first + found * entry;
    return { value: found >= 0 && bytes.readUInt32LE(at) === key ? bytes.readUInt32LE(at + 4) : undefined, next: [] };
  }
  // Before the first key: the pointer of the header.
  const child = wordAt(bytes, found < 0 ? kernel.pointerSize : first + found * entry + kernel.pointerSize, kernel.pointerSize);
  return { value: undefined, next: child === 0n ? [] : [child] };
}

/** Index of the last entry whose key is not above `key`; -1 when there is none. */
function lastNotAbove(bytes: Buffer, first: number, entry: number, count: number, key: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bytes.readUInt32LE(first + middle * entry) <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
