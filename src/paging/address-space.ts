import type { Run, SparseMemory } from '../bytes/memory.js';
import type { PagingMode } from './mode.js';
import type { PageState, SoftwarePte } from './pte.js';

/** Physical memory that can show a page as words. */
export interface PagedMemory extends SparseMemory<number> {
  readonly size: number;
  page(frame: number): Uint32Array | undefined;
}

/** A run of virtual pages that are present and alike, on physically consecutive frames. */
export interface Mapping {
  /** First byte. */
  readonly start: bigint;
  /** Count of 4 KiB pages. */
  readonly pages: number;
  /** Physical address of the first byte. */
  readonly physical: number;
  readonly writable: boolean;
  readonly executable: boolean;
  readonly user: boolean;
  /** By a large page (2 MiB or 1 GiB). */
  readonly large: boolean;
  /** False for a page in transition or behind a prototype PTE: its data is there, the hardware would fault. */
  readonly hardware: boolean;
}

interface OpenMapping { vpn: number; pages: number; frame: number; flags: number }

const PAGE = 4096;
const WRITABLE = 1;
const EXECUTABLE = 2;
const USER = 4;
const LARGE = 8;
const HARDWARE = 16;
/** Last-level tables remembered: System's space is used all the time, a process's for a while. Each pins a chunk of the image. */
const SYSTEM_LEAVES = 1024;
const PROCESS_LEAVES = 32;
/** No real address space has more present runs; a hostile tree of tables that name each other does. */
const MAX_RUNS = 8_000_000;


const NO_PAGE: PageState = { kind: 'unmapped', pte: 0n, physical: undefined, prototype: undefined, pagefile: undefined };

/**
 * A virtual address space: page tables from a directory table base. Present, transition and prototype pages are read;
 * others are missing. Inside, addresses are page numbers; `bigint` is split once at the door.
 */
export class AddressSpace implements SparseMemory<bigint> {
  readonly #leaves: number;
  readonly #leafTag: Float64Array;
  readonly #leafTable: (Uint32Array | undefined)[];
  readonly #leafShift: number;
  readonly #words: number;
  readonly #vpnMask: number;
  readonly #kernelVpn: number;
  /** Asked for the address of the prototype PTE of a page whose own PTE says that the VAD knows it. */
  prototypeOf: ((address: bigint) => bigint | undefined) | undefined;

  /**
   * @param dtb physical address of the top-level table
   * @param system System's address space, where prototype PTEs are read; undefined: this one is System's
   */
  constructor(
    private readonly physical: PagedMemory,
    readonly mode: PagingMode,
    readonly dtb: number,
    readonly software: SoftwarePte,
    private readonly system?: AddressSpace,
  ) {
    this.#leaves = system === undefined ? SYSTEM_LEAVES : PROCESS_LEAVES;
    this.#leafTag = new Float64Array(this.#leaves).fill(-1);
    this.#leafTable = new Array<Uint32Array | undefined>(this.#leaves);
    this.#leafShift = mode.levels.at(-1)!.bits;
    this.#words = mode.entryBytes / 4;
    this.#vpnMask = 2 ** (mode.virtualBits - 12);
    this.#kernelVpn = mode.virtualBits > 32 ? this.#vpnMask / 2 : Infinity;
  }

  /** Physical address of a virtual one, where its data is in the image. */
  translate(address: bigint): number | undefined {
    const low = Number(address & 0xffff_ffffn);
    const vpn = this.#vpn(Number(address >> 32n), low);
    if (vpn < 0) return undefined;
    const frame = this.#frame(vpn);
    return frame < 0 ? undefined : frame * PAGE + (low & 0xfff);
  }

  read(address: bigint, length: number): Buffer | undefined {
    const low = Number(address & 0xffff_ffffn);
    const vpn = this.#vpn(Number(address >> 32n), low);
    if (vpn < 0) return undefined;
    const inPage = low & 0xfff;
    if (inPage + length <= PAGE) {
      const frame = this.#frame(vpn);
      return frame < 0 ? undefined : this.physical.read(frame * PAGE + inPage, length);
    }
    const target = Buffer.allocUnsafe(length);
    return this.#fill(vpn, inPage, target, true) === 0 ? target : undefined;
  }

