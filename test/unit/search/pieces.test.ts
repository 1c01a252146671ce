import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Run, SparseMemory } from '../../../src/bytes/memory.js';
import { byteMatcher } from '../../../src/search/byte-matcher.js';
import { textPatterns } from '../../../src/search/pattern.js';
import { pieces } from '../../../src/search/pieces.js';
import { units } from '../../../src/search/yara-units.js';

/** Memory that holds bytes at some addresses. */
function memoryOf(runs: readonly (readonly [bigint, Buffer])[]): SparseMemory<bigint> {
  return {
    read: () => undefined,
    fill(address, target) {
      for (const [start, bytes] of runs) {
        if (address < start || address >= start + BigInt(bytes.length)) continue;
        const part = bytes.subarray(Number(address - start), Number(address - start) + target.length);
        target.set(part);
        return target.length - part.length;
      }
      return target.length;
    },
    * runs(start, end) {
      for (const [at, bytes] of runs) {
        const from = at > start ? at : start;
        const to = at + BigInt(bytes.length) < end ? at + BigInt(bytes.length) : end;
        if (from < to) yield { start: from, length: Number(to - from) };
      }
    },
  };
}

function search(memory: SparseMemory<bigint>, text: string, piece: number, start = 0n, end = 1n << 47n): bigint[] {
  const matcher = byteMatcher(textPatterns(text, false));
  const hits: bigint[] = [];
  for (const { bytes, end: last, from, to, address } of pieces(memory, start, end, { piece, before: 8, after: Math.max(32, matcher.after) })) {
    matcher.find(bytes, last, from, to, (offset) => {
      hits.push(address + BigInt(offset));
      return true;
    });
  }
  return hits;
}

test('what crosses a border of two pieces is found once, wherever the border is', () => {
  const bytes = Buffer.alloc(4096, 0x2e);
  for (const at of [0, 500, 1000, 1017, 1024, 2043, 4085]) bytes.write('hooked_func', at, 'latin1');
  const hits = [0n, 500n, 1000n, 1017n, 1024n, 2043n, 4085n].map((at) => 0x7000n + at).filter((at) => at !== 0x7000n + 1017n);
  // The one at 1024 has overwritten the end of the one at 1017.
  for (const piece of [16, 64, 1000, 1024, 4096, 1 << 20]) assert.deepEqual(search(memoryOf([[0x7000n, bytes]]), 'hooked_func', piece), hits, `pieces of ${piece}`);
});

test('nothing is joined over what is absent, and nothing outside of the range is found', () => {
  const [left, right] = [Buffer.from('....hooked'), Buffer.from('_func...hooked_func.')];
  const memory = memoryOf([[0x1000n, left], [0x2000n, right]]);
  assert.deepEqual(search(memory, 'hooked_func', 1024), [0x2008n]);
  assert.deepEqual(search(memory, 'hooked_func', 1024, 0x2009n), []);
  assert.deepEqual(search(memory, 'hooked_func', 1024, 0n, 0x2010n), [], 'the hit is cut by the end of the range');
});

test('pages that tables name and the image has not are absent', () => {
  const memory = memoryOf([]);
  const lying: SparseMemory<bigint> = { ...memory, * runs(): Generator<Run<bigint>> { yield { start: 0n, length: 1 << 20 }; } };
  const all = [...pieces(lying, 0n, 1n << 20n, { piece: 4096, before: 0, after: 0 })];
  assert.equal(all.length, 256);
  assert.ok(all.every(({ absent }) => absent));
});

const unitsText = (runs: readonly (readonly [number, number])[], starts: readonly number[]): string[] =>
  [...units(runs.map(([start, length]) => ({ start: BigInt(start), length })), starts.map(BigInt))].map(({ start, end }) => `${start.toString(16)}-${end.toString(16)}`);

test('units begin where allocations begin, and small gaps inside one are read over', () => {
  assert.deepEqual(unitsText([[0x1000, 0x5000]], [0x1000, 0x3000]), ['1000-3000', '3000-6000']);
  assert.deepEqual(unitsText([[0x1000, 0x1000], [0x4000, 0x1000]], [0x1000]), ['1000-5000']);
  assert.deepEqual(unitsText([[0x1000, 0x1000], [0x4000, 0x1000]], [0x1000, 0x3000]), ['1000-2000', '4000-5000']);
  assert.deepEqual(unitsText([[0x1000, 0x1000], [0x100_0000, 0x1000]], [0x1000]), ['1000-2000', '1000000-1001000']);
  assert.deepEqual(unitsText([[0x1000, 0x1000], [0x3000, 0x1000]], []), ['1000-4000']);
  assert.deepEqual(unitsText([], [0x1000]), []);
});
