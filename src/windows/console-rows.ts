import { layoutOf, NUMBERED_ROWS, SELF_ROWS, SPAN_ROW, TEXT_BUFFERS, type NumberedRowLayout, type SelfRowLayout } from './console-layouts.js';
import type { HostMemory, Piece } from './console-memory.js';

/** A line of a screen. */
export interface ScreenRow {
  readonly address: bigint;
  /** Without the blanks at its end; undefined when it is not in the image. */
  readonly text: string | undefined;
  /** It goes on in the next row. */
  readonly wrapped: boolean;
}

/** A screen buffer of a console. */
export interface Screen {
  /** Of the text buffer or the screen's own record; of the first row where no row says more. */
  readonly address: bigint;
  readonly rows: readonly ScreenRow[];
  /** The order is that of the screen; else that in memory: where the screen has scrolled beyond its size, its upper part stands below. */
  readonly ordered: boolean;
  /** How it was found. */
  readonly source: string;
}

/** Windows allows 9,999 rows, and Terminal no more than 32,767; a line of 4,096 is wider than any. */
export const MAX_ROWS = 0x7fff;
export const MAX_COLUMNS = 4096;
const MAX_FOUND = 0x4_0000;
const MAX_SCREENS = 64;
/** Fewer that fit each other may be chance. */
const LEAST_ROWS = 8;

/** The screens in a host's memory, by rows that name themselves; undefined before Windows 10, where rows do not. */
export function findScreens(host: HostMemory): readonly Screen[] | undefined {
  const { build } = host.process.kernel.profile;
  if (build >= SPAN_ROW.build && host.pointerSize === 8) {
    const found = spanScreens(host);
    if (found.length > 0) return found;
  }
  const layouts = SELF_ROWS.filter((row) => row.pointerSize === host.pointerSize && row.build <= build);
  if (layouts.length > 0) return selfScreens(host, layouts);
  const numbered = layoutOf(NUMBERED_ROWS, build, host.pointerSize);
  return numbered === undefined ? undefined : numberedScreens(host, numbered);
}

/** A row as it was found, before its text is read. */
interface Found {
  readonly address: bigint;
  readonly index: number;
  readonly text: bigint;
  readonly count: number;
  readonly wrapped: boolean;
}

/** 1809 to 11 23H2: by rows' pointers to themselves, put together by the text buffer that they name. */
function selfScreens(host: HostMemory, layouts: readonly SelfRowLayout[]): Screen[] {
  const best = layouts.map((layout) => ({ layout, screens: new Map<bigint, Found[]>(), rows: 0 }));
  for (const piece of host.pieces()) for (const one of best) selfRows(host, piece, one.layout, one.screens);
  for (const one of best) {
    for (const [parent, rows] of one.screens) {
      // Rows of one array lie a multiple of its step apart: with another row's layout they would not all.
      if (rows.length < LEAST_ROWS || (one.layout.contiguous && rows.some(({ address }) => (address - rows[0]!.address) % BigInt(one.layout.size) !== 0n))) one.screens.delete(parent);
      else one.rows += rows.length;
    }
  }
  const most = best.reduce((a, b) => (b.rows > a.rows ? b : a));
  return [...most.screens].slice(0, MAX_SCREENS).map(([parent, rows]) => selfScreen(host, parent, rows, most.layout));
}

function selfRows(host: HostMemory, { start, bytes, own }: Piece, layout: SelfRowLayout, screens: Map<bigint, Found[]>): void {
  const end = Math.min(own, bytes.length - layout.size + 1);
  const [low, high] = [Number(start & 0xffff_ffffn), Number(start >> 32n)];
  for (let at = 0; at < end; at += host.pointerSize) {
    // The pointer to itself, in numbers: nearly every place fails here.
    if (bytes.readUInt32LE(at + layout.self) !== (low + at) % 2 ** 32) continue;
    if (host.pointerSize === 8 && bytes.readUInt32LE(at + layout.self + 4) !== high + Math.floor((low + at) / 2 ** 32)) continue;
    const [text, parent] = [host.word(bytes, at + layout.text), host.word(bytes, at + layout.parent)];
    const count = bytes.readUInt16LE(at + layout.count);
    if (!host.isUser(text) || !host.isUser(parent) || parent % BigInt(host.pointerSize) !== 0n || count === 0 || count > MAX_COLUMNS) continue;
    const rows = screens.get(parent) ?? [];
    if (rows.length >= MAX_ROWS || (rows.length === 0 && screens.size >= MAX_FOUND / LEAST_ROWS)) continue;
    screens.set(parent, rows);
    rows.push({ address: start + BigInt(at), index: bytes.readUInt16LE(at + layout.index), text, count, wrapped: bytes[at + layout.wrapped] !== 0 });
  }
}

