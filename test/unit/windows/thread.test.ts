import assert from 'node:assert/strict';
import { test } from 'node:test';
import { threads } from '../../../src/windows/thread.js';
import { FAMILIES, machine, type Machine } from '../../support/machine.js';

const PID = 1000;
const CREATED = 133_200_600_000_000_000n;
const TEB = { address: 0x2f_1000n, stackBase: 0x50_0000n, stackLimit: 0x4f_8000n };

function processOf(made: Machine): NonNullable<ReturnType<ReturnType<Machine['open']>['process']>> {
  return made.open().process(PID) ?? assert.fail('the process is not found');
}

for (const build of FAMILIES) {
  test(`build ${build}: a thread's facts, its stack and where it entered the kernel`, () => {
    const made = machine({ profile: build }).process({
      name: 'made.exe', pid: PID, threads: [
        { tid: 1008, created: CREATED, start: 0x7fc7_3ee5_1e80n, win32Start: 0x7ff9_2700_1120n, teb: TEB, trap: { rip: 0x7fc7_3ee5_1c54n, rsp: 0x4f_fe20n }, waitReason: 6, basePriority: 8, priority: 10 },
        { tid: 1004, created: CREATED },
      ],
    });
    const process = processOf(made);
    const [kernelThread, userThread] = threads(process);
    assert.equal(kernelThread?.tid, 1004);
    assert.equal(kernelThread.teb, 0n);
    assert.equal(kernelThread.instructionPointer, undefined);
    assert.equal(userThread?.tid, 1008);
    assert.equal(userThread.pid, PID);
    assert.equal(userThread.address, made.built(PID).threads[0]);
    assert.deepEqual([userThread.state, userThread.waitReason, userThread.basePriority, userThread.priority, userThread.exitStatus], [5, 6, 8, 10, 0x103]);
    assert.deepEqual([userThread.startAddress, userThread.win32StartAddress], [0x7fc7_3ee5_1e80n, 0x7ff9_2700_1120n]);
    assert.deepEqual([userThread.teb, userThread.userStackBase, userThread.userStackLimit], [TEB.address, TEB.stackBase, TEB.stackLimit]);
    assert.deepEqual([userThread.instructionPointer, userThread.stackPointer], [0x7fc7_3ee5_1c54n, 0x4f_fe20n]);
    assert.equal(userThread.created, CREATED);
    assert.equal(userThread.exited, undefined);
    assert.deepEqual(process.anomalies.list, []);
  });
}

test('links in the place of an exit time are no time', () => {
  const made = machine().process({ name: 'made.exe', pid: PID, threads: [{ tid: 1004, created: CREATED }] });
  made.lie('_ETHREAD', made.built(PID).threads[0] ?? 0n, 'ExitTime', 0xffff_900a_0ab7_a478n);
  assert.equal(threads(processOf(made))[0]?.exited, undefined);
});

test('a thread that has ended and is still listed says when', () => {
  const made = machine().process({ name: 'made.exe', pid: PID, threads: [{ tid: 1004, created: CREATED }] });
  made.lie('_ETHREAD', made.built(PID).threads[0] ?? 0n, 'ExitTime', CREATED + 5n);
  assert.equal(threads(processOf(made))[0]?.exited, CREATED + 5n);
});

test('registers that lead into no stack of the thread are not believed', () => {
  const made = machine().process({ name: 'made.exe', pid: PID, threads: [{ tid: 1004, teb: TEB, trap: { rip: 0x1234n, rsp: 0x9999_0000n } }] });
  const [thread] = threads(processOf(made));
  assert.equal(thread?.instructionPointer, undefined);
  assert.equal(thread?.stackPointer, undefined);
  assert.notEqual(thread?.trapFrame, 0n);
});

test('a list that is torn in one place is read from its other end too', () => {
  const made = machine().process({ name: 'made.exe', pid: PID, threads: [{ tid: 1004 }, { tid: 1008 }, { tid: 1012 }] });
  const first = made.built(PID).threads[0] ?? 0n;
  made.kernel.space.setU64(made.view('_ETHREAD', first).at('ThreadListEntry'), 0xffff_9999_0000_0000n);
  const process = processOf(made);
  assert.deepEqual(threads(process).map(({ tid }) => tid), [1004, 1008, 1012]);
  assert.ok(process.anomalies.list.some(({ what }) => what === 'a node cannot be read'));
});

test('a list that leads back into itself ends, and is said', () => {
  const made = machine().process({ name: 'made.exe', pid: PID, threads: [{ tid: 1004 }, { tid: 1008 }] });
  const [first = 0n, second = 0n] = made.built(PID).threads;
  made.kernel.space.setU64(made.view('_ETHREAD', second).at('ThreadListEntry'), made.view('_ETHREAD', first).at('ThreadListEntry'));
  const process = processOf(made);
  assert.deepEqual(threads(process).map(({ tid }) => tid), [1004, 1008]);
  assert.ok(process.anomalies.list.some(({ what }) => what.includes('already visited')));
});

test('a thread of another process is not taken in', () => {
  const made = machine().process({ name: 'made.exe', pid: PID, threads: [{ tid: 1004 }] }).process({ name: 'other.exe', pid: 2000, threads: [{ tid: 2004 }] });
  made.kernel.space.setU64(made.view('_ETHREAD', made.built(PID).threads[0] ?? 0n).at('ThreadListEntry'),
    made.view('_ETHREAD', made.built(2000).threads[0] ?? 0n).at('ThreadListEntry'));
  const process = processOf(made);
  assert.deepEqual(threads(process).map(({ tid }) => tid), [1004]);
  assert.ok(process.anomalies.list.some(({ what }) => what.includes('no thread of this process')));
});

test('a stack whose TEB is missing is not known', () => {
  const made = machine().process({ name: 'made.exe', pid: PID, threads: [{ tid: 1004, teb: TEB }] });
  made.absent(TEB.address, made.built(PID).space);
  const [thread] = threads(processOf(made));
  assert.equal(thread?.teb, TEB.address);
  assert.equal(thread?.userStackBase, undefined);
});
