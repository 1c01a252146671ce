import { Profile } from '../../src/profile/profile.js';
import type { StoreLayout } from '../../src/windows/compressed-store-layouts.js';
import { familyProfile } from './families.js';
import { lz4Bytes } from './lz4-bytes.js';
import type { Machine } from './machine.js';
import type { ModeName } from './table-rules.js';
import type { Space } from './tables.js';
import { xpressBytes } from './xpress-bytes.js';

const PAGE = 4096;
/** In families' layouts, before their variables. */
const SYMBOLS: Readonly<Record<string, number>> = { SmGlobals: 0x15_0000, MiSystemPartition: 0x16_0000, MiState: 0x17_0000 };

/** A family's layouts, with the symbols that lead to the compressed store; `without`: these are not known. */
export function storeProfile(build: number, mode: ModeName = 'x64', without: readonly string[] = []): Profile {
  const base = familyProfile(build, mode);
  return new Profile(base.id, base.version, base.source, base.pointerSize, (name) => base.fact(name),
    (name) => (without.includes(name) ? undefined : SYMBOLS[name] ?? base.symbol(name)), base.label, base.machine);
}

export interface StoredPage {
  /** In pages, as the PTE says. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Kept as it is. */
  readonly whole?: boolean;
  /** So many records stand before its own, each naming the next. */
  readonly behind?: number;
  /** These bytes are kept instead of what the page packs to. */
  readonly packed?: Uint8Array;
}

export interface StoreOptions {
  readonly layout: StoreLayout;
  readonly pages: readonly StoredPage[];
  /** Number of the page file that is the virtual store. */
  readonly file?: number;
  /** Entries of a tree's page: few, so that trees get levels. */
  readonly fanOut?: number;
  /** `COMPRESSION_FORMAT_…` that the store says. */
  readonly format?: number;
  /** Its owner is said; else only the name of the process tells. */
  readonly ownerNamed?: boolean;
}

/** Where things of a store lie, for tests that break them. */
export interface WrittenStore {
  readonly globals: bigint;
  readonly store: bigint;
  readonly storeTree: bigint;
  readonly pageTree: bigint;
  readonly process: number;
  /** Record of a page, by its offset. */
  readonly records: ReadonlyMap<number, bigint>;
  /** Array of the addresses of regions, and where in them a page is kept. */
  readonly regions: bigint;
  readonly kept: ReadonlyMap<number, { readonly address: bigint; readonly length: number }>;
}

/** PID of the process whose memory keeps the pages. */
const OWNER = 1988;
const REGION = 0x1_0000;
const UNIT = 16;
/** 4 records a chunk, so that there are many chunks in several rows. */
const KEY_SHIFT = 2;
const RECORD_SIZE = 0x14;
const HEADER = 0x30;
/** Not the first row and not the first in it. */
const STORE_INDEX = 2 * 32 + 5;