function selfScreen(host: HostMemory, parent: bigint, found: readonly Found[], layout: SelfRowLayout): Screen {
  const stored = [...found].sort((a, b) => a.index - b.index);
  const numbered = stored.every(({ index }, i) => i === 0 || index === stored[i - 1]!.index + 1);
  const first = numbered ? firstRow(host, parent) : undefined;
  const from = first === undefined ? -1 : stored.findIndex(({ index }) => index === first);
  const rows = from < 0 ? (numbered ? stored : found) : [...stored.slice(from), ...stored.slice(0, from)];
  return {
    address: parent, ordered: from >= 0, source: `rows that name themselves, by the layout of ${layout.name}`,
    rows: rows.map(({ address, text, count, wrapped }) => ({ address, wrapped, text: cells(host, text, count, wrapped) })),
  };
}

/** Which row is the first on the screen, by the text buffer; undefined where it cannot be told. */
function firstRow(host: HostMemory, buffer: bigint): number | undefined {
  const layout = host.pointerSize === 8 ? TEXT_BUFFERS.filter(({ build }) => build <= host.process.kernel.profile.build).at(-1) : undefined;
  if (layout === undefined || host.pointer(buffer + BigInt(layout.self)) !== buffer) return undefined;
  return host.read(buffer + BigInt(layout.first), 2)?.readUInt16LE(0);
}

const CELL = 3;
/** DbcsAttribute: the second half of a wide character, which repeats the first. */
const HALF = 3;
const TRAILING = 2;

function cells(host: HostMemory, address: bigint, count: number, wrapped: boolean): string | undefined {
  const bytes = host.take(address, count * CELL);
  if (bytes === undefined) return undefined;
  let text = '';
  for (let at = 0; at < bytes.length; at += CELL) if ((bytes[at + 2]! & HALF) !== TRAILING) text += String.fromCharCode(bytes.readUInt16LE(at));
  return shown(text, wrapped);
}

/** Cells that nobody has written are blanks; those at the end of a line that does not go on are left out. */
export function shown(text: string, wrapped: boolean): string {
  const written = text.replaceAll('\0', ' ');
  let end = written.length;
  if (!wrapped) while (end > 0 && written.charCodeAt(end - 1) === 0x20) end -= 1;
  return written.slice(0, end);
}

/** Windows 10 before 1809: an array of rows that are numbered from 0 on. */
function numberedScreens(host: HostMemory, layout: NumberedRowLayout): Screen[] {
  const screens: Screen[] = [];
  for (const { start, bytes, own } of host.pieces()) {
    for (let at = 0; at + layout.size <= bytes.length && at < own; at += host.pointerSize) {
      if (numberedRow(host, bytes, at, layout, 0) === undefined) continue;
      const rows: Found[] = [];
      for (let row; rows.length < MAX_ROWS && (row = numberedRow(host, bytes, at + rows.length * layout.size, layout, rows.length)) !== undefined;) {
        rows.push({ ...row, address: start + BigInt(at + rows.length * layout.size), index: rows.length, wrapped: false });
      }
      if (rows.length < LEAST_ROWS) continue;
      screens.push({
        address: rows[0]!.address, ordered: false, source: `numbered rows, by the layout of ${layout.build}`,
        rows: rows.map(({ address, text, count, wrapped }) => ({ address, wrapped, text: rowText(host, text, count, wrapped) })),
      });
      if (screens.length >= MAX_SCREENS) return screens;
      at += (rows.length - 1) * layout.size;
    }
  }
  return screens;
}

