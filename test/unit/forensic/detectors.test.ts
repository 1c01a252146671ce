import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Detector } from '../../../forensic/detector.js';
import { driverPath } from '../../../forensic/findevil/driver-path.js';
import { noImageRwx } from '../../../forensic/findevil/noimage-rwx.js';
import { peInject } from '../../../forensic/findevil/pe-inject.js';
import { peNoLink } from '../../../forensic/findevil/pe-nolink.js';
import { pePatched } from '../../../forensic/findevil/pe-patched.js';
import { pebMasq } from '../../../forensic/findevil/peb-masq.js';
import { privateRwx } from '../../../forensic/findevil/private-rwx.js';
import { procDebug } from '../../../forensic/findevil/proc-debug.js';
import { procNoLink } from '../../../forensic/findevil/proc-nolink.js';
import { procParent } from '../../../forensic/findevil/proc-parent.js';
import { procUser } from '../../../forensic/findevil/proc-user.js';
import { threadStart } from '../../../forensic/findevil/thread.js';
import { findings } from '../../../forensic/stages/findevil.js';
import type { Driver } from '../../../src/windows/driver.js';
import type { Kernel } from '../../../src/windows/kernel.js';
import type { Process } from '../../../src/windows/process.js';
import { at, CONTEXT, fakeKernel, fakeModule, fakeProcess, fakeThread, fakeVad, fakeWindows, type FakeProcess, type FakeWindows } from './fake-model.js';

/** `pid description`, as found. */
function found(detector: Detector, fake: FakeWindows): string[] {
  return [...detector.find(fakeWindows(fake))].flatMap((one) => (one === undefined ? [] : [`${one.process.pid} ${one.description}`.trim()]));
}

const inOne = (detector: Detector, fake: FakeProcess): string[] => found(detector, { processes: [fakeProcess(fake)] });

test('PE_INJECT: an injected module is found, a listed one and one of an ended process are not', () => {
  const injected = fakeModule({ kind: 'injected', name: 'evil.dll', base: 0x10000n });
  assert.deepEqual(inOne(peInject, { modules: [injected, fakeModule({ name: 'ntdll.dll', base: 0x20000n })] }), ['100 Module:[evil.dll]']);
  assert.deepEqual(inOne(peInject, { modules: [injected], exited: at(9) }), []);
  assert.deepEqual(inOne(peInject, { modules: [{ ...injected, size: 64 << 20 }] }), []);
});

test('PROC_NOLINK: a running process outside the active list is found; an ended one and one without threads are not', () => {
  assert.deepEqual(inOne(procNoLink, { sources: ['cid', 'scan'] }), ['100']);
  assert.deepEqual(inOne(procNoLink, { sources: ['cid'], exited: at(9) }), []);
  assert.deepEqual(inOne(procNoLink, { sources: ['scan'], activeThreads: 0 }), []);
  assert.deepEqual(inOne(procNoLink, { sources: ['list', 'scan'] }), []);
});

test('PROC_NOLINK: where the active list is torn, only a process that its neighbours leave out is found', () => {
  // The links of the process lie at its address; those of its neighbours name `back`.
  const nolink = (back: bigint | undefined): string[] => {
    const hidden = fakeProcess({ sources: ['cid'], kernel: {
      ...fakeKernel(), pointerSize: 8, pointer: () => back,
      read: (_: unknown, place: bigint) => ({ place, links: { flink: 0xffff_9000_5555_0000n, blink: 0xffff_9000_6666_0000n } }),
    } as unknown as Kernel });
    const windows = fakeWindows({ processes: [hidden] });
    windows.anomalies.add('active process list', 'a node cannot be read', 1n);
    return [...procNoLink.find(windows)].flatMap((one) => (one === undefined ? [] : [String(one.process.pid)]));
  };
  assert.deepEqual(nolink(0xffff_9000_7777_0000n), ['100'], 'both neighbours name another');
  assert.deepEqual(nolink(0xffff_9000_0000_0064n), [], 'the neighbours name it');
  assert.deepEqual(nolink(undefined), [], 'the neighbours are not in the image');
  assert.deepEqual(nolink(0x1234_5678n), [], 'the neighbours are overwritten');
});

