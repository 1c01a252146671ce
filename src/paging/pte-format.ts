import type { PagingMode, PrototypeAddress } from './mode.js';
import {
  DEMAND_ZERO, FILE, NO_PAGE, PAGE_KINDS, PAGEFILE, PRESENT, PROTOTYPE, TRANSITION, UNMAPPED, type PageState, type SoftwarePte,
} from './pte.js';

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
  /** An entry has room for a pointer. */
  readonly #pointers: boolean;

  constructor(private readonly mode: PagingMode, private readonly software: SoftwarePte) {
    this.present = mode.levels.at(-1)!.present;
    this.#anyPresent = mode.present;
    this.#frameHigh = mode.frameHigh;
    this.#prototypes = software.prototypeAddress?.entryBytes === mode.entryBytes ? software.prototypeAddress : mode.prototypeAddress;
    this.#lookupNeeded = mode.pagefileHigh === 32 ? 0xffff_ffff : 2 ** (32 - mode.pagefileHigh) - 1;
    this.#pointers = mode.pointerSize === 8;
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
    if ((low & (prototype | this.#anyPresent)) !== 0 || (low & transition) === 0 || this.#isControlArea(low, high)) return -1;
    return this.#isSwizzled(low) ? this.frame(low & ~this.software.invalidMaskLow, high & ~this.software.invalidMaskHigh) : this.frame(low, high);
  }

  /** What an entry that is not valid says by itself, as a place in PAGE_KINDS: a prototype is told, not followed. */
  softwareKind(low: number, high: number): number {
    if (low === 0 && high === 0) return UNMAPPED;
    if ((low & this.#anyPresent) !== 0) return UNMAPPED;
    if (this.#isControlArea(low, high)) return FILE;
    if ((low & this.software.prototype) !== 0) return PROTOTYPE;
    if ((low & this.software.transition) !== 0) return TRANSITION;
    return this.pagefileOffset(low, high) === 0 ? DEMAND_ZERO : PAGEFILE;
  }

  /**
   * What an entry says that is a prototype PTE itself, as a place in PAGE_KINDS. One that looks like a prototype again names the subsection of
   * the file that has the page (`_MMPTE_SUBSECTION`).
   */
  sectionKind(low: number, high: number): number {
    if ((low & this.present) === this.present) return PRESENT;
    const kind = this.softwareKind(low, high);
    return kind === PROTOTYPE ? FILE : kind;
  }

  /** Whether an entry that is not valid says that nothing was there yet: where it names a table, none was made. */
  isEmpty(low: number, high: number): boolean {
    return (low === 0 && high === 0) || this.softwareKind(low, high) === DEMAND_ZERO;
  }

  /** Which page file has the page. Corresponds to `_MMPTE_SOFTWARE.PageFileLow`. */
  pagefileNumber(low: number): number {
    const { pagefileShift, invalidMaskLow } = this.software;
    return ((this.#isSwizzled(low) ? low & ~invalidMaskLow : low) >>> pagefileShift) & 0xf;
  }

  /** The place in the page file, in pages. */
  pagefileOffset(low: number, high: number): number {
    const { invalidMaskLow, invalidMaskHigh } = this.software;
    return this.#isSwizzled(low) ? this.#pagefileHigh(low & ~invalidMaskLow, high & ~invalidMaskHigh) : this.#pagefileHigh(low, high);
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

  /**
   * The state of a PTE that leads no further: a prototype is told, not followed.
   * @param section it is a prototype PTE itself
   */
  state(pte: bigint, section = false): PageState {
    if (pte === 0n) return NO_PAGE;
    const low = Number(pte & 0xffff_ffffn);
    const high = Number(pte >> 32n);
    const place = (low & this.present) === this.present ? PRESENT : section ? this.sectionKind(low, high) : this.softwareKind(low, high);
    const kind = PAGE_KINDS[place]!;
    if (place === PRESENT || place === TRANSITION) return { ...NO_PAGE, kind, pte, physical: this.settledFrame(low, high) * PAGE };
    if (place === PAGEFILE) return { ...NO_PAGE, kind, pte, pagefile: { number: this.pagefileNumber(low), offset: this.pagefileOffset(low, high) } };
    return { ...NO_PAGE, kind, pte };
  }

  /** Bits are turned over: there is a mask, and the entry does not say that it was left alone. */
  #isSwizzled(low: number): boolean {
    return (low & this.software.swizzle) === 0;
  }

  /** Since 22621 an entry may be the address of the control area whose file has the page: 16-byte aligned, in the kernel half. */
  #isControlArea(low: number, high: number): boolean {
    return this.#pointers && high >>> 15 === 0x1_ffff && (low & 0xf) === 0 && (high !== 0xffff_ffff || (low & this.software.prototype) === 0);
  }

  /** The place in the page file, in pages. Corresponds to `_MMPTE_SOFTWARE.PageFileHigh`. */
  #pagefileHigh(low: number, high: number): number {
    return this.mode.pagefileHigh === 32 ? high >>> 0 : low >>> this.mode.pagefileHigh;
  }
}
