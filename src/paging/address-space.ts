import type { Run, SparseMemory } from '../bytes/memory.js';
import type { PagingMode } from './mode.js';
import { PageNumbers } from './page-numbers.js';
import type { PagedOut } from './paged-out.js';
import { PteFormat } from './pte-format.js';
import { Descent, UNTOUCHED } from './descent.js';
import { ImageFrames, knownPages, stretches, type PrototypePages, type PrototypeRange, type Stretch, type VpnRange } from './known-pages.js';
import {
  COMPRESSED, NO_PAGE, PAGE_KINDS, PAGEFILE, PRESENT, PROTOTYPE, TRANSITION, UNMAPPED, type PageKind, type PageState, type SoftwarePte,
} from './pte.js';
import { EXECUTABLE, HARDWARE, LARGE, pieces, USER, WRITABLE, type Piece, type TableWalk } from './table-walk.js';

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

/** Neighbouring pages in the same state. */
export interface StateRun {
  /** First byte. */
  readonly start: bigint;
  /** Count of 4 KiB pages. */
  readonly pages: number;
  /** What their own PTEs say; `prototype` also where there is none and the VAD knows; `unmapped`: their page table is not to be had. */
  readonly kind: PageKind;
  /** Of prototypes what lies behind them; else the same. */
  readonly resolved: PageKind;
  /** Their bytes can be read: from the image, a page file that was given, or the store of compressed pages. */
  readonly readable: boolean;
}

const PAGE = 4096;
/** In place of a frame: nothing; paged out, and to be had perhaps. */
const [NOTHING, AWAY] = [-1, -2] as const;
/** Last-level tables remembered: System's space is used all the time, a process's for a while. Each pins a chunk of the image. */
const SYSTEM_LEAVES = 1024;
const PROCESS_LEAVES = 32;
/** No real address space has more present runs; a hostile tree of tables that name each other does. */
const MAX_RUNS = 8_000_000;

/**
 * A virtual address space: page tables from a directory table base. Present, transition and prototype pages are read, and paged-out ones where
 * somebody has them; others are missing. Inside, addresses are page numbers; `bigint` is split once at the door.
 */
