import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writtenAddress } from '../../../../mount/tree/address-state.js';
import { phys2virtAllDirectory } from '../../../../mount/tree/phys2virt.js';
import { pidDirectory } from '../../../../mount/tree/processes.js';
import type { ControlFile, Directory } from '../../../../src/vfs/node.js';
import type { Windows } from '../../../../src/windows/windows.js';
import { machine, type Machine } from '../../../support/machine.js';
import { readMinidump, type ReadDump } from '../../../support/minidump-reader.js';
import { directoryAt, listed, NO_SERVICES, nodeAt, textAt, windowAt } from './nodes.js';

const PID = 1004;
const PAGE = Buffer.alloc(0x1000, 0x5a);
const PRIVATE = { start: 0x1_0000_0000n, pages: 4, protection: 4, bytes: Buffer.concat([PAGE, PAGE]), states: { 1: { kind: 'transition' as const, bytes: PAGE } } };
const STACK = { start: 0x50_0000n, pages: 0x80, protection: 4, states: { 0x7f: { kind: 'present' as const, bytes: PAGE } } };
const TEB = { start: 0x70_0000n, pages: 4, protection: 4 };
const MAIN = { base: 0x7ff6_1000_0000n, pages: 8, name: 'a.exe', path: 'C:\\Tools\\a.exe' };
const EVIL = { start: 0x3_0000_0000n, pages: 1, protection: 1, file: '\\x\\..\u001b[2J\n', bytes: PAGE };

function sample(name = 'a.exe'): Machine {
  return machine({ memory: 8 << 20 }).process({
    name, pid: PID, kernelPath: `\\Device\\HarddiskVolume3\\${name}`, modules: [MAIN], vads: [PRIVATE, STACK, TEB, EVIL], parameters: { imagePath: MAIN.path, commandLine: 'a' },
    threads: [{ tid: 0x464, teb: { address: TEB.start, stackBase: STACK.start + 0x8_0000n, stackLimit: STACK.start + 0x7_0000n } }],
  });
}

const windowsOf = (made: Machine = sample()): Windows => made.open();
const files = (windows: Windows, pid = PID): Directory => directoryAt(pidDirectory(windows, NO_SERVICES), String(pid));

function controlAt(directory: Directory, path: string): ControlFile {
  const node = nodeAt(directory, path);
  assert.ok(node?.kind === 'control', `${path} takes writes`);
  return node;
}

test('memory is a file a region, named by range and what it is, safely', () => {
  const vmem = directoryAt(files(windowsOf()), 'vmem');
  const names = listed(vmem);
  assert.equal(names[0], 'map.txt');
  for (const name of ['0000000000500000-000000000057ffff-STACK-0464.bin', '0000000000700000-0000000000703fff-TEB-0464.bin', '0000000100000000-0000000100003fff-Private.bin', '00007ff610000000-00007ff610007fff-a.exe.bin']) {
    assert.ok(names.includes(name), name);
  }
  assert.ok(names.every((name) => !/[\x00-\x1f/]/.test(name)));
  for (const name of names.slice(1)) {
    const window = windowAt(vmem, name);
    const [start, end] = name.split('-').slice(0, 2).map((digits) => BigInt(`0x${digits}`));
    assert.equal(window.size, Number(end! - start!) + 1);
    assert.equal(window.xattrs?.()['user.memlens.address'], `0x${name.slice(0, 16)}`);
  }
});

test('a file of memory reads what is there, and says what is not', () => {
  const vmem = directoryAt(files(windowsOf()), 'vmem');
  const name = '0000000100000000-0000000100003fff-Private.bin';
  const window = windowAt(vmem, name);
  const target = Buffer.alloc(0x4000, 0xff);
  assert.equal(window.fill(0, target), 0x2000);
  assert.deepEqual(target, Buffer.concat([PAGE, PAGE, Buffer.alloc(0x2000)]));
  assert.deepEqual([...window.runs?.() ?? []], [{ start: 0, length: 0x2000 }]);
  assert.deepEqual(window.slowXattrs?.read(), { 'user.memlens.missing': '0' });
  const lines = (textAt(vmem, `${name}.map`) ?? '').split('\n').slice(2).map((line) => line.trim().split(/\s+/).slice(1, 5));
  assert.deepEqual(lines.slice(0, 2), [['0', '2000', 'present', '1'], ['2000', '2000', 'unused', '0']]);
  assert.ok(textAt(vmem, 'map.txt')?.includes(name));
  assert.ok(!listed(vmem).includes(`${name}.map`));
});

