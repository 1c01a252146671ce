import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Process } from '../../../src/windows/process.js';
import { threadDetail } from '../../../src/windows/thread-detail.js';
import { threadMarks } from '../../../src/windows/thread-marks.js';
import { allThreads } from '../../../src/windows/thread-sources.js';
import type { Thread } from '../../../src/windows/thread.js';
import { FAMILIES, machine, type Machine } from '../../support/machine.js';
import type { ThreadSpec } from '../../support/threads.js';

const PID = 1000;
const BASE = 0x7ff9_1000_0000n;
const PRIVATE = 0x60_0000n;
const WRITABLE = 0x61_0000n;
const TEB = { address: 0x2f_1000n, stackBase: 0x51_0000n, stackLimit: 0x50_0000n };

function made(threads: readonly ThreadSpec[], build = 19041): Machine {
  return machine({ profile: build }).process({
    name: 'made.exe', pid: PID, parameters: { imagePath: 'C:\\made.exe', commandLine: '' },
    modules: [{ base: BASE, pages: 4, name: 'made.exe', path: 'C:\\made.exe' }],
    vads: [{ start: PRIVATE, pages: 1, protection: 6 }, { start: WRITABLE, pages: 1, protection: 4 }], threads,
  });
}

function opened(machine_: Machine): { readonly process: Process; readonly threads: readonly Thread[] } {
  const process = machine_.open().process(PID) ?? assert.fail('the process is not found');
  return { process, threads: process.threads() };
}

const address = (machine_: Machine, index = 0): bigint => machine_.built(PID).threads[index] ?? assert.fail();

describe('where threads are found', () => {
  test('a thread that its process\'s list does not name is found by PspCidTable, one that has ended by the scan', () => {
    const built = made([{ tid: 1004 }, { tid: 1008 }, { tid: 1012, exited: 133_200_600_000_000_000n }]);
    // Unlink the second: its neighbours lead past it.
    const links = (index: number): bigint => built.view('_ETHREAD', address(built, index)).at('ThreadListEntry');
    const head = built.built(PID).view.at('ThreadListHead');
    built.kernel.space.setU64(links(0), head);
    built.kernel.space.setU64(head + 8n, links(0));
    const windows = built.open();
    const process = windows.process(PID) ?? assert.fail();
    assert.deepEqual(allThreads(process).map(({ thread, source }) => [thread.tid, source]), [[1004, 'list'], [1008, 'cid']]);
    windows.join({ processes: [], threads: [address(built, 1), address(built, 2)], drivers: [], hives: [], endpoints: [], scanned: 0 });
    const again = windows.process(PID) ?? assert.fail();
    const all = allThreads(again);
    assert.deepEqual(all.map(({ thread, source }) => [thread.tid, source]), [[1004, 'list'], [1008, 'cid'], [1012, 'scan']]);
    assert.deepEqual(all.map(({ thread, source }) => threadMarks(again, thread, source, undefined).includes('hidden')), [false, true, false]);
  });

  test('the same thread twice among what the scan found is one thread', () => {
    const built = made([{ tid: 1004 }, { tid: 1012, exited: 133_200_600_000_000_000n }]);
    const windows = built.open();
    windows.join({ processes: [], threads: [address(built, 1), address(built, 1), 0xffff_9999_0000_0000n], drivers: [], hives: [], endpoints: [], scanned: 0 });
    assert.deepEqual(allThreads(windows.process(PID) ?? assert.fail()).map(({ thread }) => thread.tid), [1004, 1012]);
  });
});

describe('marks', () => {
  const marks = (spec: Omit<ThreadSpec, 'tid'>, change: (built: Machine) => void = () => undefined): readonly string[] => {
    const built = made([{ tid: 1004, start: BASE + 0x1000n, ...spec }]);
    change(built);
    const { process, threads } = opened(built);
    const thread = threads[0] ?? assert.fail();
    return threadMarks(process, thread, 'list', threadDetail(process, thread));
  };
  const lie = (path: string, value: number | bigint) => (built: Machine): unknown => built.lie('_ETHREAD', address(built), path, value);

  test('a thread that begins in an image of the lists has none', () => {
    assert.deepEqual(marks({ win32Start: BASE + 0x1100n }), []);
  });

  test('a start in private, in writable and executable, and in no memory is marked', () => {
    assert.deepEqual(marks({ win32Start: PRIVATE + 0x10n }), ['private', 'rwx']);
    assert.deepEqual(marks({ win32Start: WRITABLE }), ['private']);
    assert.deepEqual(marks({ win32Start: 0x7777_0000n }), ['no-vad']);
  });

  test('a start in the kernel where no driver is makes an orphan', () => {
    assert.deepEqual(marks({ start: 0xffff_9999_0000_1000n }), ['orphan']);
    assert.deepEqual(marks({}, (built) => built.lie('_ETHREAD', address(built), 'StartAddress', built.kernel.base + 0x1000n)), []);
  });

  test('a suspended thread is told from one that is frozen with its process', () => {
    assert.deepEqual(marks({ waitReason: 5 }, lie('Tcb.SuspendCount', 1)), ['suspended']);
    assert.deepEqual(marks({ waitReason: 5 }), ['frozen']);
    assert.deepEqual(marks({ waitReason: 6 }), []);
  });

  test('hiding from debuggers and hardware breakpoints are marked', () => {
    assert.deepEqual(marks({}, lie('CrossThreadFlags', 4)), ['hidden-from-debugger']);
    assert.deepEqual(marks({}, lie('Tcb.Header.DebugActive', 1)), ['debug-registers']);
  });
});

