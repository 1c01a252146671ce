import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDatabase } from '../../../native-bindings/sqlite.js';
import { BATCH, Store } from '../../../forensic/store.js';
import { itemStage, items, temporaryFolder } from './fake-model.js';

const IDENTITY = { image: 'a.raw 1 2', version: '1' };
const ITEMS = itemStage('item', () => items(0), { timeline: { type: 'ITEM', file: 'item', events: () => [] } });
const event = { time: 133_196_868_000_000_000n, action: 'CRE', pid: 4, value32: 1, value64: 2n, text: 'x' } as const;

function open(path: string, identity = IDENTITY): Store {
  return Store.open(path, [ITEMS], ['timeline'], identity);
}

function count(store: Store, table: string): number {
  return Number([...store.rows(`SELECT count(*) AS n FROM ${table}`)][0]?.['n']);
}

test('a stage that was marked as done is there with all rows after opening again', () => {
  const path = join(temporaryFolder(), 'db');
  const store = open(path);
  const writer = store.writer(ITEMS);
  for (const { id, text } of items(BATCH + 7)) writer.insert([id, text]);
  writer.done(true, []);
  store.close();
  const again = open(path);
  assert.deepEqual(again.record('item'), { state: 'done', rows: BATCH + 7, joined: true, failure: undefined });
  assert.equal(count(again, 'item'), BATCH + 7);
  again.close();
});

test('what a killed pass left of a stage is gone after opening again, rows and events', () => {
  const path = join(temporaryFolder(), 'db');
  const store = open(path);
  const writer = store.writer(ITEMS);
  for (const { id, text } of items(2 * BATCH + 7)) {
    writer.insert([id, text]);
    writer.event(event);
  }
  assert.ok(count(store, 'item') > 0);
  store.close();
  const again = open(path);
  assert.equal(again.record('item').state, 'pending');
  assert.equal(count(again, 'item'), 0);
  assert.equal(count(again, 'timeline'), 0);
  again.close();
});

test('a database of another image or another version is made anew', () => {
  for (const identity of [{ ...IDENTITY, image: 'b.raw 1 2' }, { ...IDENTITY, version: '2' }]) {
    const path = join(temporaryFolder(), 'db');
    const store = open(path);
    store.writer(ITEMS).done(true, []);
    store.close();
    const again = open(path, identity);
    assert.equal(again.record('item').state, 'pending');
    again.close();
  }
});

test('a database with other columns is made anew', () => {
  const path = join(temporaryFolder(), 'db');
  const store = open(path);
  store.writer(ITEMS).done(true, []);
  store.close();
  const other = itemStage('item', () => [], { table: { name: 'item', doc: '', heading: '', columns: [{ name: 'other', kind: 'text', value: () => '', doc: '' }] } });
  const again = Store.open(path, [other], ['timeline'], IDENTITY);
  assert.equal(again.record('item').state, 'pending');
  again.close();
});

test('a file that is no database, or a damaged one, is replaced', () => {
  const path = join(temporaryFolder(), 'db');
  writeFileSync(path, 'this is no database at all, but it is long enough to be looked at as one'.repeat(100));
  open(path).close();
  const bytes = readFileSync(path);
  bytes.fill(0x41, 4096);
  writeFileSync(path, bytes);
  const store = open(path);
  assert.equal(store.record('item').state, 'pending');
  store.writer(ITEMS).done(true, []);
  assert.equal(store.record('item').state, 'done');
  store.close();
});

test('running a stage again replaces its rows', () => {
  const store = open(join(temporaryFolder(), 'db'));
  for (const rows of [5, 3]) {
    const writer = store.writer(ITEMS);
    for (const { id, text } of items(rows)) {
      writer.insert([id, text]);
      writer.event(event);
    }
    writer.done(false, []);
  }
  assert.equal(count(store, 'item'), 3);
  assert.equal(count(store, 'timeline'), 3);
  store.close();
});

test('what is made from all stages is stale once a stage is run again', () => {
  const store = open(join(temporaryFolder(), 'db'));
  store.mark('timeline', { state: 'done' });
  store.writer(ITEMS).done(false, []);
  assert.equal(store.record('timeline').state, 'pending');
  store.close();
});

test('an event without a time a calendar can name is no event', () => {
  const store = open(join(temporaryFolder(), 'db'));
  const writer = store.writer(ITEMS);
  for (const time of [undefined, 0n, 2n ** 63n]) writer.event({ ...event, time });
  writer.done(false, []);
  assert.equal(count(store, 'timeline'), 0);
  store.close();
});

test('a copy needs no write-ahead log and can be read by itself', () => {
  const folder = temporaryFolder();
  const store = open(join(folder, 'db'));
  const writer = store.writer(ITEMS);
  for (const { id, text } of items(10)) writer.insert([id, text]);
  writer.done(false, []);
  store.copyTo(join(folder, 'copy'));
  store.close();
  const header = readFileSync(join(folder, 'copy'));
  assert.deepEqual([header[18], header[19]], [1, 1], 'file format versions of the header: rollback journal');
  const copy = openDatabase(join(folder, 'copy'), { readonly: true });
  assert.equal(copy.prepare('SELECT count(*) AS n FROM item').get()?.['n'], 10);
  assert.throws(() => copy.exec('DELETE FROM item'), /readonly/);
  copy.close();
});

test('a finished database is one file without a write-ahead log, and looking at it again does not change it', () => {
  const path = join(temporaryFolder(), 'db');
  const store = open(path);
  store.writer(ITEMS).done(true, []);
  store.mark('timeline', { state: 'done' });
  store.finish();
  const before = readFileSync(path);
  assert.deepEqual([before[18], before[19]], [1, 1]);
  const again = open(path);
  assert.equal(again.record('item').state, 'done');
  again.finish();
  assert.ok(readFileSync(path).equals(before));
});
