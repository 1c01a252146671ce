import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameDirectory, pidDirectory } from '../../../../mount/tree/processes.js';
import { vadFlags } from '../../../../src/tables/vads.js';
import type { Directory } from '../../../../src/vfs/node.js';
import { machine, type Machine } from '../../../support/machine.js';
import { directoryAt, listed, NO_SERVICES, nodeAt, textAt, windowAt } from './nodes.js';

const PID = 1004;
const ENDED = 133_200_500_000_000_000n;
const DATA = Buffer.alloc(0x1000, 0x5a);
const PRIVATE = { start: 0x1_0000_0000n, pages: 4, protection: 4, bytes: Buffer.concat([DATA, DATA]), states: { 1: { kind: 'transition' as const, bytes: DATA } } };
const MAIN = { base: 0x7ff6_1000_0000n, pages: 8, name: 'a.exe', path: 'C:\\Tools\\a.exe' };

function sample(): Machine {
  return machine().process({
    name: 'averylongname.exe', pid: PID, ppid: 4, kernelPath: '\\Device\\HarddiskVolume3\\Tools\\averylongname.exe', modules: [MAIN, { ...MAIN, base: 0x7ff6_2000_0000n }],
    vads: [PRIVATE], parameters: { imagePath: MAIN.path, commandLine: 'a -x', environment: ['A=1', 'B=2'], windowTitle: 'evil\u001b[2J' },
  });
}

function one(): Directory {
  return directoryAt(pidDirectory(sample().open(), NO_SERVICES), String(PID));
}

test('a process is listed by name and PID and by PID, an ended one with its state', () => {
  const windows = sample().process({ name: 'gone.exe', pid: 1008, exited: ENDED }).open();
  assert.deepEqual(listed(nameDirectory(windows, NO_SERVICES)), ['System-4', `averylongname.-${PID}`, 'gone.exe-(1)-1008']);
  assert.deepEqual(listed(pidDirectory(windows, NO_SERVICES)), ['4', String(PID), '1008']);
  assert.equal(nodeAt(nameDirectory(windows, NO_SERVICES), `averylongname.-${PID}`), nodeAt(pidDirectory(windows, NO_SERVICES), String(PID)));
  assert.equal(pidDirectory(windows, NO_SERVICES).lookup('5'), undefined);
  assert.equal(pidDirectory(windows, NO_SERVICES).lookup('constructor'), undefined);
});

test('of processes that share a PID the running one has it plain', () => {
  const windows = machine().process({ name: 'old.exe', pid: PID, exited: ENDED }).process({ name: 'new.exe', pid: PID }).open();
  const pids = pidDirectory(windows, NO_SERVICES);
  assert.deepEqual(listed(pids), ['4', `${PID}~2`, String(PID)].sort((a, b) => listed(pids).indexOf(a) - listed(pids).indexOf(b)));
  assert.equal(textAt(pids, `${PID}/name.txt`), 'new.exe        \n');
  assert.equal(textAt(pids, `${PID}~2/name.txt`), 'old.exe        \n');
});

test('the small files have the byte forms that scripts know', () => {
  const files = one();
  assert.equal(textAt(files, 'name.txt'), 'averylongname. \n');
  assert.equal(textAt(files, 'name-long.txt'), 'averylongname.exe');
  assert.equal(textAt(files, 'pid.txt'), '1004      \n');
  assert.equal(textAt(files, 'ppid.txt'), '4         \n');
  assert.equal(textAt(files, 'state.txt'), '0         \n');
  assert.match(textAt(files, 'dtb.txt') ?? '', /^[0-9a-f]{13}000$/);
  assert.match(textAt(files, 'time-create.txt') ?? '', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n$/);
  assert.equal(textAt(files, 'win-cmdline.txt'), 'a -x');
  assert.equal(textAt(files, 'win-environment.txt'), 'A=1\nB=2\n');
  assert.equal(textAt(files, 'win-path.txt'), '\\Device\\HarddiskVolume3\\Tools\\averylongname.exe');
  assert.equal(textAt(files, 'win-title.txt'), 'evil\\x1b[2J');
  assert.match(textAt(files, 'win-eprocess.txt') ?? '', /^ffff[0-9a-f]{12}$/);
  for (const absent of ['time-exit.txt', 'win-peb32.txt', 'dtb-user.txt']) assert.equal(nodeAt(files, absent), undefined, absent);
});

test('what a process does not have is not listed', () => {
  const files = directoryAt(pidDirectory(machine().process({ name: 'gone.exe', pid: PID, exited: ENDED }).open(), NO_SERVICES), String(PID));
  assert.equal(textAt(files, 'state.txt'), '1         \n');
  assert.ok(listed(files).includes('time-exit.txt'));
  for (const absent of ['win-cmdline.txt', 'win-peb.txt', 'win-title.txt']) assert.ok(!listed(files).includes(absent), absent);
});

