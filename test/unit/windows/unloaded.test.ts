import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { csvHeading, csvRow, textOf } from '../../../src/vfs/table.js';
import { UNLOADED } from '../../../src/tables/unloaded-modules.js';
import { unloadedModules, type UnloadedModule } from '../../../src/windows/unloaded.js';
import type { Windows } from '../../../src/windows/windows.js';
import { isfFile } from '../../support/isf-json.js';
import { writeText } from '../../support/layout.js';
import { FAMILIES, machine, type Machine } from '../../support/machine.js';
import type { ModuleSpec } from '../../support/user-memory.js';

const PID = 1004;
const TIME = 133_200_470_000_000_000n;
const root = mkdtempSync(join(tmpdir(), 'memlens-unloaded-'));
after(() => rmSync(root, { recursive: true, force: true }));

function unloaded(windows: Windows, pid = PID): readonly UnloadedModule[] {
  const process = windows.process(pid);
  assert.ok(process !== undefined);
  return unloadedModules(process);
}

interface DriverRow { readonly name: string; readonly start: bigint; readonly end: bigint }

/** Writes the kernel's ring, each row at its slot. */
function ring(made: Machine, rows: Readonly<Record<number, DriverRow>>, next: number): bigint {
  const { kernel } = made;
  const pointer = kernel.profile.pointerSize;
  const size = pointer * 4 + 8;
  const at = kernel.nonpaged.alloc(size * 50, 'MmUn');
  for (const [slot, { name, start, end }] of Object.entries(rows)) {
    const row = at + BigInt(Number(slot) * size);
    writeText(kernel.space, row, name, kernel.nonpaged.alloc(name.length * 2 + 2, 'MmUn'));
    kernel.space.setPointer(row + BigInt(pointer * 2), start);
    kernel.space.setPointer(row + BigInt(pointer * 3), end);
    kernel.space.setU64(row + BigInt(pointer * 4), TIME + BigInt(slot));
  }
  kernel.setVariable('MmUnloadedDrivers', at);
  const last = Buffer.alloc(4);
  last.writeUInt32LE(next);
  kernel.space.write(kernel.symbol('MmLastUnloadedDriver'), last);
  return at;
}

const driver = (name: string, start: bigint, pages = 4): DriverRow => ({ name, start, end: start + BigInt(pages * 4096) });
const A = driver('a.sys', 0xffff_f801_5000_0000n);
const B = driver('b.sys', 0xffff_f801_5010_0000n);
const C = driver('c.sys', 0xffff_f801_5020_0000n);

for (const build of FAMILIES) {
  test(`build ${build}: the kernel's unloaded drivers, the oldest first, also when the ring has come round`, () => {
    const made = machine({ profile: build });
    ring(made, { 0: B, 1: C, 49: A }, 2);
    const windows = made.open();
    assert.deepEqual(unloaded(windows, 4).map(({ name, base, size, unloaded: time, wow64 }) => [name, base, size, time, wow64]), [
      ['a.sys', A.start, 0x4000, TIME + 49n, false], ['b.sys', B.start, 0x4000, TIME, false], ['c.sys', C.start, 0x4000, TIME + 1n, false],
    ]);
    assert.deepEqual(windows.anomalies.list, []);
  });
}

test('the table has MemProcFS\'s columns', () => {
  const made = machine();
  ring(made, { 0: A, 1: { ...B, name: 'x\u001b[2J\n/' } }, 2);
  const windows = made.open();
  const process = windows.process(4);
  assert.ok(process !== undefined);
  const rows = unloadedModules(process).map((module) => ({ process, module }));
  assert.equal(csvHeading(UNLOADED), 'PID,Process,ModuleName,UnloadTime,Wow64,Size,Start,End\n');
  assert.equal(csvRow(UNLOADED, rows[0]!), '4,System,a.sys,"2023-02-05 05:03:20",0,0x4000,0xfffff80150000000,0xfffff80150003fff\n');
  const text = textOf(UNLOADED, rows).toString();
  assert.match(text.split('\n')[2] ?? '', /^0000 {6}4 {8}4 fffff80150000000-fffff80150003fff {4}2023-02-05 05:03:20 UTC a\.sys/);
  assert.ok(text.includes('x\\x1b[2J\\x0a/'));
});

