import type { Cell, Column, Kind, Table, Value } from '../vfs/column.js';

/** A column of an artefact: the same name stands in the text, the CSV, the JSONL and SQLite. */
export interface PlainColumn<R> {
  /** snake_case; the headings are made of it: `key_written` gives `KeyWritten`. */
  readonly name: string;
  readonly kind: Kind;
  readonly value: (row: R) => Value;
  readonly doc: string;
  /** The least width in the text, where the heading is not wide enough. */
  readonly width: number;
}

const TIME_WIDTH = 23;

export function text<R>(name: string, value: (row: R) => string | undefined, doc: string, width = 0): PlainColumn<R> {
  return { name, kind: 'text', value, doc, width };
}

export function time<R>(name: string, value: (row: R) => bigint | undefined, doc: string): PlainColumn<R> {
  return { name, kind: 'time', value, doc, width: TIME_WIDTH };
}

export function count<R>(name: string, value: (row: R) => number | bigint | undefined, doc: string): PlainColumn<R> {
  return { name, kind: 'decimal', value, doc, width: 0 };
}

export function bits<R>(name: string, value: (row: R) => number | bigint | undefined, doc: string): PlainColumn<R> {
  return { name, kind: 'hex', value, doc, width: 8 };
}

export function flag<R>(name: string, value: (row: R) => boolean | undefined, doc: string): PlainColumn<R> {
  return { name, kind: 'flag', value, doc, width: 0 };
}

function heading(name: string): string {
  return name.split('_').map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
}

/** A table in which every column is in every form, under one name. Numbers stand to the right, all else to the left. */
export function plainTable<R>(of: { readonly name: string; readonly doc: string; readonly columns: readonly PlainColumn<R>[] }): Table<R> {
  const headings: string[] = [];
  const columns = of.columns.map((column, i): Column<R> => {
    const right = column.kind === 'decimal' || column.kind === 'hex';
    const title = heading(column.name);
    const width = Math.max(column.width, title.length);
    headings.push(right ? title.padStart(width) : title.padEnd(width));
    const cell: Cell<R> = { width, align: right ? 'right' : 'left', title, lead: i === 0 ? '' : '  ' };
    return {
      name: column.name, csv: title, kind: column.kind, value: column.value, doc: column.doc,
      // An unknown number or flag is a blank, not the zero that it would be taken for.
      text: column.kind === 'flag' ? { ...cell, show: (row) => shownFlag(column.value(row)) } : cell,
    };
  });
  return { name: of.name, doc: of.doc, heading: headings.join('  ').trimEnd(), columns };
}

function shownFlag(value: Value): string {
  if (value === undefined) return '';
  return value === true ? '1' : '0';
}
