import assert from 'node:assert/strict';
import { test } from 'node:test';
import { threadsDirectory } from '../../../../mount/tree/threads.js';
import type { Process } from '../../../../src/windows/process.js';
import { machine, type Machine } from '../../../support/machine.js';
import { writeToken } from '../../../support/tokens.js';
import { directoryAt, listed, nodeAt, textAt, windowAt } from './nodes.js';

const PID = 1000;
const CREATED = 133_200_600_000_000_000n;
const TEB = { address: 0x2f_1000n, stackBase: 0x51_0000n, stackLimit: 0x50_8000n };

function made(memory?: number): Machine {
  return machine(memory === undefined ? {} : { memory }).process({
    name: 'made.exe', pid: PID, vads: [{ start: 0x50_0000n, pages: 16, protection: 4 }],
    threads: [{ tid: 1008, created: CREATED, teb: TEB, trap: { rip: 0x1234n, rsp: 0x50_f000n }, waitReason: 6 }, { tid: 1004, created: CREATED }],
  });
}

function opened(machine_: Machine): Process {
  return machine_.open().process(PID) ?? assert.fail('the process is not found');
}

const thread = (machine_: Machine, index = 0): bigint => machine_.built(PID).threads[index] ?? assert.fail();

test('a directory a thread, by its TID, and the tables behind them', () => {
  const tree = threadsDirectory(opened(made()));
  assert.deepEqual(listed(tree), ['1004', '1008', 'threads.txt', 'threads-v.txt']);
  assert.deepEqual(listed(directoryAt(tree, '1008')), ['callstack.txt', 'ethread', 'info.txt', 'kcallstack.txt', 'kstack', 'stack', 'teb']);
  assert.deepEqual(listed(directoryAt(tree, '1004')), ['ethread', 'info.txt', 'kcallstack.txt', 'kstack']);
  assert.equal(nodeAt(tree, '1012'), undefined);
  assert.equal(nodeAt(tree, '01004'), undefined);
  assert.equal(nodeAt(tree, 'threads-v.csv')?.kind, 'bytes');
  assert.equal(nodeAt(tree, '1008/callstack.jsonl')?.kind, 'bytes');
});

test('info.txt begins with the lines that MemProcFS has, in its layout', () => {
  const text = textAt(threadsDirectory(opened(made())), '1008/info.txt') ?? '';
  const lines = text.split('\n');
  assert.deepEqual(lines.slice(0, 23).map((line) => line.split(':')[0]), [
    'PID', 'TID', 'ExitStatus', 'State', 'WaitReason', 'SuspendCount', 'Running', 'Priority', 'BasePriority', 'ETHREAD', 'TEB', 'StartAddress', 'Win32StartAddress',
    'UserStackBase', 'UserStackLimit', 'KernelStackBase', 'KernelStackLimit', 'TrapFrame', 'StackPointer', 'InstructionPointer', 'ImpersonationToken', 'CreateTime', 'ExitTime',
  ]);
  assert.equal(lines[0], 'PID:                            1000');
  assert.equal(lines[3], 'State:                             5 Waiting');
  assert.equal(lines[18], 'StackPointer:                 50f000');
  assert.equal(lines[22], 'ExitTime:                        ***');
  assert.match(text, /^Source: +list$/m);
});

test('stack, TEB and thread object are windows on their memory, and say where they are and what is missing', () => {
  const built = made();
  const tree = threadsDirectory(opened(built));
  const stack = windowAt(tree, '1008/stack');
  assert.equal(stack.size, 0x8000);
  assert.deepEqual(stack.xattrs?.(), { 'user.memlens.address': '0x0000000000508000', 'user.memlens.missing': '32768' });
  const target = new Uint8Array(8);
  const teb = windowAt(tree, '1008/teb');
  assert.equal(teb.fill(0x30, target), 0);
  assert.equal(Buffer.from(target).readBigUInt64LE(0), TEB.address, 'NtTib.Self');
  assert.equal(windowAt(tree, '1008/ethread').size, built.kernel.profile.sizeOf('_ETHREAD'));
});

