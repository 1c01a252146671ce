import { FormatError } from '../bytes/errors.js';
import type { Run, SparseMemory } from '../bytes/memory.js';
import { big, number, optional, struct } from '../profile/struct.js';
import { BLOCK, type Storage, type Stretch } from '../registry/cells.js';
import type { Kernel } from './kernel.js';

/** Corresponds to `_DUAL`; `_HHIVE.Storage` holds two: stable, volatile. */
export const DUAL = struct('_DUAL', { length: number('Length'), map: big('Map') });
const HMAP_ENTRY = struct('_HMAP_ENTRY', {
  // Until Windows 8.1: the address of the block, and of its bin. Zero in XP to 7 while the view of the file that held it is not mapped.
  blockAddress: optional(big('BlockAddress')),
  binAddress: optional(big('BinAddress')),
  // From Windows 10 on: the bin's address, and how far into the bin the block lies.
  blockOffset: optional(big('BlockOffset')),
  permanentBin: optional(big('PermanentBinAddress')),
  // Windows 10 1607 alone: where a bin is mapped for the moment.
  temporaryBin: optional(big('TemporaryBinAddress')),
});

/** Entries of an `_HMAP_TABLE` and of an `_HMAP_DIRECTORY`: nine and ten bits of a cell's index. */
const TABLE_ENTRIES = 512;
const DIRECTORY_ENTRIES = 1024;
/** Bins are read in pieces of this many blocks, and this many pieces of a storage are kept. */
const PIECE_BLOCKS = 16;
const PIECES_KEPT = 64;
/** The low bits of a bin's address are flags (HMAP_NEWALLOC, HMAP_DISCARDABLE…). */
const FLAGS = 0xfn;
const HBIN_HEADER = 0x20;

/** Where the blocks of one `_HMAP_TABLE` are: their addresses (0n: not mapped) and how far into its bin each lies. */
interface BlockTable {
  readonly addresses: BigUint64Array;
  readonly inBin: Float64Array;
}

const NO_TABLE: BlockTable = { addresses: new BigUint64Array(TABLE_ENTRIES), inBin: new Float64Array(TABLE_ENTRIES) };

/**
 * The bins of one storage of a hive in memory, through its cell map. Corresponds to `_HHIVE.Storage[]`:
 * `_DUAL.Map`, an `_HMAP_DIRECTORY` of `_HMAP_TABLE`s of `_HMAP_ENTRY`s, one for each block of 4 KiB.
 */
export class MappedStorage implements Storage {
  /** Bytes. */
  readonly length: number;
  readonly #map: bigint;
  readonly #tables: (BlockTable | undefined)[] = [];
  readonly #pieces = new Map<number, readonly (Stretch | undefined)[]>();

  /**
   * @param bins the address space that maps the bins (that of the process Registry, or System's)
   * @throws FormatError when the map contradicts itself
   */
  constructor(private readonly kernel: Kernel, private readonly bins: SparseMemory<bigint>, address: bigint) {
    const dual = kernel.read(DUAL, address);
    if (dual === undefined) throw new FormatError('the hive\'s storage is not in the image', address);
    if (dual.length > 0x7fff_f000 || dual.length % BLOCK !== 0) throw new FormatError(`the hive's storage cannot have ${dual.length} bytes`, address);
    this.length = dual.length;
    this.#map = dual.map;
  }

