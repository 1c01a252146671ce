import type { SqlValue } from '../native-bindings/sqlite.js';
import type { Column, Kind, Table } from '../src/vfs/column.js';
import { cellValue } from '../src/vfs/table.js';

/** SQLite's type of a column. Addresses and times are text: they sort, and JavaScript and SQL lose no digit of them. */
const TYPES: Readonly<Record<Kind, 'INTEGER' | 'TEXT'>> = {
  decimal: 'INTEGER', hex: 'INTEGER', flag: 'INTEGER', address: 'TEXT', time: 'TEXT', text: 'TEXT',
};

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** The statement that makes a table as its columns are declared. */
export function createTable(table: Table<never>): string {
  const columns = table.columns.map((column) => `  ${quoted(column.name)} ${TYPES[column.kind]}`);
  return `CREATE TABLE ${quoted(table.name)} (\n${columns.join(',\n')}\n) STRICT;\n`;
}

/** The statement that inserts one row by the columns' order. */
export function insertInto(table: Table<never>): string {
  return `INSERT INTO ${quoted(table.name)} VALUES (${table.columns.map(() => '?').join(', ')})`;
}

export function deleteFrom(table: Table<never>): string {
  return `DELETE FROM ${quoted(table.name)}`;
}

function sqlValue<R>(column: Column<R>, row: R): SqlValue {
  if (TYPES[column.kind] === 'TEXT') {
    const value = cellValue(column, row);
    return typeof value === 'boolean' ? String(value) : value;
  }
  const value = column.value(row);
  if (typeof value === 'boolean') return value ? 1 : 0;
  // SQLite's integers are signed.
  return typeof value === 'bigint' ? BigInt.asIntN(64, value) : value;
}

/** A row's values by the columns' order. */
export function sqlValues<R>(table: Table<R>, row: R): readonly SqlValue[] {
  return table.columns.map((column) => sqlValue(column, row));
}