test('PE_NOLINK: where the lists of the loader are torn, what they do not name proves nothing', () => {
  const process = fakeProcess({ modules: [fakeModule({ name: 'ntdll.dll', base: 0x20000n }), fakeModule({ kind: 'not-linked', name: 'a.dll', base: 0x30000n })] });
  assert.deepEqual(found(peNoLink, { processes: [process] }), ['100 Module:[a.dll] VAD:[]']);
  process.anomalies.add(`${process.where} modules in load order`, 'a node cannot be read', 1n);
  assert.deepEqual(found(peNoLink, { processes: [process] }), []);
});

function family(parent: FakeProcess, child: FakeProcess): Process[] {
  return [fakeProcess({ pid: 50, created: at(10), ...parent }), fakeProcess({ pid: 60, ppid: 50, created: at(20), ...child })];
}

test('PROC_PARENT: a Windows process under a stranger is found', () => {
  assert.deepEqual(found(procParent, { processes: family({ name: 'powershell.exe' }, { name: 'svchost.exe' }) }), ['60 ParentProcess:[powershell.exe:50]']);
  assert.deepEqual(found(procParent, { processes: family({ name: 'services.exe' }, { name: 'SVCHOST.EXE' }) }), []);
  assert.deepEqual(found(procParent, { processes: family({ name: 'powershell.exe' }, { name: 'notepad.exe' }) }), []);
});

test('PROC_PARENT: a parent that is younger than its child only has its PID, and says nothing', () => {
  assert.deepEqual(found(procParent, { processes: family({ name: 'powershell.exe', created: at(30) }, { name: 'svchost.exe' }) }), []);
});

test('PROC_PARENT: the session manager may start itself', () => {
  assert.deepEqual(found(procParent, { processes: family({ name: 'smss.exe' }, { name: 'smss.exe' }) }), []);
});

test('PROC_USER: lsass of a person and explorer of the system are found', () => {
  assert.deepEqual(inOne(procUser, { name: 'lsass.exe', token: {} }), ['100 User:[alice]']);
  assert.deepEqual(inOne(procUser, { name: 'explorer.exe', token: { user: 'SYSTEM', wellKnown: true } }), ['100 User:[SYSTEM]']);
  assert.deepEqual(inOne(procUser, { name: 'lsass.exe', token: { user: 'SYSTEM', wellKnown: true } }), []);
  assert.deepEqual(inOne(procUser, { name: 'explorer.exe', token: {} }), []);
  assert.deepEqual(inOne(procUser, { name: 'lsass.exe' }), [], 'without a token there is nothing to say');
});

test('PEB_MASQ: another image in the PEB is found, whatever way the right one is spelled', () => {
  const path = (kernelPath: string, imagePath: string): string[] => inOne(pebMasq, { kernelPath, parameters: { imagePath } });
  assert.deepEqual(path('\\Device\\HarddiskVolume3\\ProgramData\\updater.exe', 'C:\\Windows\\System32\\wuauclt.exe'), ['100']);
  for (const same of ['C:\\Windows\\System32\\svchost.exe', 'c:\\windows\\system32\\SVCHOST.exe', '\\SystemRoot\\System32\\svchost.exe',
    '\\??\\C:\\Windows\\System32\\svchost.exe', '%SystemRoot%\\System32\\svchost.exe', 'C:\\WINDOW~1\\System32\\svchost.exe', '', 'svchost.exe']) {
    assert.deepEqual(path('\\Device\\HarddiskVolume3\\Windows\\System32\\svchost.exe', same), [], same);
  }
});

test('PROC_DEBUG: the debug privilege enabled for anyone but SYSTEM is found', () => {
  const debug = { luid: 20, name: 'SeDebugPrivilege', present: true, enabled: true, enabledByDefault: false };
  assert.deepEqual(inOne(procDebug, { token: { privileges: [debug] } }), ['100']);
  assert.deepEqual(inOne(procDebug, { token: { privileges: [{ ...debug, enabled: false }] } }), []);
  assert.deepEqual(inOne(procDebug, { token: { userSid: 'S-1-5-18', privileges: [debug] } }), []);
});