  fill(address: bigint, target: Uint8Array): number {
    const low = Number(address & 0xffff_ffffn);
    const vpn = this.#vpn(Number(address >> 32n), low);
    if (vpn < 0) {
      target.fill(0);
      return target.length;
    }
    return this.#fill(vpn, low & 0xfff, target, false);
  }

  * runs(start: bigint, end: bigint): Generator<Run<bigint>> {
    let open: { start: bigint; length: number } | undefined;
    for (const { start: at, pages } of this.mappings(start, end, true)) {
      if (open !== undefined && open.start + BigInt(open.length) === at) {
        open.length += pages * PAGE;
        continue;
      }
      if (open !== undefined) yield open;
      open = { start: at, length: pages * PAGE };
    }
    if (open !== undefined) yield open;
  }

  /** The state of the page that holds `address`. */
  pte(address: bigint): PageState {
    const low = Number(address & 0xffff_ffffn);
    const vpn = this.#vpn(Number(address >> 32n), low);
    if (vpn < 0) return NO_PAGE;
    const { levels } = this.mode;
    let table = this.dtb / PAGE;
    for (let depth = 0; depth < levels.length; depth += 1) {
      const { shift, bits, leaf } = levels[depth]!;
      const words = this.physical.page(table);
      if (words === undefined) return NO_PAGE;
      const index = (Math.floor(vpn / 2 ** shift) % 2 ** bits) * this.#words;
      const entry = words[index]!;
      const high = this.#words === 2 ? words[index + 1]! : 0;
      const raw = BigInt(high) * 0x1_0000_0000n + BigInt(entry);
      const last = depth === levels.length - 1;
      if ((entry & this.mode.present) === 0) return last ? this.#software(raw, address) : { ...NO_PAGE, pte: raw };
      const frame = this.#frameOf(entry, high);
      if (last || (leaf && (entry & this.mode.large) !== 0)) {
        const base = frame - (frame % 2 ** shift) + (vpn % 2 ** shift);
        return { ...NO_PAGE, kind: 'present', pte: raw, physical: base * PAGE };
      }
      table = frame;
    }
    return NO_PAGE;
  }

  /** The state that the prototype PTE at a kernel address gives; undefined when it is not in the image. */
  prototypePte(address: bigint): PageState | undefined {
    return this.#prototypeState(0n, address).prototype?.state;
  }

  /**
   * Runs of present pages in [start, end), ascending, from the page tables themselves.
   * @param software also pages in transition and behind prototype PTEs
   */
  * mappings(start: bigint = 0n, end: bigint = this.mode.lastAddress + 1n, software = false): Generator<Mapping> {
    if (start > this.mode.lastAddress || start < 0n) return;
    const first = this.#vpnClamped(start);
    const stop = end > this.mode.lastAddress - 0xfffn ? this.#vpnMask : this.#vpnClamped(end + 0xfffn);
    if (stop <= first) return;
    // A tree with more tables than the image has frames visits one twice.
    const budget = { tables: Math.ceil(this.physical.size / PAGE) };
    let open: OpenMapping | undefined;
    let count = 0;
    for (const piece of this.#pieces(this.dtb / PAGE, 0, 0, first, stop, 7, budget, software)) {
      if (open !== undefined && open.vpn + open.pages === piece.vpn && open.frame + open.pages === piece.frame && open.flags === piece.flags
        && piece.vpn !== this.#kernelVpn) {
        open.pages += piece.pages;
        continue;
      }
      if (open !== undefined) yield this.#mapping(open);
      open = { ...piece };
      count += 1;
      if (count > MAX_RUNS) return;
    }
    if (open !== undefined) yield this.#mapping(open);
  }