  stretch(offset: number): Stretch | undefined {
    if (offset >= this.length) return undefined;
    const piece = Math.floor(offset / (PIECE_BLOCKS * BLOCK));
    let blocks = this.#pieces.get(piece);
    if (blocks === undefined) {
      blocks = this.#read(piece);
      if (this.#pieces.size >= PIECES_KEPT) this.#pieces.delete(this.#pieces.keys().next().value as number);
      this.#pieces.set(piece, blocks);
    }
    return blocks[Math.floor(offset / BLOCK) % PIECE_BLOCKS];
  }

  binEnd(offset: number): number | undefined {
    const block = Math.floor(offset / BLOCK);
    const start = block * BLOCK - (this.#table(block).inBin[block % TABLE_ENTRIES] ?? 0);
    const stretch = start < 0 || start % BLOCK !== 0 ? undefined : this.stretch(start);
    const at = stretch === undefined ? 0 : start - stretch.start;
    if (stretch === undefined || at + HBIN_HEADER > stretch.bytes.length || stretch.bytes.toString('latin1', at, at + 4) !== 'hbin') return undefined;
    const end = start + stretch.bytes.readUInt32LE(at + 8);
    return end > offset && end <= this.length && end % BLOCK === 0 ? end : undefined;
  }

  /** Fills `target` with bins from `offset` on; returns how many bytes were not in the image. Nothing is kept. */
  fill(offset: number, target: Uint8Array): number {
    let missing = 0;
    for (const { address, start, length } of this.#mapped(offset, offset + target.length)) {
      const part = target.subarray(start - offset, start - offset + length);
      if (address === undefined) {
        part.fill(0);
        missing += length;
      } else {
        missing += this.bins.fill(address, part);
      }
    }
    return missing;
  }

  /** Runs of bins that are in the image, by offset, ascending. */
  * runs(): Generator<Run<number>> {
    let open: { start: number; length: number } | undefined;
    for (const { address, start, length } of this.#mapped(0, this.length)) {
      if (address === undefined) continue;
      for (const run of this.bins.runs(address, address + BigInt(length))) {
        const at = start + Number(run.start - address);
        if (open !== undefined && open.start + open.length === at) {
          open.length += run.length;
          continue;
        }
        if (open !== undefined) yield open;
        open = { start: at, length: run.length };
      }
    }
    if (open !== undefined) yield open;
  }

  /** [from, to) in parts whose blocks follow one another in memory; `address` undefined where none is mapped. */
  * #mapped(from: number, to: number): Generator<{ address: bigint | undefined; start: number; length: number }> {
    let open: { address: bigint | undefined; start: number; length: number } | undefined;
    const end = Math.min(to, this.length);
    for (let at = from; at < end;) {
      const inBlock = at % BLOCK;
      const length = Math.min(BLOCK - inBlock, end - at);
      const block = this.#address(Math.floor(at / BLOCK));
      const address = block === 0n ? undefined : block + BigInt(inBlock);
      const follows = open !== undefined
        && (open.address === undefined ? address === undefined : open.address + BigInt(open.length) === address);
      if (open !== undefined && follows) {
        open.length += length;
      } else {
        if (open !== undefined) yield open;
        open = { address, start: at, length };
      }
      at += length;
    }
    if (open !== undefined) yield open;
    if (to > end) yield { address: undefined, start: Math.max(from, end), length: to - Math.max(from, end) };
  }

  /** A piece's blocks: for each the stretch of blocks in the image that it belongs to. */
  #read(piece: number): readonly (Stretch | undefined)[] {
    const first = piece * PIECE_BLOCKS;
    const count = Math.min(PIECE_BLOCKS, this.length / BLOCK - first);
    const bytes = Buffer.alloc(count * BLOCK);
    const present: boolean[] = [];
    const whole = this.fill(first * BLOCK, bytes) === 0;
    for (let i = 0; i < count; i += 1) {
      present.push(whole || this.fill((first + i) * BLOCK, bytes.subarray(i * BLOCK, (i + 1) * BLOCK)) === 0);
    }
    const blocks: (Stretch | undefined)[] = [];
    for (let i = 0; i < count;) {
      let end = i;
      while (end < count && present[end] === true) end += 1;
      if (end === i) {
        blocks.push(undefined);
        i += 1;
        continue;
      }
      const stretch: Stretch = { start: (first + i) * BLOCK, bytes: bytes.subarray(i * BLOCK, end * BLOCK) };
      for (; i < end; i += 1) blocks.push(stretch);
    }
    return blocks;
  }

  /** The address of a block; 0n when it is not mapped or the map is not in the image. */
  #address(block: number): bigint {
    return this.#table(block).addresses[block % TABLE_ENTRIES] ?? 0n;
  }

  #table(block: number): BlockTable {
    const index = Math.floor(block / TABLE_ENTRIES);
    return this.#tables[index] ??= index < DIRECTORY_ENTRIES ? this.#readTable(index) : NO_TABLE;
  }

  #readTable(index: number): BlockTable {
    const { kernel } = this;
    const address = kernel.isKernelAddress(this.#map) ? kernel.pointer(this.#map + BigInt(index * kernel.pointerSize)) : undefined;
    if (address === undefined || !kernel.isKernelAddress(address)) return NO_TABLE;
    const reader = kernel.reader(HMAP_ENTRY);
    const count = Math.min(TABLE_ENTRIES, this.length / BLOCK - index * TABLE_ENTRIES);
    const bytes = Buffer.alloc(count * reader.size);
    kernel.memory.fill(address, bytes);
    const table: BlockTable = { addresses: new BigUint64Array(TABLE_ENTRIES), inBin: new Float64Array(TABLE_ENTRIES) };
    for (let i = 0; i < count; i += 1) {
      const at = i * reader.size;
      const entry = reader.decode(bytes.subarray(at, at + reader.size), address + BigInt(at));
      if (entry === undefined) continue;
      const bin = (entry.permanentBin || entry.temporaryBin || entry.binAddress || 0n) & ~FLAGS;
      const start = entry.blockAddress ?? (bin === 0n ? 0n : bin + (entry.blockOffset ?? 0n));
      table.addresses[i] = BigInt.asUintN(64, start);
      table.inBin[i] = Number(entry.blockOffset ?? (bin === 0n || start < bin ? 0n : start - bin));
    }
    return table;
  }
}
