import assert from 'node:assert/strict';
import { test } from 'node:test';
import { protectionName, vadAt, type Vad } from '../../../src/windows/vad.js';
import { FAMILIES, machine, type Machine } from '../../support/machine.js';
import { listInsert } from '../../support/layout.js';
import { PEB_ADDRESS } from '../../support/user-memory.js';
import type { VadSpec } from '../../support/vads.js';

const PID = 1004;
const DATA = Buffer.alloc(0x1000, 0x5a);
const PRIVATE: VadSpec = { start: 0x1_0000_0000n, pages: 0x20, commit: 7, protection: 6 };
const MAPPED: VadSpec = { start: 0x7ff6_0000_0000n, pages: 3, protection: 1, file: '\\Windows\\System32\\locale.nls', bytes: DATA, states: { 0: { kind: 'vad-prototype' } } };
const IMAGE: VadSpec = { start: 0x7ffb_1234_0000n, pages: 0x10, protection: 7, type: 2, file: '\\Windows\\System32\\ntdll.dll' };

function withVads(profile: number, ...vads: VadSpec[]): Machine {
  return machine({ profile }).process({ name: 'a.exe', pid: PID, vads, parameters: { imagePath: 'C:\\a.exe', commandLine: 'a' } });
}

const own = (vads: readonly Vad[]): Vad[] => vads.filter(({ start }) => [PRIVATE, MAPPED, IMAGE].some((spec) => spec.start === start));

for (const build of FAMILIES) {
  test(`build ${build}: VADs are read with range, protection, type and file, ascending`, () => {
    const windows = withVads(build, IMAGE, MAPPED, PRIVATE).open();
    const vads = windows.process(PID)?.vads() ?? [];
    assert.deepEqual(vads.map(({ start }) => start), vads.map(({ start }) => start).sort((a, b) => (a < b ? -1 : 1)));
    assert.deepEqual(own(vads).map(({ start, end, protection, type, private: isPrivate, image, commit, file, pagefile }) =>
      ({ start, end, protection, type, isPrivate, image, commit, file, pagefile })), [
      { start: PRIVATE.start, end: PRIVATE.start + 0x1_ffffn, protection: 6, type: 0, isPrivate: true, image: false, commit: 7, file: undefined, pagefile: false },
      { start: MAPPED.start, end: MAPPED.start + 0x2fffn, protection: 1, type: 0, isPrivate: false, image: false, commit: 0, file: MAPPED.file, pagefile: false },
      { start: IMAGE.start, end: IMAGE.start + 0xffffn, protection: 7, type: 2, isPrivate: false, image: true, commit: 0, file: IMAGE.file, pagefile: false },
    ]);
    assert.deepEqual(windows.anomalies.list, []);
  });
}

test('a page of a mapped file that only the VAD knows is read through its prototype PTE', () => {
  const memory = withVads(19041, MAPPED).open().process(PID)?.memory;
  assert.deepEqual(memory?.read(MAPPED.start, 0x1000), DATA);
  assert.equal(memory?.read(MAPPED.start + 0x1000n, 1), undefined);
});

function built(broken: Machine, start: bigint): bigint {
  const vad = broken.built(PID).vads.find(({ spec }) => spec.start === start);
  assert.ok(vad !== undefined);
  return vad.address;
}

test('a tree that leads back to itself is walked once, and says so', () => {
  const broken = withVads(19041, PRIVATE, MAPPED, IMAGE);
  const root = broken.kernel.space.u64(broken.built(PID).view.at('VadRoot.Root'));
  broken.lie('_MMVAD_SHORT', built(broken, PRIVATE.start), 'VadNode.Left', root);
  const windows = broken.open();
  assert.equal(own(windows.process(PID)?.vads() ?? []).length, 3);
  assert.ok(windows.anomalies.list.some(({ where, what }) => where.includes('VAD tree') && what.includes('already visited')));
});

test('a node whose range is upside down is left out, and says so', () => {
  const broken = withVads(19041, PRIVATE, MAPPED, IMAGE);
  broken.lie('_MMVAD_SHORT', built(broken, MAPPED.start), 'EndingVpn', 0).lie('_MMVAD_SHORT', built(broken, MAPPED.start), 'EndingVpnHigh', 0);
  const windows = broken.open();
  assert.deepEqual(own(windows.process(PID)?.vads() ?? []).map(({ start }) => start), [PRIVATE.start, IMAGE.start]);
  assert.ok(windows.anomalies.list.some(({ what, address }) => what === 'a node has no plausible range' && address === built(broken, MAPPED.start)));
});

