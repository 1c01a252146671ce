import assert from 'node:assert/strict';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PhysicalMemory, type FileRun } from '../../../src/image/physical.js';
import { noise } from '../../support/random.js';

/** Bytes with a pattern that tells every offset, and memory that lays them out. */
function memoryOf(size: number, layout: readonly FileRun[]): { bytes: Buffer; memory: PhysicalMemory } {
  const bytes = Buffer.alloc(size);
  noise(bytes, 7);
  const folder = mkdtempSync(join(tmpdir(), 'memlens-test-'));
  const path = join(folder, 'image');
  writeFileSync(path, bytes);
  const memory = new PhysicalMemory(openSync(path, 'r'), layout);
  rmSync(folder, { recursive: true });
  return { bytes, memory };
}

/** Two runs with a gap, stored in the file the other way round; the second ends raggedly. */
const LAYOUT: readonly FileRun[] = [
  { start: 0x1000, length: 0x8000, offset: 0x20_0200 },
  { start: 0x10_0000, length: 0x20_0000 - 0x123, offset: 0x200 },
];
const SIZE = 0x20_8200;

/** What a byte-by-byte reading of the layout says. */
function expected(bytes: Buffer, address: number, length: number): { data: Buffer; missing: number } {
  const data = Buffer.alloc(length);
  let missing = 0;
  for (let i = 0; i < length; i += 1) {
    const at = address + i;
    const run = LAYOUT.find(({ start, length: size }) => at >= start && at < start + size);
    const byte = run === undefined ? undefined : bytes[run.offset + at - run.start];
    if (byte === undefined) missing += 1;
    else data[i] = byte;
  }
  return { data, missing };
}

const CASES: readonly (readonly [string, number, number])[] = [
  ['inside a chunk', 0x1010, 16], ['across chunks', 0x10_3df0, 64], ['larger than a chunk', 0x10_1234, 0x9000], ['the whole first run', 0x1000, 0x8000],
  ['before the first run', 0, 0x20], ['into the first run', 0xff0, 0x20], ['out of the first run', 0x8ff0, 0x20], ['over the gap', 0x8ff0, 0xf_8000],
  ['up to the ragged end', 0x2f_fe00, 0x200 - 0x123], ['over the ragged end', 0x2f_fe00, 0x200], ['past everything', 0x40_0000, 0x2000],
  ['nothing', 0x1000, 0], ['far past everything', 2 ** 52, 8],
];

for (const [name, address, length] of CASES) {
  test(`fill ${name} gives the bytes that are there, zeros for the others, and their count`, () => {
    const { bytes, memory } = memoryOf(SIZE, LAYOUT);
    const target = Buffer.alloc(length, 0xcc);
    const { data, missing } = expected(bytes, address, length);
    assert.equal(memory.fill(address, target), missing);
    assert.ok(target.equals(data));
    memory.close();
  });

  test(`read ${name} gives all bytes or none`, () => {
    const { bytes, memory } = memoryOf(SIZE, LAYOUT);
    const { data, missing } = expected(bytes, address, length);
    const got = memory.read(address, length);
    if (missing > 0) assert.equal(got, undefined);
    else if (length > 0) assert.ok(got?.equals(data));
    memory.close();
  });
}

test('bytes that the layout promises and the file lacks are missing, not garbage', () => {
  const { memory } = memoryOf(0x9000, [{ start: 0, length: 0x20_000, offset: 0 }]);
  const target = Buffer.alloc(0x6000, 0xcc);
  assert.equal(memory.fill(0x6000, target), 0x3000);
  assert.ok(target.subarray(0x3000).every((byte) => byte === 0));
  assert.equal(memory.read(0x8ff0, 0x20), undefined);
  assert.equal(memory.read(0x8000, 0x8000), undefined);
  assert.equal(memory.page(9), undefined);
  assert.notEqual(memory.page(8), undefined);
  memory.close();
});

test('page gives the same 1024 words as reading the bytes, also where the file offset is not aligned', () => {
  const { memory } = memoryOf(SIZE, LAYOUT);
  for (const frame of [1, 8, 0x100, 0x104, 0x2fe]) {
    const words = memory.page(frame);
    const bytes = memory.read(frame * 4096, 4096);
    assert.ok(words !== undefined && bytes !== undefined);
    assert.ok([...words].every((word, i) => word === bytes.readUInt32LE(i * 4)), `frame ${frame}`);
  }
  for (const frame of [0, 9, 0xff, 0x2ff, 0x300, 2 ** 40]) assert.equal(memory.page(frame), undefined, `frame ${frame}`);
  memory.close();
});

test('what is filled is the caller\'s own: writing to it changes no later read', () => {
  const { bytes, memory } = memoryOf(SIZE, LAYOUT);
  for (const length of [16, 0x9000]) {
    const target = Buffer.alloc(length);
    memory.fill(0x10_0000, target);
    target.fill(0xee);
    assert.ok(memory.read(0x10_0000, length)?.equals(bytes.subarray(0x200, 0x200 + length)));
  }
  memory.close();
});

test('runs are those of the layout, cut to what is asked', () => {
  const { memory } = memoryOf(SIZE, LAYOUT);
  assert.deepEqual([...memory.runs(0, memory.size)], LAYOUT.map(({ start, length }) => ({ start, length })));
  assert.deepEqual([...memory.runs(0x8000, 0x10_1000)], [{ start: 0x8000, length: 0x1000 }, { start: 0x10_0000, length: 0x1000 }]);
  assert.deepEqual([...memory.runs(0x9000, 0x10_0000)], []);
  assert.equal(memory.size, 0x10_0000 + 0x20_0000 - 0x123);
  memory.close();
});

test('the cache is bounded: all of a larger image is read and early pages are still right', () => {
  const { bytes, memory } = memoryOf(48 << 20, [{ start: 0, length: 48 << 20, offset: 0 }]);
  for (let at = 0; at < memory.size; at += 0x4000) memory.read(at, 8);
  for (const at of [0, 0x4000, 0x1234567, (48 << 20) - 8]) assert.ok(memory.read(at, 8)?.equals(bytes.subarray(at, at + 8)));
  memory.close();
});
