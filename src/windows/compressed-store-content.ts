import { FormatError } from '../bytes/errors.js';
import { walk } from '../bytes/walk.js';
import { wordAt } from '../bytes/word.js';
import type { AddressSpace } from '../paging/address-space.js';
import type { StoreLayout } from './compressed-store-layouts.js';
import { processAt, storeOwner } from './compressed-store-manager.js';
import { treeValue } from './compressed-store-tree.js';
import type { Kernel } from './kernel.js';
import { listedProcesses } from './process-list.js';
import type { ProcessFacts } from './process.js';

const PAGE = 4096;
/** A chunk's rows: the highest bit of the chunk's number says which. */
const CHUNK_ROWS = 32;
/** A chunk is a few pages of records. */
const MOST_CHUNK = 1 << 20;
/** `_ST_PAGE_RECORD`: key of a region, or this, then the key of the record that stands for it (4 bytes); else the packed size (2 bytes). */
const ELSEWHERE = 0xffff_ffff;
const RECORD = 8;
/** Records that stand for one another; more in a row are made up. */
const MOST_ELSEWHERE = 32;
/** Regions begin at multiples of 64 KiB, and keys count their parts in units of 16 bytes. */
const REGION_ALIGN = 0xffffn;
const UNIT = 16;
const SYSTEM_PID = 4;
const OWNER_NAME = 'MemCompression';

/** A page as it is kept: packed, or 4096 bytes as they were. */
export interface PackedPage {
  readonly bytes: Uint8Array;
  /** `COMPRESSION_FORMAT_…` */
  readonly format: number | 'lz4';
}

interface PageRecord {
  /** Of the region and the part in it where the page is kept. */
  readonly key: number;
  /** Packed size in bytes. */
  readonly size: number;
}

/** A `_SMKM_STORE`: some of the pages, kept in regions of a process's memory. */
export class Store {
  readonly #where: string;
  #space: AddressSpace | undefined;
  #sought = false;

  private constructor(
    private readonly kernel: Kernel,
    private readonly layout: StoreLayout,
    private readonly address: bigint,
    /** Of its `_ST_DATA_MGR`. */
    private readonly data: Buffer,
    private readonly regions: bigint,
    index: number,
  ) {
    this.#where = `compressed store ${index}`;
  }

  /** Reads a store's own fields; undefined when they are not in the image. */
  static at(kernel: Kernel, layout: StoreLayout, address: bigint, index: number): Store | undefined {
    const end = Math.max(layout.regionShift + 4, typeof layout.format === 'number' ? layout.format + 2 : 0);
    const data = kernel.memory.read(address + BigInt(layout.data), end);
    const regions = kernel.pointer(address + BigInt(layout.regions));
    if (data === undefined || regions === undefined) return undefined;
    return new Store(kernel, layout, address, data, regions, index);
  }

  /**
   * A page as it is kept, by its page key; undefined when the store does not have it or parts of it are not in the image.
   * @throws FormatError when what leads to it contradicts itself
   */
  packed(key: number): PackedPage | undefined {
    const found = treeValue(this.kernel, wordAt(this.data, 0, this.kernel.pointerSize), key, `${this.#where}, tree of pages`);
    const record = found === undefined ? undefined : this.#record(found);
    const address = record === undefined ? undefined : this.#keptAt(record);
    if (record === undefined || address === undefined) return undefined;
    const { format } = this.layout;
    const bytes = this.#memory()?.read(address, record.size);
    return bytes === undefined ? undefined : { bytes, format: typeof format === 'number' ? this.data.readUInt16LE(format) : format };
  }