/** Writes a whole compressed store: manager, trees, chunks, records, and the process MemCompression with the pages in its regions. */
export function writeStore(made: Machine, { layout, pages, file = 2, fanOut = 3, format = 3, ownerNamed = true }: StoreOptions): WrittenStore {
  const { kernel } = made;
  const { space } = kernel;
  made.process({ name: 'MemCompression', pid: OWNER, ppid: 4 });
  const owner = made.built(OWNER);
  const keyOf = (offset: number): number => ((file * 2 ** 28 + offset) & layout.keyMask) >>> 0;

  const { at: kept, regions } = keepPages(made, owner.space, layout, pages);
  const chunks = new Chunks(made, layout);
  const records = new Map<number, bigint>();
  const recordKeys = pages.map((page) => {
    const place = kept.get(page.offset)!;
    let { key, address } = chunks.add(place.key, place.length);
    records.set(page.offset, address);
    for (let i = 0; i < (page.behind ?? 0); i += 1) ({ key, address } = chunks.add(0xffff_ffff, key));
    return key;
  });
  const pageTree = writeTree(made, pages.map(({ offset }, i) => [keyOf(offset), recordKeys[i]!]), fanOut);
  const storeTree = writeTree(made, pages.map(({ offset }) => [keyOf(offset), 0x0200_0000 | STORE_INDEX]), fanOut);

  const store = kernel.nonpaged.pages(layout.owner + PAGE);
  const data = store + BigInt(layout.data);
  space.setPointer(data, pageTree);
  chunks.write(data + BigInt(layout.chunks));
  space.setPointer(data + BigInt(layout.self), store);
  space.setU32(data + BigInt(layout.regionMask), REGION / UNIT - 1);
  space.setU32(data + BigInt(layout.regionShift), Math.log2(REGION / UNIT));
  if (typeof layout.format === 'number') space.setU32(data + BigInt(layout.format), 0xabcd_0000 | format);
  space.setPointer(store + BigInt(layout.regions), regions);
  space.setPointer(store + BigInt(layout.owner), ownerNamed ? owner.view.address : 0n);

  const globals = kernel.symbol('SmGlobals');
  space.write(globals, Buffer.alloc(0x1000));
  let manager = globals;
  if (layout.apart !== undefined) {
    manager = kernel.nonpaged.pages(layout.apart.into + 0x100);
    space.setPointer(globals + BigInt(layout.apart.pointer), manager + BigInt(layout.apart.into));
  }
  space.setPointer(manager + BigInt(layout.storeTree), storeTree);
  const array = kernel.nonpaged.alloc(32 * layout.metadataSize, 'smSa');
  space.setPointer(manager + BigInt((STORE_INDEX >> 5) * space.pointerSize), array);
  space.setPointer(array + BigInt((STORE_INDEX & 31) * layout.metadataSize), store);
  return { globals, store, storeTree, pageTree, process: OWNER, records, regions, kept };
}

interface Kept {
  readonly key: number;
  readonly address: bigint;
  readonly length: number;
}

/** Puts packed pages into regions, now in this one, now in that. */
function keepPages({ kernel }: Machine, owner: Space, layout: StoreLayout, pages: readonly StoredPage[]): { at: Map<number, Kept>; regions: bigint } {
  const { space } = kernel;
  const first = layout.pointerSize === 8 ? 0x0000_01a2_0000_0000n : 0x0300_0000n;
  const count = 3 + Math.ceil(pages.length / 8);
  const bases = Array.from({ length: count }, (_, i) => first + BigInt((i * 7) % count) * 0x20_0000n);
  const regions = kernel.paged.pages(count * space.pointerSize);
  // The lower bits of an address are not its own.
  bases.forEach((base, i) => space.setPointer(regions + BigInt(i * space.pointerSize), base | 0x21n));
  const used = bases.map(() => 3 * UNIT);
  const at = new Map<number, Kept>();
  for (const [i, page] of pages.entries()) {
    const packed = page.packed ?? (page.whole === true ? page.bytes : layout.format === 'lz4' ? lz4Bytes(page.bytes) : xpressBytes(page.bytes));
    const region = i % count;
    const offset = used[region]!;
    const address = bases[region]! + BigInt(offset);
    owner.write(address, packed);
    used[region] = offset + Math.ceil(packed.length / UNIT) * UNIT;
    if (used[region]! > REGION) throw new Error('a region of the synthetic store is full: give it fewer pages');
    at.set(page.offset, { key: region * (REGION / UNIT) + offset / UNIT, address, length: packed.length });
  }
  return { at, regions };
}

/** `_SMHP_CHUNK_METADATA` and its chunks. */
class Chunks {
  #next = 1 << KEY_SHIFT;
  readonly #rows: bigint[] = [];
  readonly #chunks = new Map<number, bigint>();

  constructor(private readonly made: Machine, private readonly layout: StoreLayout) {}

  /** Adds a record of two words; its key and its address. */
  add(first: number, second: number): { key: number; address: bigint } {
    const key = this.#next;
    this.#next += 1;
    const { space } = this.made.kernel;
    const address = this.#chunk(key >>> KEY_SHIFT) + BigInt(HEADER + (key & ((1 << KEY_SHIFT) - 1)) * RECORD_SIZE);
    space.setU32(address, first);
    // Behind a size there is something else.
    space.setU32(address + 4n, first === 0xffff_ffff ? second : 0x5a5a_0000 | second);
    return { key, address };
  }