test('names answer only for ranges that are there', () => {
  const vmem = directoryAt(files(windowsOf()), 'vmem');
  assert.equal(windowAt(vmem, '0000000100000000-0000000100000fff-Private.bin').size, 0x1000);
  for (const absent of [
    '0000000100000000-0000000100003fff-HEAP-00.bin', '0000000100000000-0000000100004fff-Private.bin', '0000000100000000-0000000100002fff-Private.bin', '0000000100000001-0000000100003fff-Private.bin',
    '0000000100003000-00000001000000ff-Private.bin', '0000000200000000-0000000200000fff-no-vad.bin', 'fffff78000000000-fffff78000000fff-kernel.bin', 'x.bin', '.map', '0000000100000000-0000000100003fff-Private.bin.map.map',
  ]) assert.equal(vmem.lookup(absent), undefined, absent);
});

test('the maps have a file a VAD, and all in one', () => {
  const memmap = directoryAt(files(windowsOf()), 'memmap');
  const names = listed(directoryAt(memmap, 'vad-v'));
  assert.ok(names.includes('_vad-v.txt') && names.includes('0x0000000100000000.txt') && names.includes('0x00007ff610000000-a.exe.txt') && names.includes('0x0000000000500000-STACK-0464.txt'));
  assert.equal((textAt(memmap, 'vad-v/0x0000000100000000.txt') ?? '').trimEnd().split('\n').length, 5);
  assert.ok(textAt(memmap, 'vad-v/0x0000000100000000.csv')?.startsWith('PID,VA,'));
  assert.ok(textAt(memmap, '_vad-v.txt')?.includes('0000000100000000'));
  assert.equal(nodeAt(memmap, 'vad-v/0x0000000100001000.txt'), undefined);
  assert.ok(textAt(memmap, 'missing.txt')?.includes(' Sum '));
});

test('an address written into virt.txt is translated, and stays written', () => {
  const windows = windowsOf();
  const of = directoryAt(files(windows), 'virt2phys');
  assert.deepEqual(listed(of), ['virt.txt', 'phys.txt', 'map.txt', 'pt_pml4.mem', 'pt_pdpt.mem', 'pt_pd.mem', 'pt_pt.mem', 'page.mem', 'readme.txt']);
  const virt = controlAt(of, 'virt.txt');
  assert.equal(virt.read(), '0000000000000000\n');
  assert.equal(textAt(of, 'phys.txt'), '');
  virt.write('0x00000001`00000123\n');
  assert.equal(virt.read(), '0000000100000123\n');
  const physical = windows.process(PID)!.memory.translate(0x1_0000_0123n)!;
  assert.equal(textAt(of, 'phys.txt'), `${physical.toString(16).padStart(16, '0')}\n`);
  assert.match(textAt(of, 'map.txt') ?? '', /^PML4 [0-9a-f]{16} \+000 [0-9a-f]{16}\nPDPT .*\nPD {3}.*\nPT {3}[0-9a-f]{16} \+000 [0-9a-f]{16}\nPAGE [0-9a-f]{16}\nSTATE present\n$/);
  const page = nodeAt(of, 'page.mem');
  assert.ok(page?.kind === 'bytes' && page.volatile === true && Buffer.from(page.render()).equals(PAGE));
  assert.equal(textAt(of, 'pt_pt.mem')?.length !== 0, true);
  assert.equal(controlAt(files(windows), 'virt2phys/virt.txt').read(), '0000000100000123\n');
  assert.equal(controlAt(files(windows, 4), 'virt2phys/virt.txt').read(), '0000000000000000\n');
  for (const wrong of ['', 'zz', '1 2', '00000000000000001', '0x', '8000000000000000']) assert.equal(typeof virt.refuses?.(wrong), 'string', wrong);
  for (const right of ['0', 'FFFFF80143a00000', '0x10', ' 10\n']) assert.equal(virt.refuses?.(right), undefined, right);
});