test('a TEB that claims a stack without end, or one in the kernel, is not believed', () => {
  const endless = made();
  endless.lie('_TEB', TEB.address, 'NtTib.StackLimit', 0n, endless.built(PID).space).lie('_TEB', TEB.address, 'NtTib.StackBase', 0x7fff_0000_0000n, endless.built(PID).space);
  const process = opened(endless);
  assert.equal(windowAt(threadsDirectory(process), '1008/stack').size, 1 << 26);
  assert.ok(process.anomalies.list.some(({ what }) => what.includes('is shown in part')));
  const kernel = made();
  kernel.lie('_TEB', TEB.address, 'NtTib.StackBase', 0xffff_ffff_ffff_f000n, kernel.built(PID).space);
  assert.equal(nodeAt(threadsDirectory(opened(kernel)), '1008/stack'), undefined);
});

test('threads that share a TID have names of their own', () => {
  const built = made();
  built.lie('_ETHREAD', thread(built, 1), 'Cid.UniqueThread', 1008);
  const tree = threadsDirectory(opened(built));
  assert.deepEqual(listed(tree), ['1008', '1008~2', 'threads.txt', 'threads-v.txt']);
  for (const [name, node] of tree.entries()) assert.equal(tree.lookup(name), node, name);
});

test('a thread that impersonates has the token that it does it with', () => {
  const built = made();
  const token = writeToken(built.kernel, built.objects, { user: 'S-1-5-18', integrity: 'S-1-16-16384' });
  const view = built.view('_ETHREAD', thread(built));
  view.set('ActiveImpersonationInfo', 1).set('ClientSecurity.ImpersonationToken', token | 3n);
  const tree = threadsDirectory(opened(built));
  assert.equal(textAt(tree, '1008/impersonation/user.txt'), 'SYSTEM');
  assert.match(textAt(tree, '1008/info.txt') ?? '', /^ImpersonationLevel: +Delegation$/m);
  assert.match(textAt(tree, 'threads-v.txt') ?? '', /impersonating/);
  assert.equal(nodeAt(tree, '1004/impersonation'), undefined);
});

test('an impersonation token that is none is an empty directory and an anomaly', () => {
  const built = made();
  const event = built.objects.create('Event', '_KEVENT');
  built.view('_ETHREAD', thread(built)).set('ActiveImpersonationInfo', 1).set('ClientSecurity.ImpersonationToken', event.address);
  const process = opened(built);
  assert.deepEqual(listed(directoryAt(threadsDirectory(process), '1008/impersonation')), []);
  assert.ok(process.anomalies.list.some(({ what }) => what.includes('stands for a token')));
});

test('a list of 100,000 threads that lie in each other is read to its end, each with a name of its own', () => {
  const built = made(16 << 20);
  const { space } = built.kernel;
  const count = 100_000;
  const step = 32;
  const { profile } = built.kernel;
  const [link, owner] = ['ThreadListEntry', 'Tcb.Process'].map((path) => profile.field('_ETHREAD', path)?.offset ?? 0);
  assert.ok(link !== undefined && owner !== undefined && Math.floor((link % step) / 8) !== Math.floor((owner % step) / 8));
  const start = 0xffff_a000_0000_0000n;
  const size = count * step + 0x2000;
  const bytes = Buffer.alloc(size);
  for (let at = owner % step; at + 8 <= size; at += step) bytes.writeBigUInt64LE(built.built(PID).view.address, at);
  for (let i = 0; i < count; i += 1) bytes.writeBigUInt64LE(start + BigInt(link + (i + 1) * step), link + i * step);
  bytes.writeBigUInt64LE(built.built(PID).view.at('ThreadListHead'), link + (count - 1) * step);
  space.write(start, bytes);
  space.setU64(built.built(PID).view.at('ThreadListHead'), start + BigInt(link));
  const process = opened(built);
  assert.equal(process.threads().length, count);
  const names = listed(threadsDirectory(process));
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.length >= count);
});
