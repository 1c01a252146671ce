import type { Memory } from '../bytes/memory.js';

const PAGE = 0x1000n;
const ADDRESS = 0xffff_ffff_ffff_ffffn;

/** Words of a stack, read a page at a time. Not aligned ones are not read: no stack of Windows has such. */
export class StackMemory {
  readonly #pages = new Map<bigint, Buffer | undefined>();

  /** Bounds in bytes: the lowest byte, and behind the last. */
  constructor(private readonly memory: Memory<bigint>, readonly limit: bigint, readonly base: bigint) {}

  holds(pointer: bigint): boolean {
    return pointer >= this.limit && pointer < this.base;
  }

  /** Undefined when it is not in the image. */
  word(address: bigint): bigint | undefined {
    return this.#at(address, 8)?.readBigUInt64LE(Number(address & (PAGE - 1n)));
  }

  /** Four bytes; undefined when they are not in the image. */
  half(address: bigint): bigint | undefined {
    const value = this.#at(address, 4)?.readUInt32LE(Number(address & (PAGE - 1n)));
    return value === undefined ? undefined : BigInt(value);
  }

  #at(address: bigint, size: number): Buffer | undefined {
    if (address < 0n || address > ADDRESS || address % BigInt(size) !== 0n) return undefined;
    const page = address & ~(PAGE - 1n);
    if (!this.#pages.has(page)) this.#pages.set(page, this.memory.read(page, Number(PAGE)));
    return this.#pages.get(page);
  }
}