  /** The record that a key leads to, over those that only name another. */
  #record(first: number): PageRecord | undefined {
    let found: PageRecord | undefined;
    const steps = walk([first], (key) => key, (key) => {
      const at = this.#recordAddress(key);
      const bytes = at === undefined ? undefined : this.kernel.memory.read(at, RECORD);
      if (at === undefined || bytes === undefined) return undefined;
      const region = bytes.readUInt32LE(0);
      if (region === ELSEWHERE) return { value: undefined, next: [bytes.readUInt32LE(4)] };
      return { value: { key: region, size: packedSize(bytes.readUInt16LE(4), at) }, next: [] };
    }, { where: this.#where, cap: MOST_ELSEWHERE, anomalies: this.kernel.anomalies });
    for (const record of steps) found = record;
    return found;
  }

  /** Where a record lies: rows of chunks double in length, the highest bit of a chunk's number names the row. */
  #recordAddress(key: number): bigint | undefined {
    const { kernel, layout: { chunks, chunk, chunkEntry } } = this;
    const field = (at: number): number => this.data.readUInt32LE(chunks + at);
    const number = key >>> (field(chunk.keyShift) & 0x1f);
    if (number === 0) throw new FormatError(`key 0x${key.toString(16)} names no chunk of a compressed store`);
    const row = CHUNK_ROWS - 1 - Math.clz32(number);
    const entries = wordAt(this.data, chunks + row * kernel.pointerSize, kernel.pointerSize);
    if (!kernel.isKernelAddress(entries)) throw new FormatError(`row ${row} of a compressed store's chunks is no address of the kernel`, entries);
    const start = kernel.pointer(entries + BigInt((number - 2 ** row) * chunkEntry));
    if (start === undefined) return undefined;
    if (!kernel.isKernelAddress(start)) throw new FormatError('a chunk of a compressed store is no address of the kernel', start);
    const inChunk = field(chunk.headerSize) + (key & field(chunk.recordMask)) * field(chunk.recordSize);
    if (inChunk < 0 || inChunk > MOST_CHUNK) throw new FormatError(`a record of a compressed store lies 0x${inChunk.toString(16)} bytes into its chunk`, start);
    return start + BigInt(inChunk);
  }

  /** Where a page is kept, in the memory of the process that owns the store. */
  #keptAt({ key, size }: PageRecord): bigint | undefined {
    const { kernel, layout } = this;
    const index = key >>> (this.data.readUInt32LE(layout.regionShift) & 0x1f);
    const region = kernel.isKernelAddress(this.regions) ? kernel.pointer(this.regions + BigInt(index * kernel.pointerSize)) : undefined;
    if (region === undefined) return undefined;
    const start = region & ~REGION_ALIGN;
    const address = start + BigInt(((key & this.data.readUInt32LE(layout.regionMask)) >>> 0) * UNIT);
    if (start === 0n || address + BigInt(size) > kernel.mode.kernelStart) throw new FormatError(`region ${index} of a compressed store is no user memory`, region);
    return address;
  }

  #memory(): AddressSpace | undefined {
    if (!this.#sought) {
      this.#sought = true;
      const facts = this.#ownerFacts();
      if (facts === undefined) this.kernel.anomalies.add(this.#where, `the process ${OWNER_NAME} is not in the image: the pages that it keeps are missing`);
      else this.#space = this.kernel.processSpace(facts.dtb);
    }
    return this.#space;
  }

  /** The process that the store names; else the one that is called so. */
  #ownerFacts(): ProcessFacts | undefined {
    const { kernel, layout, address } = this;
    const named = storeOwner(kernel, layout, address);
    if (named !== undefined) return named;
    for (const process of listedProcesses(kernel)) {
      const facts = kernel.anomalies.attempt(this.#where, () => processAt(kernel, process));
      if (facts?.shortName !== OWNER_NAME || facts.ppid !== SYSTEM_PID) continue;
      kernel.anomalies.add(this.#where, `the store names no process as its owner: ${OWNER_NAME} is taken`, address);
      return facts;
    }
    return undefined;
  }
}

/** The lower twelve bits; a whole page stands for itself. @throws FormatError when nothing is kept */
function packedSize(stored: number, address: bigint): number {
  const size = stored === PAGE ? PAGE : stored % PAGE;
  if (size === 0) throw new FormatError('a record of a compressed store keeps no bytes', address);
  return size;
}
