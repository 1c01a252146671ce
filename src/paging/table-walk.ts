import type { PagingMode, Right, Rights } from './mode.js';
import type { PteFormat } from './pte-format.js';
import { PRESENT, UNMAPPED } from './pte.js';

/** Pages by one entry, as page and frame numbers. */
export interface Piece {
  vpn: number;
  pages: number;
  /** -1: in no frame. */
  frame: number;
  flags: number;
  /** What the PTE says, and what holds in the end: of a prototype what lies behind it. Places in PAGE_KINDS. */
  own: number;
  resolved: number;
  /** Its bytes are to be had, where a frame is one of the image. */
  readable: boolean;
}

export function newPiece(): Piece {
  return { vpn: 0, pages: 0, frame: -1, flags: 0, own: PRESENT, resolved: PRESENT, readable: true };
}

/** What a piece's flags say. */
export const WRITABLE = 1;
export const EXECUTABLE = 2;
export const USER = 4;
/** By a large page. */
export const LARGE = 8;
/** The processor maps it; else it would fault. */
export const HARDWARE = 16;
/** While tables are walked: executable in user mode, where user mode may touch the page. */
const EXECUTABLE_USER = 32;
const ALL_RIGHTS = WRITABLE | EXECUTABLE | EXECUTABLE_USER | USER | HARDWARE;

const PAGE = 4096;
/** Tables read from page files: no real space has more, and each is a read. */
const MOST_AWAY = 65_536;

/** Physical memory as page tables are read from it. */
interface Frames {
  /** Bytes. */
  readonly size: number;
  page(frame: number): Uint32Array | undefined;
}

/** One enumeration of page tables. */
export interface TableWalk {
  readonly physical: Frames;
  readonly mode: PagingMode;
  readonly format: PteFormat;
  /** The top-level table: its frame, and its first word in that frame (a PDPT may lie anywhere in one). */
  readonly root: number;
  readonly rootWord: number;
  /** Page numbers, half open. */
  readonly first: number;
  readonly stop: number;
  /** Says what a last-level entry means that is not valid, in the piece; undefined: only what the hardware maps in the image is yielded. */
  readonly software: ((piece: Piece, low: number, high: number) => void) | undefined;
  /** The content of a table whose entry is not valid and names no frame, where it can be had. */
  readonly awayTable: ((low: number, high: number) => Uint32Array | undefined) | undefined;
}

interface Progress extends TableWalk {
  /** How many tables may still be visited: a tree with more tables than the image has frames visits one twice. */
  tables: number;
  /** How many may still be read from elsewhere. */
  away: number;
  /** Tables that the self-map names again, and from which depth on: no memory of their own. */
  readonly selfMap: readonly number[];
  readonly selfMapFrom: number;
  /** Bits of the two words that the rights of a page depend on. */
  readonly countLow: number;
  readonly countHigh: number;
}

/**
 * Pieces, ascending; the same object is yielded again with new values. With `software` every entry that is not zero has one, also where
 * nothing can be read: what is skipped then was never there.
 */
export function pieces(walk: TableWalk): Generator<Piece> {
  const { physical, mode, format, root, rootWord } = walk;
  const { write, user, execute, executeUser } = mode.page;
  const all = [write, user, execute, executeUser];
  const shared = {
    ...walk, tables: Math.ceil(physical.size / PAGE), away: MOST_AWAY,
    countLow: all.reduce((bits, { setLow, clearLow }) => bits | setLow | clearLow, 0),
    countHigh: all.reduce((bits, { clearHigh, orHigh }) => bits | clearHigh | orHigh, 0),
  };
  const words = physical.page(root);
  if (words === undefined) return lost(walk, newPiece(), walk.first, walk.stop);
  const top = mode.levels[0]!;
  // One table names itself, or, where four directories make the top of the space, one of them names all four.
  if (top.bits > 2) return below({ ...shared, selfMap: [root], selfMapFrom: 0 }, words, 0, 0, ALL_RIGHTS);
  const directories = [0, 1, 2, 3].map((index) => format.frame(words[rootWord + index * 2]!, words[rootWord + index * 2 + 1]!));
  return below({ ...shared, selfMap: directories, selfMapFrom: 1 }, words, 0, 0, ALL_RIGHTS);
}

/** A table that lies in no frame; it takes none from those that frames may hold. */
function awayTable(walk: Progress, low: number, high: number): Uint32Array | undefined {
  const table = walk.away > 0 ? walk.awayTable?.(low, high) : undefined;
  if (table === undefined) return undefined;
  walk.away -= 1;
  walk.tables += 1;
  return table;
}

