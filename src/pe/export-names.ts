import type { ImageLayout } from './layout.js';

const MAX_EXPORTS = 0x10000;

/** An export by its address. */
export interface ExportName {
  /** Its name; `#12` where it has an ordinal only. */
  readonly name: string;
  readonly rva: number;
}

/** The exports of an image by address, sorted once; names are read when they are asked for. */
export class ExportNames {
  /** Ascending addresses, and the index of each in the function table. */
  readonly #addresses: Uint32Array;
  readonly #indices: Uint32Array;
  readonly #base: number;
  readonly #names: { readonly count: number; readonly table: number; readonly ordinals: number };
  #byIndex: Map<number, number> | undefined;

  /** @param rva where the export directory lies. Corresponds to `IMAGE_EXPORT_DIRECTORY`; what of it is not in the image is left out */
  constructor(private readonly image: ImageLayout, rva: number, size: number) {
    const head = image.bytes(rva, 40);
    this.#base = head?.readUInt32LE(0x10) ?? 0;
    const table = head?.readUInt32LE(0x1c) ?? 0;
    this.#names = { count: Math.min(head?.readUInt32LE(0x18) ?? 0, MAX_EXPORTS), table: head?.readUInt32LE(0x20) ?? 0, ordinals: head?.readUInt32LE(0x24) ?? 0 };
    const found: (readonly [address: number, index: number])[] = [];
    for (let index = 0; index < Math.min(head?.readUInt32LE(0x14) ?? 0, MAX_EXPORTS); index += 1) {
      const address = image.u32(table + index * 4);
      // Those inside the directory are names of other modules' exports.
      if (address !== undefined && address !== 0 && (address < rva || address >= rva + size)) found.push([address, index]);
    }
    found.sort((a, b) => a[0] - b[0]);
    this.#addresses = Uint32Array.from(found, ([address]) => address);
    this.#indices = Uint32Array.from(found, ([, index]) => index);
  }

  /** The last export at or before an address; undefined when none is. */
  nearest(rva: number): ExportName | undefined {
    let low = 0;
    let high = this.#addresses.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#addresses[middle]! <= rva) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    // Of several names of one place, the first of the function table.
    let at = low - 1;
    while (at > 0 && this.#addresses[at - 1] === this.#addresses[at]) at -= 1;
    return { name: this.#name(this.#indices[at]!), rva: this.#addresses[at]! };
  }

  #name(index: number): string {
    const { count, table, ordinals } = this.#names;
    if (this.#byIndex === undefined) {
      this.#byIndex = new Map();
      for (let i = 0; i < count; i += 1) {
        const function_ = this.image.u16(ordinals + i * 2);
        if (function_ !== undefined && !this.#byIndex.has(function_)) this.#byIndex.set(function_, i);
      }
    }
    const i = this.#byIndex.get(index);
    const rva = i === undefined ? undefined : this.image.u32(table + i * 4);
    const name = rva === undefined ? undefined : this.image.text(rva);
    return name === undefined || name === '' ? `#${this.#base + index}` : name;
  }
}
