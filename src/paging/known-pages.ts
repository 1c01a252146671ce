import type { Run } from '../bytes/memory.js';
import { PROTOTYPE, UNMAPPED } from './pte.js';
import { newPiece, type Piece } from './table-walk.js';

/** Pages whose prototype PTEs lie one after another, as a VAD knows them. */
export interface PrototypeRange {
  /** First page. */
  readonly start: bigint;
  /** 4 KiB pages. */
  readonly pages: number;
  /** Address of the first page's prototype PTE, in kernel memory. */
  readonly prototypes: bigint;
}

/** A range by page numbers. */
export interface VpnRange { readonly vpn: number; readonly pages: number; readonly prototypes: bigint }

/** Kernel memory as prototype PTEs are read from it. */
export interface PrototypePages {
  readonly entryBytes: 4 | 8;
  /** The page of kernel memory that holds an address, as words. */
  page(address: bigint): Uint32Array | undefined;
  /** Where the next page may be that is there, when this one is not: skips what page tables say in one entry. */
  absentUntil(address: bigint): bigint;
  /** Says what a prototype PTE means, in the piece. */
  settle(piece: Piece, low: number, high: number): void;
}

const PAGE = 4096;
/** Pages of prototype PTEs looked at in one walk: 1 TiB of views, or holes beyond counting. A hostile VAD claims any number. */
const MOST_PAGES = 1 << 19;

/**
 * What the page tables say, and where they are empty what the VADs know: every page of which anything is known, ascending. The same
 * objects are yielded again with new values.
 * @param pieces by the page tables, one for each entry that is not zero
 * @param ranges ascending, not overlapping
 */
export function* knownPages(pieces: Iterable<Piece>, ranges: Iterable<VpnRange>, prototypes: PrototypePages, first: number, stop: number): Generator<Piece> {
  const left = { pages: MOST_PAGES };
  const cursor = ranges[Symbol.iterator]();
  let range = cursor.next();
  let at = first;
  const untouched = function* (to: number): Generator<Piece> {
    while (range.done !== true && range.value.vpn < to) {
      const { vpn, pages } = range.value;
      const from = Math.max(at, vpn);
      const end = Math.min(to, vpn + pages);
      if (from < end) yield* behind(range.value, from, end, prototypes, left);
      if (vpn + pages > to) return;
      range = cursor.next();
    }
  };
  for (const piece of pieces) {
    if (range.done !== true && range.value.vpn < piece.vpn) yield* untouched(piece.vpn);
    at = piece.vpn + piece.pages;
    yield piece;
  }
  yield* untouched(stop);
}

/** Pages that were never touched, by the prototype PTEs of [from, to). */
function* behind({ vpn, prototypes }: VpnRange, from: number, to: number, kernel: PrototypePages, left: { pages: number }): Generator<Piece> {
  const piece = newPiece();
  const { entryBytes } = kernel;
  let page = from;
  while (page < to) {
    const address = prototypes + BigInt((page - vpn) * entryBytes);
    const inPage = Number(address & 0xfffn);
    left.pages -= 1;
    const words = left.pages < 0 ? undefined : kernel.page(address);
    piece.vpn = page;
    piece.own = PROTOTYPE;
    if (words === undefined || inPage % entryBytes !== 0) {
      const next = words === undefined ? kernel.absentUntil(address) : address + BigInt(PAGE - inPage);
      const entries = Number((next - address + BigInt(entryBytes - 1)) / BigInt(entryBytes));
      // Beyond the limit nothing is looked at, and nothing promised.
      piece.pages = left.pages < 0 ? to - page : Math.min(to - page, Math.max(1, entries));
      piece.frame = -1; piece.flags = 0; piece.resolved = UNMAPPED; piece.readable = false;
      page += piece.pages;
      yield piece;
      continue;
    }
    const end = Math.min(to, page + (PAGE - inPage) / entryBytes);
    for (let word = inPage >>> 2; page < end; page += 1, word += entryBytes >>> 2) {
      piece.vpn = page; piece.pages = 1; piece.flags = 0;
      kernel.settle(piece, words[word]!, entryBytes === 8 ? words[word + 1]! : 0);
      piece.own = PROTOTYPE;
      yield piece;
    }
  }
}

/** Frames of the image, for who has many to ask about. */
export class ImageFrames {
  /** First frames and ends, ascending; only whole pages. */
  readonly #starts: readonly number[];
  readonly #ends: readonly number[];
  #last = 0;

  constructor(runs: Iterable<Run<number>>) {
    const ranges = [...runs].map(({ start, length }) => [Math.ceil(start / PAGE), Math.floor((start + length) / PAGE)] as const).filter(([start, end]) => end > start);
    this.#starts = ranges.map(([start]) => start);
    this.#ends = ranges.map(([, end]) => end);
  }

  /** How many frames from this one on are alike: positive in the image, negative not in it. */
  alike(frame: number): number {
    let at = this.#last;
    if (!(frame >= (this.#starts[at] ?? Infinity) && frame < this.#ends[at]!)) {
      let low = 0;
      let high = this.#starts.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (this.#ends[middle]! <= frame) low = middle + 1;
        else high = middle;
      }
      at = low;
      if (at >= this.#starts.length) return -Infinity;
      this.#last = at;
    }
    const start = this.#starts[at]!;
    return frame < start ? frame - start : this.#ends[at]! - frame;
  }
}

/** Neighbouring pages that are alike, by page numbers. */
export interface Stretch { vpn: number; pages: number; own: number; resolved: number; readable: boolean }

/** No real address space has more stretches; a hostile tree of tables that name each other does. */
const MOST_STRETCHES = 8_000_000;

/**
 * Joins what is alike, and tells apart what lies in frames that were not acquired. The same object is yielded again with new values.
 * @param border a page that is joined with none before it: addresses jump here
 */
export function* stretches(pieces: Iterable<Piece>, frames: ImageFrames, border: number): Generator<Stretch> {
  const open: Stretch = { vpn: 0, pages: 0, own: 0, resolved: 0, readable: false };
  let count = 0;
  for (const { vpn: first, pages: all, frame: firstFrame, own, resolved, readable: known } of pieces) {
    for (let done = 0; done < all;) {
      const vpn = first + done;
      let pages = all - done;
      let readable = known;
      if (known && firstFrame >= 0) {
        const alike = frames.alike(firstFrame + done);
        readable = alike > 0;
        pages = Math.min(pages, Math.abs(alike));
      }
      done += pages;
      if (open.vpn + open.pages === vpn && open.own === own && open.resolved === resolved && open.readable === readable && open.pages > 0 && vpn !== border) {
        open.pages += pages;
        continue;
      }
      if (open.pages > 0) {
        yield open;
        count += 1;
        if (count > MOST_STRETCHES) return;
      }
      open.vpn = vpn; open.pages = pages; open.own = own; open.resolved = resolved; open.readable = readable;
    }
  }
  if (open.pages > 0) yield open;
}
