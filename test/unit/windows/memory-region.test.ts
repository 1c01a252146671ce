import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryRegions, type MemoryRegion } from '../../../src/windows/memory-region.js';
import { countPages, missingBytes, pageRanges } from '../../../src/windows/page-range.js';
import { virtualQuery } from '../../../src/windows/virtual-query.js';
import type { Process } from '../../../src/windows/process.js';
import { machine, type Machine } from '../../support/machine.js';
import { USER_DATA } from '../../support/tables.js';
import type { VadSpec } from '../../support/vads.js';

const PID = 1004;
const PAGE = Buffer.alloc(0x1000, 0x5a);
const START = 0x10_0000_0000n;

function withVads(...vads: VadSpec[]): Machine {
  return machine({ memory: 8 << 20 }).process({ name: 'a.exe', pid: PID, vads });
}

function process(made: Machine, pid = PID): Process {
  const found = made.open().process(pid);
  assert.ok(found !== undefined);
  return found;
}

/** Makes a VAD larger than a test could write page by page. */
function enlarge(made: Machine, start: bigint, pages: bigint): Machine {
  const vad = made.built(PID).vads.find(({ spec }) => spec.start === start);
  assert.ok(vad !== undefined);
  const last = (start >> 12n) + pages - 1n;
  return made.lie('_MMVAD_SHORT', vad.address, 'EndingVpn', last & 0xffff_ffffn).lie('_MMVAD_SHORT', vad.address, 'EndingVpnHigh', last >> 32n);
}

const show = (regions: Iterable<MemoryRegion>): string[] => [...regions].map(({ start, end, vad }) => `${start.toString(16)}-${end.toString(16)}${vad === undefined ? ' no vad' : ''}`);

test('a VAD is one region, whether all of it is there or not', () => {
  const made = withVads({ start: START, pages: 0x100, bytes: PAGE });
  assert.deepEqual(show(memoryRegions(process(made))), ['1000000000-10000fffff']);
});

test('of a reserved terabyte only what is there is a region', () => {
  const made = enlarge(withVads({ start: START, pages: 0x40, states: { 0: { kind: 'present', bytes: PAGE }, 1: { kind: 'transition', bytes: PAGE }, 0x30: { kind: 'present', bytes: PAGE } } }), START, 0x1000_0000n);
  made.built(PID).space.map(START + 0x80_0000_0000n, made.kernel.physical.alloc(), USER_DATA);
  const of = process(made);
  assert.deepEqual(show(memoryRegions(of)), ['1000000000-1000001fff', '1000030000-1000030fff', '9000000000-9000000fff']);
  const ranges = [...pageRanges(of, START, START + 0x100_0000_0000n)];
  assert.equal(ranges.length, 6);
  assert.equal(ranges.reduce((sum, { pages }) => sum + pages, 0), 0x1000_0000);
  assert.deepEqual({ ...countPages(ranges) }, { present: 4, zero: 0, unused: 0x1000_0000 - 4, missing: 0, paged: 0, compressed: 0, file: 0, readable: 4 });
});

test('user pages that no VAD holds are regions of their own, up to what is in VADs', () => {
  const made = withVads({ start: START, pages: 2, bytes: PAGE });
  const { space } = made.built(PID);
  for (const at of [START - 0x1000n, START + 0x2000n, START + 0x3000n]) space.map(at, made.kernel.physical.alloc(), USER_DATA);
  assert.deepEqual(show(memoryRegions(process(made))), ['1000000000-1000001fff', 'ffffff000-fffffffff no vad', '1000002000-1000003fff no vad']);
});

test('the kernel\'s space is in System alone, its modules by name', () => {
  const made = withVads({ start: START, pages: 1, bytes: PAGE });
  const system = [...memoryRegions(process(made, 4))];
  const kernel = system.find(({ start }) => start === made.kernel.base);
  assert.equal(kernel?.module, 'ntoskrnl.exe');
  assert.ok(system.some(({ module, start }) => module === undefined && start >= 0xffff_8000_0000_0000n));
  assert.ok([...memoryRegions(process(made))].every(({ end }) => end < 0xffff_8000_0000_0000n));
});

test('VADs that overlap give each page once', () => {
  const made = enlarge(withVads({ start: START, pages: 4, bytes: PAGE }, { start: START + 0x2_0000n, pages: 4, bytes: PAGE }), START, 0x100n);
  assert.deepEqual(show(memoryRegions(process(made))), ['1000000000-10000fffff']);
  const regions = virtualQuery(process(made));
  regions.forEach(({ base }, i) => assert.ok(i === 0 || base === regions[i - 1]!.base + regions[i - 1]!.size));
});

test('of pages that end up elsewhere each is counted as what it is', () => {
  const made = withVads(
    { start: START, pages: 8, bytes: PAGE, states: { 1: { kind: 'transition', bytes: PAGE }, 2: { kind: 'pagefile', number: 0, offset: 7 }, 3: { kind: 'demand-zero' }, 4: { kind: 'pagefile', number: 0, offset: 8 } } },
    { start: START + 0x10_0000n, pages: 3, protection: 1, file: '\\a.nls', bytes: PAGE, states: { 0: { kind: 'vad-prototype' } } },
  );
  const of = process(made);
  const own = countPages(pageRanges(of, START, START + 0x8000n));
  assert.deepEqual({ ...own }, { present: 2, zero: 1, unused: 3, missing: 0, paged: 2, compressed: 0, file: 0, readable: 2 });
  assert.equal(missingBytes(own), 0x2000);
  const mapped = countPages(pageRanges(of, START + 0x10_0000n, START + 0x10_3000n));
  assert.equal(mapped.present, 1);
  assert.equal(mapped.readable, 1);
});

test('a page whose frame the image does not have is missing, not zero', () => {
  const made = withVads({ start: START, pages: 2, bytes: PAGE });
  made.built(PID).space.map(START + 0x1000n, made.kernel.physical.size + 0x10_0000, USER_DATA);
  const counts = countPages(pageRanges(process(made), START, START + 0x2000n));
  assert.deepEqual([counts.present, counts.missing, counts.readable], [1, 1, 1]);
  assert.equal(missingBytes(counts), 0x1000);
});

test('what has ended shows nothing that its old tables name', () => {
  const made = machine().process({ name: 'gone.exe', pid: PID, exited: 133_200_500_000_000_000n });
  made.built(PID).space.map(START, made.kernel.physical.alloc(), USER_DATA);
  assert.deepEqual(show(memoryRegions(process(made))), []);
});

test('VirtualQuery\'s regions: free, reserved, committed, by what the tables say', () => {
  const made = withVads({ start: START, pages: 4, protection: 4, bytes: PAGE, states: { 2: { kind: 'pagefile', number: 0, offset: 7 } } }, { start: START + 0x1_0000n, pages: 2, protection: 0x14, memCommit: true });
  assert.deepEqual(virtualQuery(process(made)).slice(0, -1).map(({ base, size, state, protect, type }) => [base.toString(16), Number(size), state, protect, type]), [
    ['10000', Number(START) - 0x1_0000, 0x1_0000, 1, 0],
    ['1000000000', 0x1000, 0x1000, 4, 0x2_0000], ['1000001000', 0x1000, 0x2000, 0, 0x2_0000], ['1000002000', 0x1000, 0x1000, 4, 0x2_0000], ['1000003000', 0x1000, 0x2000, 0, 0x2_0000],
    ['1000004000', 0xc000, 0x1_0000, 1, 0], ['1000010000', 0x2000, 0x1000, 0x104, 0x2_0000],
  ]);
});