function numberedRow(host: HostMemory, bytes: Buffer, at: number, layout: NumberedRowLayout, index: number): Pick<Found, 'text' | 'count'> | undefined {
  if (at + layout.size > bytes.length || bytes.readUInt32LE(at + layout.index) !== index) return undefined;
  const count = bytes.readUInt16LE(at + layout.count);
  const [text, pointer] = [host.word(bytes, at + layout.text), host.word(bytes, at + layout.pointer)];
  if (count > MAX_COLUMNS || [text, pointer].some((one) => !host.isUser(one) || (one & 1n) !== 0n)) return undefined;
  return { text, count };
}

function rowText(host: HostMemory, address: bigint, count: number, wrapped: boolean): string | undefined {
  const text = host.text(address, count);
  return text === undefined ? undefined : shown(text, wrapped);
}

/** Since 24H2: rows whose span of characters and table of columns fit each other, each as far from the next. */
function spanScreens(host: HostMemory): Screen[] {
  const screens: Screen[] = [];
  for (const { start, bytes, own } of host.pieces()) {
    for (let at = 0; at < own; at += 8) {
      if (!isSpanRow(host, bytes, at)) continue;
      const step = spanStep(host, bytes, at);
      if (step === undefined) continue;
      const rows: ScreenRow[] = [];
      for (; rows.length < MAX_ROWS && isSpanRow(host, bytes, at); at += step) rows.push(spanRow(host, start, bytes, at));
      at -= 8;
      if (rows.length < LEAST_ROWS) continue;
      screens.push({ address: rows[0]!.address, ordered: false, source: 'rows of spans, by the layout of 26100', rows });
      if (screens.length >= MAX_SCREENS) return screens;
    }
  }
  return screens;
}

function isSpanRow(host: HostMemory, bytes: Buffer, at: number): boolean {
  if (at + SPAN_ROW.size > bytes.length) return false;
  const [count, columns] = [bytes.readUInt32LE(at + SPAN_ROW.count), bytes.readUInt32LE(at + SPAN_ROW.columnCount)];
  if (count === 0 || count > 8 * MAX_COLUMNS || columns < 2 || columns > MAX_COLUMNS + 1) return false;
  if (bytes.readUInt32LE(at + SPAN_ROW.count + 4) !== 0 || bytes.readUInt32LE(at + SPAN_ROW.columnCount + 4) !== 0) return false;
  const [made, grown, text, table] = [SPAN_ROW.made, SPAN_ROW.grown, SPAN_ROW.text, SPAN_ROW.columns].map((offset) => host.word(bytes, at + offset)) as [bigint, bigint, bigint, bigint];
  return host.isUser(made) && host.isUser(table) && (made & 1n) === 0n && (table & 1n) === 0n && text === (grown === 0n ? made : grown)
    && table > made && table - made <= BigInt(8 * MAX_COLUMNS);
}

/** How far the next row is; undefined when none follows. */
function spanStep(host: HostMemory, bytes: Buffer, at: number): number | undefined {
  for (let step = SPAN_ROW.size; step <= 8 * MAX_COLUMNS; step += 8) if (isSpanRow(host, bytes, at + step)) return step;
  return undefined;
}

function spanRow(host: HostMemory, start: bigint, bytes: Buffer, at: number): ScreenRow {
  const count = bytes.readUInt32LE(at + SPAN_ROW.count);
  const columns = bytes.readUInt32LE(at + SPAN_ROW.columnCount);
  const last = host.read(host.word(bytes, at + SPAN_ROW.columns) + BigInt((columns - 1) * 2), 2)?.readUInt16LE(0);
  const used = last === undefined ? count : Math.min(last & 0x7fff, count);
  const wrapped = bytes.readUInt16LE(at + SPAN_ROW.wrapped) !== 0;
  return { address: start + BigInt(at), wrapped, text: rowText(host, host.word(bytes, at + SPAN_ROW.text), used, wrapped) };
}
