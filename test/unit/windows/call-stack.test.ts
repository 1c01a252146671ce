import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CallStack } from '../../../src/windows/call-frame.js';
import { callStack, kernelCallStack } from '../../../src/windows/call-stack.js';
import { placeText } from '../../../src/windows/code-places.js';
import type { Process } from '../../../src/windows/process.js';
import type { Thread } from '../../../src/windows/thread.js';
import { familyProfile } from '../../support/families.js';
import { isfFile } from '../../support/isf-json.js';
import { machine, type Machine } from '../../support/machine.js';
import { UNKNOWN_SYMBOLS } from '../../support/standard.js';
import { KERNEL_CODE, type Space } from '../../support/tables.js';
import { exceptionPieces, TABLE_RVA, unwindBytes, type FunctionSpec } from '../../support/unwind-data.js';

const PID = 1000;
const BASE = 0x7ff9_1000_0000n;
const STACK_LIMIT = 0x50_0000n;
const STACK_BASE = 0x51_0000n;
const SP = 0x50_f000n;
const TEB = { address: 0x2f_1000n, stackBase: STACK_BASE, stackLimit: STACK_LIMIT };
const PRIVATE = 0x60_0000n;
/** Behind a call in each function. */
const BACK = 0x20;
const RBP = 5;
const SYMBOLS = '00112233445566778899AABBCCDDEEFF-1';

/** A function of 0x40 bytes whose call returns to BACK. */
function calling(begin: number, info: Buffer): FunctionSpec {
  const code = Buffer.alloc(0x40, 0x90);
  code.set([0xe8, 0, 0, 0, 0], BACK - 5);
  return { begin, end: begin + 0x40, info, code };
}

const LEAF = calling(0x1000, unwindBytes({}));
const ALLOC = calling(0x1100, unwindBytes({ prolog: 4, codes: [[4, 2, 4]] }));
const PUSH = calling(0x1200, unwindBytes({ prolog: 1, codes: [[1, 0, 3]] }));
const FRAMED = calling(0x1300, unwindBytes({ prolog: 4, frameRegister: RBP, codes: [[4, 3, 0]] }));
const SELF = calling(0x1400, unwindBytes({ chained: { begin: 0x1400, end: 0x1440, unwind: 0 } }));
const FUNCTIONS = [LEAF, ALLOC, PUSH, FRAMED, SELF];
const at = ({ begin }: FunctionSpec, offset = BACK): bigint => BASE + BigInt(begin + offset);

/** Writes functions, their table and what names it into an image that is mapped. */
function writeFunctions(space: Space, base: bigint, functions: readonly FunctionSpec[]): void {
  const { pieces, size, infos } = exceptionPieces(functions);
  for (const { rva, bytes } of pieces) space.write(base + BigInt(rva), bytes);
  const directory = Buffer.alloc(8);
  directory.writeUInt32LE(TABLE_RVA, 0);
  directory.writeUInt32LE(size, 4);
  space.write(base + 0x80n + 0x88n + 3n * 8n, directory);
  // SELF is chained to its own information.
  const self = Buffer.alloc(4);
  self.writeUInt32LE(infos[functions.indexOf(SELF)] ?? 0, 0);
  if (functions.includes(SELF)) space.write(base + BigInt((infos[functions.indexOf(SELF)] ?? 0) + 4 + 8), self);
}

function words(space: Space, address: bigint, ...values: readonly bigint[]): void {
  values.forEach((value, i) => space.setU64(address + BigInt(i * 8), value));
}

/** A process whose one thread stands at `ip`, with these words on its stack. */
function threaded(ip: bigint, stack: readonly bigint[], change: (made: Machine, space: Space) => void = () => undefined, symbolFolders: readonly string[] = []): { readonly process: Process; readonly thread: Thread } {
  const made = machine().process({
    name: 'made.exe', pid: PID,
    parameters: { imagePath: 'C:\\made.exe', commandLine: '' },
    modules: [{ base: BASE, pages: 8, name: 'made.exe', path: 'C:\\made.exe', pe: { exports: { rva: 0x6000, name: 'made.exe', functions: { Wait: LEAF.begin, Run: PUSH.begin, Data: 0x7000 } }, entry: ALLOC.begin, codeView: { rva: 0x6800, symbolFile: SYMBOLS, path: 'made.pdb' } } }],
    vads: [{ start: STACK_LIMIT, pages: 16, protection: 4 }, { start: PRIVATE, pages: 1, protection: 6 }],
    threads: [{ tid: 1004, teb: TEB, trap: { rip: ip, rsp: SP } }],
  });
  const { space } = made.built(PID);
  writeFunctions(space, BASE, FUNCTIONS);
  words(space, SP, ...stack);
  change(made, space);
  const process = made.open({ symbolFolders }).process(PID) ?? assert.fail('the process is not found');
  return { process, thread: process.threads()[0] ?? assert.fail('the thread is not found') };
}