export class AddressSpace implements SparseMemory<bigint> {
  readonly #leaves: number;
  readonly #leafTag: Float64Array;
  readonly #leafTable: (Uint32Array | undefined)[];
  readonly #leafShift: number;
  readonly #words: number;
  readonly #format: PteFormat;
  readonly #numbers: PageNumbers;
  readonly #descent: Descent;
  /** The page of prototype PTEs read last: neighbours have theirs in one. */
  #lastKernelVpn = -1;
  #lastKernelPage: Uint32Array | undefined;
  #frames: ImageFrames | undefined;
  /** Asked for the address of the prototype PTE of a page whose own PTE says that the VAD knows it. */
  prototypeOf: ((address: bigint) => bigint | undefined) | undefined;
  /** As `prototypeOf`, in bulk: all that touch [start, end), ascending, not overlapping. */
  prototypeRanges: ((start: bigint, end: bigint) => Iterable<PrototypeRange>) | undefined;
  /** System's only: where paged-out pages of all address spaces are read. */
  pagedOut: PagedOut | undefined;

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
    this.#format = new PteFormat(mode, software);
    this.#numbers = new PageNumbers(mode);
    this.#descent = new Descent(physical, mode, this.#format, dtb, () => this.#kernel.pagedOut);
  }

  /** Physical address of a virtual one, where its data is in the image. */
  translate(address: bigint): number | undefined {
    const low = Number(address & 0xffff_ffffn);
    const vpn = this.#numbers.of(Number(address >> 32n), low);
    if (vpn < 0) return undefined;
    const frame = this.#frame(vpn);
    return frame < 0 ? undefined : frame * PAGE + (low & 0xfff);
  }

  read(address: bigint, length: number): Buffer | undefined {
    const low = Number(address & 0xffff_ffffn);
    const vpn = this.#numbers.of(Number(address >> 32n), low);
    if (vpn < 0) return undefined;
    const inPage = low & 0xfff;
    if (inPage + length <= PAGE) {
      const frame = this.#frame(vpn);
      if (frame >= 0) return this.physical.read(frame * PAGE + inPage, length);
      const away = frame === AWAY ? this.#away(vpn) : undefined;
      return away && Buffer.from(away.buffer, away.byteOffset + inPage, length);
    }
    const target = Buffer.allocUnsafe(length);
    return this.#fill(vpn, inPage, target, true) === 0 ? target : undefined;
  }

  fill(address: bigint, target: Uint8Array): number {
    const low = Number(address & 0xffff_ffffn);
    const vpn = this.#numbers.of(Number(address >> 32n), low);
    if (vpn < 0) {
      target.fill(0);
      return target.length;
    }
    return this.#fill(vpn, low & 0xfff, target, false);
  }

  * runs(start: bigint, end: bigint): Generator<Run<bigint>> {
    const run = ({ vpn, pages }: { vpn: number; pages: number }): Run<bigint> => {
      const first = this.#numbers.address(vpn);
      const from = first < start ? start : first;
      const stop = first + BigInt(pages * PAGE);
      return { start: from, length: Number((stop < end ? stop : end) - from) };
    };
    let open: { vpn: number; pages: number } | undefined;
    for (const { vpn, pages, readable } of this.#stretches(start, end)) {
      if (!readable) continue;
      if (open !== undefined && open.vpn + open.pages === vpn && vpn !== this.#numbers.kernel) {
        open.pages += pages;
        continue;
      }
      if (open !== undefined) yield run(open);
      open = { vpn, pages };
    }
    if (open !== undefined) yield run(open);
  }

  /**
   * The states of all pages in [start, end) of which page tables or VADs know anything, ascending; pages between two runs have no PTE.
   * From the page tables themselves, not page by page.
   */
  * states(start: bigint, end: bigint): Generator<StateRun> {
    for (const { vpn, pages, own, resolved, readable } of this.#stretches(start, end)) {
      yield { start: this.#numbers.address(vpn), pages, kind: PAGE_KINDS[own]!, resolved: PAGE_KINDS[resolved]!, readable };
    }
  }

  /** The state of the page that holds `address`. */
  pte(address: bigint): PageState {
    const low = Number(address & 0xffff_ffffn);
    const vpn = this.#numbers.of(Number(address >> 32n), low);
    if (vpn < 0) return NO_PAGE;
    const { levels } = this.mode;
    let words = this.physical.page(this.#descent.root);
    let first = this.#descent.rootWord;
    for (let depth = 0; depth < levels.length; depth += 1) {
      const { shift, bits, leaf, present } = levels[depth]!;
      if (words === undefined) return NO_PAGE;
      const index = first + (Math.floor(vpn / 2 ** shift) % 2 ** bits) * this.#words;
      const entry = words[index]!;
      const high = this.#words === 2 ? words[index + 1]! : 0;
      const raw = BigInt(high) * 0x1_0000_0000n + BigInt(entry);
      const last = depth === levels.length - 1;
      if ((entry & present) !== present) {
        if (last) return this.#software(raw, entry, high, vpn);
        // No table was made yet: the VAD may know the page all the same.
        if (this.#format.isEmpty(entry, high)) return this.#software(0n, 0, 0, vpn);
        words = this.#descent.softwareTable(entry, high);
        if (words === undefined) return { ...NO_PAGE, pte: raw };
        first = 0;
        continue;
      }
      if (last || (leaf && (entry & this.mode.large) === this.mode.largeValue)) {
        const frame = last ? this.#format.frame(entry, high) : this.#format.largeFrame(entry, high, shift) + (vpn % 2 ** shift);
        return { ...NO_PAGE, kind: 'present', pte: raw, physical: frame * PAGE };
      }
      words = this.physical.page(this.#format.frame(entry, high));
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
    let found: { low: number; high: number } | undefined;
    const walk = pieces({ ...this.#walk(this.#numbers.clamped(start), this.#numbers.clamped(end)), software: (_, low, high) => { found = { low, high }; } });
    while (walk.next().done !== true) {
      if (found !== undefined) yield found;
      found = undefined;
    }
  }

  /**
   * Runs of present pages in [start, end), ascending, from the page tables themselves.
   * @param software also pages in transition and behind prototype PTEs, those that only the VAD knows among them
   */
  * mappings(start: bigint = 0n, end: bigint = this.mode.lastAddress + 1n, software = false): Generator<Mapping> {
    const range = this.#range(start, end);
    if (range === undefined) return;
    const { physical } = this;
    let open: Piece | undefined;
    let count = 0;
    for (const piece of software ? this.#known(...range) : pieces(this.#walk(...range))) {
      if (piece.frame < 0 || piece.frame * PAGE >= physical.size) continue;
      if (open !== undefined && open.vpn + open.pages === piece.vpn && open.frame + open.pages === piece.frame && open.flags === piece.flags
        && piece.vpn !== this.#numbers.kernel) {
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

  /** The page numbers of [start, end); undefined when there are none. */
  #range(start: bigint, end: bigint): readonly [first: number, stop: number] | undefined {
    if (start > this.mode.lastAddress || start < 0n) return undefined;
    const first = this.#numbers.clamped(start);
    const stop = end > this.mode.lastAddress - 0xfffn ? this.#numbers.end : this.#numbers.clamped(end + 0xfffn);
    return stop <= first ? undefined : [first, stop];
  }

  #walk(first: number, stop: number): TableWalk {
    return {
      physical: this.physical, mode: this.mode, format: this.#format, root: this.#descent.root, rootWord: this.#descent.rootWord, first, stop,
      software: undefined, awayTable: undefined,
    };
  }

  /** All pages of which anything is known. */
  #known(first: number, stop: number): Generator<Piece> {
    const walk = pieces({
      ...this.#walk(first, stop),
      software: (piece, low, high) => this.#settleOwn(piece, low, high),
      awayTable: (low, high) => this.#descent.awayTable(low, high),
    });
    return this.prototypeRanges === undefined ? walk : knownPages(walk, this.#vadRanges(first, stop), this.#prototypePages, first, stop);
  }

  * #stretches(start: bigint, end: bigint): Generator<Stretch> {
    const range = this.#range(start, end);
    if (range === undefined) return;
    this.#frames ??= new ImageFrames(this.physical.runs(0, this.physical.size));
    yield* stretches(this.#known(...range), this.#frames, this.#numbers.kernel);
  }

  * #vadRanges(first: number, stop: number): Generator<VpnRange> {
    for (const { start, pages, prototypes } of this.prototypeRanges?.(this.#numbers.address(first), this.#numbers.address(stop - 1) + 0x1000n) ?? []) {
      yield { vpn: this.#numbers.clamped(start), pages, prototypes };
    }
  }

  /** Says what an entry of the last level means that is not valid. */
  #settleOwn(piece: Piece, low: number, high: number): void {
    const own = this.#format.softwareKind(low, high);
    const address = own === PROTOTYPE ? this.#prototypeAddress(low, high, piece.vpn) : undefined;
    if (own !== PROTOTYPE) {
      this.#settle(piece, low, high, own);
      piece.own = piece.resolved;
      return;
    }
    piece.own = PROTOTYPE;
    const words = address === undefined ? undefined : this.#kernel.#kernelPage(address);
    if (address === undefined || words === undefined) {
      piece.frame = NOTHING; piece.resolved = address === undefined ? PROTOTYPE : UNMAPPED; piece.readable = false;
      return;
    }
    const word = Number(address & 0xfffn) >>> 2;
    this.#settleSection(piece, words[word]!, this.#words === 2 ? words[word + 1]! : 0);
  }

  /** Says what a prototype PTE means. */
  #settleSection(piece: Piece, low: number, high: number): void {
    this.#settle(piece, low, high, this.#format.sectionKind(low, high));
  }

  #settle(piece: Piece, low: number, high: number, kind: number): void {
    piece.frame = NOTHING; piece.resolved = kind; piece.readable = false;
    if (kind === PRESENT || kind === TRANSITION) {
      piece.frame = this.#format.settledFrame(low, high);
      piece.readable = true;
    } else if (kind === PAGEFILE) {
      const { pagedOut } = this.#kernel;
      if (pagedOut === undefined) return;
      const file = this.#format.pagefileNumber(low);
      if (pagedOut.kind(file) === 'compressed') piece.resolved = COMPRESSED;
      piece.readable = pagedOut.has(file, this.#format.pagefileOffset(low, high));
    }
  }

  #mapping({ vpn, pages, frame, flags }: Piece): Mapping {
    return {
      start: this.#numbers.address(vpn), pages, physical: frame * PAGE,
      writable: (flags & WRITABLE) !== 0, executable: (flags & EXECUTABLE) !== 0, user: (flags & USER) !== 0,
      large: (flags & LARGE) !== 0, hardware: (flags & HARDWARE) !== 0,
    };
  }

  /** Frame that holds the page's data; NOTHING or AWAY when it is not in memory. */
  #frame(vpn: number): number {
    const region = Math.floor(vpn / 2 ** this.#leafShift);
    const slot = region % this.#leaves;
    let table = this.#leafTable[slot];
    if (this.#leafTag[slot] !== region || table === undefined) {
      const found = this.#descent.leaf(vpn);
      if (typeof found === 'number') return found >= 0 ? found : found === UNTOUCHED && this.prototypeOf !== undefined ? this.#softwareFrame(0, 0, vpn) : NOTHING;
      table = found;
      this.#leafTag[slot] = region;
      this.#leafTable[slot] = table;
    }
    const index = (vpn % 2 ** this.#leafShift) * this.#words;
    const entry = table[index]!;
    const high = this.#words === 2 ? table[index + 1]! : 0;
    if ((entry & this.#format.present) === this.#format.present) return this.#format.frame(entry, high);
    return entry === 0 && high === 0 && this.prototypeOf === undefined ? NOTHING : this.#softwareFrame(entry, high, vpn);
  }

  /** Frame of a page whose PTE is not valid: in transition, or through its prototype PTE; NOTHING or AWAY: not in memory. */
  #softwareFrame(entry: number, high: number, vpn: number): number {
    const kind = this.#format.softwareKind(entry, high);
    if (kind === TRANSITION) return this.#format.settledFrame(entry, high);
    if (kind === PAGEFILE) return AWAY;
    if (kind !== PROTOTYPE && (entry !== 0 || high !== 0)) return NOTHING;
    const address = this.#prototypeAddress(entry, high, vpn);
    const words = address === undefined ? undefined : this.#kernel.#kernelPage(address);
    if (address === undefined || words === undefined) return NOTHING;
    const word = Number(address & 0xfffn) >>> 2;
    const low = words[word]!;
    const upper = this.#words === 2 ? words[word + 1]! : 0;
    const frame = this.#format.settledFrame(low, upper);
    return frame >= 0 ? frame : this.#format.sectionKind(low, upper) === PAGEFILE ? AWAY : NOTHING;
  }

  /** Where the prototype PTE of a page is, by its PTE or, where that is empty or says so, by the VAD. */
  #prototypeAddress(entry: number, high: number, vpn: number): bigint | undefined {
    const own = entry === 0 && high === 0 ? undefined : this.#format.prototypeAddress(entry, high);
    const address = own ?? this.prototypeOf?.(this.#numbers.address(vpn));
    return address === undefined || address < this.mode.kernelStart || address % BigInt(this.mode.entryBytes) !== 0n ? undefined : address;
  }

  /** System's space, where all that is the kernel's is read. */
  get #kernel(): AddressSpace {
    return this.system ?? this;
  }

  /** How bulk walks read prototype PTEs. */
  get #prototypePages(): PrototypePages {
    const kernel = this.#kernel;
    return {
      entryBytes: this.mode.entryBytes,
      page: (address) => kernel.#kernelPage(address),
      absentUntil: (address) => this.#numbers.address(kernel.#descent.absentUntil(this.#numbers.clamped(address)) - 1) + 0x1000n,
      settle: (piece, low, high) => this.#settleSection(piece, low, high),
    };
  }

  /** A page of kernel memory as words. Prototype PTEs are not followed, so that no chain of them arises. */
  #kernelPage(address: bigint): Uint32Array | undefined {
    const low = Number(address & 0xffff_ffffn);
    const vpn = address < this.mode.kernelStart ? -1 : this.#numbers.of(Number(address >> 32n), low);
    if (vpn < 0) return undefined;
    if (vpn === this.#lastKernelVpn) return this.#lastKernelPage;
    const page = this.#descent.page(vpn);
    this.#lastKernelVpn = vpn;
    this.#lastKernelPage = page;
    return page;
  }

  /** The bytes of a page that lies in no frame, where somebody has them. */
  #away(vpn: number): Uint8Array | undefined {
    const { pagedOut } = this.#kernel;
    if (pagedOut === undefined) return undefined;
    const { pagefile, prototype } = this.pte(this.#numbers.address(vpn));
    const place = pagefile ?? prototype?.state?.pagefile;
    return place && pagedOut.read(place.number, place.offset);
  }

  /** The state of a page whose PTE is not valid. */
  #software(raw: bigint, entry: number, high: number, vpn: number): PageState {
    const kind = this.#format.softwareKind(entry, high);
    if (raw !== 0n && kind !== PROTOTYPE) return this.#placed(this.#format.state(raw));
    const address = this.#prototypeAddress(entry, high, vpn);
    if (address !== undefined) return this.#prototypeState(raw, address);
    return raw === 0n ? NO_PAGE : { ...NO_PAGE, kind: 'prototype', pte: raw };
  }

  #prototypeState(raw: bigint, address: bigint): PageState {
    const words = address % BigInt(this.mode.entryBytes) === 0n ? this.#kernel.#kernelPage(address) : undefined;
    const word = Number(address & 0xfffn) >>> 2;
    const entry = words === undefined ? undefined : BigInt(words[word]!) + (this.#words === 2 ? BigInt(words[word + 1]!) << 32n : 0n);
    const state = entry === undefined ? undefined : this.#placed(this.#format.state(entry, true));
    return { kind: 'prototype', pte: raw, physical: state?.physical, prototype: { address, state }, pagefile: undefined };
  }

  /** A page of a virtual store is a compressed one. */
  #placed(state: PageState): PageState {
    return state.pagefile !== undefined && this.#kernel.pagedOut?.kind(state.pagefile.number) === 'compressed' ? { ...state, kind: 'compressed' } : state;
  }

  /** Fills from a page on; consecutive frames are read at once. */
  #fill(vpn: number, inPage: number, target: Uint8Array, stopAtMissing: boolean): number {
    let missing = 0;
    let done = 0;
    let page = vpn;
    let skip = inPage;
    // Nothing lies above the address space, and what follows the user half is not canonical.
    const end = vpn < this.#numbers.kernel && this.#numbers.kernel < this.#numbers.end ? this.#numbers.kernel : this.#numbers.end;
    while (done < target.length) {
      const frame = page < end ? this.#frame(page) : NOTHING;
      let step = Math.min(PAGE - skip, target.length - done);
      page += 1;
      const away = frame === AWAY ? this.#away(page - 1) : undefined;
      if (away !== undefined) target.set(away.subarray(skip, skip + step), done);
      else if (frame < 0) {
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