test('a subsection that does not hold together gives no file', () => {
  for (const subsection of [0x1234n, 0xffff_8000_0000_0008n, 0n]) {
    const broken = withVads(19041, IMAGE);
    broken.lie('_MMVAD', built(broken, IMAGE.start), 'Subsection', subsection);
    const [vad] = own(broken.open().process(PID)?.vads() ?? []);
    assert.equal(vad?.file, undefined);
    assert.equal(vad?.controlArea, undefined);
    assert.ok(vad?.image);
  }
  const broken = withVads(19041, IMAGE);
  const section = broken.built(PID).vads.find(({ spec }) => spec.start === IMAGE.start)?.section;
  assert.ok(section !== undefined);
  broken.lie('_SEGMENT', broken.view('_CONTROL_AREA', section.controlArea).get('Segment'), 'ControlArea', 0xffff_8000_1234_0000n);
  assert.equal(own(broken.open().process(PID)?.vads() ?? [])[0]?.file, undefined);
});

test('heaps, stacks and TEBs are told by the PEB and the threads', () => {
  const stack: VadSpec = { start: 0x50_0000n, pages: 0x80, protection: 4 };
  const teb: VadSpec = { start: 0x70_0000n, pages: 4, protection: 4 };
  const made = machine().process({
    name: 'a.exe', pid: PID, vads: [PRIVATE, stack, teb, { start: stack.start + 0x10_0000n, pages: 4 }], parameters: { imagePath: 'C:\\a.exe', commandLine: 'a' },
    threads: [{ tid: 0x464, teb: { address: teb.start, stackBase: stack.start + 0x8_0000n, stackLimit: stack.start + 0x7_0000n } }],
  });
  const { space } = made.built(PID);
  const list = PEB_ADDRESS + 0x2000n;
  made.view('_PEB', PEB_ADDRESS, space).set('NumberOfHeaps', 1).set('ProcessHeaps', list);
  space.setU64(list, PRIVATE.start);
  // The heap's own head is its first segment; the second lies in another VAD.
  const further = stack.start + 0x10_0000n;
  const heap = made.view('_HEAP', PRIVATE.start, space).set('SegmentSignature', 0xffee_ffee).listInit('SegmentList');
  for (const segment of [PRIVATE.start, further]) listInsert(space, heap.at('SegmentList'), made.view('_HEAP_SEGMENT', segment, space).at('SegmentListEntry'));
  const vads = made.open().process(PID)?.vads() ?? [];
  const text = (at: bigint): string | undefined => vadAt(vads, at)?.what?.text;
  assert.equal(text(PRIVATE.start), 'HEAP-00 [NtSegment]');
  assert.equal(text(further), 'HEAP-00 [NtSegment]');
  assert.equal(text(stack.start), 'STACK-0464');
  assert.equal(text(teb.start), 'TEB-0464');
  assert.equal(text(PEB_ADDRESS), undefined);
});

test('the VAD that holds an address is found, and none where there is none', () => {
  const vads = withVads(19041, PRIVATE, IMAGE).open().process(PID)?.vads() ?? [];
  assert.equal(vadAt(vads, PRIVATE.start)?.start, PRIVATE.start);
  assert.equal(vadAt(vads, PRIVATE.start + 0x1_ffffn)?.start, PRIVATE.start);
  assert.equal(vadAt(vads, PRIVATE.start + 0x2_0000n), undefined);
  assert.equal(vadAt(vads, 0n), undefined);
  assert.equal(vadAt([], 1n), undefined);
});

test('protections have the names of winnt.h', () => {
  assert.deepEqual([0, 1, 4, 7, 0x14, 0x0c, 0x1c, 0x18].map(protectionName), [
    'PAGE_NOACCESS', 'PAGE_READONLY', 'PAGE_READWRITE', 'PAGE_EXECUTE_WRITECOPY',
    'PAGE_READWRITE | PAGE_GUARD', 'PAGE_READWRITE | PAGE_NOCACHE', 'PAGE_READWRITE | PAGE_WRITECOMBINE', 'PAGE_NOACCESS',
  ]);
});

test('a process that has ended has no VADs', () => {
  const windows = machine().process({ name: 'gone.exe', pid: PID, exited: 133_200_500_000_000_000n }).open();
  assert.deepEqual(windows.process(PID)?.vads(), []);
  assert.deepEqual(windows.anomalies.list, []);
});