function shown({ frames }: CallStack): string[] {
  return frames.map((frame) => `${placeText(frame.ip, frame)}${frame.sure ? '' : ' ?'} ${frame.source}`);
}

const run = (ip: bigint, stack: readonly bigint[], change?: (made: Machine, space: Space) => void): CallStack & { readonly anomalies: readonly string[] } => {
  const { process, thread } = threaded(ip, stack, change);
  const found = callStack(process, thread);
  return { ...found, anomalies: process.anomalies.list.map(({ what }) => what) };
};
const gap = (count: number): bigint[] => new Array<bigint>(count).fill(0n);

test('frames follow each other by their unwind data up to the one that returns to nowhere', () => {
  const found = run(at(LEAF), [at(ALLOC), ...gap(5), at(PUSH), 7n, at(ALLOC), ...gap(6)]);
  assert.deepEqual(shown(found), ['made.exe!Wait+0x20 context', 'made.exe!entry+0x20 unwind', 'made.exe!Run+0x20 unwind', 'made.exe!entry+0x20 unwind']);
  assert.deepEqual(found.frames.map(({ sp }) => sp - SP), [0n, 8n, 56n, 72n]);
  assert.deepEqual(found.frames.map(({ functionRva, offset }) => [functionRva, offset]), [[0x1000, 0x1020], [0x1100, 0x1120], [0x1200, 0x1220], [0x1100, 0x1120]]);
  assert.equal(found.end, 'complete');
  assert.deepEqual(found.anomalies, []);
});

test('code between functions that nothing describes is a leaf when the thread stands there', () => {
  const found = run(BASE + 0x1080n, [at(ALLOC), ...gap(6)]);
  assert.deepEqual(shown(found), ['made.exe+0x1080 context', 'made.exe!entry+0x20 leaf']);
});

test('a return address that is no code is passed over for the next one, which is marked as a guess with all behind it', () => {
  const found = run(at(LEAF), [0x1234_5678n, 0x99n, at(LEAF, 4), at(ALLOC), ...gap(5), at(PUSH), 0n, 0n]);
  assert.deepEqual(shown(found), ['made.exe!Wait+0x20 context', 'made.exe!entry+0x20 ? scan', 'made.exe!Run+0x20 ? unwind']);
  assert.equal(found.end, 'complete');
});

test('code in private memory is shown as what the memory is, and guessed behind', () => {
  const found = run(at(LEAF), [PRIVATE + 0x30n, 1n, at(PUSH), 0n, 0n]);
  assert.deepEqual(shown(found), ['made.exe!Wait+0x20 context', '[private PAGE_EXECUTE_READWRITE]+0x30 unwind', 'made.exe!Run+0x20 ? scan']);
});

test('a stack pointer that moves down is an anomaly, and the frames end or are guessed', () => {
  const found = run(at(FRAMED), [...gap(4)], (made) => {
    const trap = made.view('_ETHREAD', made.built(PID).threads[0] ?? 0n).get('Tcb.TrapFrame');
    made.lie('_KTRAP_FRAME', trap, 'Rbp', SP - 0x100n);
    words(made.built(PID).space, SP - 0x100n, at(ALLOC));
  });
  assert.deepEqual(shown(found), ['made.exe+0x1320 context']);
  assert.match(found.anomalies.join(), /the stack pointer moves down/);
  assert.equal(found.end, 'the unwind data contradicts itself');
});

test('unwind data that is chained to itself is an anomaly', () => {
  const found = run(at(SELF), [...gap(4)]);
  assert.deepEqual(shown(found), ['made.exe+0x1420 context']);
  assert.ok(found.anomalies.some((what) => what.includes('without end')));
});

test('a stack full of returns ends after 256 frames, which is said', () => {
  const found = run(at(LEAF), [], (_, space) => words(space, SP, ...new Array<bigint>(0x200).fill(at(LEAF))));
  assert.equal(found.frames.length, 256);
  assert.equal(found.end, 'stopped after 256 frames');
  assert.ok(found.anomalies.includes('stopped after 256 frames'));
});

