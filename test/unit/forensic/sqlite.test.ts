import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDatabase, SqliteFailure } from '../../../native-bindings/sqlite.js';
import { temporaryFolder } from './fake-model.js';

test('an absent value is NULL in the database and undefined with us', () => {
  const database = openDatabase(join(temporaryFolder(), 'db'));
  database.exec('CREATE TABLE t (a TEXT, b INTEGER) STRICT');
  assert.equal(database.prepare('INSERT INTO t VALUES (?, ?)').run(undefined, 5), 1);
  assert.deepEqual(database.prepare('SELECT *, a IS NULL AS n FROM t').get(), { a: undefined, b: 5, n: 1 });
  assert.deepEqual([...database.prepare('SELECT * FROM t').rows()], [{ a: undefined, b: 5 }]);
  assert.deepEqual([...database.prepare('SELECT b, b FROM t').tuples()], [[5, 5]]);
  assert.equal(database.prepare('SELECT * FROM t WHERE b = ?').get(6), undefined);
  database.close();
});

test('a database is its owner\'s alone to read', () => {
  const path = join(temporaryFolder(), 'db');
  const database = openDatabase(path);
  database.exec('CREATE TABLE t (a)');
  database.close();
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('a file that is no database says so, by name', () => {
  const path = join(temporaryFolder(), 'db');
  writeFileSync(path, 'x'.repeat(5000));
  assert.throws(() => openDatabase(path), (error) => error instanceof SqliteFailure && error.message.includes(path) && !error.busy);
});

test('a database that another has for itself is busy', () => {
  const path = join(temporaryFolder(), 'db');
  const database = openDatabase(path, { exclusive: true });
  assert.throws(() => openDatabase(path, { exclusive: true }), (error) => error instanceof SqliteFailure && error.busy);
  database.close();
  openDatabase(path, { exclusive: true }).close();
});
