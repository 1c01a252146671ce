import type { PagingMode, PrototypeAddress } from './mode.js';
import { NO_PAGE, type PageState, type SoftwarePte } from './pte.js';

const PAGE = 4096;

/** How page-table entries of one kernel are to be read. Entries come as two words, the high one zero where they have four bytes. */
export class PteFormat {
  /** Bits that are all set in a valid entry of the last level. */
  readonly present: number;
  readonly #anyPresent: number;
  readonly #frameHigh: number;
  readonly #prototypes: PrototypeAddress;
  /** Stands in the place of the page file's offset when the VAD knows (MI_PTE_LOOKUP_NEEDED): all ones. */
  readonly #lookupNeeded: number;

  constructor(private readonly mode: PagingMode, private readonly software: SoftwarePte) {
    this.present = mode.levels.at(-1)!.present;
    this.#anyPresent = mode.present;
    this.#frameHigh = mode.frameHigh;
    this.#prototypes = software.prototypeAddress?.entryBytes === mode.entryBytes ? software.prototypeAddress : mode.prototypeAddress;
    this.#lookupNeeded = mode.pagefileHigh === 32 ? 0xffff_ffff : 2 ** (32 - mode.pagefileHigh) - 1;
  }

  /** Frame that a valid entry names. */
  frame(low: number, high: number): number {
    return (high & this.#frameHigh) * 0x10_0000 + (low >>> 12);
  }

  /** First frame of a large page that spans 2^shift pages. */
  largeFrame(low: number, high: number, shift: number): number {
    const frame = this.frame(low, high);
    const pse = this.mode.largeFrameHigh;
    return frame - (frame % 2 ** shift) + (pse === undefined ? 0 : ((low >>> pse.first) % 2 ** pse.count) * 0x10_0000);
  }

  /** Frame of an entry that may lead no further, valid or in transition; -1: not in memory. */
  settledFrame(low: number, high: number): number {
    if ((low & this.present) === this.present) return this.frame(low, high);
    const { transition, prototype } = this.software;
    // Valid, but reserved at this level (Arm): no one's.
    return (low & (prototype | this.#anyPresent)) === 0 && (low & transition) !== 0 ? this.#transitionFrame(low, high) : -1;
  }

  isPrototype(low: number): boolean {
    return (low & this.software.prototype) !== 0 && (low & this.#anyPresent) === 0;
  }

  /** Of a prototype: where the prototype PTE is; undefined when the VAD knows. Corresponds to `_MMPTE_PROTOTYPE`. */
  prototypeAddress(low: number, high: number): bigint | undefined {
    if (this.#pagefileHigh(low, high) === this.#lookupNeeded) return undefined;
    const { parts, base, signedBits } = this.#prototypes;
    const raw = (BigInt(high) << 32n) | BigInt(low >>> 0);
    let address = base;
    for (const { first, count, to } of parts) address += BigInt.asUintN(count, raw >> BigInt(first)) << BigInt(to);
    return signedBits === undefined ? address : BigInt.asUintN(64, BigInt.asIntN(signedBits, address));
  }

  /** The state of a PTE that leads no further: a prototype is told, not followed. */
  state(pte: bigint): PageState {
    const low = Number(pte & 0xffff_ffffn);
    const high = Number(pte >> 32n);
    if (pte === 0n) return NO_PAGE;
    if (this.isPrototype(low)) return { ...NO_PAGE, kind: 'prototype', pte };
    const frame = this.settledFrame(low, high);
    if (frame >= 0) return { ...NO_PAGE, kind: (low & this.present) === this.present ? 'present' : 'transition', pte, physical: frame * PAGE };
    if ((low & this.#anyPresent) !== 0) return { ...NO_PAGE, pte };
    const { swizzle, invalidMaskLow, invalidMaskHigh, pagefileShift } = this.software;
    const asIs = (low & swizzle) !== 0;
    const offset = this.#pagefileHigh(asIs ? low : low & ~invalidMaskLow, asIs ? high : high & ~invalidMaskHigh);
    if (offset === 0) return { ...NO_PAGE, kind: 'demand-zero', pte };
    return { ...NO_PAGE, kind: 'pagefile', pte, pagefile: { number: (low >>> pagefileShift) & 0xf, offset } };
  }

  #transitionFrame(low: number, high: number): number {
    const { swizzle, invalidMaskHigh, invalidMaskLow } = this.software;
    if ((low & swizzle) !== 0) return this.frame(low, high);
    return this.frame(low & ~invalidMaskLow, high & ~invalidMaskHigh);
  }

  /** The place in the page file, in pages. Corresponds to `_MMPTE_SOFTWARE.PageFileHigh`. */
  #pagefileHigh(low: number, high: number): number {
    return this.mode.pagefileHigh === 32 ? high >>> 0 : low >>> this.mode.pagefileHigh;
  }
}
