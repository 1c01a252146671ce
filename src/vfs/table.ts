import { isFiletime, isoTime, textTime } from '../bytes/filetime.js';
import { hex } from '../bytes/hex.js';
import type { Cell, Column, Table, Value } from './column.js';
import type { About, BytesFile, Cost } from './node.js';
import { safeLine } from './text.js';

/** The most characters of a cell in the fixed-width text; a longer one is cut and ends in `…`. CSV and JSONL keep it whole. */
export const MAX_CELL = 1024;
const CHUNK = 1 << 16;
/** What the text shows in place of what is not known, where a blank would mislead. */
export const UNKNOWN = '***';

/** A column's value as JSON and SQLite keep it. */
export type CellValue = string | number | boolean | undefined;

function asHex(value: Value): string | undefined {
  return typeof value === 'bigint' || typeof value === 'number' ? hex(value) : undefined;
}

/**
 * The value as JSON and SQLite keep it: addresses as `0x` and 16 digits, times as ISO 8601 with 7 decimals, numbers as numbers
 * (beyond 2^53 as `0x…`), text as it is in the image; undefined when absent.
 */
export function cellValue<R>(column: Column<R>, row: R): CellValue {
  const value = column.value(row);
  if (value === undefined) return undefined;
  if (column.kind === 'address') return typeof value === 'string' ? value : `0x${hex(BigInt(value), 16)}`;
  if (column.kind === 'time') return typeof value === 'bigint' ? isoTime(value) : undefined;
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : `0x${hex(value)}`;
}

/** The characters of a cell in the fixed-width text, without padding. */
function cellText<R>(column: Column<R>, cell: Cell<R>, row: R): string {
  if (cell.show !== undefined) return safeLine(cell.show(row));
  const value = column.value(row);
  if (column.kind === 'time') return textTime(typeof value === 'bigint' ? value : undefined);
  if (value === undefined) return '';
  switch (column.kind) {
    case 'address': return typeof value === 'string' ? safeLine(value) : hex(BigInt(value), 16);
    case 'hex': return asHex(value) ?? safeLine(String(value));
    case 'flag': return value === true || value === 1 ? '1' : '0';
    default: return safeLine(String(value));
  }
}

const PLAIN = /^[\x20-\x7e]*$/;

/** Characters as a terminal counts them: code points. */
function length(text: string): number {
  return PLAIN.test(text) ? text.length : [...text].length;
}

function cutCell(text: string): string {
  if (text.length <= MAX_CELL) return text;
  const points = [...text];
  return points.length <= MAX_CELL ? text : `${points.slice(0, MAX_CELL - 1).join('')}…`;
}

/** Takes only spaces: other blanks at the end belong to the image. */
function withoutTrailingSpaces(line: string): string {
  let end = line.length;
  while (end > 0 && line.charCodeAt(end - 1) === 0x20) end -= 1;
  return line.slice(0, end);
}

/** Joins many short strings to UTF-8 without ever holding them as one string. */
function joinUtf8(parts: Iterable<string>): Buffer {
  const chunks: Buffer[] = [];
  let pending = '';
  for (const part of parts) {
    pending += part;
    if (pending.length >= CHUNK) {
      chunks.push(Buffer.from(pending, 'utf8'));
      pending = '';
    }
  }
  chunks.push(Buffer.from(pending, 'utf8'));
  return chunks.length === 1 ? chunks[0] as Buffer : Buffer.concat(chunks);
}

/**
 * The fixed-width text: the heading, a line of dashes as long as it, and a line a row. All lines have the same length in
 * bytes, so that line n begins at n × length; they are padded at their end.
 */
export function textOf<R>(table: Table<R>, rows: Iterable<R>): Buffer {
  const columns = textColumns(table);
  const widths = columns.map(({ cell }) => cell.width);
  const grid: string[][] = [];
  for (const row of rows) {
    grid.push(columns.map(({ column, cell }, i) => {
      const text = cutCell(cellText(column, cell, row));
      const wide = length(text);
      if (wide > (widths[i] ?? 0)) widths[i] = wide;
      return text;
    }));
  }
  const lineOf = (index: string, cells: readonly string[]): string => {
    let line = index;
    cells.forEach((text, i) => {
      const cell = columns[i]?.cell;
      const padding = ' '.repeat((widths[i] ?? 0) - length(text));
      const lead = cell?.lead ?? (line === '' && i === 0 ? '' : ' ');
      line += lead + (cell?.align === 'right' ? padding + text : text + padding);
    });
    return withoutTrailingSpaces(line);
  };
  const titles = columns.flatMap(({ cell }) => (cell.title === undefined ? [] : [cell.title]));
  const heading = table.index === undefined && titles.length === columns.length ? lineOf('', titles) : table.heading;
  const lines = [heading, '-'.repeat(length(heading))];
  grid.forEach((cells, number) => lines.push(lineOf(table.index === undefined ? '' : hex(number, table.index), cells)));
  const bytes = lines.map((line) => (PLAIN.test(line) ? line.length : Buffer.byteLength(line)));
  const widest = bytes.reduce((most, one) => Math.max(most, one), lineWidth(table, widths));
  return joinUtf8(lines.map((line, i) => `${line}${' '.repeat(widest - (bytes[i] ?? 0))}\n`));
}

