import { closeSync, openSync } from 'node:fs';
import Sqlite from 'better-sqlite3';

/** What a column takes and gives; undefined is SQL's NULL. */
export type SqlValue = number | bigint | string | Uint8Array | undefined;
/** A result row by column name. */
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** A prepared statement; values fill its `?` in order. */
export interface Statement {
  /** Runs it for its effect; how many rows it changed. */
  run(...values: readonly SqlValue[]): number;
  /** The first row; undefined when there is none. */
  get(...values: readonly SqlValue[]): SqlRow | undefined;
  /** The rows one by one. No other statement may write while they are read. */
  rows(...values: readonly SqlValue[]): Iterable<SqlRow>;
  /** As `rows`, each row an array by the columns' order: for many rows of which no value is absent. */
  tuples<T extends readonly SqlValue[]>(...values: readonly SqlValue[]): Iterable<T>;
}

/** One connection to one SQLite file. All calls block: use it in a worker. */
export interface Database {
  readonly path: string;
  readonly inTransaction: boolean;
  /** Runs statements that give no rows. */
  exec(sql: string): void;
  prepare(sql: string): Statement;
  /** Reads or sets a pragma; its single value. */
  pragma(sql: string): SqlValue;
  close(): void;
}

export interface DatabaseOptions {
  readonly readonly?: boolean;
  /** Nobody else may use the file until it is closed. */
  readonly exclusive?: boolean;
}

/** Absent is undefined with us, and SQL's NULL arrives as JavaScript's. */
function cleaned(row: unknown): SqlRow {
  const record = row as Record<string, SqlValue>;
  for (const name in record) record[name] ??= undefined;
  return record;
}

class BetterStatement implements Statement {
  constructor(private readonly inner: Sqlite.Statement) {}

  run(...values: readonly SqlValue[]): number {
    return this.inner.run(...values).changes;
  }

  get(...values: readonly SqlValue[]): SqlRow | undefined {
    const row = this.inner.get(...values);
    return row === undefined ? undefined : cleaned(row);
  }

  * rows(...values: readonly SqlValue[]): Generator<SqlRow> {
    for (const row of this.inner.iterate(...values)) yield cleaned(row);
  }

  tuples<T extends readonly SqlValue[]>(...values: readonly SqlValue[]): Iterable<T> {
    return this.inner.raw(true).iterate(...values) as Iterable<T>;
  }
}

class BetterDatabase implements Database {
  constructor(private readonly inner: Sqlite.Database) {}

  get path(): string { return this.inner.name; }
  get inTransaction(): boolean { return this.inner.inTransaction; }

  exec(sql: string): void {
    this.inner.exec(sql);
  }

  prepare(sql: string): Statement {
    return new BetterStatement(this.inner.prepare(sql));
  }

  pragma(sql: string): SqlValue {
    return (this.inner.pragma(sql, { simple: true }) as SqlValue) ?? undefined;
  }

  close(): void {
    this.inner.close();
  }
}

/** Makes an empty file that only its owner reads; SQLite gives its side files the same rights. */
export function reserveDatabase(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
}

/** Milliseconds to wait for another user of the file. */
const PATIENCE = 1000;

/**
 * Opens a SQLite file, and makes it unless `readonly`.
 * @throws SqliteFailure when it is no database, cannot be opened, or is in use by another
 */
export function openDatabase(path: string, options: DatabaseOptions = {}): Database {
  let inner: Sqlite.Database | undefined;
  try {
    if (options.readonly !== true) reserveDatabase(path);
    inner = new Sqlite(path, { readonly: options.readonly ?? false, timeout: PATIENCE });
    if (options.exclusive === true) {
      // Taken before anything is read, and kept: the lock is the file's own and ends with its owner, whatever ends it.
      inner.pragma('locking_mode = EXCLUSIVE');
      inner.exec('BEGIN EXCLUSIVE; COMMIT');
    }
    // SQLite opens lazily: make a file that is no database fail here.
    inner.pragma('schema_version', { simple: true });
    return new BetterDatabase(inner);
  } catch (error) {
    inner?.close();
    const busy = error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_BUSY');
    throw new SqliteFailure(path, error instanceof Error ? error.message : String(error), busy);
  }
}

/** The file cannot be used as a database. */
export class SqliteFailure extends Error {
  /** @param busy another has it */
  constructor(readonly path: string, reason: string, readonly busy: boolean) {
    super(`${path} cannot be used as a database: ${reason}`);
    this.name = 'SqliteFailure';
  }
}