test('frames end where the stack is not in the image', () => {
  const found = run(at(PUSH), [], (made, space) => made.absent(SP, space));
  assert.deepEqual(shown(found), ['made.exe!Run+0x20 context']);
  assert.match(found.end, /is not in the image/);
});

test('frames end where they leave the stack', () => {
  const found = run(at(PUSH), [], (_, space) => {
    words(space, SP, 0n, 0n);
    space.write(STACK_BASE, Buffer.alloc(8));
  });
  assert.equal(found.end, 'complete');
  const { process, thread } = threaded(at(LEAF), []);
  const beyond = callStack(process, { ...thread, stackPointer: STACK_BASE - 8n });
  assert.equal(beyond.frames.length, 1);
});

test('a thread whose TEB cannot be read, or whose trap frame is garbage, has no call stack', () => {
  const noTeb = run(at(LEAF), [at(ALLOC)], (made, space) => made.absent(TEB.address, space));
  assert.deepEqual([noTeb.frames, noTeb.end], [[], 'no registers are known']);
  const garbage = run(0x1234n, [], (made) => made.lie('_ETHREAD', made.built(PID).threads[0] ?? 0n, 'Tcb.TrapFrame', 0xffff_ffff_ffff_fff0n));
  assert.deepEqual([garbage.frames, garbage.end], [[], 'no registers are known']);
});

test('registers that lead nowhere give one frame', () => {
  const found = run(0x1234n, [1n, 2n]);
  assert.deepEqual(shown(found), ['0x1234 context']);
  assert.equal(found.end, 'code without unwind data');
});

test('without the page of its exception table a module\'s frames are guesses', () => {
  const found = run(at(LEAF), [at(ALLOC), ...gap(5), at(PUSH), 0n, 0n], (made, space) => made.absent(BASE + BigInt(TABLE_RVA), space));
  assert.deepEqual(shown(found), ['made.exe!Wait+0x20 context', 'made.exe+0x1120 ? scan', 'made.exe!Run+0x20 ? scan']);
});

test('a waiting thread\'s kernel calls begin at its switch frame', () => {
  const driver = 0xffff_f801_4000_0000n;
  const made = machine().driver({ name: 'made.sys', path: '\\SystemRoot\\made.sys', base: driver, pages: 8 })
    .process({ name: 'made.exe', pid: PID, threads: [{ tid: 1004, teb: TEB }] });
  const { space } = made.kernel;
  const header = Buffer.alloc(0x200);
  header.write('MZ', 0, 'latin1');
  header.writeUInt32LE(0x80, 0x3c);
  header.write('PE\0\0', 0x80, 'latin1');
  header.writeUInt16LE(0x8664, 0x84);
  header.writeUInt16LE(0xf0, 0x94);
  header.writeUInt16LE(0x20b, 0x98);
  header.writeUInt32LE(0x8000, 0xd0);
  header.writeUInt32LE(16, 0x104);
  space.back(driver, 0x8000, KERNEL_CODE);
  space.write(driver, header);
  writeFunctions(space, driver, FUNCTIONS);
  const thread = made.view('_ETHREAD', made.built(PID).threads[0] ?? 0n);
  const base = thread.get('Tcb.StackBase');
  const saved = thread.get('Tcb.KernelStack');
  const inDriver = (spec: FunctionSpec): bigint => driver + BigInt(spec.begin + BACK);
  // RBP and the return address of SwapContext, then the frames: one of 40 bytes, one that returns to user mode.
  words(space, saved + 0x30n, 0n, inDriver(ALLOC));
  words(space, saved + 0x40n, ...gap(5), inDriver(PUSH), 0n, 0x7ff9_0000_1000n);
  assert.ok(saved + 0x100n < base);
  const process = made.open().process(PID) ?? assert.fail();
  const found = process.threads()[0] ?? assert.fail();
  const stack = kernelCallStack(process, found);
  assert.deepEqual(shown(stack), ['made.sys+0x1120 context', 'made.sys+0x1220 unwind']);
  assert.equal(stack.end, 'complete');
  assert.equal(kernelCallStack(process, { ...found, running: true }).end, 'no registers are known');
});

