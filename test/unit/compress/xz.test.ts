import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormatError } from '../../../src/bytes/errors.js';
import { crc32, crc64 } from '../../../src/compress/checksum.js';
import { isXz, unpackXz } from '../../../src/compress/xz.js';
import { noise, seeded } from '../../support/random.js';
import { xzBytes, xzContainer } from '../../support/xz-bytes.js';

const LIMIT = 1 << 20;

/** Text with near and far repetitions, and some noise. */
function sample(length: number, seed: number): Buffer {
  const next = seeded(seed);
  const words = Array.from({ length: 60 }, (_, i) => `"${'abcdefghij'.slice(i % 7)}_${i}": ${i * 77}, `);
  let text = '';
  while (text.length < length) text += next() < 0.05 ? String.fromCharCode(next() * 256) : words[Math.floor(next() * words.length)];
  return Buffer.from(text, 'latin1').subarray(0, length);
}

test('CRC-32 and CRC-64 of the standard check string are those of their catalogues', () => {
  assert.equal(crc32(Buffer.from('123456789')), 0xcbf4_3926);
  assert.equal(crc64(Buffer.from('123456789')).readBigUInt64LE(), 0x995d_c9bb_df19_39fan);
});

test('what was packed comes out again, for all context bits and for stored chunks between packed ones', () => {
  for (const [seed, options] of [
    {}, { lc: 0, lp: 2, pb: 0 }, { lc: 4, pb: 4 }, { lc: 1, lp: 3, pb: 1 }, { stored: true, chunk: 900 }, { check: 1 as const }, { check: 0 as const }, { chunk: 40_000 },
  ].entries()) {
    const data = sample(60_000, seed);
    const file = xzBytes(data, options);
    assert.ok(isXz(file));
    assert.ok(file.length < data.length, 'it was packed');
    assert.ok(unpackXz(file, LIMIT).equals(data), JSON.stringify(options));
  }
});

test('noise, long runs and one byte come out again', () => {
  const random = Buffer.alloc(20_000);
  noise(random, 7);
  for (const data of [random, Buffer.alloc(70_000, 0x41), Buffer.from('x')]) assert.ok(unpackXz(xzBytes(data), LIMIT).equals(data));
});

test('streams one after the other, with padding between, are one file', () => {
  const [a, b] = [sample(5000, 1), sample(3000, 2)];
  assert.ok(unpackXz(Buffer.concat([xzBytes(a), Buffer.alloc(8), xzBytes(b)]), LIMIT).equals(Buffer.concat([a, b])));
});

test('a file that becomes more than the limit is refused before it does', () => {
  assert.throws(() => unpackXz(xzBytes(Buffer.alloc(100_000)), 50_000), /more than 50000 bytes/);
});

test('a changed byte is noticed by the check, a file cut off anywhere is refused', () => {
  const file = xzBytes(sample(4000, 3));
  for (let at = 0; at < file.length; at += 7) {
    assert.throws(() => unpackXz(file.subarray(0, at), LIMIT), FormatError, `cut at ${at}`);
    const changed = Buffer.from(file);
    changed[at]! ^= 0x10;
    assert.throws(() => unpackXz(changed, LIMIT), FormatError, `changed at ${at}`);
  }
});

test('chunks that contradict themselves are refused', () => {
  for (const [what, chunks] of [
    ['state before a dictionary', [0x80, 0, 0, 0, 0, 0, 0]], ['stored bytes before a dictionary', [2, 0, 0, 65, 0]], ['an unknown kind', [1, 0, 0, 65, 3, 0]],
    ['no properties', [1, 0, 0, 65, 0x80, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0]], ['properties that cannot be', [0xe0, 0, 0, 0, 4, 255, 0, 0, 0, 0, 0, 0]],
    ['a match before the beginning', [0xe0, 0, 9, 0, 9, 0x5d, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]],
  ] as const) assert.throws(() => unpackXz(xzContainer(Buffer.from(chunks), Buffer.from('A')), LIMIT), FormatError, what);
});

test('a file of many empty blocks is refused, not gathered', () => {
  const block = Buffer.from([2, 0, 0x21, 1, 0x16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  block.writeUInt32LE(crc32(block.subarray(0, 8)), 8);
  const flags = Buffer.from([0, 0]);
  const head = Buffer.concat([Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), flags, Buffer.alloc(4)]);
  head.writeUInt32LE(crc32(flags), 8);
  assert.throws(() => unpackXz(Buffer.concat([head, ...Array.from({ length: 5000 }, () => block)]), LIMIT), /more than 4096 blocks/);
});
