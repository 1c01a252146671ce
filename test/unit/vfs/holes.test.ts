import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holesFile, holesOf, missingBytes, missingXattr } from '../../../src/vfs/holes.js';

test('holes are what lies between runs, before the first and after the last', () => {
  assert.deepEqual(holesOf([], 0x10), [{ start: 0, length: 0x10 }]);
  assert.deepEqual(holesOf([{ start: 0, length: 0x10 }], 0x10), []);
  assert.deepEqual(holesOf([{ start: 2, length: 2 }, { start: 4, length: 1 }, { start: 9, length: 1 }], 12),
    [{ start: 0, length: 2 }, { start: 5, length: 4 }, { start: 10, length: 2 }]);
  assert.deepEqual(holesOf([], 0), []);
});

test('the map names each hole by offset and length in hex, and the bytes are counted', () => {
  const holes = [{ start: 0x1000, length: 0x200 }, { start: 0x12345, length: 1 }];
  assert.equal(missingBytes(holes), 0x201);
  assert.equal(Buffer.from(holesFile(() => holes).render()).toString(),
    'Offset           Length           State\n---------------------------------------\n0000000000001000 0000000000000200 missing\n0000000000012345 0000000000000001 missing\n');
  assert.deepEqual([missingXattr(0), missingXattr(5)], [{}, { 'user.memlens.missing': '5' }]);
});