test('DRIVER_PATH: a driver without a module or from a strange place is found, and the usual places are not', () => {
  const driver = (path: string | undefined, start = 0xffff_f800_0000_1000n): Driver => ({
    address: 1n, name: 'Drv', objectName: '\\Driver\\Drv', serviceKey: '', start, size: 0x1000, path, module: undefined, source: 'namespace',
  });
  const processes = [fakeProcess({ pid: 4, name: 'System' })];
  const one = (path: string | undefined, start?: bigint): string[] => found(driverPath, { processes, drivers: [driver(path, start)] });
  assert.deepEqual(one(undefined), ['4 Driver:[Drv] Module:[NOT_FOUND]']);
  assert.deepEqual(one('\\??\\C:\\Users\\alice\\AppData\\Local\\Temp\\kph.sys'), ['4 Driver:[Drv] Module:[\\??\\C:\\Users\\alice\\AppData\\Local\\Temp\\kph.sys]']);
  assert.deepEqual(one('\\SystemRoot\\Temp\\x.sys').length, 1);
  for (const usual of ['\\SystemRoot\\System32\\drivers\\CLFS.SYS', '\\SystemRoot\\system32\\ntoskrnl.exe', '\\??\\C:\\Windows\\system32\\drivers\\x.sys',
    '\\SystemRoot\\System32\\DriverStore\\FileRepository\\a.inf_amd64\\x.sys', '\\Windows\\System32\\win32k.sys', 'dump_storahci.sys']) {
    assert.deepEqual(one(usual), [], usual);
  }
  assert.deepEqual(one(undefined, 0n), [], 'the kernel\'s own drivers have no image');
});

test('PE_NOLINK: an image that no list names is found, but not where there is no list at all', () => {
  const hidden = fakeModule({ kind: 'not-linked', name: 'hidden.dll', base: 0x30000n, kernelPath: '\\Temp\\hidden.dll' });
  assert.deepEqual(inOne(peNoLink, { modules: [fakeModule({ name: 'ntdll.dll', base: 0x20000n }), hidden] }), ['100 Module:[hidden.dll] VAD:[\\Temp\\hidden.dll]']);
  assert.deepEqual(inOne(peNoLink, { modules: [hidden] }), []);
});

const page = (address: bigint, more: object = {}) => ({ address, physical: 0x5000, writable: true, executable: true, ...more });

test('PRIVATE_RWX and NOIMAGE_RWX: at most four pages of a VAD, each detector in its own kind of memory', () => {
  const pages = Array.from({ length: 6 }, (_, i) => page(0x10000n + BigInt(i * 0x1000)));
  const vad = fakeVad({ start: 0x10000n, end: 0x1ffffn });
  assert.equal(inOne(privateRwx, { vads: [vad], pages }).length, 4);
  assert.equal(inOne(noImageRwx, { vads: [vad], pages }).length, 0);
  assert.equal(inOne(privateRwx, { vads: [{ ...vad, private: false }], pages }).length, 0);
  assert.equal(inOne(noImageRwx, { vads: [{ ...vad, private: false }], pages }).length, 4);
  assert.equal(inOne(noImageRwx, { vads: [{ ...vad, private: false, image: true }], pages }).length, 0);
  assert.equal(inOne(privateRwx, { vads: [vad], pages: pages.map((one) => ({ ...one, writable: false })) }).length, 0);
});

test('PRIVATE_RWX: the description shows the page, its rights and its VAD', () => {
  const [line] = inOne(privateRwx, { vads: [fakeVad({ start: 0x10000n, end: 0x10fffn })], pages: [page(0x10000n)] });
  assert.equal(line, '100 000000005000 0000000000005000 A rwx ffff900011110000 000000000000 0000000000000000 -       p-rwx-');
});