test('virtual memory is reached through a link, is as large as the address space, and knows its holes', () => {
  const files = one();
  const link = nodeAt(files, 'memory.vmem');
  assert.ok(link?.kind === 'link' && link.target === '.raw/memory.vmem');
  assert.ok(!listed(files).includes('.raw'));
  const memory = windowAt(files, link.target);
  assert.equal(memory.size, 2 ** 48);
  const target = Buffer.alloc(0x4000, 0xff);
  assert.equal(memory.fill(Number(PRIVATE.start), target), 0x2000);
  assert.deepEqual(target, Buffer.concat([DATA, DATA, Buffer.alloc(0x2000)]));
  const runs = [...memory.runs?.() ?? []];
  assert.ok(runs.some(({ start, length }) => start === Number(PRIVATE.start) && length === 0x2000));
  assert.ok(runs.every(({ start, length }) => length > 0 && start + length <= 2 ** 47));
  assert.equal(memory.fill(2 ** 47 - 0x1000, target), 0x4000);
  assert.ok(target.every((byte) => byte === 0));
});

test('the kernel is in System\'s memory alone, at the lower 48 bits of its addresses', () => {
  const made = sample();
  const pids = pidDirectory(made.open(), NO_SERVICES);
  const offset = Number(made.kernel.base & 0xffff_ffff_ffffn);
  const target = Buffer.alloc(2);
  assert.equal(windowAt(pids, '4/.raw/memory.vmem').fill(offset, target), 0);
  assert.equal(target.toString('latin1'), 'MZ');
  assert.ok([...windowAt(pids, '4/.raw/memory.vmem').runs?.() ?? []].some(({ start, length }) => start <= offset && offset < start + length));
  assert.equal(windowAt(pids, `${PID}/.raw/memory.vmem`).fill(offset, target), 2);
});

test('modules are tables and a directory each; equal names are told apart', () => {
  const modules = directoryAt(one(), 'modules');
  assert.deepEqual(listed(modules), ['ldrmodules.txt', 'modules.txt', 'modules-v.txt', 'modules-versioninfo.txt', 'unloaded_modules.txt', 'a.exe', 'a.exe~2']);
  assert.equal(textAt(modules, 'a.exe/base.txt'), '00007ff610000000');
  assert.equal(textAt(modules, 'a.exe~2/base.txt'), '00007ff620000000');
  assert.equal(textAt(modules, 'a.exe/fullname.txt'), 'C:\\Tools\\a.exe');
  const lines = (textAt(modules, 'modules.txt') ?? '').split('\n');
  assert.equal(lines[2], `${'0000   1004        8 00007ff610000000-00007ff610007fff    a.exe'.padEnd(122)}`);
  assert.equal(new Set(lines.slice(0, -1).map((line) => line.length)).size, 1);
  assert.equal(textAt(modules, 'modules.csv')?.split('\n')[1], '1004,averylongname.exe,a.exe,0,0x8000,0x7ff610000000,0x7ff610007fff,C:\\Tools\\a.exe,\\Tools\\a.exe');
  assert.ok(textAt(modules, 'a.exe/sections.txt')?.includes('r-x   .text'));
});

test('the memory maps show VADs and the pages that the hardware maps', () => {
  const memmap = directoryAt(one(), 'memmap');
  const vad = (textAt(memmap, 'vad.txt') ?? '').split('\n').find((line) => line.includes('0000000100000000'));
  assert.match(vad ?? '', /^[0-9a-f]{4} {3}1004 ffff[0-9a-f]{12} {8}4 {8}0 0 0000000100000000-0000000100003fff {7}p-rw-- {65}$/);
  const pages = (textAt(memmap, 'pte.txt') ?? '').split('\n').slice(2).map((line) => line.trimEnd());
  assert.ok(pages.some((line) => line.endsWith(' 1004        1 0000000100000000-0000000100000fff -rw-')));
  assert.ok(pages.some((line) => line.includes('00007ff610000000-00007ff610000fff -r-x    a.exe')));
});

test('the six characters of a VAD\'s protection', () => {
  const flags = (protection: number, isPrivate = false): string => vadFlags({ protection, private: isPrivate });
  assert.deepEqual([flags(0), flags(1), flags(3), flags(4, true), flags(6, true), flags(7), flags(5)],
    ['------', '--r---', '--r-x-', 'p-rw--', 'p-rwx-', '---wxc', '---w-c']);
  assert.deepEqual([flags(0x0c), flags(0x14), flags(0x1c), flags(0x18)], ['-nrw--', '-grw--', '-mrw--', '------']);
});
