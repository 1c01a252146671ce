import type { ImageLayout } from './layout.js';

/** A function, or a part of one, of an x64 image. Corresponds to `RUNTIME_FUNCTION`; relative virtual addresses. */
export interface RuntimeFunction {
  readonly begin: number;
  /** Behind its last byte. */
  readonly end: number;
  /** Where its UNWIND_INFO lies; with the lowest bit set, where another entry lies that stands for this one. */
  readonly unwind: number;
}

/**
 * What the exception directory says of an address: the function that holds it; `gap`: none does (a function that neither calls nor moves
 * the stack pointer has no entry), the function before ends at `after`; `absent`: the part of the table that would say it is not in the image.
 */
export type Lookup =
  | { readonly kind: 'function'; readonly entry: RuntimeFunction }
  | { readonly kind: 'gap'; readonly after: number }
  | { readonly kind: 'absent' };

const ENTRY = 12;
const PAGE = 0x1000;
/** The largest programs have about 600,000. */
const MAX_ENTRIES = 1 << 21;

/** The entry at an offset of an image; undefined when it is not in the image. */
export function runtimeFunction(image: ImageLayout, rva: number): RuntimeFunction | undefined {
  const bytes = image.bytes(rva, ENTRY);
  return bytes && { begin: bytes.readUInt32LE(0), end: bytes.readUInt32LE(4), unwind: bytes.readUInt32LE(8) };
}

/**
 * The exception directory (`.pdata`) of an x64 image, ascending by address, searched where it lies. Of a table whose pages are partly
 * missing, those that are there are used.
 */
export class ExceptionTable {
  readonly #count: number;

  /** @param size bytes of the directory */
  constructor(private readonly image: ImageLayout, private readonly rva: number, size: number) {
    this.#count = Math.min(Math.floor(size / ENTRY), MAX_ENTRIES);
  }

  /** @param rva an address in the image, relative to its base */
  find(rva: number): Lookup {
    // The page `low` begins with a function at or before the address, the page `high` with one behind it; between them nothing can be read in the end.
    let low = -1;
    let high = this.#pages;
    for (;;) {
      const probe = this.#readable(low + 1, high - 1);
      if (probe === undefined) break;
      if (probe.begin <= rva) low = probe.page;
      else high = probe.page;
    }
    const unknown = low + 1 < high;
    if (low < 0) return unknown ? { kind: 'absent' } : { kind: 'gap', after: 0 };
    const last = this.#first(low + 1) - 1;
    const index = this.#lastBefore(this.#first(low), last, rva);
    const entry = index === undefined ? undefined : this.#at(index);
    if (entry === undefined) return { kind: 'absent' };
    if (rva < entry.end) return { kind: 'function', entry };
    return index === last && unknown ? { kind: 'absent' } : { kind: 'gap', after: entry.end };
  }

  /** Pages in which an entry begins. */
  get #pages(): number {
    return this.#count === 0 ? 0 : Math.floor((this.#inPage + (this.#count - 1) * ENTRY) / PAGE) + 1;
  }

  get #inPage(): number {
    return this.rva % PAGE;
  }

  /** The first entry that begins in a page of the table, or behind it. */
  #first(page: number): number {
    return Math.min(Math.ceil(Math.max(0, page * PAGE - this.#inPage) / ENTRY), this.#count);
  }

  #at(index: number): RuntimeFunction | undefined {
    return runtimeFunction(this.image, this.rva + index * ENTRY);
  }

  /** The page nearest to the middle of [from, to] whose first entry can be read. */
  #readable(from: number, to: number): { readonly page: number; readonly begin: number } | undefined {
    const middle = (from + to) >> 1;
    for (let distance = 0; middle - distance >= from || middle + distance <= to; distance += 1) {
      for (const page of distance === 0 ? [middle] : [middle - distance, middle + distance]) {
        if (page < from || page > to) continue;
        const begin = this.image.u32(this.rva + this.#first(page) * ENTRY);
        if (begin !== undefined) return { page, begin };
      }
    }
    return undefined;
  }

  /** The last entry of [from, to] that begins at or before an address; `from` does. Undefined when one in the way cannot be read. */
  #lastBefore(from: number, to: number, rva: number): number | undefined {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const begin = this.image.u32(this.rva + middle * ENTRY);
      if (begin === undefined) return undefined;
      if (begin <= rva) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