test('a ring that lies: impossible ranges are anomalies, an index out of bounds and names of 32,000 characters do no harm', () => {
  const made = machine({ memory: 8 << 20 });
  const long = 'n'.repeat(32_000);
  ring(made, { 0: A, 1: { ...B, end: B.start - 1n }, 2: { ...C, start: 0x123n }, 3: { ...C, name: long }, 4: { ...A, end: A.start + (1n << 40n) } }, 0xffff_ffff);
  const windows = made.open();
  assert.deepEqual(unloaded(windows, 4).map(({ name }) => name.length).sort((a, b) => a - b), [5, 32_000]);
  assert.ok(windows.anomalies.list.filter(({ where }) => where === 'unloaded drivers').length >= 3);
  made.kernel.setVariable('MmUnloadedDrivers', 0x1000n);
  assert.deepEqual(unloaded(made.open(), 4), []);
  made.kernel.setVariable('MmUnloadedDrivers', 0xffff_9999_0000_0000n);
  const absent = made.open();
  assert.deepEqual(unloaded(absent, 4), []);
  assert.ok(absent.anomalies.list.some(({ what }) => what.includes('not in the image')));
});

const CODE = 0x1000;
const EXTENDED = 0x1100;
const VARIABLES = 0x3000;
const ARRAY = 0x4000;
const NTDLL: ModuleSpec = {
  base: 0x7ffb_2000_0000n, pages: 16, name: 'ntdll.dll', path: 'C:\\Windows\\System32\\ntdll.dll',
  pe: {
    exports: { rva: 0x2000, name: 'ntdll.dll', functions: { RtlGetUnloadEventTrace: CODE, RtlGetUnloadEventTraceEx: EXTENDED } },
    codeView: { rva: 0x2800, symbolFile: '0123456789ABCDEF0123456789ABCDEF-1', path: 'ntdll.pdb' },
  },
};
const MAIN: ModuleSpec = { base: 0x7ff6_1000_0000n, pages: 2, name: 'a.exe', path: 'C:\\a.exe' };

interface TraceRow { readonly base: bigint; readonly size: number; readonly sequence: number; readonly name: string }

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

function traces(rows: readonly TraceRow[], pointer: 4 | 8, element: number): Buffer {
  const bytes = Buffer.alloc(rows.length * element);
  rows.forEach(({ base, size, sequence, name }, i) => {
    const at = i * element;
    if (pointer === 8) bytes.writeBigUInt64LE(base, at);
    else bytes.writeUInt32LE(Number(base), at);
    bytes.writeUInt32LE(size, at + pointer);
    bytes.writeUInt32LE(sequence, at + pointer * 2);
    bytes.writeUInt32LE(0x5f00_0001, at + pointer * 2 + 4);
    bytes.writeUInt32LE(0xabcd, at + pointer * 2 + 8);
    bytes.write(name.slice(0, 32), at + pointer * 2 + 12, 'utf16le');
  });
  return bytes;
}

const ROWS: readonly TraceRow[] = [
  { base: 0x7ffb_4000_0000n, size: 0x5000, sequence: 64, name: 'late.dll' },
  { base: 0x7ffb_3000_0000n, size: 0x3000, sequence: 1, name: 'early.dll' },
];

function process64(profile: number, withCode = true, rows = ROWS, pe: NonNullable<ModuleSpec['pe']> = NTDLL.pe ?? {}): Machine {
  const made = machine({ profile, memory: 8 << 20 }).process({ name: 'a.exe', pid: PID, modules: [MAIN, { ...NTDLL, pe }], parameters: { imagePath: MAIN.path, commandLine: 'a' } });
  const { space } = made.built(PID);
  // Behind the name of its 32 characters an element of Vista and later has two words of version.
  space.write(NTDLL.base + BigInt(ARRAY), traces(rows, 8, 0x68));
  if (withCode) space.write(NTDLL.base + BigInt(CODE), Buffer.concat([Buffer.from([0x48, 0x8d, 0x05]), u32(ARRAY - CODE - 7), Buffer.from([0xc3])]));
  return made;
}

for (const build of FAMILIES) {
  test(`build ${build}: a process's unloaded libraries are found through the code that returns their array`, () => {
    const windows = process64(build).open();
    assert.deepEqual(unloaded(windows), [
      { name: 'early.dll', base: 0x7ffb_3000_0000n, size: 0x3000, wow64: false, unloaded: undefined, sequence: 1, timestamp: 0x5f00_0001, checksum: 0xabcd },
      { name: 'late.dll', base: 0x7ffb_4000_0000n, size: 0x5000, wow64: false, unloaded: undefined, sequence: 64, timestamp: 0x5f00_0001, checksum: 0xabcd },
    ]);
    assert.deepEqual(windows.anomalies.list, []);
  });
}

