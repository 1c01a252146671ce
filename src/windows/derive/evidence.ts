import type { Memory } from '../../bytes/memory.js';
import { wordAt } from '../../bytes/word.js';
import { AddressSpace, type PagedMemory } from '../../paging/address-space.js';
import type { KernelImage } from '../find-kernel.js';

/** What layouts are derived from and verified against: an image and a page table that maps its kernel. */
export interface Evidence {
  readonly physical: PagedMemory;
  /** An address space that maps the kernel: System's, or any process's. */
  readonly space: AddressSpace;
  /** The kernel's image, where it was found. */
  readonly image?: KernelImage | undefined;
}

/** Bytes of one structure as they are looked through: those behind `length` are not in the image (or not looked at). */
export interface Sample {
  readonly address: bigint;
  readonly bytes: Buffer;
  /** The same bytes. */
  readonly words: Uint32Array;
  readonly length: number;
}

const PAGE = 4096;
/** Spaces of processes remembered while deriving. */
const MAX_SPACES = 512;

/** Reads of an image without any layout: pointers by the mode's width, kinds of words, windows of bytes. */
export class Look {
  readonly space: AddressSpace;
  readonly physical: PagedMemory;
  readonly pointerSize: 4 | 8;
  readonly image: KernelImage | undefined;
  readonly #kernelHigh: number;
  readonly #userHigh: number;
  readonly #kernelLow: number;
  readonly #spaces = new Map<number, AddressSpace>();

  constructor(evidence: Evidence) {
    this.space = evidence.space;
    this.physical = evidence.physical;
    this.image = evidence.image;
    const { mode } = this.space;
    this.pointerSize = mode.pointerSize;
    this.#kernelHigh = Number(mode.kernelStart >> 32n);
    this.#kernelLow = Number(mode.kernelStart & 0xffff_ffffn);
    // The user half is as large as the kernel half.
    this.#userHigh = mode.pointerSize === 8 ? 2 ** 32 - this.#kernelHigh : 0;
  }

  /** A window of bytes; undefined when its first byte is not in the image. `length` bytes at most. */
  sample(address: bigint, length: number): Sample | undefined {
    const bytes = Buffer.from(new ArrayBuffer(length));
    let have = 0;
    while (have < length) {
      const at = address + BigInt(have);
      const step = Math.min(length - have, PAGE - Number(at & 0xfffn));
      if (this.space.fill(at, bytes.subarray(have, have + step)) > 0) break;
      have += step;
    }
    return have === 0 ? undefined : { address, bytes, words: new Uint32Array(bytes.buffer), length: have };
  }

  /** A pointer-wide word in bytes. */
  word(bytes: Buffer, at: number): bigint {
    return wordAt(bytes, at, this.pointerSize);
  }

  /** A pointer-wide word in memory; undefined when it is not in the image. */
  pointer(address: bigint, memory: Memory<bigint> = this.space): bigint | undefined {
    const bytes = memory.read(address, this.pointerSize);
    return bytes === undefined ? undefined : this.word(bytes, 0);
  }

  /** Whether the words at a sample's offset are a kernel address, told without making a `bigint`. */
  kernelAt({ words }: Pick<Sample, 'words'>, offset: number): boolean {
    const low = words[offset >>> 2]!;
    return this.pointerSize === 8 ? words[(offset >>> 2) + 1]! >= this.#kernelHigh : low >= this.#kernelLow;
  }

  /** Whether they are an address of a process's own half, above its first 64 KiB. */
  userAt({ words }: Pick<Sample, 'words'>, offset: number): boolean {
    const low = words[offset >>> 2]!;
    if (this.pointerSize === 4) return low >= 0x1_0000 && low < this.#kernelLow;
    const high = words[(offset >>> 2) + 1]!;
    return high < this.#userHigh && (high > 0 || low >= 0x1_0000);
  }

  zeroAt({ words }: Pick<Sample, 'words'>, offset: number): boolean {
    return words[offset >>> 2] === 0 && (this.pointerSize === 4 || words[(offset >>> 2) + 1] === 0);
  }

  /** The pointer-wide word as a number; undefined above 48 bits. */
  numberAt({ words }: Pick<Sample, 'words'>, offset: number): number | undefined {
    const low = words[offset >>> 2]!;
    if (this.pointerSize === 4) return low;
    const high = words[(offset >>> 2) + 1]!;
    return high >= 0x1_0000 ? undefined : high * 2 ** 32 + low;
  }

  isKernel(address: bigint): boolean {
    return address >= this.space.mode.kernelStart && address <= this.space.mode.lastAddress;
  }

  isUser(address: bigint): boolean {
    return address >= 0x1_0000n && address < (this.pointerSize === 8 ? BigInt(this.#userHigh) << 32n : this.space.mode.kernelStart);
  }

  /** Whether the address lies in the kernel's image. */
  inImage(address: bigint): boolean {
    return this.image !== undefined && address >= this.image.base && address < this.image.base + BigInt(this.image.size);
  }

  /** The address space of a top-level table. */
  spaceOf(table: number): AddressSpace {
    if (table === this.space.dtb) return this.space;
    let known = this.#spaces.get(table);
    if (known === undefined) {
      if (this.#spaces.size >= MAX_SPACES) this.#spaces.clear();
      known = new AddressSpace(this.physical, this.space.mode, table, this.space.software, this.space);
      this.#spaces.set(table, known);
    }
    return known;
  }
}
