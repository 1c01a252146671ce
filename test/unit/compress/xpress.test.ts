import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormatError } from '../../../src/bytes/errors.js';
import { unpackXpress } from '../../../src/compress/xpress.js';
import { noise, seeded } from '../../support/random.js';
import { pageBytes } from '../../support/page-bytes.js';
import { xpressBytes } from '../../support/xpress-bytes.js';

const ALPHABET = Buffer.from('abcdefghijklmnopqrstuvwxyz');

test('the examples of [MS-XCA] come out as it says', () => {
  assert.deepEqual(unpackXpress(Buffer.from('3f0000006162636465666768696a6b6c6d6e6f707172737475767778797a', 'hex'), 26), ALPHABET);
  assert.deepEqual(unpackXpress(Buffer.from('ffffff1f61626317000fff2601', 'hex'), 300), Buffer.from('abc'.repeat(100)));
});

test('pages, text, noise and runs of all lengths come out as they were', () => {
  const random = Buffer.alloc(5000);
  noise(random, 3);
  const cases = [random, Buffer.alloc(0), Buffer.from('x'), Buffer.alloc(200_000, 7), ...Array.from({ length: 40 }, (_, seed) => pageBytes(seed)),
    ...Array.from({ length: 400 }, (_, length) => Buffer.concat([Buffer.from('ab'), Buffer.alloc(length, 0x41), Buffer.from('cde'), Buffer.alloc(length + 20, 0x42)]))];
  for (const [i, data] of cases.entries()) assert.ok(unpackXpress(xpressBytes(data), data.length).equals(data), `case ${i}`);
});

test('literals that fill the flags exactly need none behind them', () => {
  for (const length of [31, 32, 33, 64]) {
    const data = Buffer.from(Array.from({ length }, (_, i) => i * 3));
    const packed = xpressBytes(data);
    assert.deepEqual(unpackXpress(packed, length), data);
    if (length % 32 === 0) assert.deepEqual(unpackXpress(packed.subarray(0, -4), length), data);
  }
});

test('data that becomes more or less than it should is refused', () => {
  const packed = xpressBytes(pageBytes(1));
  assert.throws(() => unpackXpress(packed, 4095), /more than 4095/);
  assert.throws(() => unpackXpress(packed, 4097), /becomes 4096 bytes, not 4097/);
  assert.throws(() => unpackXpress(Buffer.alloc(0), 4096), FormatError);
});

test('data that is cut off anywhere is refused', () => {
  const packed = xpressBytes(pageBytes(2));
  let refused = 0;
  for (let at = 0; at < packed.length - 4; at += 1) {
    assert.throws(() => unpackXpress(packed.subarray(0, at), 4096), FormatError, `cut at ${at}`);
    refused += 1;
  }
  assert.ok(refused > 100);
});

test('a match that begins before the data and one that says a length it does not have are refused', () => {
  assert.throws(() => unpackXpress(Buffer.from([0, 0, 0, 0x40, 0x61, 0x08, 0]), 10), /before the data/);
  assert.throws(() => unpackXpress(Buffer.from([0, 0, 0, 0x40, 0x61, 0x07, 0, 0x0f, 0xff, 0x05, 0]), 100), /shorter than its length/);
  assert.throws(() => unpackXpress(Buffer.from([0, 0, 0, 0x40, 0x61, 0x07, 0, 0x0f, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff]), 100), /more than 100/);
});

test('changed bytes give the size that was asked for or are refused', () => {
  const next = seeded(11);
  let [came, refused] = [0, 0];
  for (let round = 0; round < 4000; round += 1) {
    const packed = xpressBytes(pageBytes(round % 16));
    for (let i = 0; i <= round % 4; i += 1) packed[Math.floor(next() * packed.length)] = next() * 256;
    try {
      assert.equal(unpackXpress(packed, 4096).length, 4096);
      came += 1;
    } catch (error) {
      assert.ok(error instanceof FormatError, String(error));
      refused += 1;
    }
  }
  assert.ok(came > 100 && refused > 100, `${came} came, ${refused} were refused`);
});
