import type { Binding, Database, SqlRow, SqlValue, Statement } from './sqlite.js';

/** The parts of `node:sqlite` that we use; Node 20's types do not have them. */
interface NodeStatement {
  run(...values: readonly unknown[]): { readonly changes: number | bigint };
  get(...values: readonly unknown[]): Record<string, unknown> | undefined;
  iterate(...values: readonly unknown[]): Iterable<Record<string, unknown>>;
  setReturnArrays(enabled: boolean): void;
}

interface NodeDatabase {
  readonly isTransaction: boolean;
  exec(sql: string): void;
  prepare(sql: string): NodeStatement;
  close(): void;
}

/** The module `node:sqlite`. */
export interface NodeSqlite {
  readonly DatabaseSync: new (path: string, options: { readonly readOnly: boolean; readonly timeout: number }) => NodeDatabase;
}

/** SQLite's result code for a file that another has (SQLITE_BUSY), in the low byte of extended ones. */
const BUSY = 5;
/** SQL's NULL, which the language spells in a way that nothing else of ours does. */
const NULL: unknown = JSON.parse('null');

/** Node's own SQLite; undefined where this Node has none. Its notice of being experimental is not for our users. */
export function builtinSqlite(): NodeSqlite | undefined {
  const load = (process as { getBuiltinModule?: (name: string) => unknown }).getBuiltinModule;
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return load?.('node:sqlite') as NodeSqlite | undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
}

const bound = (values: readonly SqlValue[]): unknown[] => values.map((value) => value ?? NULL);

function cleaned(row: Record<string, unknown>): SqlRow {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, (value as SqlValue) ?? undefined]));
}

class BuiltinStatement implements Statement {
  constructor(private readonly inner: NodeStatement) {}

  run(...values: readonly SqlValue[]): number {
    return Number(this.inner.run(...bound(values)).changes);
  }

  get(...values: readonly SqlValue[]): SqlRow | undefined {
    const row = this.inner.get(...bound(values));
    return row === undefined ? undefined : cleaned(row);
  }

  * rows(...values: readonly SqlValue[]): Generator<SqlRow> {
    for (const row of this.inner.iterate(...bound(values))) yield cleaned(row);
  }

  tuples<T extends readonly SqlValue[]>(...values: readonly SqlValue[]): Iterable<T> {
    this.inner.setReturnArrays(true);
    return this.inner.iterate(...bound(values)) as unknown as Iterable<T>;
  }
}

class BuiltinDatabase implements Database {
  constructor(private readonly inner: NodeDatabase, readonly path: string) {}

  get inTransaction(): boolean { return this.inner.isTransaction; }

  exec(sql: string): void {
    this.inner.exec(sql);
  }

  prepare(sql: string): Statement {
    return new BuiltinStatement(this.inner.prepare(sql));
  }

  pragma(sql: string): SqlValue {
    const row = this.inner.prepare(`PRAGMA ${sql}`).get();
    return row === undefined ? undefined : (Object.values(row)[0] as SqlValue) ?? undefined;
  }

  close(): void {
    this.inner.close();
  }
}

/** SQLite as Node brings it. */
export function nodeSqlite({ DatabaseSync }: NodeSqlite): Binding {
  return {
    name: 'node:sqlite',
    open: (path, { readonly, patience }) => new BuiltinDatabase(new DatabaseSync(path, { readOnly: readonly, timeout: patience }), path),
    complaint: (error) => {
      const { code, errcode } = error as { code?: unknown; errcode?: unknown };
      return code === 'ERR_SQLITE_ERROR' ? { busy: (Number(errcode) & 0xff) === BUSY } : undefined;
    },
  };
}
