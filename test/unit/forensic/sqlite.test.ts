import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BETTER_SQLITE } from '../../../native-bindings/better-sqlite.js';
import { builtinSqlite, nodeSqlite } from '../../../native-bindings/node-sqlite.js';
import { binding, openDatabase, SqliteFailure, type Binding, type DatabaseOptions } from '../../../native-bindings/sqlite.js';
import { temporaryFolder } from './fake-model.js';

/** The bindings that this Node can use; on Node 24 better-sqlite3 must not be loaded, see binding(). */
const builtin = builtinSqlite();
const canBuiltin = builtin !== undefined && Number(process.versions.node.split('.')[0]) >= 24;
const BINDINGS: readonly Binding[] = canBuiltin ? [nodeSqlite(builtin)] : [BETTER_SQLITE];

test('the binding in use is one that this Node can use', () => {
  assert.equal(binding().name, BINDINGS[0]?.name);
});

type Open = (path: string, options?: DatabaseOptions) => ReturnType<typeof openDatabase>;

function each(what: string, check: (open: Open) => void): void {
  for (const by of BINDINGS) test(`${by.name}: ${what}`, () => check((path, options) => openDatabase(path, options, by)));
}

each('an absent value is NULL in the database and undefined with us', (open) => {
  const database = open(join(temporaryFolder(), 'db'));
  database.exec('CREATE TABLE t (a TEXT, b INTEGER) STRICT');
  assert.equal(database.prepare('INSERT INTO t VALUES (?, ?)').run(undefined, 5), 1);
  assert.deepEqual(database.prepare('SELECT *, a IS NULL AS n FROM t').get(), { a: undefined, b: 5, n: 1 });
  assert.deepEqual([...database.prepare('SELECT * FROM t').rows()], [{ a: undefined, b: 5 }]);
  assert.deepEqual([...database.prepare('SELECT b, b FROM t').tuples()], [[5, 5]]);
  assert.equal(database.prepare('SELECT * FROM t WHERE b = ?').get(6), undefined);
  database.close();
});

each('a database is its owner\'s alone to read', (open) => {
  const path = join(temporaryFolder(), 'db');
  const database = open(path);
  database.exec('CREATE TABLE t (a)');
  database.close();
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

each('a file that is no database says so, by name', (open) => {
  const path = join(temporaryFolder(), 'db');
  writeFileSync(path, 'x'.repeat(5000));
  assert.throws(() => open(path), (error) => error instanceof SqliteFailure && error.message.includes(path) && !error.busy);
});

each('a database that another has for itself is busy', (open) => {
  const path = join(temporaryFolder(), 'db');
  const database = open(path, { exclusive: true });
  assert.throws(() => open(path, { exclusive: true }), (error) => error instanceof SqliteFailure && error.busy);
  database.close();
  open(path, { exclusive: true }).close();
});