  /** Present pieces below one table; the same object is yielded again with new values. */
  * #pieces(table: number, depth: number, base: number, first: number, stop: number, rights: number, budget: { tables: number }, software: boolean): Generator<OpenMapping> {
    const words = this.physical.page(table);
    budget.tables -= 1;
    if (words === undefined || budget.tables < 0) return;
    const { shift, bits, leaf } = this.mode.levels[depth]!;
    const last = depth === this.mode.levels.length - 1;
    const span = 2 ** shift;
    const from = Math.max(0, Math.floor((first - base) / span));
    const to = Math.min(2 ** bits, Math.ceil((stop - base) / span));
    const piece: OpenMapping = { vpn: 0, pages: 0, frame: 0, flags: 0 };
    for (let index = from; index < to; index += 1) {
      const entry = words[index * this.#words]!;
      const high = this.#words === 2 ? words[index * 2 + 1]! : 0;
      const vpn = base + index * span;
      if ((entry & this.mode.present) === 0) {
        if (!last || !software || (entry === 0 && high === 0)) continue;
        const frame = this.#softwareFrame(entry, high, vpn);
        if (frame < 0) continue;
        piece.vpn = vpn; piece.pages = 1; piece.frame = frame; piece.flags = 0;
        yield piece;
        continue;
      }
      const frame = this.#frameOf(entry, high);
      const own = rights & (((entry & this.mode.writable) !== 0 ? WRITABLE : 0)
        | ((high & this.mode.noExecuteHigh) === 0 ? EXECUTABLE : 0)
        | ((entry & this.mode.user) !== 0 ? USER : 0));
      const large = !last && leaf && (entry & this.mode.large) !== 0;
      if (!last && !large) {
        // A top-level entry that names its own table is the self-map: the tables again, not memory of its own.
        if (frame === this.dtb / PAGE) continue;
        yield* this.#pieces(frame, depth + 1, vpn, first, stop, own, budget, software);
        continue;
      }
      const begin = Math.max(vpn, first);
      const finish = Math.min(vpn + span, stop);
      const start = (large ? frame - (frame % span) : frame) + (begin - vpn);
      if (start * PAGE >= this.physical.size) continue;
      piece.vpn = begin; piece.pages = finish - begin; piece.frame = start;
      piece.flags = own | (large ? LARGE : 0) | HARDWARE;
      yield piece;
    }
  }

