import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openHiveFile } from '../../../src/registry/hive-file.js';
import { logHash } from '../../../src/registry/transaction-log-hash.js';
import { applyLogs, isDirty } from '../../../src/registry/transaction-log.js';
import { dword, sz, writeHive, type KeyToWrite } from '../../support/hive-bytes.js';
import { changedPages, newLog, oldLog, withSequence } from '../../support/hive-log.js';

const state = (version: number, more: readonly KeyToWrite[] = []): Buffer => writeHive({ name: 'ROOT', written: 1n, keys: [
  ...Array.from({ length: 80 }, (_, i) => ({ name: `key ${i}`, values: [{ name: 'v', type: 1, data: sz('x'.repeat(60)) }, { name: 'version', type: 4, data: dword(i === 79 ? version : 0) }] })), ...more] }).file;
const version = (bytes: Buffer): unknown => openHiveFile(bytes).hive.key('key 79')?.value('version')?.native();

const before = state(1);
const after = state(2);
const later = state(3);
const dirty = withSequence(before, 6, 5);
const pages = changedPages(before, after);
const laterPages = changedPages(after, later);

test('the hash of a log is Marvin32 over all bytes, those of the last incomplete word too', () => {
  const hashes = ['', 'a', 'ab', 'abc', 'abcd', 'abcde'].map((text) => logHash(Buffer.from(text, 'latin1')));
  assert.equal(new Set(hashes).size, 6);
  assert.ok(hashes.every((hash) => hash >= 0n && hash < 2n ** 64n));
});

test('a log of the new format brings a dirty hive to the state after its last entry, and the bytes given stay as they are', () => {
  const copy = Buffer.from(dirty);
  const { bytes, applied } = applyLogs(dirty, [newLog(before, 5, [pages, laterPages])]);
  assert.equal(version(bytes), 3);
  assert.deepEqual(applied.map(({ log, format, first, last }) => ({ log, format, first, last })), [{ log: 0, format: 'new', first: 5, last: 6 }]);
  assert.ok(dirty.equals(copy));
  assert.equal(isDirty(bytes), false);
  assert.ok(bytes.subarray(0x1000).equals(later.subarray(0x1000)));
});

test('entries of two logs are applied in the order of their sequence numbers, whichever file they are in', () => {
  const first = newLog(before, 5, [pages]);
  const second = newLog(before, 6, [laterPages]);
  for (const logs of [[first, second], [second, first]]) {
    assert.equal(version(applyLogs(dirty, logs).bytes), 3);
  }
});

test('a log that is older than the hive is left out, and one that does not follow the first too', () => {
  const old = applyLogs(dirty, [newLog(before, 3, [laterPages]), newLog(before, 5, [pages])]);
  assert.equal(version(old.bytes), 2);
  assert.match(old.notes.join('\n'), /log 1 is left out: its entries from 3 on are older than the hive, which is at 5/);
  const gap = applyLogs(dirty, [newLog(before, 5, [pages]), newLog(before, 8, [laterPages])]);
  assert.equal(version(gap.bytes), 2);
  assert.match(gap.notes.join('\n'), /log 2 is left out: it begins with the entry 8, and 6 is expected/);
});

test('a torn entry ends the log; the entries before it are applied', () => {
  const log = newLog(before, 5, [pages, laterPages]);
  log.writeUInt8(log.readUInt8(log.length - 600) ^ 1, log.length - 600);
  const torn = applyLogs(dirty, [log]);
  assert.equal(version(torn.bytes), 2);
  assert.match(torn.notes.join('\n'), /the entry 6 at 0x[0-9a-f]+ is torn: the hash of its pages does not fit/);
  const cut = applyLogs(dirty, [newLog(before, 5, [pages, laterPages]).subarray(0, -512)]);
  assert.equal(version(cut.bytes), 2);
  assert.match(cut.notes.join('\n'), /the entry 6 at .* is cut off/);
});

test('a log of the old format is applied when it was written with the hive', () => {
  const { bytes, applied } = applyLogs(dirty, [oldLog(before, 6, pages)]);
  assert.equal(version(bytes), 2);
  assert.deepEqual(applied.map(({ format, last }) => [format, last]), [['old', 6]]);
  const cut = applyLogs(dirty, [oldLog(before, 6, changedPages(before, Buffer.concat([before.subarray(0, 0x1000), Buffer.alloc(before.length - 0x1000)]))).subarray(0, 0x800)]);
  assert.match(cut.notes.join('\n'), /cut off/);
});

test('a base block that is damaged is taken from the log', () => {
  for (const log of [newLog(before, 5, [pages]), oldLog(withSequence(before, 5, 5), 6, pages)]) {
    const harmed = Buffer.from(dirty);
    harmed.fill(0, 0, 0x200);
    const { bytes, notes } = applyLogs(harmed, [log]);
    assert.equal(version(bytes), 2, notes.join('\n'));
    assert.match(notes.join('\n'), /the base block of the hive is damaged; the log's copy takes its place/);
  }
});

test('a hive that is clean is not changed by its logs', () => {
  const { bytes, notes } = applyLogs(before, [newLog(before, 1, [pages])]);
  assert.equal(bytes, before);
  assert.match(notes.join('\n'), /not dirty/);
});

test('a hive grows with its log, and by no more than the log holds', () => {
  const grown = state(2, Array.from({ length: 60 }, (_, i) => ({ name: `more ${i}`, values: [{ name: 'v', type: 1, data: sz('y'.repeat(50)) }] })));
  assert.ok(grown.length > before.length);
  const { bytes } = applyLogs(dirty, [newLog(grown, 5, [changedPages(before, grown)])]);
  assert.ok(bytes.subarray(0x1000).equals(grown.subarray(0x1000)));
  assert.ok(openHiveFile(bytes).hive.key('more 59') !== undefined);
  const lying = applyLogs(dirty, [newLog(before, 5, [[...pages, [0x7fff_0000 - 0x2000, Buffer.alloc(0x1000)]]], 0x7fff_0000)]);
  assert.ok(lying.bytes.length < dirty.length + 0x10_0000);
  assert.match(lying.notes.join('\n'), /lies beyond the hive's end/);
});

test('what is no log of this hive is left out in a sentence', () => {
  const other = Buffer.from(before);
  other.write('\\SOFTWARE', 0x30, 'utf16le');
  const named = Buffer.from(before);
  named.write('\\SYSTEM', 0x30, 'utf16le');
  const { notes, applied, bytes } = applyLogs(withSequence(named, 6, 5), [Buffer.alloc(0), Buffer.from('what is this?'), before, newLog(other, 5, [pages])]);
  assert.deepEqual(applied, []);
  assert.equal(version(bytes), 1);
  assert.deepEqual(notes, [
    'log 1 is left out: it is empty', 'log 2 is left out: it is no transaction log', 'log 3 is left out: it is a hive and no transaction log',
    'log 4 is left out: it belongs to another hive, \\SOFTWARE', 'the hive is dirty, and none of its logs could be applied',
  ]);
});
