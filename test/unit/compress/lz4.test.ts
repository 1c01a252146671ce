import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormatError } from '../../../src/bytes/errors.js';
import { unpackLz4 } from '../../../src/compress/lz4.js';
import { noise, seeded } from '../../support/random.js';
import { pageBytes } from '../../support/page-bytes.js';
import { lz4Bytes } from '../../support/lz4-bytes.js';

test('blocks of the reference packer come out as they were', () => {
  assert.deepEqual(unpackLz4(Buffer.from('3f6162630300ff12506263616263', 'hex'), 300), Buffer.from('abc'.repeat(100)));
  const text = 'The compressed store, the compressed page; the store keeps the page. 0123456789';
  const packed = 'fa0854686520636f6d707265737365642073746f72652c2074160051706167653b150001200061206b656570731000f001706167652e2030313233343536373839';
  assert.equal(unpackLz4(Buffer.from(packed, 'hex'), text.length).toString(), text);
});

test('pages, text, noise and runs of all lengths come out as they were', () => {
  const random = Buffer.alloc(5000);
  noise(random, 3);
  const cases = [random, Buffer.alloc(0), Buffer.from('x'), Buffer.alloc(200_000, 7), ...Array.from({ length: 40 }, (_, seed) => pageBytes(seed)),
    ...Array.from({ length: 400 }, (_, length) => Buffer.concat([Buffer.from('ab'), Buffer.alloc(length, 0x41), Buffer.from('cde'), Buffer.alloc(length + 20, 0x42)]))];
  for (const [i, data] of cases.entries()) assert.ok(unpackLz4(lz4Bytes(data), data.length).equals(data), `case ${i}`);
});

test('data that becomes more or less than it should is refused', () => {
  const packed = lz4Bytes(pageBytes(1));
  assert.throws(() => unpackLz4(packed, 4095), /more than 4095/);
  assert.throws(() => unpackLz4(packed, 4097), /becomes 4096 bytes, not 4097/);
  assert.throws(() => unpackLz4(Buffer.alloc(0), 4096), FormatError);
});

test('data that is cut off anywhere is refused', () => {
  const packed = lz4Bytes(pageBytes(2));
  let refused = 0;
  for (let at = 0; at < packed.length; at += 1) {
    assert.throws(() => unpackLz4(packed.subarray(0, at), 4096), FormatError, `cut at ${at}`);
    refused += 1;
  }
  assert.ok(refused > 100);
});

test('a match that begins before the data, one without distance, and lengths without end are refused', () => {
  assert.throws(() => unpackLz4(Buffer.from([0x10, 0x61, 2, 0, 0]), 10), /before the data/);
  assert.throws(() => unpackLz4(Buffer.from([0x10, 0x61, 0, 0, 0]), 10), /before the data/);
  assert.throws(() => unpackLz4(Buffer.concat([Buffer.from([0x1f, 0x61, 1, 0]), Buffer.alloc(5000, 255), Buffer.from([0, 0])]), 4096), /more than 4096/);
  assert.throws(() => unpackLz4(Buffer.concat([Buffer.from([0xf0]), Buffer.alloc(5000, 255)]), 4096), /cut off/);
});

test('changed bytes give the size that was asked for or are refused', () => {
  const next = seeded(11);
  let [came, refused] = [0, 0];
  for (let round = 0; round < 4000; round += 1) {
    const packed = lz4Bytes(pageBytes(round % 16));
    for (let i = 0; i <= round % 4; i += 1) packed[Math.floor(next() * packed.length)] = next() * 256;
    try {
      assert.equal(unpackLz4(packed, 4096).length, 4096);
      came += 1;
    } catch (error) {
      assert.ok(error instanceof FormatError, String(error));
      refused += 1;
    }
  }
  assert.ok(came > 100 && refused > 100, `${came} came, ${refused} were refused`);
});
