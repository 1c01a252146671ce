import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heapsDirectory } from '../../../mount/tree/heaps.js';
import type { Directory } from '../../../src/vfs/node.js';
import { ProcessHeaps, type Allocation } from '../../../src/windows/heap.js';
import type { Process } from '../../../src/windows/process.js';
import { listHeaps, NtHeap, SegmentHeap } from '../../support/heaps.js';
import { machine, type Machine } from '../../support/machine.js';
import { directoryAt, listed, nodeAt, textAt, windowAt } from '../mount/tree/nodes.js';

const PID = 1000;
const TABLE = 0x1_0000_0000n;
const HEAP = 0x2_0000_0000n;
const FURTHER = 0x3_0000_0000n;
const KEY = 0x5a5a_1234;

const made = (profile = 19041): Machine => machine({ profile }).process({ name: 'holder.exe', pid: PID, parameters: { imagePath: 'C:\\holder.exe', commandLine: 'holder' } });

const processOf = (machine: Machine): Process => machine.open().process(PID) ?? assert.fail('the process is not found');

/** What a heap of the process holds: address, bytes, what made it. */
function held(process: Process, number = 0): [bigint, number, Allocation['kind']][] {
  const heaps = new ProcessHeaps(process);
  return heaps.allocations(heaps.heaps()[number] ?? assert.fail('there is no such heap')).map(({ address, size, kind }) => [address, size, kind]);
}

for (const build of [7601, 9600, 17763, 19041, 22000]) {
  test(`build ${build}: the blocks in use of an NT heap, with the bytes that were asked for`, () => {
    const machine = made(build);
    const heap = new NtHeap(machine, PID, HEAP, 16);
    listHeaps(machine, PID, TABLE, [HEAP]);
    const first = heap.block({ asked: 100 });
    heap.block({ total: 0x200, flags: 0 });
    const second = heap.block({ asked: 0x1800 });
    heap.block({ total: 0x40, flags: 0x10 });
    const process = processOf(machine);
    assert.deepEqual(held(process), [[first, 100, 'Nt'], [second, 0x1800, 'Nt']]);
    assert.deepEqual(process.anomalies.list, []);
  });

  test(`build ${build}: allocations with pages of their own`, () => {
    const machine = made(build);
    new NtHeap(machine, PID, HEAP, 16).large(FURTHER, 0x3000, 0x2345).block({ total: 0x40, flags: 0x10 });
    listHeaps(machine, PID, TABLE, [HEAP]);
    const process = processOf(machine);
    assert.deepEqual(held(process), [[FURTHER + 0x40n, 0x2345, 'NtLarge']]);
    const heaps = new ProcessHeaps(process);
    assert.deepEqual(heaps.segments(heaps.heaps()[0] ?? assert.fail()).map(({ address, size, kind }) => [address, size, kind]), [[HEAP, 0x1_0000, 'NtSegment'], [FURTHER, 0x3000, 'NtLarge']]);
  });
}

for (const build of [9600, 19041]) {
  test(`build ${build}: blocks of the low-fragmentation front end, by bits and without the key`, () => {
    const machine = made(build);
    const heap = new NtHeap(machine, PID, HEAP, 16);
    listHeaps(machine, PID, TABLE, [HEAP]);
    const told = heap.userBlocks(70, 0x30, [0, 3, 69], KEY, 0x4_0000_0000n, 20);
    const alone = heap.userBlocks(10, 0x60, [9], KEY, undefined);
    heap.block({ total: 0x40, flags: 0x10 });
    const process = processOf(machine);
    assert.deepEqual(held(process), [...told.map((address) => [address, 20, 'NtLfh']), ...alone.map((address) => [address, 0x50, 'NtLfh'])]);
    assert.deepEqual(process.anomalies.list, []);
  });
}

test('further segments are followed, and pages that are not committed passed over', () => {
  const machine = made();
  const heap = new NtHeap(machine, PID, HEAP, 16);
  listHeaps(machine, PID, TABLE, [HEAP]);
  const before = heap.block({ asked: 16 });
  heap.block({ total: Number(HEAP + 0x2000n - before - 16n), flags: 0x10 });
  heap.skipTo(HEAP + 0x5000n);
  const after = heap.block({ asked: 32 });
  heap.block({ total: 0x40, flags: 0x10 });
  heap.segment(FURTHER, 16);
  const further = heap.block({ asked: 48 });
  heap.block({ total: 0x40, flags: 0x10 });
  const { space } = machine.built(PID);
  const [head, link] = [machine.view('_HEAP', HEAP, space).at('SegmentList'), machine.view('_HEAP_SEGMENT', FURTHER, space).at('SegmentListEntry')];
  space.setPointer(head, link);
  space.setPointer(link, head);
  const process = processOf(machine);
  assert.deepEqual(held(process), [[before, 16, 'Nt'], [after, 32, 'Nt'], [further, 48, 'Nt']]);
});