const IMAGE = fakeVad({ start: 0x7ff0_0000n, end: 0x7ff0_ffffn, image: true, private: false, protection: 7, firstPrototype: 0xffff_c000_0000_0000n, lastPrototype: 0xffff_c000_0000_0078n, file: '\\ntdll.dll' });
const code = (physical: number) => page(0x7ff0_1000n, { physical, writable: false });

test('PE_PATCHED: a private copy with other code is found; a shared page and a copy without change are not', () => {
  const patchedIn = (own: number, content: string): string[] => inOne(pePatched, {
    kernel: fakeKernel({
      prototypes: new Map([[0xffff_c000_0000_0008n, 0x8000]]),
      physical: new Map([[0x8000, Buffer.from('code')], [0x9000, Buffer.from(content)]]),
    }),
    vads: [IMAGE], pages: [code(own)],
  });
  assert.equal(patchedIn(0x9000, 'hook').length, 1);
  assert.match(patchedIn(0x9000, 'hook')[0] ?? '', /A r-x .* 000000008000 .* A Image ---wxc \\ntdll\.dll$/);
  assert.deepEqual(patchedIn(0x9000, 'code'), []);
  assert.deepEqual(patchedIn(0x8000, 'hook'), []);
});

test('THREAD: a start outside every image and a start in a private copy are found, an ordinary one is not', () => {
  const kernel = fakeKernel({ prototypes: new Map([[0xffff_c000_0000_0008n, 0x8000]]) });
  const ntdll = fakeModule({ name: 'ntdll.dll', base: 0x7ff0_0000n });
  const start = (thread: object, own = 0x8000): string[] => inOne(threadStart, {
    kernel, modules: [ntdll], vads: [fakeVad({ start: 0x10000n, end: 0x1ffffn }), IMAGE], pages: [code(own)],
    threads: [fakeThread({ startAddress: 0x7ff0_1100n, win32StartAddress: 0x7ff0_1200n, ...thread })],
  });
  assert.deepEqual(start({}), []);
  assert.deepEqual(start({ win32StartAddress: 0x10010n }), ['100 TID:104 NO_IMAGE']);
  assert.deepEqual(start({ startAddress: 0x10000n, win32StartAddress: 0x10010n }), ['100 TID:104 NO_IMAGE NO_RTLUSERTHREADSTART']);
  assert.deepEqual(start({}, 0x9000), ['100 TID:104 PRIVATE_MEMORY']);
  assert.deepEqual(start({ win32StartAddress: 0x10010n, exited: at(9) }), [], 'it has ended');
});

test('THREAD: a start in kernel32 is found', () => {
  const modules = [fakeModule({ name: 'ntdll.dll', base: 0x7ff0_0000n, size: 0x2000 }), fakeModule({ name: 'KERNEL32.DLL', base: 0x7ff0_2000n, size: 0x2000 })];
  const threads = [fakeThread({ startAddress: 0x7ff0_1100n, win32StartAddress: 0x7ff0_2100n })];
  assert.deepEqual(inOne(threadStart, { modules, threads, vads: [IMAGE] }), ['100 TID:104 BAD_MODULE']);
});

test('findings come worst first, then by PID and address, and a detector that fails does not stop the others', () => {
  const of = (type: string, severity: number, ...places: readonly (readonly [number, bigint])[]): Detector => ({
    type, severity, meaning: '', * find() { for (const [pid, address] of places) yield { process: fakeProcess({ pid }), address, description: '' }; },
  });
  const broken: Detector = { type: 'BROKEN', severity: 9, meaning: '', find: () => { throw new Error('no such field'); } };
  const notes: string[] = [];
  const list = [...findings(fakeWindows(), [of('LOW', 1, [4, 1n]), broken, of('HIGH', 2, [8, 2n], [8, 1n], [4, 9n])], { ...CONTEXT, note: (text) => notes.push(text) })];
  assert.deepEqual(list.flatMap((one) => (one === undefined ? [] : [`${one.type} ${one.process.pid} ${one.address}`])), ['HIGH 4 9', 'HIGH 8 1', 'HIGH 8 2', 'LOW 4 1']);
  assert.deepEqual(notes, ['BROKEN failed: no such field']);
});
