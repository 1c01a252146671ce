import { wordAt } from '../bytes/word.js';
import { number, optional, struct, unicode } from '../profile/struct.js';
import type { Kernel } from './kernel.js';

const PAGING_FILE = struct('_MMPAGING_FILE', {
  pages: number('Size'),
  name: unicode('PageFileName'),
  number: optional(number('PageFileNumber')),
  virtualStore: optional(number('VirtualStorePagefile')),
});

/** A page file as the kernel knows it. Corresponds to `_MMPAGING_FILE`. */
export interface KernelPageFile {
  /** As PTEs name it. */
  readonly number: number;
  /** `\??\C:\pagefile.sys`; undefined when it has none or it is not in the image. */
  readonly name: string | undefined;
  /** Its size in pages of 4 KiB. */
  readonly pages: number;
  /** None on disk: the store of compressed pages stands behind it. */
  readonly virtualStore: boolean;
}

/** A PTE has four bits for the number of a page file. */
const MOST_FILES = 16;
/** Larger than a `_MI_PARTITION` of any build. */
const MOST_PARTITION = 0x1_0000;
/** No page file has more pages than a PTE can name. */
const MOST_PAGES = 2 ** 32;
const MAX_NAME = 0x400;

const tables = new WeakMap<Kernel, readonly KernelPageFile[]>();

/**
 * The page files of the machine, by `MmPagingFile` (before Windows 10) or `MiSystemPartition.Vp.PagingFile`; none when they are not to be
 * found. Read once.
 */
export function pageFileTable(kernel: Kernel): readonly KernelPageFile[] {
  let known = tables.get(kernel);
  if (known === undefined) tables.set(kernel, known = kernel.anomalies.attempt('page files', () => table(kernel)) ?? []);
  return known;
}

function table(kernel: Kernel): readonly KernelPageFile[] {
  if (kernel.profile.sizeOf(PAGING_FILE.name) === undefined) return [];
  const array = kernel.symbol('MmPagingFile');
  if (array !== undefined) return entries(kernel, kernel.memory.read(array, MOST_FILES * kernel.pointerSize), 0);
  const partition = kernel.symbol('MiSystemPartition');
  if (partition === undefined) return [];
  const place = kernel.profile.field('_MI_PARTITION', 'Vp.PagingFile');
  if (place !== undefined) return entries(kernel, kernel.memory.read(partition + BigInt(place.offset), MOST_FILES * kernel.pointerSize), 0);
  return searched(kernel, partition);
}

/** Public layouts of some builds lack `_MI_VISIBLE_PARTITION`: the table is the first row of pointers in it whose targets bear their place as their number. */
function searched(kernel: Kernel, partition: bigint): readonly KernelPageFile[] {
  const visible = kernel.profile.field('_MI_PARTITION', 'Vp')?.offset;
  const size = kernel.profile.sizeOf('_MI_PARTITION');
  if (visible === undefined || size === undefined || size > MOST_PARTITION || visible >= size) return [];
  const bytes = Buffer.alloc(size - visible);
  kernel.memory.fill(partition + BigInt(visible), bytes);
  for (let at = 0; at + kernel.pointerSize <= bytes.length; at += kernel.pointerSize) {
    const found = entries(kernel, bytes, at);
    // One may be anything; a name as page files have settles it, or the tag of the pool block of a store that stands behind no file.
    if (found.some(({ name, virtualStore }) => (name === undefined ? virtualStore && tagged(kernel, bytes, at) : /\.sys$/i.test(name)))) return found;
  }
  return [];
}

/** Whether the first entry lies in a pool block as the kernel allocates them for page files. */
function tagged(kernel: Kernel, bytes: Buffer, at: number): boolean {
  const address = wordAt(bytes, at, kernel.pointerSize);
  return kernel.memory.read(address - (kernel.pointerSize === 8 ? 12n : 4n), 4)?.toString('latin1') === 'Mm  ';
}

/** The entries that pointers from `at` on lead to, each with its own place as its number. */
function entries(kernel: Kernel, bytes: Buffer | undefined, at: number): readonly KernelPageFile[] {
  const found: KernelPageFile[] = [];
  for (let index = 0; bytes !== undefined && index < MOST_FILES; index += 1) {
    const from = at + index * kernel.pointerSize;
    if (from + kernel.pointerSize > bytes.length) break;
    const address = wordAt(bytes, from, kernel.pointerSize);
    if (!kernel.isKernelAddress(address)) break;
    const record = kernel.read(PAGING_FILE, address);
    if (record === undefined || (record.number ?? index) !== index || record.pages < 0 || record.pages > MOST_PAGES) break;
    const { name, pages, virtualStore } = record;
    const plausible = name.length % 2 === 0 && name.length <= MAX_NAME && name.length <= name.maximumLength;
    found.push({ number: index, name: plausible ? kernel.text(name) || undefined : undefined, pages, virtualStore: virtualStore === 1 });
  }
  return found;
}
