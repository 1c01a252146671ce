import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormatError } from '../../../src/bytes/errors.js';
import { unpackXpressHuffman } from '../../../src/compress/xpress-huffman.js';
import { noise, seeded } from '../../support/random.js';
import { pageBytes } from '../../support/page-bytes.js';
import { xpressHuffmanBytes } from '../../support/xpress-huffman-bytes.js';

/** A table of code lengths, by symbol. */
function table(lengths: Readonly<Record<number, number>>): Buffer {
  const bytes = Buffer.alloc(256);
  for (const [symbol, length] of Object.entries(lengths)) bytes[Number(symbol) >>> 1]! |= length << ((Number(symbol) & 1) * 4);
  return bytes;
}

test('the examples of [MS-XCA] come out as it says', () => {
  // a to v have codes of five bits, w to z and the end codes of four.
  const letters = Object.fromEntries(Array.from({ length: 26 }, (_, i) => [97 + i, i < 22 ? 5 : 4]));
  const alphabet = Buffer.concat([table({ ...letters, 256: 4 }), Buffer.from('d8523ed794115be9195ff9d67cdf8d0400000000', 'hex')]);
  assert.equal(unpackXpressHuffman(alphabet, 26).toString(), 'abcdefghijklmnopqrstuvwxyz');
  const repeated = Buffer.concat([table({ 97: 3, 98: 3, 99: 2, 256: 2, 287: 2 }), Buffer.from('a8dc0000ff2601', 'hex')]);
  assert.equal(unpackXpressHuffman(repeated, 300).toString(), 'abc'.repeat(100));
});

test('pages, text, noise and runs of all lengths come out as they were', () => {
  const random = Buffer.alloc(5000);
  noise(random, 3);
  const cases = [random, Buffer.alloc(0), Buffer.from('x'), Buffer.alloc(200_000, 7), ...Array.from({ length: 40 }, (_, seed) => pageBytes(seed)),
    ...Array.from({ length: 400 }, (_, length) => Buffer.concat([Buffer.from('ab'), Buffer.alloc(length, 0x41), Buffer.from('cde'), Buffer.alloc(length + 20, 0x42)]))];
  for (const [i, data] of cases.entries()) assert.ok(unpackXpressHuffman(xpressHuffmanBytes(data), data.length).equals(data), `case ${i}`);
});

test('several blocks are one after the other', () => {
  const data = Buffer.concat(Array.from({ length: 50 }, (_, seed) => pageBytes(seed)));
  assert.ok(data.length > 3 * 0x1_0000);
  assert.ok(unpackXpressHuffman(xpressHuffmanBytes(data), data.length).equals(data));
});

test('data that becomes more or less than it should is refused', () => {
  const run = xpressHuffmanBytes(Buffer.alloc(4096, 'ab'));
  assert.throws(() => unpackXpressHuffman(run, 4095), /more than 4095/);
  assert.throws(() => unpackXpressHuffman(xpressHuffmanBytes(pageBytes(1)), 4097), /becomes 4096 bytes, not 4097|cut off/);
  assert.throws(() => unpackXpressHuffman(Buffer.alloc(0), 4096), FormatError);
});

test('data that is cut off is refused', () => {
  const packed = xpressHuffmanBytes(pageBytes(2));
  // The end's own code and the words ahead of it are not needed.
  for (let at = 0; at < packed.length - 12; at += 1) assert.throws(() => unpackXpressHuffman(packed.subarray(0, at), 4096), FormatError, `cut at ${at}`);
});

test('a table of too many codes, a code that is in none, and a match before the data are refused', () => {
  assert.throws(() => unpackXpressHuffman(Buffer.concat([Buffer.alloc(256, 0x11), Buffer.alloc(8)]), 10), /more codes than there are/);
  assert.throws(() => unpackXpressHuffman(Buffer.alloc(300), 10), /a code that its table does not/);
  assert.throws(() => unpackXpressHuffman(Buffer.concat([table({ 97: 1, 290: 1 }), Buffer.from([0, 0x80, 0, 0, 0, 0])]), 10), /before the data/);
});

test('changed bytes give the size that was asked for or are refused', () => {
  const next = seeded(11);
  let [came, refused] = [0, 0];
  for (let round = 0; round < 4000; round += 1) {
    const packed = xpressHuffmanBytes(pageBytes(round % 16));
    for (let i = 0; i <= round % 4; i += 1) packed[Math.floor(next() * packed.length)] = next() * 256;
    try {
      assert.equal(unpackXpressHuffman(packed, 4096).length, 4096);
      came += 1;
    } catch (error) {
      assert.ok(error instanceof FormatError, String(error));
      refused += 1;
    }
  }
  assert.ok(came > 100 && refused > 100, `${came} came, ${refused} were refused`);
});