test('32-bit code is followed by its frame pointers, none of them sure, and in a circle it ends', () => {
  const made = machine({ profile: familyProfile(7601, 'x86'), mode: 'x86', symbolFile: UNKNOWN_SYMBOLS, exports: 'as Windows' }).process({
    name: 'made.exe', pid: PID,
    parameters: { imagePath: 'C:\\made.exe', commandLine: '' },
    modules: [{ base: 0x40_0000n, pages: 8, name: 'made.exe', path: 'C:\\made.exe', pe: { exports: { rva: 0x6000, name: 'made.exe', functions: { Wait: 0x1000, Run: 0x1100 } } } }],
    vads: [{ start: STACK_LIMIT, pages: 16, protection: 4 }],
    threads: [{ tid: 1004, teb: { ...TEB, address: 0x7ffd_e000n }, trap: { rip: 0x40_1020n, rsp: SP } }],
  });
  const { space } = made.built(PID);
  const halves = (address: bigint, ...values: readonly number[]): void => {
    const bytes = Buffer.alloc(values.length * 4);
    values.forEach((value, i) => bytes.writeUInt32LE(value, i * 4));
    space.write(address, bytes);
  };
  const trap = made.view('_ETHREAD', made.built(PID).threads[0] ?? 0n).get('Tcb.TrapFrame');
  made.lie('_KTRAP_FRAME', trap, 'Ebp', SP + 0x20n);
  halves(SP + 0x20n, Number(SP) + 0x40, 0x40_1110);
  halves(SP + 0x40n, Number(SP) + 0x20, 0x40_1130);
  const process = made.open().process(PID) ?? assert.fail();
  const found = callStack(process, process.threads()[0] ?? assert.fail());
  assert.deepEqual(shown(found), ['made.exe!Wait+0x20 context', 'made.exe!Run+0x10 ? ebp', 'made.exe!Run+0x30 ? ebp']);
  assert.equal(found.end, 'the frame pointer leads out of the stack');
  assert.ok(found.frames.every(({ is32 }) => is32));
});

test('the user\'s symbols name functions that no export does', () => {
  const root = mkdtempSync(join(tmpdir(), 'memlens-call-stack-'));
  try {
    const symbols = { WaitInner: { address: LEAF.begin }, Middle: { address: ALLOC.begin }, Before: { address: FRAMED.begin + 0x40 } };
    writeFileSync(join(root, 'made.json'), isfFile({ symbols, metadata: { windows: { pdb: { GUID: SYMBOLS.slice(0, 32), age: 1, database: 'made.pdb', machine_type: 34404 } } } }));
    const { process, thread } = threaded(at(LEAF), [at(ALLOC), ...gap(5), at(PUSH), 0n, 0n], undefined, [root]);
    assert.deepEqual(shown(callStack(process, thread)), ['made.exe!WaitInner+0x20 context', 'made.exe!Middle+0x20 unwind', 'made.exe!Run+0x20 unwind']);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('the saved 32-bit frame of a WoW64 thread comes behind its 64-bit ones', () => {
  const process32 = 0x40_0000n;
  const teb32 = 0x30_0000n;
  const stack32 = 0x48_0000n;
  const { process, thread } = threaded(at(LEAF), [0n], (made, space) => {
    const teb = made.view('_TEB', TEB.address, space);
    teb.set('NtTib.ExceptionList', teb32);
    space.setU64(teb.at('TlsSlots') + 8n, SP + 0x100n);
    const context = Buffer.alloc(4 + 0x2cc);
    context.writeUInt32LE(Number(process32) + 0x1234, 4 + 0xb8);
    context.writeUInt32LE(Number(stack32) + 0x800, 4 + 0xc4);
    context.writeUInt32LE(Number(stack32) + 0x820, 4 + 0xb4);
    space.write(SP + 0x100n, context);
    const tib = Buffer.alloc(12);
    tib.writeUInt32LE(Number(stack32) + 0x1000, 4);
    tib.writeUInt32LE(Number(stack32), 8);
    space.write(teb32, tib);
    space.write(stack32 + 0x820n, Buffer.alloc(8));
    made.view('_EPROCESS', made.built(PID).view.address).set('WoW64Process', wow64Process(made));
  });
  assert.ok(process.facts.wow64);
  const { frames, end } = callStack(process, thread);
  assert.deepEqual(frames.map(({ ip, sp, is32 }) => [ip, sp, is32]), [[at(LEAF), SP, false], [0x40_1234n, 0x48_0800n, true]]);
  assert.equal(end, 'complete; 32-bit: complete');
});

/** A `_EWOW64PROCESS` whose PEB is anywhere. */
function wow64Process({ kernel }: Machine): bigint {
  const wow64 = kernel.nonpaged.struct('_EWOW64PROCESS', 'Wow6');
  wow64.set('Peb', 0x2f_0000n);
  return wow64.address;
}