/** What a table would have said that is not to be had. */
function* lost({ first, stop, software }: TableWalk, piece: Piece, from: number, to: number): Generator<Piece> {
  if (software === undefined) return;
  piece.vpn = Math.max(from, first); piece.pages = Math.min(to, stop) - piece.vpn; piece.frame = -1; piece.flags = 0;
  piece.own = UNMAPPED; piece.resolved = UNMAPPED; piece.readable = false;
  if (piece.pages > 0) yield piece;
}

function* below(walk: Progress, words: Uint32Array, depth: number, base: number, rights: number): Generator<Piece> {
  const { physical, mode, format, first, stop, software, selfMap } = walk;
  walk.tables -= 1;
  if (walk.tables < 0) return;
  const { shift, bits, leaf, present, table: tableRights } = mode.levels[depth]!;
  const { large: largeMask, largeValue, page } = mode;
  const last = depth === mode.levels.length - 1;
  const start = depth === 0 ? walk.rootWord : 0;
  const wide = mode.entryBytes === 8;
  const wordsEach = wide ? 2 : 1;
  const span = 2 ** shift;
  const from = Math.max(0, Math.floor((first - base) / span));
  const to = Math.min(2 ** bits, Math.ceil((stop - base) / span));
  const piece = newPiece();
  // Neighbours are alike: what the last entry granted is kept while the bits that count stay.
  const { countLow, countHigh } = walk;
  let seenLow = -1;
  let seenHigh = -1;
  let flags = 0;
  for (let index = from; index < to; index += 1) {
    const at = start + index * wordsEach;
    const low = words[at]!;
    const high = wide ? words[at + 1]! : 0;
    // Most entries are empty.
    if (low === 0 && high === 0) continue;
    const vpn = base + index * span;
    if ((low & present) !== present) {
      if (software === undefined) continue;
      if (last) {
        piece.vpn = vpn; piece.pages = 1; piece.flags = 0;
        software(piece, low, high);
        yield piece;
        continue;
      }
      if (format.isEmpty(low, high)) continue;
      const frame = format.settledFrame(low, high);
      const table = frame >= 0 ? physical.page(frame) : awayTable(walk, low, high);
      // A table in transition or paged out; what it maps, the processor does not.
      if (table === undefined) yield* lost(walk, piece, vpn, vpn + span);
      else yield* below(walk, table, depth + 1, vpn, rights & ~HARDWARE);
      continue;
    }
    const large = !last && leaf && (low & largeMask) === largeValue;
    if (!last && !large) {
      const frame = format.frame(low, high);
      if (depth >= walk.selfMapFrom && selfMap.includes(frame)) continue;
      const table = physical.page(frame);
      if (table === undefined) yield* lost(walk, piece, vpn, vpn + span);
      else yield* below(walk, table, depth + 1, vpn, rights & granted(tableRights, low, high));
      continue;
    }
    if ((low & countLow) !== seenLow || (high & countHigh) !== seenHigh) {
      seenLow = low & countLow;
      seenHigh = high & countHigh;
      flags = flagsOf(rights & granted(page, low, high));
    }
    const begin = Math.max(vpn, first);
    const finish = Math.min(vpn + span, stop);
    const frame = (large ? format.largeFrame(low, high, shift) : format.frame(low, high)) + (begin - vpn);
    if (frame * PAGE >= physical.size && software === undefined) continue;
    piece.vpn = begin; piece.pages = finish - begin; piece.frame = frame;
    piece.flags = large ? flags | LARGE : flags;
    piece.own = PRESENT; piece.resolved = PRESENT; piece.readable = true;
    yield piece;
  }
}

/** What one valid entry grants. */
function granted({ write, user, execute, executeUser }: Rights, low: number, high: number): number {
  return HARDWARE | (grants(write, low, high) ? WRITABLE : 0) | (grants(user, low, high) ? USER : 0)
    | (grants(execute, low, high) ? EXECUTABLE : 0) | (grants(executeUser, low, high) ? EXECUTABLE_USER : 0);
}

function grants({ setLow, clearLow, clearHigh, orHigh }: Right, low: number, high: number): boolean {
  return ((low & setLow) === setLow && (low & clearLow) === 0 && (high & clearHigh) === 0) || (high & orHigh) !== 0;
}

/** Whether a page can be executed is asked of the mode that may touch it. */
function flagsOf(rights: number): number {
  const executable = (rights & ((rights & USER) !== 0 ? EXECUTABLE_USER : EXECUTABLE)) !== 0;
  return (rights & (WRITABLE | USER | HARDWARE)) | (executable ? EXECUTABLE : 0);
}
