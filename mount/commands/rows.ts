import type { Table } from '../../src/vfs/column.js';
import { csvHeading, csvRow, jsonRow, textRow } from '../../src/vfs/table.js';
import { writeAll } from './output.js';

/** How rows are printed; a line a row without either. */
export interface RowFlags {
  readonly csv?: true;
  readonly json?: true;
}

const CHUNK = 1 << 16;

/** Prints rows as they come. @returns how many there were */
export function printRows<R>(table: Table<R>, rows: Iterable<R>, { csv, json }: RowFlags): number {
  const line = csv === true ? csvRow : json === true ? jsonRow : textRow;
  let pending = csv === true ? csvHeading(table) : '';
  let count = 0;
  for (const row of rows) {
    pending += line(table, row);
    count += 1;
    // The first ones at once: they may be long in coming, and are what somebody waits for.
    if (pending.length < CHUNK && (count > 20 || !process.stdout.isTTY)) continue;
    writeAll(1, Buffer.from(pending, 'utf8'));
    pending = '';
  }
  writeAll(1, Buffer.from(pending, 'utf8'));
  return count;
}
