/** Where a part of the dump lies. Corresponds to `MINIDUMP_LOCATION_DESCRIPTOR`. */
export interface Location {
  readonly rva: number;
  /** Bytes. */
  readonly size: number;
}

export const NOWHERE: Location = { rva: 0, size: 0 };

/** The beginning of a file that is put together piece by piece; places are known before what lies there is. */
export class Bytes {
  #buffer = Buffer.alloc(1 << 16);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Room for `size` bytes of zeros, at a multiple of eight. */
  take(size: number): Location {
    const rva = (this.#length + 7) & ~7;
    this.#length = rva + size;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(this.#length, this.#buffer.length * 2));
      this.#buffer.copy(larger);
      this.#buffer = larger;
    }
    return { rva, size };
  }

  put(bytes: Uint8Array): Location {
    const place = this.take(bytes.length);
    this.#buffer.set(bytes, place.rva);
    return place;
  }

  /** A `MINIDUMP_STRING`: bytes of the characters, UTF-16, a terminator. */
  text(text: string): Location {
    const characters = Buffer.from(text, 'utf16le');
    const place = this.take(4 + characters.length + 2);
    this.u32(place.rva, characters.length);
    this.#buffer.set(characters, place.rva + 4);
    return place;
  }

  u16(at: number, value: number): void {
    this.#buffer.writeUInt16LE(value & 0xffff, at);
  }

  u32(at: number, value: number): void {
    this.#buffer.writeUInt32LE(value >>> 0, at);
  }

  u64(at: number, value: bigint): void {
    this.#buffer.writeBigUInt64LE(BigInt.asUintN(64, value), at);
  }

  /** A `MINIDUMP_LOCATION_DESCRIPTOR`. */
  location(at: number, { rva, size }: Location): void {
    this.u32(at, size);
    this.u32(at + 4, rva);
  }

  finished(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}
