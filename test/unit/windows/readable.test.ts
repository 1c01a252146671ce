import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SparseMemory } from '../../../src/bytes/memory.js';
import { readable } from '../../../src/windows/readable.js';
import { memoryOf } from '../../support/memory-of.js';

const BASE = 0x10_0000n;

/** Memory whose tables know pages 1 and 4, and that reads 0, 1, 2 and 4 of six. */
function untouched(): SparseMemory<bigint> {
  const all = memoryOf(BASE, Buffer.alloc(0x6000, 0x41), new Set([3, 5]));
  const tables = memoryOf(BASE, Buffer.alloc(0x6000), new Set([0, 2, 3, 5]));
  return { read: (address, length) => all.read(address, length), fill: (address, target) => all.fill(address, target), runs: (start, end) => tables.runs(start, end) };
}

const runs = (start: bigint, end: bigint): string[] => [...readable(untouched()).runs(start, end)].map((run) => `${(run.start - BASE).toString(16)}+${run.length.toString(16)}`);

test('runs are of all pages that can be read, also of those that no table maps yet', () => {
  assert.deepEqual(runs(BASE, BASE + 0x6000n), ['0+3000', '4000+1000']);
});

test('runs begin and end where they were asked for, inside a page too', () => {
  assert.deepEqual(runs(BASE + 0x800n, BASE + 0x4010n), ['800+2800', '4000+10']);
  assert.deepEqual(runs(BASE + 0x3000n, BASE + 0x4000n), []);
  assert.deepEqual(runs(BASE + 0x3800n, BASE + 0x3800n), []);
});

test('bytes are those of the memory behind it', () => {
  const memory = readable(untouched());
  assert.equal(memory.read(BASE, 2)?.toString('latin1'), 'AA');
  assert.equal(memory.read(BASE + 0x3000n, 1), undefined);
  assert.equal(memory.fill(BASE + 0x2000n, Buffer.alloc(0x2000)), 0x1000);
});