test('where a page is missing, blocks are found again behind it, and none is made up', () => {
  const machine = made();
  const heap = new NtHeap(machine, PID, HEAP, 16);
  listHeaps(machine, PID, TABLE, [HEAP]);
  const blocks = Array.from({ length: 400 }, () => heap.block({ asked: 24 }));
  heap.block({ total: 0x40, flags: 0x10 });
  machine.absent(HEAP + 0x1000n, machine.built(PID).space);
  const found = held(processOf(machine)).map(([address]) => address);
  const inMissing = (address: bigint): boolean => address - 16n >= HEAP + 0x1000n && address - 16n < HEAP + 0x2000n;
  assert.ok(found.every((address) => blocks.includes(address)));
  const there = blocks.filter((address) => !inMissing(address));
  assert.deepEqual(there.filter((address) => !found.includes(address)), []);
});

test('a head that contradicts itself is said, and blocks are found again behind it', () => {
  const machine = made();
  const heap = new NtHeap(machine, PID, HEAP, 16);
  listHeaps(machine, PID, TABLE, [HEAP]);
  const blocks = Array.from({ length: 8 }, () => heap.block({ asked: 24 }));
  heap.block({ total: 0x40, flags: 0x10 });
  machine.built(PID).space.write((blocks[2] ?? 0n) - 8n, Buffer.from('ffffffffffffffff', 'hex'));
  assert.deepEqual(held(processOf(machine)).map(([address]) => address), blocks.filter((_, i) => i !== 2));
});

test('a heap without encoding is followed by its heads alone', () => {
  const machine = made();
  const heap = new NtHeap(machine, PID, HEAP, 16, false);
  listHeaps(machine, PID, TABLE, [HEAP]);
  const block = heap.block({ asked: 24 });
  heap.block({ total: 0x40, flags: 0x10 });
  assert.deepEqual(held(processOf(machine)), [[block, 24, 'Nt']]);
});

for (const build of [17763, 19041, 22000]) {
  test(`build ${build}: a segment heap's blocks of any size, of one size, of whole pages, and large ones, without keys`, () => {
    const machine = made(build);
    const heap = new SegmentHeap(machine, PID, HEAP, FURTHER);
    listHeaps(machine, PID, TABLE, [HEAP]);
    const [whole = 0n, , odd = 0n] = heap.vs([{ total: 0x40, busy: true }, { total: 0x100, busy: false }, { total: 0x60, busy: true, unused: 7 }, { total: 0x30, busy: false }]);
    const small = [...heap.lfh(0x40, [0, 5], KEY), ...heap.lfh(0x150, [1], KEY), ...heap.lfh(0x90, [2], KEY)];
    const pages = heap.range(3, 3, 0x123);
    heap.large(0x4_0000_0000n, 0x5_0000_0000n, 40, 0x88);
    const process = processOf(machine);
    assert.deepEqual(held(process), [
      [whole, 0x30, 'SegVs'], [odd, 0x50 - 7, 'SegVs'],
      ...small.map((address, i) => [address, [0x40, 0x40, 0x150, 0x90][i], 'SegLfh']),
      [pages, 0x3000 - 0x123, 'SegBlock'], [0x5_0000_0000n, 40 * 4096 - 0x88, 'SegLarge'],
    ]);
    const heaps = new ProcessHeaps(process);
    assert.deepEqual(heaps.segments(heaps.heaps()[0] ?? assert.fail()).map(({ address, kind }) => [address, kind]), [[HEAP, 'SegHeap'], [FURTHER, 'SegSegment'], [0x5_0000_0000n, 'SegLarge']]);
    assert.deepEqual(process.anomalies.list, []);
  });
}

const tree = (machine: Machine): Directory => heapsDirectory(processOf(machine)) ?? assert.fail('it has no heaps');

