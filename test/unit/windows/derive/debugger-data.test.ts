import assert from 'node:assert/strict';
import { test } from 'node:test';
import { debuggerData } from '../../../../src/windows/derive/debugger-data.js';
import { noise } from '../../../support/random.js';

const BASE = 0xffff_f801_2e80_0000n;
const MASK = 0xffff_ffff_ffff_ffffn;

/** A page of data with a block at an offset. */
function page(at: number, { base = BASE, size = 0x380, encode = (word: bigint): bigint => word } = {}): Buffer {
  const bytes = Buffer.from(new ArrayBuffer(0x4000));
  noise(bytes, 7);
  bytes.fill(0, at, at + size);
  bytes.write('KDBG', at + 0x10, 'latin1');
  bytes.writeUInt32LE(size, at + 0x14);
  bytes.writeBigUInt64LE(base, at + 0x18);
  bytes.writeBigUInt64LE(base + 0x1234n, at + 0x50);
  for (let word = at; word < at + size; word += 8) bytes.writeBigUInt64LE(encode(bytes.readBigUInt64LE(word)), word);
  return bytes;
}

/** As KdEncodeDataBlock turns a word. */
function encoder(never: bigint, always: bigint, flag: bigint): (word: bigint) => bigint {
  return (word) => {
    const swapped = Buffer.alloc(8);
    swapped.writeBigUInt64BE(word ^ always);
    const turned = swapped.readBigUInt64LE() ^ flag;
    const by = never & 63n;
    return (((turned >> by) | (turned << (64n - by))) & MASK) ^ never;
  };
}

test('a plain block is found by its tag and the kernel\'s base', () => {
  const [block] = debuggerData(page(0x148), BASE);
  assert.equal(block?.offset, 0x148);
  assert.equal(block?.rotation, undefined);
  assert.equal(block?.member(0x50), BASE + 0x1234n);
});

test('an encoded block is decoded without its keys, whatever they are', () => {
  for (let turn = 0n; turn < 64n; turn += 1n) {
    const encode = encoder(0x3c5a_91e0_77b2_4d00n | turn, 0x8f1e_2d3c_4b5a_6978n * (turn + 1n) & MASK, 0xffff_f801_2f00_1234n);
    const [block] = debuggerData(page(0x148, { encode }), BASE);
    assert.equal(block?.offset, 0x148, `turned by ${turn}`);
    assert.equal(block?.size, 0x380);
    assert.equal(block?.member(0x50), BASE + 0x1234n);
  }
});

test('32-bit blocks have the base sign-extended or as it is', () => {
  for (const base of [0x8284_0000n, 0xffff_ffff_8284_0000n]) {
    const [block] = debuggerData(page(0x40, { base }), 0x8284_0000n);
    assert.equal(block?.offset, 0x40);
  }
});

test('a tag before another base, with a size that cannot be, or cut off is no block', () => {
  assert.deepEqual([...debuggerData(page(0x148, { base: BASE + 0x1000n }), BASE)], []);
  const lying = page(0x148);
  for (const size of [0, 0x10, 0x381, 0xffff_fff8]) {
    lying.writeUInt32LE(size, 0x148 + 0x14);
    assert.deepEqual([...debuggerData(lying, BASE)], []);
  }
  const cut = Buffer.from(new ArrayBuffer(0x200));
  page(0x148).copy(cut, 0, 0, 0x200);
  assert.deepEqual([...debuggerData(cut, BASE)], []);
});

test('beyond the block\'s own size there are no members', () => {
  const [block] = debuggerData(page(0x148, { size: 0x208 }), BASE);
  assert.equal(block?.member(0x208), undefined);
  assert.equal(block?.member(0x200), 0n);
});

test('noise holds no block', () => {
  const bytes = Buffer.from(new ArrayBuffer(0x10_0000));
  noise(bytes, 11);
  assert.deepEqual([...debuggerData(bytes, BASE)], []);
});
