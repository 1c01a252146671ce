import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Dump } from '../../../src/minidump/dump.js';
import { dumpFile, rangesOf } from '../../../src/minidump/file.js';
import { dumpHead } from '../../../src/minidump/head.js';
import { readMinidump, type ReadDump } from '../../support/minidump-reader.js';

const CREATED = 133_200_500_000_000_000n;
const STACK = 0x7000_0000n;

const DUMP: Dump = {
  architecture: 'x64', processors: 4, version: { major: 10, minor: 0, build: 19041 }, servicePack: '', productType: 1,
  pid: 1004, created: CREATED, captured: CREATED + 600_000_000n,
  threads: [
    {
      tid: 8, suspendCount: 1, priority: 9, teb: 0x1234_0000n, stack: { start: STACK + 0x800n, length: 0x800 }, exitStatus: 0x103, created: CREATED, exited: 0n, startAddress: 0x7ff6_0000_1000n, name: 'main',
      registers: new Map([['Rip', 0x7ff6_0000_1234n], ['Rsp', STACK + 0x800n], ['Rbx', 5n], ['EFlags', 0x246n], ['SegCs', 0x33n]]),
    },
    { tid: 12, suspendCount: 0, priority: 8, teb: 0n, stack: { start: 0x9000_0000n, length: 0x1000 }, exitStatus: 0, created: 0n, exited: CREATED, startAddress: 0n, name: undefined, registers: undefined },
  ],
  modules: [
    { base: 0x7ff6_0000_0000n, size: 0x2000, checksum: 1, timestamp: 2, path: 'C:\\ä.exe', version: [10, 0, 19041, 1], codeView: { guid: '00112233445566778899AABBCCDDEEFF', age: 3, path: 'a.pdb' } },
    { base: 0x7ff7_0000_0000n, size: 0x1000, checksum: 0, timestamp: 0, path: '', version: undefined, codeView: undefined },
  ],
  unloaded: [{ base: 0x1000n, size: 0x2000, checksum: 0, timestamp: 7, name: 'gone.dll' }],
  regions: [
    { base: 0x1_0000n, size: 0x1000n, allocationBase: 0n, allocationProtect: 0, state: 0x1_0000, protect: 1, type: 0 },
    { base: STACK, size: 0x1000n, allocationBase: STACK, allocationProtect: 4, state: 0x1000, protect: 4, type: 0x2_0000 },
  ],
  memory: [{ start: STACK, length: 0x1000 }, { start: 0x7ff6_0000_0000n, length: 0x2000 }],
  comment: 'a comment',
};

/** Memory whose bytes say their page; odd pages are missing. */
const memory = {
  read: () => undefined,
  fill(address: bigint, target: Uint8Array): number {
    for (let i = 0; i < target.length; i += 1) target[i] = Number(((address + BigInt(i)) >> 12n) & 0xffn);
    return 0;
  },
};

function whole(dump: Dump): { bytes: Buffer; read: ReadDump } {
  const file = dumpFile(dumpHead(dump), { memory });
  const bytes = Buffer.alloc(file.size);
  file.fill(0, bytes);
  return { bytes, read: readMinidump({ size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) }) };
}

test('a dump keeps the format\'s rules and says what it was given', () => {
  const { read, bytes } = whole(DUMP);
  assert.deepEqual(read.problems, []);
  assert.deepEqual(read.system, { architecture: 9, processors: 4, major: 10, minor: 0, build: 19041, platform: 2, servicePack: '' });
  assert.equal(read.misc?.pid, 1004);
  assert.equal(read.misc?.created, Number((CREATED - 116_444_736_000_000_000n) / 10_000_000n));
  assert.deepEqual(read.threads.map(({ tid, suspendCount, priority, teb, stackStart }) => ({ tid, suspendCount, priority, teb, stackStart })), [
    { tid: 8, suspendCount: 1, priority: 9, teb: 0x1234_0000n, stackStart: STACK + 0x800n }, { tid: 12, suspendCount: 0, priority: 8, teb: 0n, stackStart: 0x9000_0000n },
  ]);
  assert.deepEqual(read.modules.map(({ base, size, name, version }) => ({ base, size, name, version })), [
    { base: 0x7ff6_0000_0000n, size: 0x2000, name: 'C:\\ä.exe', version: '10.0.19041.1' }, { base: 0x7ff7_0000_0000n, size: 0x1000, name: '', version: undefined },
  ]);
  assert.equal(read.modules[0]?.codeView.toString('hex'), `52534453${'33221100'}${'5544'}${'7766'}8899aabbccddeeff03000000${Buffer.from('a.pdb\0').toString('hex')}`);
  assert.deepEqual(read.unloaded, [{ base: 0x1000n, size: 0x2000, name: 'gone.dll' }]);
  assert.deepEqual(read.regions, DUMP.regions);
  assert.deepEqual([...read.threadNames], [[8, 'main']]);
  assert.deepEqual(read.threadInfo.map(({ flags, exitStatus }) => [flags, exitStatus]), [[0, 0x103], [0x14, 0]]);
  assert.equal(read.comment, 'a comment');
  assert.deepEqual(read.memory.map(({ start, length }) => ({ start, length })), DUMP.memory);
  assert.equal(bytes.length, read.memory.at(-1)!.offset + 0x2000);
});

