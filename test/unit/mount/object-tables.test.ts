import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handlesDirectory } from '../../../mount/tree/handles.js';
import { threadsDirectory } from '../../../mount/tree/threads.js';
import { groupsTable, privilegesTable } from '../../../mount/tree/token-tables.js';
import { tokenDirectory } from '../../../mount/tree/token.js';
import { driverEnd, DRIVERS } from '../../../src/tables/drivers.js';
import { HANDLES } from '../../../src/tables/handles.js';
import { THREADS } from '../../../src/tables/threads.js';
import { cellValue, csvHeading, csvRow, textOf } from '../../../src/vfs/table.js';
import type { Handle } from '../../../src/windows/handle.js';
import type { Thread } from '../../../src/windows/thread.js';
import { machine } from '../../support/machine.js';
import { NO_SERVICES } from './tree/nodes.js';

/** The lines of a table without the padding at their ends. */
function lines(text: Buffer): string[] {
  return text.toString('utf8').split('\n').map((line) => line.trimEnd());
}

const FILE: Handle = {
  pid: 4048, value: 0x1c, object: 0xffff_900a_0acd_91c0n, access: 0x120089, type: 'File', name: '\\HarddiskVolume3\\Windows\\explorer.exe.mui',
  path: '\\Device\\HarddiskVolume3\\Windows\\explorer.exe.mui', device: 'HarddiskVolume3', handleCount: 1, tag: 'File',
};
const THREAD: Thread = {
  address: 0xffff_900a_0ab7_a040n, tid: 1124, pid: 4048, state: 5, waitReason: 5, running: false, basePriority: 8, priority: 9, exitStatus: 0x103,
  startAddress: 0x7fc7_3ee5_1e80n, win32StartAddress: 0x7fc7_3a4d_1500n, teb: 0x336_dd23_6000n, kernelStackBase: 0xffff_9e09_f019_6000n,
  kernelStackLimit: 0xffff_9e09_f019_0000n, kernelStack: 0xffff_9e09_f019_5a00n, initialStack: 0xffff_9e09_f019_5f70n, name: undefined, userStackBase: 0x336_0b22_0000n, userStackLimit: 0x336_0b21_8000n, instructionPointer: 0x7fc7_3ee5_1c54n,
  stackPointer: 0x336_0b21_fe20n, trapFrame: 0n, impersonationToken: 0n, suspendCount: 0, created: 133_197_189_142_840_397n, exited: undefined,
};

test('a handle\'s line and CSV', () => {
  assert.deepEqual(lines(textOf(HANDLES, [{ handle: FILE }, { handle: { ...FILE, type: 'WaitCompletionPacket', name: '', device: undefined } }])), [
    '   #    PID  Handle Object Address   Access Type             Description',
    '------------------------------------------------------------------------',
    '0000   4048      1c ffff900a0acd91c0 120089 File             \\HarddiskVolume3\\Windows\\explorer.exe.mui',
    '0001   4048      1c ffff900a0acd91c0 120089 WaitCompletionPa',
    '',
  ]);
  assert.equal(csvHeading(HANDLES), 'PID,Handle,Object,Access,Type,Tag,HandleCount,Device,Description\n');
  assert.equal(csvRow(HANDLES, { handle: FILE }), '4048,0x1c,0xffff900a0acd91c0,0x120089,File,File,0x1,HarddiskVolume3,\\Windows\\explorer.exe.mui\n');
});

test('a handle whose object is not in the image has neither type nor name, one without a name has an empty one', () => {
  const bare: Handle = { ...FILE, name: '', path: undefined, device: undefined };
  assert.equal(csvRow(HANDLES, { handle: { ...bare, type: '***', tag: '', handleCount: undefined } }), '4048,0x1c,0xffff900a0acd91c0,0x120089,,,,,\n');
  assert.equal(csvRow(HANDLES, { handle: { ...bare, type: 'Event', tag: 'Even' } }), '4048,0x1c,0xffff900a0acd91c0,0x120089,Event,Even,0x1,,""\n');
  assert.match(lines(textOf(HANDLES, [{ handle: { ...bare, type: '***' } }]))[2] ?? '', /120089 \*\*\*$/);
});

test('a thread\'s line in the order of the text, its CSV in its own', () => {
  assert.equal(lines(textOf(THREADS, [{ thread: THREAD, source: 'list' }]))[2],
    '0000   4048    1124 ffff900a0ab7a040 5 Waiting  5 Suspended          0  8  9      103     7fc73ee51e80     7fc73a4d1500     7fc73ee51c54 -- '
    + '     336dd236000 :      3360b220000 >      3360b21fe20 >      3360b218000 [2023-02-01 09:55:14 UTC ::                     ***]');
  assert.equal(csvHeading(THREADS), 'PID,TID,ETHREAD,State,WaitReason,CreateTime,ExitTime,Running,BasePriority,Priority,ExitStatus,StartAddress,'
    + 'Win32StartAddress,IP,SP,TEB,StackBaseUser,StackLimitUser,StackBaseKernel,StackLimitKernel,TrapFrame,ImpersonationToken\n');
});

