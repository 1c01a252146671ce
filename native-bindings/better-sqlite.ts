import { createRequire } from 'node:module';
import type Sqlite from 'better-sqlite3';
import type { Binding, Database, SqlRow, SqlValue, Statement } from './sqlite.js';

let loaded: typeof Sqlite | undefined;

/** Loaded at the first need: where Node's own SQLite is used, this addon need not even have been built. */
function betterSqlite(): typeof Sqlite {
  return loaded ??= createRequire(import.meta.url)('better-sqlite3') as typeof Sqlite;
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

/** SQLite by the package better-sqlite3. */
export const BETTER_SQLITE: Binding = {
  name: 'better-sqlite3',
  open: (path, { readonly, patience }) => new BetterDatabase(new (betterSqlite())(path, { readonly, timeout: patience })),
  complaint: (error) => {
    if (!(error instanceof Error) || error.name !== 'SqliteError') return undefined;
    return { busy: String((error as Error & { code?: unknown }).code).startsWith('SQLITE_BUSY') };
  },
};