test('a stack points into the memory where that holds it, and nowhere where it does not', () => {
  const { read } = whole(DUMP);
  assert.deepEqual(read.threads[0]?.stack, { rva: read.memory[0]!.offset + 0x800, size: 0x800 });
  assert.deepEqual(read.threads[1]?.stack, { rva: 0, size: 0 });
});

test('a context says which registers it has, and none where none are known', () => {
  const { read, bytes } = whole(DUMP);
  const context = (index: number): Buffer => bytes.subarray(read.threads[index]!.context.rva, read.threads[index]!.context.rva + read.threads[index]!.context.size);
  assert.equal(context(0).readUInt32LE(0x30), 0x10_0003);
  assert.equal(context(0).readBigUInt64LE(0xf8), 0x7ff6_0000_1234n);
  assert.equal(context(0).readBigUInt64LE(0x98), STACK + 0x800n);
  assert.equal(context(0).readUInt16LE(0x38), 0x33);
  assert.equal(context(1).readUInt32LE(0x30), 0x10_0000);
});

test('contexts of x86 and ARM64 have their sizes and places', () => {
  const only = (architecture: Dump['architecture'], registers: readonly (readonly [string, bigint])[]): { bytes: Buffer; at: number; read: ReadDump } => {
    const made = whole({ ...DUMP, architecture, threads: [{ ...DUMP.threads[0]!, registers: new Map(registers) }] });
    return { ...made, at: made.read.threads[0]!.context.rva };
  };
  const x86 = only('x86', [['Eip', 0x40_1000n], ['Esp', 0x12_ff00n], ['Eax', 1n]]);
  assert.deepEqual(x86.read.problems, []);
  assert.deepEqual([0, 0xb8, 0xc4, 0xb0].map((offset) => x86.bytes.readUInt32LE(x86.at + offset)), [0x1_0003, 0x40_1000, 0x12_ff00, 1]);
  const arm = only('arm64', [['Pc', 0x40_1000n], ['Sp', 0x12_ff00n]]);
  assert.deepEqual(arm.read.problems, []);
  assert.deepEqual([arm.bytes.readUInt32LE(arm.at), arm.bytes.readBigUInt64LE(arm.at + 0x108), arm.bytes.readBigUInt64LE(arm.at + 0x100)], [0x40_0001, 0x40_1000n, 0x12_ff00n]);
});

test('any part of a dump is read as the whole has it', () => {
  const { bytes } = whole(DUMP);
  const head = dumpHead(DUMP);
  const file = dumpFile(head, { memory });
  for (const [offset, length] of [[0, 10], [head.length - 5, 10], [head.length + 0xffe, 4], [head.length + 0x1000, 0x2000], [bytes.length - 1, 1], [17, bytes.length - 17]] as const) {
    const part = Buffer.alloc(length, 0xff);
    assert.equal(file.fill(offset, part), 0);
    assert.ok(part.equals(bytes.subarray(offset, offset + length)), `${length} bytes at ${offset}`);
  }
});

test('a process of which nothing is known has a dump too', () => {
  const { read } = whole({ ...DUMP, threads: [], modules: [], unloaded: [], regions: [], memory: [], comment: '', created: 0n, captured: 0n });
  assert.deepEqual(read.problems, []);
  assert.deepEqual([read.threads.length, read.modules.length, read.memory.length, read.time], [0, 0, 0, 0]);
  assert.equal(read.misc?.created, undefined);
});

test('a dump of many ranges is found through by offset', () => {
  const ranges = Array.from({ length: 50_000 }, (_, i) => ({ start: BigInt(i) * 0x3000n, length: 0x1000 }));
  const head = dumpHead({ ...DUMP, memory: ranges });
  assert.deepEqual(rangesOf(head), ranges);
  const file = dumpFile(head, { memory });
  assert.equal(file.size, head.length + 50_000 * 0x1000);
  const part = Buffer.alloc(2);
  file.fill(head.length + 49_999 * 0x1000 - 1, part);
  assert.deepEqual([...part], [(49_998 * 3) & 0xff, (49_999 * 3) & 0xff]);
});

const REAL = fileURLToPath(new URL('../../../../../shared/testdata/minidump-user/rust-minidump+rust-minidump/testdata/', import.meta.url));
test('the reader of these tests reads the dumps of others', { skip: existsSync(REAL) ? false : `there are no dumps in ${REAL}` }, () => {
  const read = (name: string): ReadDump => {
    const bytes = readFileSync(`${REAL}${name}`);
    return readMinidump({ size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) });
  };
  assert.ok(readdirSync(REAL).includes('test.dmp'));
  const breakpad = read('test.dmp');
  assert.deepEqual(breakpad.problems, []);
  assert.equal(breakpad.system?.platform, 2);
  assert.ok(breakpad.modules[0]?.name.endsWith('test_app.exe'));
  assert.ok(breakpad.threads.length > 0 && breakpad.memory.length > 0);
  assert.deepEqual(read('simple-crashpad.dmp').problems, []);
  assert.ok(read('simple-crashpad.dmp').modules.length > 0);
  assert.notDeepEqual(read('invalid-range.dmp').problems, []);
  assert.notDeepEqual(read('invalid-record-count.dmp').problems, []);
});
