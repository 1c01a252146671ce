import { closeSync, openSync } from 'node:fs';
import { BETTER_SQLITE } from './better-sqlite.js';
import { builtinSqlite, nodeSqlite } from './node-sqlite.js';

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

/** What SQLite itself complained of, whichever binding said it. */
export interface SqliteComplaint {
  /** Another has the file. */
  readonly busy: boolean;
}

/** A binding to SQLite. */
export interface Binding {
  readonly name: string;
  /** @param patience milliseconds to wait for another user of the file */
  open(path: string, options: { readonly readonly: boolean; readonly patience: number }): Database;
  /** Undefined when the error is not SQLite's. */
  complaint(error: unknown): SqliteComplaint | undefined;
}

/** From here on node::ObjectWrap, on which better-sqlite3 12 is built, ends the process when its objects are collected outside a context. */
const FIRST_NODE_WITH_BUILTIN = 24;

/** better-sqlite3; Node's own SQLite where that is safer. */
export function binding(): Binding {
  const major = Number(process.versions.node.split('.')[0]);
  const builtin = major >= FIRST_NODE_WITH_BUILTIN ? builtinSqlite() : undefined;
  return builtin === undefined ? BETTER_SQLITE : nodeSqlite(builtin);
}

/** Whether SQLite itself complained (a damaged file, a constraint), as opposed to a mistake of ours. */
export function isSqliteComplaint(error: unknown): boolean {
  return error instanceof SqliteFailure || binding().complaint(error) !== undefined;
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
export function openDatabase(path: string, options: DatabaseOptions = {}, by: Binding = binding()): Database {
  let database: Database | undefined;
  try {
    if (options.readonly !== true) reserveDatabase(path);
    database = by.open(path, { readonly: options.readonly ?? false, patience: PATIENCE });
    if (options.exclusive === true) {
      // Taken before anything is read, and kept: the lock is the file's own and ends with its owner, whatever ends it.
      database.pragma('locking_mode = EXCLUSIVE');
      database.exec('BEGIN EXCLUSIVE; COMMIT');
    }
    // SQLite opens lazily: make a file that is no database fail here.
    database.pragma('schema_version');
    return database;
  } catch (error) {
    database?.close();
    throw new SqliteFailure(path, error instanceof Error ? error.message : String(error), by.complaint(error)?.busy ?? false);
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