for (const build of FAMILIES) {
  test(`build ${build}: what is asked of a single thread`, () => {
    const built = made([{ tid: 1004, teb: TEB, trap: { rip: BASE, rsp: 0x50_f000n } }], build);
    const view = built.view('_ETHREAD', address(built));
    view.set('Tcb.IdealProcessor', 3).set('Tcb.ContextSwitches', 77).set('Tcb.SystemCallNumber', 0x1004).set('CrossThreadFlags', 0x44);
    built.kernel.space.write(view.at('Tcb.Header') + BigInt(built.kernel.profile.field('_DISPATCHER_HEADER', 'DebugActive')?.offset ?? 3), Buffer.from([1]));
    const frame = view.get('Tcb.TrapFrame');
    for (const [i, name] of ['Dr0', 'Dr1', 'Dr2', 'Dr3', 'Dr6', 'Dr7'].entries()) built.lie('_KTRAP_FRAME', frame, name, 0x1000 + i);
    if (view.has('ThreadName')) {
      const name = built.kernel.paged.struct('_UNICODE_STRING', 'Name', 64);
      built.kernel.space.write(name.address + 16n, Buffer.from('worker', 'utf16le'));
      name.set('Length', 12).set('MaximumLength', 14).set('Buffer', name.address + 16n);
      view.set('ThreadName', name.address);
    }
    const type = built.kernel.profile.field('_ETHREAD', 'Tcb.Affinity')?.type;
    if (type === '*_KAFFINITY_EX') {
      const set = built.kernel.nonpaged.alloc(0x18, 'Affi');
      built.kernel.space.write(set, Buffer.from('02002000000000000f0000000000000001000000000000', 'hex'));
      view.set('Tcb.Affinity', set);
    } else built.kernel.space.write(view.at('Tcb.Affinity'), Buffer.from('0f000000000000000000', 'hex'));
    const { process, threads } = opened(built);
    const thread = threads[0] ?? assert.fail();
    const detail = threadDetail(process, thread) ?? assert.fail();
    assert.deepEqual([detail.idealProcessor, detail.contextSwitches, detail.systemCall], [3, 77, 0x1004]);
    assert.deepEqual(detail.affinity, type === '*_KAFFINITY_EX' ? [0xfn, 1n] : [0xfn]);
    assert.deepEqual(detail.flags, ['hide-from-debugger', 'break-on-termination']);
    assert.deepEqual(detail.debug, { active: true, values: [0x1000n, 0x1001n, 0x1002n, 0x1003n, 0x1004n, 0x1005n] });
    assert.equal(thread.name, view.has('ThreadName') ? 'worker' : undefined);
    assert.ok(thread.kernelStack > thread.kernelStackLimit && thread.kernelStack < thread.initialStack);
  });
}

test('debug registers that are not active are not shown: the trap frame has no such values', () => {
  const { process, threads } = opened(made([{ tid: 1004, teb: TEB, trap: { rip: BASE, rsp: 0x50_f000n } }]));
  assert.deepEqual(threadDetail(process, threads[0] ?? assert.fail())?.debug, { active: false, values: undefined });
});

test('a name that leads out of the kernel, or is longer than any, is none', () => {
  const built = made([{ tid: 1004 }, { tid: 1008 }]);
  built.lie('_ETHREAD', address(built), 'ThreadName', 0x1000n);
  const lying = built.kernel.paged.struct('_UNICODE_STRING', 'Name', 64);
  built.kernel.space.write(lying.address, Buffer.from('feff0000', 'hex'));
  built.lie('_ETHREAD', address(built, 1), 'ThreadName', lying.address);
  assert.deepEqual(opened(built).threads.map(({ name }) => name), [undefined, undefined]);
});
