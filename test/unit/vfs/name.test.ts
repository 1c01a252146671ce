import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileName, isFileName, NAME_MAX, unescapeName, uniqueNames } from '../../../src/vfs/name.js';

const ORIGINALS = [
  '', '.', '..', '...', '%', '%%', '%2F', '%2f', '%252F', '%/', '%2', '100%', 'a/b', 'a\0b', '\x1b[31m', 'tab\there', 'Ünïcode 日本', '😀/😀', ' trailing. ',
  'high \ud83d alone', '\udc00\ud800', 'rtl\u202egpj.exe', '\u0085', '%41bc', '%\x00', 'C:\\Windows',
];

test('every name is one that Linux accepts and that holds no control character', () => {
  for (const original of ORIGINALS) {
    const name = fileName(original);
    assert.ok(isFileName(name), JSON.stringify(original));
    assert.doesNotMatch(name, /[/\x00-\x1f\x7f-\x9f\u202e\p{Surrogate}]/u, JSON.stringify(original));
  }
});

test('escaping can be undone and no two originals share a name', () => {
  for (const original of ORIGINALS) assert.equal(unescapeName(fileName(original)), original);
  assert.equal(new Set(ORIGINALS.map((original) => fileName(original))).size, ORIGINALS.length);
});

test('ordinary names stay as they are', () => {
  for (const name of ['svchost.exe-1234', '100%', 'a b', '.hidden', '50%off', ' trailing. ']) assert.equal(fileName(name), name);
});

test('a percent sign is escaped only where it would read as an escape', () => {
  assert.equal(fileName('%41bc'), '%2541bc');
  assert.equal(fileName('%4zbc'), '%4zbc');
});

test('a name that is too long is cut within 255 bytes and stays different from its neighbours', () => {
  const long = 'ключ'.repeat(100);
  const name = fileName(long, '.txt');
  assert.ok(Buffer.byteLength(name) <= NAME_MAX);
  assert.match(name, /~[0-9a-f]{8}\.txt$/);
  assert.notEqual(name, fileName(`${long}!`, '.txt'));
  assert.equal(name, fileName(long, '.txt'));
  assert.doesNotMatch(fileName('\n'.repeat(200)), /%(?![0-9A-F]{2})/);
});

test('equal names are numbered in order and step over names that are taken', () => {
  assert.deepEqual(uniqueNames(['a', 'b', 'a', 'a~2', 'a']), ['a', 'b', 'a~3', 'a~2', 'a~4']);
  const long = 'x'.repeat(NAME_MAX);
  const unique = uniqueNames([long, long]);
  assert.equal(new Set(unique).size, 2);
  assert.ok(unique.every((name) => name.length <= NAME_MAX));
});

test('what the kernel would refuse is told apart', () => {
  for (const name of ['', '.', '..', 'a/b', 'a\0', 'x'.repeat(256), '日'.repeat(86)]) assert.ok(!isFileName(name), JSON.stringify(name));
  for (const name of ['...', '.hidden', 'x'.repeat(255), '日'.repeat(85)]) assert.ok(isFileName(name), name);
});