test('a physical address leads to where it is mapped, by a link that holds the question', () => {
  const windows = windowsOf();
  const of = directoryAt(files(windows), 'phys2virt');
  const physical = windows.process(PID)!.memory.translate(0x1_0000_0123n)!;
  const phys = controlAt(of, 'phys.txt');
  phys.write(physical.toString(16));
  const link = nodeAt(of, 'virt.txt');
  assert.ok(link?.kind === 'link');
  assert.equal(link.target, `.at/${physical.toString(16).padStart(16, '0')}/virt.txt`);
  const answer = nodeAt(of, link.target);
  assert.ok(answer?.kind === 'bytes' && answer.cost === 'slow');
  assert.equal(textAt(of, link.target), '0000000100000123\n');
  assert.match(textAt(of, link.target.replace('virt.txt', 'virt-v.txt')) ?? '', /0000000100000123 1 a\.exe/);
  assert.ok(!listed(of).includes('.at'));
  assert.equal(typeof phys.refuses?.('ffffffff0000'), 'string');
  for (const absent of ['.at/0', '.at/ffffffffffffffff', '.at/000000000000000G', '.at/0000000000000ABC']) assert.equal(nodeAt(of, absent), undefined, absent);
});

test('through all processes each address has its process, those of the kernel are System\'s', () => {
  const made = sample();
  const windows = windowsOf(made);
  const all = phys2virtAllDirectory(windows);
  const at = (physical: number): string | undefined => textAt(all, `.at/${physical.toString(16).padStart(16, '0')}/virt.txt`);
  assert.equal(at(windows.process(PID)!.memory.translate(0x1_0000_0000n)!), `${String(PID).padStart(6)} 0000000100000000\n`);
  assert.ok(at(windows.kernel.memory.translate(made.kernel.base)!)?.includes(`     4 ${made.kernel.base.toString(16)}\n`));
  assert.equal(at(windows.kernel.physical.size - 1), '');
});

function dump(directory: Directory): ReadDump {
  const window = windowAt(directory, 'minidump.dmp');
  return readMinidump({
    size: window.size,
    read(offset, length) {
      const bytes = Buffer.alloc(length);
      assert.equal(window.fill(offset, bytes), 0);
      return bytes;
    },
  });
}

test('a process has a minidump that a reader of the format takes', () => {
  const read = dump(directoryAt(files(windowsOf()), 'minidump'));
  assert.deepEqual(read.problems, []);
  assert.deepEqual(read.modules.map(({ base, name }) => [base, name]), [[MAIN.base, MAIN.path]]);
  assert.deepEqual(read.threads.map(({ tid, teb }) => [tid, teb]), [[0x464, TEB.start]]);
  assert.ok(read.memory.some(({ start, length }) => start === PRIVATE.start && length === 0x2000));
  assert.equal(read.misc?.pid, PID);
  assert.equal(read.system?.build, 19_041);
});

test('what a minidump needs first may be handed to it', () => {
  const of = directoryAt(files(windowsOf()), 'minidump');
  const window = windowAt(of, 'minidump.dmp');
  const { prepared } = window;
  assert.ok(prepared !== undefined && !prepared.done);
  const head = nodeAt(of, prepared.name);
  assert.ok(head?.kind === 'bytes' && head.cost === 'slow');
  assert.ok(!listed(of).includes(prepared.name));
  prepared.take(head.render());
  assert.ok(prepared.done);
  assert.ok(window.size > head.render().length);
});

test('of lsass.exe there is a minidump only when asked for, of System none', () => {
  const windows = windowsOf(sample('lsass.exe'));
  assert.deepEqual(listed(directoryAt(files(windows), 'minidump')), ['security.txt']);
  assert.match(textAt(files(windows), 'minidump/security.txt') ?? '', /--lsass-minidump/);
  const asked = directoryAt(pidDirectory(windowsOf(sample('lsass.exe')), { ...NO_SERVICES, lsassMinidump: true }), String(PID));
  assert.ok(listed(directoryAt(asked, 'minidump')).includes('minidump.dmp'));
  assert.equal(nodeAt(files(windows, 4), 'minidump'), undefined);
});

test('addresses are taken as debuggers write them', () => {
  assert.deepEqual(['fffff801`43a00000', '0X1f', ' 7ff6 ', '', 'x', '0x', '1-2'].map(writtenAddress), [0xffff_f801_43a0_0000n, 0x1fn, 0x7ff6n, undefined, undefined, undefined, undefined]);
});
