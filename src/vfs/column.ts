/** What a cell holds; undefined: not known or not there. */
export type Value = number | bigint | string | boolean | undefined;

/**
 * - `decimal`: a number (pid, count). · `hex`: a number shown in hex (size, page count, access mask).
 * - `address`: a `bigint` virtual address or pointer. · `time`: a `bigint` FILETIME.
 * - `text`: characters. · `flag`: true or false.
 */
export type Kind = 'decimal' | 'hex' | 'address' | 'time' | 'text' | 'flag';

/** How a column looks in the fixed-width text. */
export interface Cell<R> {
  /** Characters between the cell before and this one; one space when not said. */
  readonly lead?: string;
  /** The least width; the column widens to its longest value, up to MAX_CELL. */
  readonly width: number;
  readonly align: 'left' | 'right';
  /** What stands above it. Where all cells of a table have one, its heading is made of them and widens with the columns. */
  readonly title?: string;
  /** The characters shown, when they differ from the kind's own form. */
  readonly show?: (row: R) => string;
}

/** A column, declared once for the text, CSV, JSONL, SQLite and the documentation. */
export interface Column<R> {
  /** The key in JSONL and the column in SQLite: snake_case. */
  readonly name: string;
  /** The heading in CSV; undefined: not in the CSV. */
  readonly csv?: string;
  readonly kind: Kind;
  /** The characters are of our making (`-rwx`), not the image's: the CSV does not guard against a formula. */
  readonly ours?: true;
  readonly value: (row: R) => Value;
  /** Undefined: not in the text. */
  readonly text?: Cell<R>;
  /** One line for the documentation. */
  readonly doc: string;
}

/** A table, declared once. */
export interface Table<R> {
  /** The name in SQLite, and of the files: `handles` gives `handles.txt`, `handles.csv`, `handles.jsonl`. */
  readonly name: string;
  /** One sentence for the documentation. */
  readonly doc: string;
  /** The first line of the text, without padding, as analysts know it. */
  readonly heading: string;
  /** Lines begin with the row's number in this many hex digits; undefined: they do not. */
  readonly index?: number;
  /** In the order of the CSV. */
  readonly columns: readonly Column<R>[];
  /** The names of the text's columns, when their order is another than that of `columns`. */
  readonly textOrder?: readonly string[];
}