  #mapping({ vpn, pages, frame, flags }: OpenMapping): Mapping {
    return {
      start: this.#address(vpn), pages, physical: frame * PAGE,
      writable: (flags & WRITABLE) !== 0, executable: (flags & EXECUTABLE) !== 0, user: (flags & USER) !== 0,
      large: (flags & LARGE) !== 0, hardware: (flags & HARDWARE) !== 0,
    };
  }

  /** Page number of an address in two words; -1 when it is not canonical. */
  #vpn(high: number, low: number): number {
    const { virtualBits } = this.mode;
    if (virtualBits <= 32) return high === 0 ? low >>> 12 : -1;
    // Sums of a pointer and an offset may be negative or need more than 64 bits.
    if (high !== high >>> 0) return -1;
    const sign = high >>> (virtualBits - 33);
    if (sign !== 0 && sign !== 2 ** (65 - virtualBits) - 1) return -1;
    return (high % 2 ** (virtualBits - 32)) * 0x10_0000 + (low >>> 12);
  }

  #vpnClamped(address: bigint): number {
    const vpn = this.#vpn(Number((address >> 32n) & 0xffff_ffffn), Number(address & 0xffff_ffffn));
    return vpn >= 0 ? vpn : this.#kernelVpn;
  }

  #address(vpn: number): bigint {
    const address = BigInt(vpn) << 12n;
    return vpn < this.#kernelVpn ? address : BigInt.asUintN(64, BigInt.asIntN(this.mode.virtualBits, address));
  }

  #frameOf(entry: number, high: number): number {
    return (high & this.mode.frameHigh) * 0x10_0000 + (entry >>> 12);
  }

  /** Frame that holds the page's data; -1 when it is not in memory. */
  #frame(vpn: number): number {
    const region = Math.floor(vpn / 2 ** this.#leafShift);
    const slot = region % this.#leaves;
    let table = this.#leafTable[slot];
    if (this.#leafTag[slot] !== region || table === undefined) {
      const found = this.#leaf(vpn);
      if (typeof found === 'number') return found;
      table = found;
      this.#leafTag[slot] = region;
      this.#leafTable[slot] = table;
    }
    const index = (vpn % 2 ** this.#leafShift) * this.#words;
    const entry = table[index]!;
    const high = this.#words === 2 ? table[index + 1]! : 0;
    if ((entry & this.mode.present) !== 0) return this.#frameOf(entry, high);
    return entry === 0 && high === 0 && this.prototypeOf === undefined ? -1 : this.#softwareFrame(entry, high, vpn);
  }

  /** The last-level table of a page, or the frame when a large page maps it, or -1. */
  #leaf(vpn: number): Uint32Array | number {
    const { levels } = this.mode;
    let table = this.dtb / PAGE;
    for (let depth = 0; depth < levels.length - 1; depth += 1) {
      const words = this.physical.page(table);
      if (words === undefined) return -1;
      const { shift, bits, leaf } = levels[depth]!;
      const index = (Math.floor(vpn / 2 ** shift) % 2 ** bits) * this.#words;
      const entry = words[index]!;
      const high = this.#words === 2 ? words[index + 1]! : 0;
      if ((entry & this.mode.present) === 0) return -1;
      const frame = this.#frameOf(entry, high);
      if (leaf && (entry & this.mode.large) !== 0) return frame - (frame % 2 ** shift) + (vpn % 2 ** shift);
      table = frame;
    }
    return this.physical.page(table) ?? -1;
  }

  /** Frame of a page whose PTE is not valid: in transition, or through its prototype PTE; -1: not in memory. */
  #softwareFrame(entry: number, high: number, vpn: number): number {
    const { transition, prototype } = this.software;
    if ((entry & prototype) !== 0) {
      const address = this.#prototypeAddress(entry, high, vpn);
      return address === undefined ? -1 : this.#prototypeFrame(address);
    }
    if ((entry & transition) !== 0) return this.#transitionFrame(entry, high);
    if (entry === 0 && high === 0 && this.prototypeOf !== undefined) {
      const address = this.prototypeOf(this.#address(vpn));
      return address === undefined ? -1 : this.#prototypeFrame(address);
    }
    return -1;
  }

  #transitionFrame(entry: number, high: number): number {
    const { swizzle, invalidMaskHigh, invalidMaskLow } = this.software;
    if ((entry & swizzle) !== 0) return this.#frameOf(entry, high);
    return this.#frameOf(entry & ~invalidMaskLow, high & ~invalidMaskHigh);
  }

  /** Corresponds to `_MMPTE_PROTOTYPE.ProtoAddress`; all ones in the upper half: the VAD knows (MI_PTE_LOOKUP_NEEDED). */
  #prototypeAddress(entry: number, high: number, vpn: number): bigint | undefined {
    if (high === 0xffff_ffff) return this.prototypeOf?.(this.#address(vpn));
    const address = BigInt.asIntN(48, BigInt(high) * 0x1_0000n + BigInt(entry >>> 16));
    return BigInt.asUintN(64, address);
  }

  #prototypeFrame(address: bigint): number {
    const bytes = (this.system ?? this).#kernelPte(address);
    if (bytes === undefined) return -1;
    const entry = bytes.readUInt32LE(0);
    const high = bytes.length === 8 ? bytes.readUInt32LE(4) : 0;
    if ((entry & this.mode.present) !== 0) return this.#frameOf(entry, high);
    const { transition, prototype } = this.software;
    return (entry & prototype) === 0 && (entry & transition) !== 0 ? this.#transitionFrame(entry, high) : -1;
  }

  /** A PTE in kernel memory. Only pages that the hardware maps are taken, so that no chain of prototypes arises. */
  #kernelPte(address: bigint): Buffer | undefined {
    if (address < this.mode.kernelStart) return undefined;
    const state = this.#presentFrame(address);
    return state < 0 ? undefined : this.physical.read(state * PAGE + Number(address & 0xfffn), this.mode.entryBytes);
  }

  #presentFrame(address: bigint): number {
    const low = Number(address & 0xffff_ffffn);
    const vpn = this.#vpn(Number(address >> 32n), low);
    if (vpn < 0) return -1;
    const found = this.#leaf(vpn);
    if (typeof found === 'number') return found;
    const index = (vpn % 2 ** this.#leafShift) * this.#words;
    const entry = found[index]!;
    const high = this.#words === 2 ? found[index + 1]! : 0;
    if ((entry & this.mode.present) !== 0) return this.#frameOf(entry, high);
    const { transition, prototype } = this.software;
    return (entry & prototype) === 0 && (entry & transition) !== 0 ? this.#transitionFrame(entry, high) : -1;
  }

  #software(raw: bigint, address: bigint): PageState {
    const entry = Number(raw & 0xffff_ffffn);
    const high = Number(raw >> 32n);
    if (raw === 0n) {
      const vad = this.prototypeOf?.(address & ~0xfffn);
      return vad === undefined ? NO_PAGE : this.#prototypeState(raw, vad);
    }
    const { transition, prototype } = this.software;
    if ((entry & prototype) !== 0) {
      const vpn = this.#vpn(Number(address >> 32n), Number(address & 0xffff_ffffn));
      const target = this.#prototypeAddress(entry, high, vpn);
      return target === undefined ? { ...NO_PAGE, kind: 'prototype', pte: raw } : this.#prototypeState(raw, target);
    }
    return this.#settled(raw, entry, high, transition);
  }

  #prototypeState(raw: bigint, address: bigint): PageState {
    const bytes = (this.system ?? this).#kernelPte(address);
    const pte = bytes === undefined ? undefined : bytes.length === 8 ? bytes.readBigUInt64LE(0) : BigInt(bytes.readUInt32LE(0));
    const state = pte === undefined ? undefined : this.#settled(pte, Number(pte & 0xffff_ffffn), Number(pte >> 32n), this.software.transition);
    return { kind: 'prototype', pte: raw, physical: state?.physical, prototype: { address, state }, pagefile: undefined };
  }

  /** The state of a PTE that leads no further. */
  #settled(raw: bigint, entry: number, high: number, transition: number): PageState {
    if ((entry & this.mode.present) !== 0) return { ...NO_PAGE, kind: 'present', pte: raw, physical: this.#frameOf(entry, high) * PAGE };
    if ((entry & this.software.prototype) !== 0) return { ...NO_PAGE, kind: 'prototype', pte: raw };
    if ((entry & transition) !== 0) return { ...NO_PAGE, kind: 'transition', pte: raw, physical: this.#transitionFrame(entry, high) * PAGE };
    if (raw === 0n) return NO_PAGE;
    const { swizzle, invalidMaskHigh, pagefileShift } = this.software;
    const offset = ((entry & swizzle) !== 0 ? high : high & ~invalidMaskHigh) >>> 0;
    if (offset === 0) return { ...NO_PAGE, kind: 'demand-zero', pte: raw };
    return { ...NO_PAGE, kind: 'pagefile', pte: raw, pagefile: { number: (entry >>> pagefileShift) & 0xf, offset } };
  }

  /** Fills from a page on; consecutive frames are read at once. */
  #fill(vpn: number, inPage: number, target: Uint8Array, stopAtMissing: boolean): number {
    let missing = 0;
    let done = 0;
    let page = vpn;
    let skip = inPage;
    // Nothing lies above the address space, and what follows the user half is not canonical.
    const end = vpn < this.#kernelVpn && this.#kernelVpn < this.#vpnMask ? this.#kernelVpn : this.#vpnMask;
    while (done < target.length) {
      const frame = page < end ? this.#frame(page) : -1;
      let step = Math.min(PAGE - skip, target.length - done);
      page += 1;
      if (frame < 0) {
        if (stopAtMissing) return step;
        target.fill(0, done, done + step);
        missing += step;
      } else {
        let next = frame + 1;
        while (done + step < target.length && page < end && this.#frame(page) === next) {
          step += Math.min(PAGE, target.length - done - step);
          next += 1;
          page += 1;
        }
        missing += this.physical.fill(frame * PAGE + skip, target.subarray(done, done + step));
        if (stopAtMissing && missing > 0) return missing;
      }
      done += step;
      skip = 0;
    }
    return missing;
  }
}