for (const build of FAMILIES) {
  test(`build ${build}: a WoW64 process has a 32-bit ntdll with its own array`, () => {
    const base = 0x7710_0000n;
    const made = machine({ profile: build, memory: 8 << 20 }).process({
      name: 'a.exe', pid: PID, parameters: { imagePath: MAIN.path, commandLine: 'a' },
      modules: [MAIN, NTDLL, { ...NTDLL, base, path: 'C:\\Windows\\SysWOW64\\ntdll.dll', linked: false, pe: { ...NTDLL.pe, is64: false } }],
    });
    const { space, view } = made.built(PID);
    if (view.has('WoW64Process')) view.set('WoW64Process', made.kernel.nonpaged.struct('_EWOW64PROCESS', 'Wow6').set('Peb', 0x7f_0000).address);
    else view.set('Wow64Process', 0x7f_0000);
    space.write(base + BigInt(ARRAY), traces([{ base: 0x7200_0000n, size: 0x2000, sequence: 0, name: 'old32.dll' }, { base: 0x7300_0000n, size: 0x3000, sequence: 1, name: 'new32.dll' }], 4, 0x5c));
    space.write(base + BigInt(CODE), Buffer.concat([Buffer.from([0xb8]), u32(Number(base) + ARRAY), Buffer.from([0xc3])]));
    const windows = made.open();
    assert.deepEqual(unloaded(windows).map(({ name, base: at, size, wow64, sequence }) => [name, at, size, wow64, sequence]),
      [['old32.dll', 0x7200_0000n, 0x2000, true, 0], ['new32.dll', 0x7300_0000n, 0x3000, true, 1]]);
  });
}

test('the larger array that a debugger asked for is read too, each unloading once', () => {
  const made = process64(19041);
  const { space } = made.built(PID);
  const heap = 0x0000_01c5_7744_0000n - 0x10000n;
  space.write(heap, traces([...ROWS, { base: 0x7ffb_5000_0000n, size: 0x1000, sequence: 65, name: 'more.dll' }], 8, 0x68));
  space.write(NTDLL.base + BigInt(VARIABLES), Buffer.concat([u32(0x68), u32(3)]));
  space.setU64(NTDLL.base + BigInt(VARIABLES + 8), heap);
  const parts = [[0x48, 0x89, 0x01], [0x48, 0x89, 0x02], [0x49, 0x89, 0x00]].flatMap((store, i) => {
    const at = EXTENDED + i * 10;
    return [Buffer.from([0x48, 0x8d, 0x05]), u32(VARIABLES + i * 4 - at - 7), Buffer.from(store)];
  });
  space.write(NTDLL.base + BigInt(EXTENDED), Buffer.concat([...parts, Buffer.from([0xc3])]));
  assert.deepEqual(unloaded(made.open()).map(({ name }) => name), ['early.dll', 'late.dll', 'more.dll']);
  space.write(NTDLL.base + BigInt(VARIABLES), Buffer.concat([u32(0xffff_ffff), u32(0xffff_ffff)]));
  assert.deepEqual(unloaded(made.open()).map(({ name }) => name), ['early.dll', 'late.dll'], 'elements of another size are not read');
});

test('with symbols of ntdll the array is found without its code', () => {
  const file = isfFile({
    symbols: { RtlpUnloadEventTrace: { address: ARRAY } },
    metadata: { windows: { pdb: { GUID: '0123456789ABCDEF0123456789ABCDEF', age: 1, database: 'ntdll.pdb', machine_type: 34404 } } },
  });
  writeFileSync(join(root, 'ntdll.json'), file);
  const made = process64(19041, false);
  assert.deepEqual(unloaded(made.open()), []);
  assert.deepEqual(unloaded(made.open({ symbolFolders: [root] })).map(({ name }) => name), ['early.dll', 'late.dll']);
});

test('elements that cannot be are anomalies, code that leads outside ntdll is not followed, names are cut at their array\'s end', () => {
  const rows = [{ ...ROWS[0]!, base: 0x123n }, { ...ROWS[1]!, size: 0 }, { ...ROWS[1]!, base: 0x7ffb_3100_0000n, size: 0xffff_ffff, sequence: 3 }, { ...ROWS[1]!, sequence: 4, name: 'n'.repeat(40) }];
  const windows = process64(19041, true, rows).open();
  assert.deepEqual(unloaded(windows).map(({ name }) => name), ['n'.repeat(32)]);
  assert.equal(windows.anomalies.list.filter(({ what }) => what.includes('no plausible range')).length, 3);
  const outside = process64(19041, false);
  outside.built(PID).space.write(NTDLL.base + BigInt(CODE), Buffer.concat([Buffer.from([0x48, 0x8d, 0x05]), u32(0x4000_0000), Buffer.from([0xc3])]));
  assert.deepEqual(unloaded(outside.open()), []);
  assert.deepEqual(unloaded(process64(19041, true, ROWS, {}).open()), [], 'an ntdll without exports');
});

test('a process that has ended, and one without ntdll, have none', () => {
  const windows = machine().process({ name: 'gone.exe', pid: PID, exited: 133_200_500_000_000_000n }).process({ name: 'Registry', pid: 92 }).open();
  assert.deepEqual([unloaded(windows), unloaded(windows, 92)], [[], []]);
});
