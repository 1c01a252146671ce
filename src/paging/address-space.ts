import type { Run, SparseMemory } from '../bytes/memory.js';
import type { PagingMode } from './mode.js';
import { PteFormat } from './pte-format.js';
import { NO_PAGE, type PageState, type SoftwarePte } from './pte.js';
import { EXECUTABLE, HARDWARE, LARGE, pieces, USER, WRITABLE, type Piece } from './table-walk.js';

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
  /** By a large page (2 MiB, 4 MiB or 1 GiB). */
  readonly large: boolean;
  /** False for a page in transition or behind a prototype PTE: its data is there, the hardware would fault. */
  readonly hardware: boolean;
}

const PAGE = 4096;
/** Last-level tables remembered: System's space is used all the time, a process's for a while. Each pins a chunk of the image. */
const SYSTEM_LEAVES = 1024;
const PROCESS_LEAVES = 32;
/** No real address space has more present runs; a hostile tree of tables that name each other does. */
const MAX_RUNS = 8_000_000;

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
  /** Where the top-level table begins: its frame, and its first word in that frame (a PDPT may lie anywhere in one). */
  readonly #root: number;
  readonly #rootWord: number;
  readonly #format: PteFormat;
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
    this.#root = Math.floor(dtb / PAGE);
    this.#rootWord = Math.floor((dtb % PAGE) / mode.tableAlign) * (mode.tableAlign / 4);
    this.#format = new PteFormat(mode, software);
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
    let table = this.#root;
    let first = this.#rootWord;
    for (let depth = 0; depth < levels.length; depth += 1) {
      const { shift, bits, leaf, present } = levels[depth]!;
      const words = this.physical.page(table);
      if (words === undefined) return NO_PAGE;
      const index = first + (Math.floor(vpn / 2 ** shift) % 2 ** bits) * this.#words;
      const entry = words[index]!;
      const high = this.#words === 2 ? words[index + 1]! : 0;
      const raw = BigInt(high) * 0x1_0000_0000n + BigInt(entry);
      const last = depth === levels.length - 1;
      if ((entry & present) !== present) {
        if (last) return this.#software(raw, entry, high, vpn);
        const moved = this.#format.settledFrame(entry, high);
        if (moved < 0) return { ...NO_PAGE, pte: raw };
        table = moved;
        first = 0;
        continue;
      }
      if (last || (leaf && (entry & this.mode.large) === this.mode.largeValue)) {
        const frame = last ? this.#format.frame(entry, high) : this.#format.largeFrame(entry, high, shift) + (vpn % 2 ** shift);
        return { ...NO_PAGE, kind: 'present', pte: raw, physical: frame * PAGE };
      }
      table = this.#format.frame(entry, high);
      first = 0;
    }
    return NO_PAGE;
  }

  /** The state that the prototype PTE at a kernel address gives; undefined when it is not in the image. */
  prototypePte(address: bigint): PageState | undefined {
    return this.#prototypeState(0n, address).prototype?.state;
  }

  /** PTEs of the last level that are not valid and not zero, each as two words: for who asks how this build writes them. */
  * softwareEntries(start: bigint, end: bigint): Generator<{ readonly low: number; readonly high: number }> {
    const first = this.#vpnClamped(start);
    const found: { low: number; high: number }[] = [];
    const walk = pieces({
      physical: this.physical, mode: this.mode, format: this.#format, root: this.#root, rootWord: this.#rootWord, first, stop: this.#vpnClamped(end),
      software: (low, high) => {
        found.push({ low, high });
        return -1;
      },
    });
    for (let step = walk.next(); step.done !== true; step = walk.next()) {
      yield* found;
      found.length = 0;
    }
    yield* found;
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
    let open: Piece | undefined;
    let count = 0;
    for (const piece of pieces({
      physical: this.physical, mode: this.mode, format: this.#format, root: this.#root, rootWord: this.#rootWord, first, stop,
      software: software ? (low, high, vpn) => this.#softwareFrame(low, high, vpn) : undefined,
    })) {
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

  #mapping({ vpn, pages, frame, flags }: Piece): Mapping {
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
    if ((entry & this.#format.present) === this.#format.present) return this.#format.frame(entry, high);
    return entry === 0 && high === 0 && this.prototypeOf === undefined ? -1 : this.#softwareFrame(entry, high, vpn);
  }

  /** The last-level table of a page, or the frame when a large page maps it, or -1. */
  #leaf(vpn: number): Uint32Array | number {
    const { levels, large, largeValue } = this.mode;
    let table = this.#root;
    let first = this.#rootWord;
    for (let depth = 0; depth < levels.length - 1; depth += 1) {
      const words = this.physical.page(table);
      if (words === undefined) return -1;
      const { shift, bits, leaf, present } = levels[depth]!;
      const index = first + (Math.floor(vpn / 2 ** shift) % 2 ** bits) * this.#words;
      const entry = words[index]!;
      const high = this.#words === 2 ? words[index + 1]! : 0;
      if ((entry & present) !== present) {
        // A table of a process that was trimmed: it lies in its frame still.
        const moved = this.#format.settledFrame(entry, high);
        if (moved < 0) return -1;
        table = moved;
        first = 0;
        continue;
      }
      if (leaf && (entry & large) === largeValue) return this.#format.largeFrame(entry, high, shift) + (vpn % 2 ** shift);
      table = this.#format.frame(entry, high);
      first = 0;
    }
    return this.physical.page(table) ?? -1;
  }

  /** Frame of a page whose PTE is not valid: in transition, or through its prototype PTE; -1: not in memory. */
  #softwareFrame(entry: number, high: number, vpn: number): number {
    if (!this.#format.isPrototype(entry) && (entry !== 0 || high !== 0)) return this.#format.settledFrame(entry, high);
    const address = this.#prototypeAddress(entry, high, vpn);
    return address === undefined ? -1 : this.#prototypeFrame(address);
  }

  /** Where the prototype PTE of a page is, by its PTE or, where that is empty or says so, by the VAD. */
  #prototypeAddress(entry: number, high: number, vpn: number): bigint | undefined {
    const own = entry === 0 && high === 0 ? undefined : this.#format.prototypeAddress(entry, high);
    return own ?? this.prototypeOf?.(this.#address(vpn));
  }

  #prototypeFrame(address: bigint): number {
    const bytes = (this.system ?? this).#kernelPte(address);
    return bytes === undefined ? -1 : this.#format.settledFrame(bytes.readUInt32LE(0), bytes.length === 8 ? bytes.readUInt32LE(4) : 0);
  }

  /** A PTE in kernel memory. Only pages that the hardware maps are taken, so that no chain of prototypes arises. */
  #kernelPte(address: bigint): Buffer | undefined {
    if (address < this.mode.kernelStart) return undefined;
    const frame = this.#presentFrame(address);
    return frame < 0 ? undefined : this.physical.read(frame * PAGE + Number(address & 0xfffn), this.mode.entryBytes);
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
    return this.#format.settledFrame(entry, high);
  }

  /** The state of a page whose PTE is not valid. */
  #software(raw: bigint, entry: number, high: number, vpn: number): PageState {
    if (raw !== 0n && !this.#format.isPrototype(entry)) return this.#format.state(raw);
    const address = this.#prototypeAddress(entry, high, vpn);
    if (address !== undefined) return this.#prototypeState(raw, address);
    return raw === 0n ? NO_PAGE : { ...NO_PAGE, kind: 'prototype', pte: raw };
  }

  #prototypeState(raw: bigint, address: bigint): PageState {
    const bytes = (this.system ?? this).#kernelPte(address);
    const state = bytes === undefined ? undefined : this.#format.state(bytes.length === 8 ? bytes.readBigUInt64LE(0) : BigInt(bytes.readUInt32LE(0)));
    return { kind: 'prototype', pte: raw, physical: state?.physical, prototype: { address, state }, pagefile: undefined };
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
