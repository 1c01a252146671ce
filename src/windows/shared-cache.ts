import { FormatError } from '../bytes/errors.js';
import { wordAt } from '../bytes/word.js';
import { big, number, place, struct } from '../profile/struct.js';
import type { Kernel } from './kernel.js';

const CACHE_MAP = struct('_SHARED_CACHE_MAP', {
  type: number('NodeTypeCode'),
  fileSize: big('FileSize'),
  sectionSize: big('SectionSize'),
  initial: place('InitialVacbs'),
  vacbs: big('Vacbs'),
});
const VACB = struct('_VACB', { base: big('BaseAddress'), cacheMap: big('SharedCacheMap'), offset: big('Overlay.FileOffset') });

/** CACHE_NTC_SHARED_CACHE_MAP. */
const SHARED_CACHE_MAP = 0x2ff;
/** Bytes of a view (VACB_MAPPING_GRANULARITY). */
export const VIEW = 0x4_0000;
/** Views that InitialVacbs has room for. */
const INITIAL = 4;
/** Pointers in a block of the array, as a power of two (VACB_LEVEL_SHIFT); one level of them spans 32 MiB. */
const LEVEL_BITS = 7;
/** The most levels that a section of 2^63 bytes needs. */
const MAX_LEVELS = 7;
/** Views of a file: 64 GiB in memory at once. */
const MAX_VIEWS = 1 << 18;
const MAX_BLOCKS = 1 << 14;
/** Views of the largest file whose offsets are exact numbers. */
const MOST = Math.floor(Number.MAX_SAFE_INTEGER / VIEW);
/** In `Overlay.FileOffset` the low 16 bits count users. */
const OFFSET_MASK = ~0xffffn;

/** How the cache manager holds a file. Corresponds to `_SHARED_CACHE_MAP`. */
export interface SharedCache {
  readonly address: bigint;
  readonly fileSize: bigint;
  readonly sectionSize: bigint;
  /** Where the first block of pointers begins, and how many levels of them there are. */
  readonly vacbs: bigint;
  readonly levels: number;
}

/** A stretch of 256 KiB of a file in the system's address space. Corresponds to `_VACB`. */
export interface CacheView {
  /** Place in the file. */
  readonly offset: number;
  readonly base: bigint;
}

/**
 * The shared cache map at an address; undefined when it is not in the image.
 * @throws FormatError when there is none
 */
export function sharedCache(kernel: Kernel, address: bigint): SharedCache | undefined {
  if (!kernel.isKernelAddress(address)) throw new FormatError('a section object pointer leads to no shared cache map', address);
  const record = kernel.read(CACHE_MAP, address);
  if (record === undefined) return undefined;
  if (record.type !== SHARED_CACHE_MAP) throw new FormatError('there is no shared cache map', address);
  const { fileSize, sectionSize, initial, vacbs } = record;
  const few = sectionSize <= BigInt(INITIAL * VIEW);
  let levels = 1;
  while (levels < MAX_LEVELS && sectionSize > BigInt(VIEW) << BigInt(LEVEL_BITS * levels)) levels += 1;
  return { address, fileSize, sectionSize, vacbs: few && vacbs === 0n ? initial : vacbs, levels };
}

/** The views of a cached file, ascending by place in the file. A view that contradicts its place is an anomaly. */
export function* cacheViews(kernel: Kernel, cache: SharedCache, where: string): Generator<CacheView> {
  const budget = { views: MAX_VIEWS, blocks: MAX_BLOCKS };
  const count = Math.min(Math.ceil(Number(cache.sectionSize) / VIEW), MOST);
  for (const { index, vacb } of pointers(kernel, cache.vacbs, cache.levels, 0, count, budget)) {
    const offset = index * VIEW;
    const view = kernel.anomalies.attempt(where, () => viewAt(kernel, cache, vacb, offset));
    if (view !== undefined) yield view;
  }
  if (budget.views <= 0 || budget.blocks <= 0) kernel.anomalies.add(where, 'the cache has more views than are looked at', cache.address);
}

function viewAt(kernel: Kernel, cache: SharedCache, address: bigint, offset: number): CacheView | undefined {
  if (!kernel.isKernelAddress(address)) throw new FormatError('a view of the cache lies outside the kernel', address);
  const record = kernel.read(VACB, address);
  if (record === undefined) return undefined;
  if (record.cacheMap !== cache.address) throw new FormatError('a view of the cache belongs to another file', address);
  if ((record.offset & OFFSET_MASK) !== BigInt(offset)) throw new FormatError(`a view of the cache says that it begins at 0x${(record.offset & OFFSET_MASK).toString(16)}, not 0x${offset.toString(16)}`, address);
  if (!kernel.isKernelAddress(record.base) || record.base % 4096n !== 0n) throw new FormatError('a view of the cache has no address', address);
  return { offset, base: record.base };
}

interface Budget {
  views: number;
  blocks: number;
}

/** The pointers in use below a block of `levels` levels, with the index of their view. */
function* pointers(kernel: Kernel, block: bigint, levels: number, first: number, count: number, budget: Budget): Generator<{ readonly index: number; readonly vacb: bigint }> {
  if (budget.blocks <= 0 || budget.views <= 0 || !kernel.isKernelAddress(block)) return;
  budget.blocks -= 1;
  const span = 2 ** (LEVEL_BITS * (levels - 1));
  const slots = Math.min(2 ** LEVEL_BITS, Math.ceil((count - first) / span));
  const bytes = slots <= 0 ? undefined : kernel.memory.read(block, slots * kernel.pointerSize);
  if (bytes === undefined) return;
  for (let slot = 0; slot < slots; slot += 1) {
    const pointer = wordAt(bytes, slot * kernel.pointerSize, kernel.pointerSize);
    if (pointer === 0n) continue;
    const index = first + slot * span;
    if (levels > 1) yield* pointers(kernel, pointer, levels - 1, index, count, budget);
    else {
      budget.views -= 1;
      if (budget.views <= 0) return;
      yield { index, vacb: pointer };
    }
  }
}
