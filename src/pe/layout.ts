import type { Memory } from '../bytes/memory.js';
import { ascii } from '../bytes/utf16.js';

const CHUNK = 0x4000;
const PAGE = 0x1000;

/**
 * The bytes of a PE image as it lies in memory, asked by relative virtual address (RVA, a `number`). Reads chunks and
 * keeps them, so that the many small reads of a parser cost one read each 16 KiB. What is not in the image, or past `size`, is undefined.
 */
export class ImageLayout {
  readonly #pages = new Map<number, Buffer | undefined>();

  /** @param size SizeOfImage in bytes; nothing from there on is read */
  constructor(private readonly memory: Memory<bigint>, private readonly base: bigint, readonly size: number) {}

  /** All `length` bytes at `rva`; undefined when any of them is absent or out of bounds. */
  bytes(rva: number, length: number): Buffer | undefined {
    if (rva < 0 || length < 0 || rva + length > this.size) return undefined;
    if (length > CHUNK) return this.memory.read(this.base + BigInt(rva), length);
    const first = this.#page(Math.floor(rva / PAGE));
    const at = rva % PAGE;
    if (at + length <= PAGE) return first?.subarray(at, at + length);
    const parts: Buffer[] = [];
    for (let page = Math.floor(rva / PAGE); page * PAGE < rva + length; page += 1) {
      const bytes = this.#page(page);
      if (bytes === undefined) return undefined;
      parts.push(bytes);
    }
    return Buffer.concat(parts).subarray(at, at + length);
  }

  u16(rva: number): number | undefined {
    return this.bytes(rva, 2)?.readUInt16LE(0);
  }

  u32(rva: number): number | undefined {
    return this.bytes(rva, 4)?.readUInt32LE(0);
  }

  u64(rva: number): bigint | undefined {
    return this.bytes(rva, 8)?.readBigUInt64LE(0);
  }

  /** 8-bit characters up to the first NUL, at most `most` of them; undefined when absent or not ended by then. */
  text(rva: number, most = 512): string | undefined {
    const near = Math.min(most, PAGE - (rva % PAGE), this.size - rva);
    const start = near > 0 ? this.bytes(rva, near) : undefined;
    if (start === undefined) return undefined;
    if (start.includes(0)) return ascii(start);
    const whole = this.bytes(rva, Math.min(most, this.size - rva));
    return whole === undefined || !whole.includes(0) ? undefined : ascii(whole);
  }

  #page(number: number): Buffer | undefined {
    if (this.#pages.has(number)) return this.#pages.get(number);
    const first = number - (number % (CHUNK / PAGE));
    const length = Math.min(CHUNK, this.size - first * PAGE);
    const chunk = this.memory.read(this.base + BigInt(first * PAGE), length);
    for (let i = 0; i * PAGE < length; i += 1) {
      const at = i * PAGE;
      const bytes = chunk === undefined
        ? this.memory.read(this.base + BigInt((first + i) * PAGE), Math.min(PAGE, length - at))
        : chunk.subarray(at, at + PAGE);
      this.#pages.set(first + i, bytes);
    }
    return this.#pages.get(number);
  }
}
