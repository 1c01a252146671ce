import type { PagingMode } from './mode.js';

/** Virtual addresses as page numbers: the sign that fills up the upper bits is left out, so that both halves lie in one row. */
export class PageNumbers {
  /** One past the last page number. */
  readonly end: number;
  /** Where the kernel half begins, and addresses jump; Infinity where they do not. */
  readonly kernel: number;
  readonly #virtualBits: number;

  constructor({ virtualBits }: PagingMode) {
    this.#virtualBits = virtualBits;
    this.end = 2 ** (virtualBits - 12);
    this.kernel = virtualBits > 32 ? this.end / 2 : Infinity;
  }

  /** Page number of an address in two words; -1 when it is not canonical. */
  of(high: number, low: number): number {
    const virtualBits = this.#virtualBits;
    if (virtualBits <= 32) return high === 0 ? low >>> 12 : -1;
    // Sums of a pointer and an offset may be negative or need more than 64 bits.
    if (high !== high >>> 0) return -1;
    const sign = high >>> (virtualBits - 33);
    if (sign !== 0 && sign !== 2 ** (65 - virtualBits) - 1) return -1;
    return (high % 2 ** (virtualBits - 32)) * 0x10_0000 + (low >>> 12);
  }

  /** As `of`; what is not canonical lies between the halves. */
  clamped(address: bigint): number {
    const vpn = this.of(Number((address >> 32n) & 0xffff_ffffn), Number(address & 0xffff_ffffn));
    return vpn >= 0 ? vpn : this.kernel;
  }

  /** The first byte of a page. */
  address(vpn: number): bigint {
    const address = BigInt(vpn) << 12n;
    return vpn < this.kernel ? address : BigInt.asUintN(64, BigInt.asIntN(this.#virtualBits, address));
  }
}