test('heaps are numbered, their tables beside them, and each allocation is a file of its bytes', () => {
  const machine = made();
  const heap = new NtHeap(machine, PID, HEAP, 16);
  const block = heap.block({ asked: 24 });
  heap.block({ total: 0x40, flags: 0x10 });
  machine.built(PID).space.write(block, Buffer.from('held\x1b by the heap, all'));
  listHeaps(machine, PID, TABLE, [HEAP, 0x7_0000_0000n]);
  const heaps = tree(machine);
  assert.deepEqual(listed(heaps), ['heaps.txt', 'readme.txt', 'segments.txt', '0', '1']);
  assert.equal((textAt(heaps, 'heaps.txt') ?? '').split('\n')[2]?.trimEnd(), '0000   1000    0 0000000200000000 Nt');
  assert.equal((textAt(heaps, 'heaps.txt') ?? '').split('\n')[3]?.trimEnd(), '0001   1000    1 0000000700000000 ***');
  assert.equal((textAt(heaps, 'segments.txt') ?? '').split('\n')[2]?.trimEnd(), '0000   1000    0 0000000200000000 NtSegment');
  assert.equal((textAt(heaps, '0/allocations.txt') ?? '').split('\n')[2]?.trimEnd(), `0000   1000    0 ${block.toString(16).padStart(16, '0')}       18 Nt`);
  assert.match((textAt(heaps, '0/allocations-v.txt') ?? '').split('\n')[2] ?? '', / 18 Nt +68 65 6c 64 1b 20 62 79 {2}20 74 68 65 20 68 65 61 {3}held\. by the hea/);
  assert.deepEqual(listed(directoryAt(heaps, '0')), ['allocations.txt', 'allocations-v.txt', '0x0']);
  const [name = ''] = listed(directoryAt(heaps, '0/0x0'));
  assert.equal(name, `0x${block.toString(16).padStart(12, '0')}.mem`);
  const file = windowAt(heaps, `0/0x0/${name}`);
  const bytes = Buffer.alloc(file.size);
  assert.equal(file.fill(0, bytes), 0);
  assert.equal(bytes.toString('latin1', 0, 22), 'held\x1b by the heap, all');
  assert.deepEqual(listed(directoryAt(heaps, '1')), ['allocations.txt', 'allocations-v.txt']);
  for (const wrong of ['2', '01', '0/0x1000', '0/0x1', `0/0x0/${name.replace('0x0', '0x1')}`, '0/0x0/0x1.mem']) assert.equal(nodeAt(heaps, wrong), undefined, wrong);
});

test('a heap of more than 4,096 allocations does not list their files, which answer by name, 4,096 a directory', () => {
  const machine = made();
  const heap = new NtHeap(machine, PID, HEAP, 64);
  listHeaps(machine, PID, TABLE, [HEAP]);
  const blocks = Array.from({ length: 4100 }, () => heap.block({ asked: 16 }));
  heap.block({ total: 0x40, flags: 0x10 });
  const heaps = tree(machine);
  assert.deepEqual(listed(directoryAt(heaps, '0')).slice(2), []);
  assert.equal(listed(directoryAt(heaps, '0/0x0')).length, 4096);
  const last = `0x${(blocks.at(-1) ?? 0n).toString(16).padStart(12, '0')}.mem`;
  assert.equal(listed(directoryAt(heaps, '0/0x1000')).at(-1), last);
  assert.equal(nodeAt(heaps, `0/0x1000/${last}`)?.kind, 'window');
  assert.equal(nodeAt(heaps, `0/0x0/${last}`), undefined);
});

test('loops, sizes that lie, and garbage end, and are said', () => {
  const machine = made();
  const heap = new NtHeap(machine, PID, HEAP, 16).large(FURTHER, 0x3000, 0x2345);
  heap.block({ asked: 16 });
  heap.block({ total: 0x40, flags: 0x10 });
  const { space } = machine.built(PID);
  const view = machine.view('_HEAP', HEAP, space);
  space.setPointer(FURTHER, FURTHER);
  const link = machine.view('_HEAP_SEGMENT', FURTHER + 0x8000n, space).set('NumberOfPages', 0xffff_ffff).set('FirstEntry', FURTHER + 0x8070n).set('LastValidEntry', 0xffff_ffff_ffff_fff0n).at('SegmentListEntry');
  space.setPointer(view.at('SegmentList'), link);
  space.setPointer(link, link);
  const segments = new SegmentHeap(machine, PID, 0x6_0000_0000n, 0x7_0000_0000n);
  segments.large(0x8_0000_0000n, 0x5_0000_0000n, 40, 0x88);
  space.setPointer(0x7_0000_0000n, 0x7_0000_0000n);
  space.setU64(0x8_0000_0000n, 0x8_0000_0000n);
  listHeaps(machine, PID, TABLE, [HEAP, 0x6_0000_0000n, 0xdead_beefn, 0xffff_ffff_ffff_fff8n]);
  const process = processOf(machine);
  assert.equal(held(process, 0).length, 2);
  assert.deepEqual(held(process, 1).map(([, , kind]) => kind), ['SegLarge']);
  assert.deepEqual([held(process, 2), held(process, 3)], [[], []]);
  assert.ok(process.anomalies.list.filter(({ what }) => what.includes('already visited')).length >= 3);
});

test('a PEB that counts more heaps than there are does not make any', () => {
  const machine = made();
  listHeaps(machine, PID, TABLE, []);
  machine.view('_PEB', machine.built(PID).view.get('Peb'), machine.built(PID).space).set('NumberOfHeaps', 0xffff_ffff).set('ProcessHeaps', TABLE + 0x10_0000n);
  assert.deepEqual(new ProcessHeaps(processOf(machine)).heaps(), []);
});