/** The columns that the text shows, in its order. */
function textColumns<R>({ columns, textOrder }: Table<R>): readonly { readonly column: Column<R>; readonly cell: Cell<R> }[] {
  const shown = columns.flatMap((column) => (column.text === undefined ? [] : [{ column, cell: column.text }]));
  if (textOrder === undefined) return shown;
  return textOrder.flatMap((name) => shown.filter(({ column }) => column.name === name));
}

/** The width that the declared columns give a line, so that a table's usual width does not depend on its rows. */
function lineWidth<R>(table: Table<R>, widths: readonly number[]): number {
  return textColumns(table).reduce(
    (sum, { cell }, i) => sum + (cell.lead ?? (i === 0 && table.index === undefined ? '' : ' ')).length + (widths[i] ?? 0),
    table.index ?? 0,
  );
}

/** The line of one row in the text, for output that is written as it comes: columns have their least width, and do not widen. */
export function textRow<R>(table: Table<R>, row: R): string {
  let line = '';
  textColumns(table).forEach(({ column, cell }, i) => {
    const text = cutCell(cellText(column, cell, row));
    const padding = ' '.repeat(Math.max(0, cell.width - length(text)));
    line += (cell.lead ?? (i === 0 ? '' : ' ')) + (cell.align === 'right' ? padding + text : text + padding);
  });
  return `${withoutTrailingSpaces(line)}\n`;
}

/** What a spreadsheet takes for a formula; a lone sign is none. */
const FORMULA = /^[=+\-@\t\r]./s;

/** A text as a CSV cell: on one line, quoted where needed, and never the start of a formula. */
export function csvText(text: string): string {
  if (text === '') return '""';
  const safe = safeLine(FORMULA.test(text) ? `'${text}` : text);
  return /[",]|^ | $/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A line of CSV of cells that are CSV already (`csvCell`, `csvText`), with its newline. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.join(',')}\n`;
}

/** A column's value as a CSV cell: numbers with `0x` when shown in hex, times as `"YYYY-MM-DD hh:mm:ss"`, absence as nothing. */
export function csvCell<R>(column: Column<R>, row: R): string {
  const value = column.value(row);
  if (value === undefined) return '';
  switch (column.kind) {
    case 'address':
    case 'hex': {
      const digits = asHex(value);
      return digits === undefined ? csvText(String(value)) : `0x${digits}`;
    }
    case 'time': return typeof value === 'bigint' && isFiletime(value) ? `"${textTime(value).slice(0, 19)}"` : '';
    case 'flag': return value === true || value === 1 ? '1' : '0';
    case 'decimal': return typeof value === 'string' ? csvText(value) : String(value);
    case 'text': return column.ours === true ? String(value) : csvText(String(value));
  }
}

/** The first line of the CSV. */
export function csvHeading<R>(table: Table<R>): string {
  return csvLine(table.columns.flatMap((column) => (column.csv === undefined ? [] : [column.csv])));
}

/** The line of one row in the CSV. */
export function csvRow<R>(table: Table<R>, row: R): string {
  return csvLine(table.columns.flatMap((column) => (column.csv === undefined ? [] : [csvCell(column, row)])));
}

/** The CSV: the heading, and a line a row. */
export function csvOf<R>(table: Table<R>, rows: Iterable<R>): Buffer {
  return joinUtf8((function* lines() {
    yield csvHeading(table);
    for (const row of rows) yield csvRow(table, row);
  })());
}

/** Characters that JSON allows raw but that could act on a terminal. */
const RAW_IN_JSON = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** JSON on one line in which nothing can act on a terminal. */
export function jsonText(value: unknown): string {
  const json = JSON.stringify(value);
  return PLAIN.test(json) ? json
    : json.replace(RAW_IN_JSON, (character) => `\\u${hex(character.charCodeAt(0), 4)}`);
}

/** The line of one row in the JSONL: all columns by name, absent ones left out. */
export function jsonRow<R>(table: Table<R>, row: R): string {
  return `${jsonText(Object.fromEntries(table.columns.map((column) => [column.name, cellValue(column, row)])))}\n`;
}

/** The JSONL: an object a line and row. */
export function jsonlOf<R>(table: Table<R>, rows: Iterable<R>): Buffer {
  return joinUtf8((function* lines() {
    for (const row of rows) yield jsonRow(table, row);
  })());
}

/** A table's file `x.txt`, with its twins `x.csv` and `x.jsonl`. `rows` is asked anew at every rendering. */
export function tableFile<R>(
  table: Table<R>, rows: () => Iterable<R>, about: About & { readonly cost?: Cost } = {},
): BytesFile {
  const form = (render: () => Uint8Array, mime: string): BytesFile =>
    ({ ...about, kind: 'bytes', cost: about.cost ?? 'quick', render, mime });
  return {
    ...form(() => textOf(table, rows()), 'text/plain'),
    table,
    twins: {
      csv: form(() => csvOf(table, rows()), 'text/csv'),
      jsonl: form(() => jsonlOf(table, rows()), 'application/x-ndjson'),
    },
  };
}