test('a thread in no known state or with an unknown stack still has a line of the same parts', () => {
  const odd: Thread = { ...THREAD, state: 77, waitReason: 99, userStackBase: undefined, userStackLimit: undefined, stackPointer: undefined, instructionPointer: undefined };
  assert.match(lines(textOf(THREADS, [{ thread: odd, source: 'list' }]))[2] ?? '', /^0000 +4048 +1124 ffff900a0ab7a040 77 +99 +0 +8 +9 +103 .* -- +336dd236000 : +0 > +0 > +0 \[/);
});

test('a driver\'s line and CSV', () => {
  const driver = {
    address: 0xffff_900a_0aa0_66c0n, name: 'CLFS', objectName: '\\Driver\\CLFS', serviceKey: 'CLFS', start: 0xffff_f801_452f_d000n, size: 0x69000,
    path: '\\SystemRoot\\System32\\drivers\\CLFS.SYS', module: 'CLFS.SYS', source: 'namespace',
  } as const;
  assert.equal(lines(textOf(DRIVERS, [driver]))[2], '0000 ffff900a0aa066c0 CLFS                69000 fffff801452fd000-fffff80145365fff CLFS             '
    + '\\Driver\\CLFS                     \\SystemRoot\\System32\\drivers\\CLFS.SYS');
  assert.equal(csvHeading(DRIVERS) + csvRow(DRIVERS, driver), 'Name,ObjectAddress,Size,Start,End,ServiceKey,DriverName,DriverPath\n'
    + 'CLFS,0xffff900a0aa066c0,0x69000,0xfffff801452fd000,0xfffff80145365fff,CLFS,\\Driver\\CLFS,\\SystemRoot\\System32\\drivers\\CLFS.SYS\n');
});

test('a driver without an image ends where it begins, one at the end of memory does not pass it', () => {
  assert.equal(driverEnd({ start: 0n, size: 0 }), 0n);
  assert.equal(driverEnd({ start: 0xffff_ffff_ffff_f000n, size: 0x1000 }), 0xffff_ffff_ffff_ffffn);
  const path = DRIVERS.columns.find(({ name }) => name === 'driver_path') ?? assert.fail();
  assert.equal(cellValue(path, { address: 0n, name: 'a', objectName: '', serviceKey: '', start: 0n, size: 0, path: undefined, module: undefined, source: 'scan' }), undefined);
});

test('the lines of privileges and groups', () => {
  assert.deepEqual(lines(textOf(privilegesTable, [{ luid: 23, name: 'SeChangeNotifyPrivilege', present: true, enabled: true, enabledByDefault: true },
    { luid: 20, name: 'SeDebugPrivilege', present: true, enabled: false, enabledByDefault: false }])), [
    '   # Flags Privilege Name', '-------------------------', '0017  epd  SeChangeNotifyPrivilege', '0014  -p-  SeDebugPrivilege', '',
  ]);
  assert.equal(lines(textOf(groupsTable, [{ sid: 'S-1-1-0', name: 'Everyone', attributes: 7 }]))[2],
    '0000 Everyone                                                         S-1-1-0');
  assert.match(lines(textOf(groupsTable, [{ sid: 'S-1-9-1', name: undefined, attributes: 7 }]))[2] ?? '', /^0000 --- +S-1-9-1$/);
});

test('the directories of a process hold its tables, and a token\'s files only where it has one', () => {
  const made = machine().process({ name: 'bare.exe', pid: 1000 })
    .process({ name: 'made.exe', pid: 2000, token: { user: 'S-1-5-18', session: 2, integrity: 'S-1-16-16384' } }).open();
  const [bare, whole] = [made.process(1000) ?? assert.fail(), made.process(2000) ?? assert.fail()];
  assert.deepEqual([...handlesDirectory(whole, NO_SERVICES).entries()].map(([name]) => name), ['by-id', 'handles.txt']);
  assert.deepEqual([...threadsDirectory(whole).entries()].map(([name]) => name), ['threads.txt', 'threads-v.txt']);
  assert.deepEqual([...tokenDirectory(bare).entries()], []);
  const files = Object.fromEntries([...tokenDirectory(whole).entries()].map(([name, node]) => [name, node.kind === 'bytes' ? Buffer.from(node.render()).toString() : '']));
  assert.deepEqual(Object.keys(files), ['groups.txt', 'info.txt', 'integrity.txt', 'luid.txt', 'privileges.txt', 'session.txt', 'sid-all.txt', 'sid.txt', 'user.txt']);
  assert.deepEqual([files['integrity.txt'], files['session.txt'], files['sid.txt'], files['user.txt']], ['System', '00000002', 'S-1-5-18', 'SYSTEM']);
  assert.equal(handlesDirectory(whole, NO_SERVICES).lookup('handles.csv')?.kind, 'bytes');
});
