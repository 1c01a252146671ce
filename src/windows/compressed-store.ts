import { FormatError } from '../bytes/errors.js';
import { unpackLz4 } from '../compress/lz4.js';
import { unpackXpressHuffman } from '../compress/xpress-huffman.js';
import { unpackXpress } from '../compress/xpress.js';
import { Store, type PackedPage } from './compressed-store-content.js';
import { findStoreManager } from './compressed-store-find.js';
import { MOST_STORES, storeAddress, storeManager, type StoreManager } from './compressed-store-manager.js';
import { treeValue } from './compressed-store-tree.js';
import type { Kernel } from './kernel.js';
import { pageFileTable } from './page-file-table.js';

/** The pages that Windows 10 and 11 compressed and kept in memory, told from those in page files by the number of a page file that is none. */
export interface CompressedStore {
  /** Numbers of the page files that are virtual stores. */
  readonly files: readonly number[];
  /** Whether the page's bytes are in the image as they are kept: `read` would unpack them. */
  has(offset: number): boolean;
  /**
   * @param offset in pages, as a PTE that names one of `files` says
   * @returns the page's 4096 bytes; undefined when they are not in the image
   */
  read(offset: number): Uint8Array | undefined;
}

const WHERE = 'compressed store';
const PAGE = 4096;
/** Windows 10 brought the store as it is here. */
const FIRST_BUILD = 10_240;
/** On a machine with pagefile.sys and swapfile.sys the virtual store is the next. */
const USUAL_FILE = 2;
/** A page key has four bits for the number of the page file and 28 for the offset. */
const FILE_SHIFT = 28;
/** This bit of what a key leads to says that its store is not there. */
const NO_STORE = 0x0100_0000;
/** The same page is asked for again while its bytes are read one after the other. */
const REMEMBERED = 64;

/** How a page is unpacked, by the build's own way or COMPRESSION_FORMAT_… as RtlDecompressBufferEx takes it. */
const FORMATS: ReadonlyMap<number | 'lz4', (packed: Uint8Array, size: number) => Uint8Array> = new Map<number | 'lz4', typeof unpackLz4>([
  [3, unpackXpress], [4, unpackXpressHuffman], ['lz4', unpackLz4],
]);

/**
 * The compressed store of an image; undefined before Windows 10, and where it has none. Nothing of it is read before it is asked for a page, but
 * where no symbol leads to it. Where it cannot be found that is an anomaly.
 */
export function compressedStore(kernel: Kernel): CompressedStore | undefined {
  const build = runningBuild(kernel);
  if (build < FIRST_BUILD) return undefined;
  const table = pageFileTable(kernel);
  const files = table.length === 0 ? undefined : table.filter(({ virtualStore }) => virtualStore).map(({ number }) => number);
  if (files?.length === 0) return undefined;
  const globals = kernel.symbol('SmGlobals');
  if (globals !== undefined) return new VirtualStore(kernel, files ?? [USUAL_FILE], () => storeManager(kernel, globals, build, WHERE));
  const found = kernel.anomalies.attempt(WHERE, () => findStoreManager(kernel, build));
  if (found === undefined) {
    kernel.anomalies.add(WHERE, 'the kernel\'s symbol SmGlobals is not known, and nothing else led to the store: compressed pages are missing; a symbol file of this kernel would tell');
    return files === undefined ? undefined : new VirtualStore(kernel, files, () => undefined);
  }
  kernel.anomalies.add(WHERE, 'the kernel\'s symbol SmGlobals is not known: the store was found by what it is', found.address);
  return new VirtualStore(kernel, files ?? [USUAL_FILE], () => found);
}

/** By `_KUSER_SHARED_DATA.NtBuildNumber`, which is Windows 10's, since layouts may be those of the nearest build; else by the layouts. */
function runningBuild({ memory, mode, profile }: Kernel): number {
  const build = (memory.read(mode.sharedData + 0x260n, 4)?.readUInt32LE(0) ?? 0) & 0xffff;
  return profile.build >= FIRST_BUILD && build >= FIRST_BUILD ? build : profile.build;
}

class VirtualStore implements CompressedStore {
  #manager: StoreManager | undefined;
  #located = false;
  /** What it reads may lie in the store itself, which cannot be told then. */
  #reading = false;
  readonly #stores = new Map<number, Store | undefined>();
  /** The last pages, the oldest first. */
  readonly #pages = new Map<number, Uint8Array>();

  constructor(
    private readonly kernel: Kernel,
    readonly files: readonly number[],
    private readonly locate: () => StoreManager | undefined,
  ) {}

  has(offset: number): boolean {
    return this.#pages.get(offset) !== undefined || this.#guarded(offset, (manager, key) => this.#packed(manager, key)) !== undefined;
  }

  read(offset: number): Uint8Array | undefined {
    const known = this.#pages.get(offset);
    if (known !== undefined) {
      this.#pages.delete(offset);
      this.#pages.set(offset, known);
      return known;
    }
    const page = this.#guarded(offset, (manager, key) => {
      const packed = this.#packed(manager, key);
      return packed === undefined ? undefined : unpacked(packed);
    });
    if (page === undefined) return undefined;
    this.#pages.set(offset, page);
    const [oldest] = this.#pages.keys();
    if (this.#pages.size > REMEMBERED) this.#pages.delete(oldest!);
    return page;
  }

  /** What is found by the page's keys, a key for each of the files; a contradiction is an anomaly. */
  #guarded<T>(offset: number, find: (manager: StoreManager, key: number) => T | undefined): T | undefined {
    if (this.#reading || !Number.isInteger(offset) || offset < 0 || offset >= 2 ** FILE_SHIFT) return undefined;
    this.#reading = true;
    try {
      return this.kernel.anomalies.attempt(WHERE, () => {
        if (!this.#located) {
          this.#located = true;
          this.#manager = this.locate();
        }
        const manager = this.#manager;
        if (manager === undefined) return undefined;
        const keys = new Set(this.files.map((file) => ((file * 2 ** FILE_SHIFT + offset) & manager.layout.keyMask) >>> 0));
        for (const key of keys) {
          const found = find(manager, key);
          if (found !== undefined) return found;
        }
        return undefined;
      });
    } finally {
      this.#reading = false;
    }
  }

  #packed(manager: StoreManager, key: number): PackedPage | undefined {
    const index = treeValue(this.kernel, manager.tree, key, `${WHERE}, tree of stores`);
    return index === undefined || (index & NO_STORE) !== 0 ? undefined : this.#store(manager, index % MOST_STORES)?.packed(key);
  }

  #store(manager: StoreManager, index: number): Store | undefined {
    if (!this.#stores.has(index)) {
      const address = storeAddress(this.kernel, manager, index);
      this.#stores.set(index, address === undefined ? undefined : Store.at(this.kernel, manager.layout, address, index));
    }
    return this.#stores.get(index);
  }
}

/** A page as it was before. A page that would not become smaller is kept as it is. */
function unpacked({ bytes, format }: PackedPage): Uint8Array {
  if (bytes.length === PAGE) return bytes;
  const unpack = FORMATS.get(format);
  if (unpack === undefined) throw new FormatError(`pages are compressed in format ${format}, which is not known`);
  return unpack(bytes, PAGE);
}