  /** Where the row of a chunk is, and in it the chunk. */
  #chunk(number: number): bigint {
    const known = this.#chunks.get(number);
    if (known !== undefined) return known;
    const { kernel } = this.made;
    const row = Math.floor(Math.log2(number));
    while (this.#rows.length <= row) this.#rows.push(kernel.nonpaged.alloc(2 ** this.#rows.length * this.layout.chunkEntry, 'smBA'));
    const chunk = kernel.nonpaged.pages(PAGE);
    kernel.space.setPointer(this.#rows[row]! + BigInt((number - 2 ** row) * this.layout.chunkEntry), chunk);
    this.#chunks.set(number, chunk);
    return chunk;
  }

  write(at: bigint): void {
    const { space } = this.made.kernel;
    const { chunk } = this.layout;
    this.#rows.forEach((row, i) => space.setPointer(at + BigInt(i * space.pointerSize), row));
    space.setU32(at + BigInt(chunk.keyShift), KEY_SHIFT);
    space.setU32(at + BigInt(chunk.recordMask), (1 << KEY_SHIFT) - 1);
    space.setU32(at + BigInt(chunk.recordSize), RECORD_SIZE);
    space.setU32(at + BigInt(chunk.headerSize), HEADER);
  }
}

/** Writes a B+-tree; the address of its first page. */
export function writeTree({ kernel: { nonpaged, space } }: Machine, entries: readonly (readonly [key: number, value: number])[], fanOut: number): bigint {
  const word = space.pointerSize;
  const page = (level: number, header: bigint, keys: readonly number[], write: (at: bigint, index: number) => void, entry: number): bigint => {
    const at = nonpaged.pages(PAGE);
    space.setU32(at, keys.length | (level << 16) | (level === 0 ? 0x0100_0000 : 0));
    space.setPointer(at + BigInt(word), header);
    keys.forEach((key, i) => {
      const place = at + BigInt(2 * word + i * entry);
      space.setU32(place, key);
      write(place, i);
    });
    return at;
  };
  const sorted = [...entries].sort((a, b) => a[0] - b[0]);
  let pages = parts(sorted, fanOut).map((part) => ({
    low: part[0]?.[0] ?? 0, at: page(0, 0n, part.map(([key]) => key), (place, i) => space.setU32(place + 4n, part[i]![1]), 8),
  }));
  for (let level = 1; pages.length > 1; level += 1) {
    // The first child of each page is the one below its first key.
    pages = parts(pages, fanOut + 1).map(([first, ...rest]) => ({
      low: first!.low, at: page(level, first!.at, rest.map(({ low }) => low), (place, i) => space.setPointer(place + BigInt(word), rest[i]!.at), 2 * word),
    }));
  }
  return pages[0]!.at;
}

function parts<T>(list: readonly T[], size: number): T[][] {
  return list.length === 0 ? [[]] : Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
}

export interface PagingFileSpec {
  readonly virtual: boolean;
  /** In its pool header. */
  readonly tag?: string;
}

/** Writes the table of page files into MiSystemPartition, `inside` bytes into its visible part; virtual stores have no name. */
export function writePagingFiles({ kernel }: Machine, files: readonly PagingFileSpec[], inside = 0x48): void {
  const { space, profile, nonpaged } = kernel;
  const partition = kernel.symbol('MiSystemPartition');
  const visible = profile.need('_MI_PARTITION', 'Vp').offset;
  space.write(partition, Buffer.alloc(profile.sizeOf('_MI_PARTITION')!));
  files.forEach(({ virtual, tag = 'Mm  ' }, i) => {
    const file = nonpaged.struct('_MMPAGING_FILE', tag);
    file.set('Size', 0x1000).set('MaximumSize', 0x4000).set('PageFileNumber', i).set('VirtualStorePagefile', virtual ? 1 : 0);
    if (!virtual) kernel.text(file, 'PageFileName', `\\??\\C:\\${i === 0 ? 'pagefile' : `swapfile${i}`}.sys`);
    space.setPointer(partition + BigInt(visible + inside + i * space.pointerSize), file.address);
  });
}
