import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExportNames } from '../../../src/pe/export-names.js';
import { ImageLayout } from '../../../src/pe/layout.js';
import { primaryFunction, unwindFrame, unwindLeaf, type Registers, type Unwound } from '../../../src/pe/unwind-frame.js';
import { ExceptionTable } from '../../../src/pe/unwind.js';
import { exceptionPieces, TABLE_RVA, unwindBytes, type FunctionSpec, type InfoSpec } from '../../support/unwind-data.js';
import { BASE, laidOut, type LaidOut } from './laid-out.js';

const [RBX, RBP, RSI, R12] = [3, 5, 6, 12];
const BEGIN = 0x1000;
const END = 0x1100;
const STACK = 0x7f_0000n;
const RETURN = 0x7ff6_9999_1234n;

interface Made {
  readonly memory: LaidOut;
  readonly layout: ImageLayout;
  readonly table: ExceptionTable;
}

function made(functions: readonly FunctionSpec[], drop: readonly number[] = []): Made {
  const { pieces, size } = exceptionPieces(functions);
  const memory = laidOut({ sizeOfImage: 0x10000 }, pieces);
  for (const page of drop) memory.drop(page);
  const layout = new ImageLayout(memory, BASE, 0x10000);
  return { memory, layout, table: new ExceptionTable(layout, TABLE_RVA, size) };
}

/** Words of the stack from STACK on. */
function stack(...words: readonly bigint[]): (address: bigint) => bigint | undefined {
  return (address) => words[Number((address - STACK) / 8n)];
}

function registers(rva: number, general: Readonly<Record<number, bigint>> = {}): Registers {
  return { ip: BASE + BigInt(rva), sp: STACK, general: Array.from({ length: 16 }, (_, i) => general[i]) };
}

/** One step out of the only function. */
function step(info: InfoSpec, words: readonly bigint[], { rva = BEGIN + 0x40, general = {}, exact = false, code }: { rva?: number; general?: Readonly<Record<number, bigint>>; exact?: boolean; code?: Buffer } = {}): Unwound {
  const { layout, table } = made([{ begin: BEGIN, end: END, info: unwindBytes(info), ...(code === undefined ? {} : { code }) }]);
  const found = table.find(rva);
  assert.equal(found.kind, 'function');
  return unwindFrame({ base: BASE, layout, functions: table }, (found as { entry: { begin: number; end: number; unwind: number } }).entry, registers(rva, general), stack(...words), exact);
}

function caller(unwound: Unwound): Registers {
  assert.equal(unwound.kind, 'caller');
  return (unwound as { registers: Registers }).registers;
}

const words = (count: number, ...tail: readonly bigint[]): bigint[] => [...new Array<bigint>(count).fill(0x55n), ...tail];

test('a pushed register comes back from the stack, and the return address lies behind it', () => {
  const { ip, sp, general } = caller(step({ prolog: 1, codes: [[1, 0, RBX]] }, [0x1111n, RETURN]));
  assert.deepEqual([ip, sp, general[RBX]], [RETURN, STACK + 16n, 0x1111n]);
});

test('a small allocation is eight bytes and eight for each unit', () => {
  assert.deepEqual([caller(step({ prolog: 4, codes: [[4, 2, 4]] }, words(5, RETURN))).sp, 5n * 8n], [STACK + 48n, 40n]);
});

test('a large allocation counts in eights in one slot, in bytes in two', () => {
  assert.equal(caller(step({ prolog: 7, codes: [[7, 1, 0, 0x20]] }, words(32, RETURN))).sp, STACK + 0x108n);
  assert.equal(caller(step({ prolog: 7, codes: [[7, 1, 1, 0x0100, 0]] }, words(32, RETURN))).sp, STACK + 0x108n);
  assert.equal(step({ prolog: 7, codes: [[7, 1, 1, 0, 1]] }, words(32, RETURN)).kind, 'stuck', '64 KiB up there is nothing');
});

test('a frame register gives the stack pointer back, however far that has moved', () => {
  const info: InfoSpec = { prolog: 9, frameRegister: RBP, frameOffset: 2, codes: [[9, 3, 0], [5, 2, 3], [1, 0, RBP]] };
  // mov rbp, rsp + 0x20 with 0x20 allocated; then 0x18 more were allocated.
  const { ip, sp, general } = caller(step(info, words(3, 1n, 2n, 3n, 4n, 0xbbbbn, RETURN), { general: { [RBP]: STACK + 0x18n + 0x20n } }));
  assert.deepEqual([ip, sp, general[RBP]], [RETURN, STACK + 0x48n, 0xbbbbn]);
});

test('a frame register that is not known stops the walk and is named', () => {
  const unwound = step({ prolog: 4, frameRegister: R12, codes: [[4, 3, 0]] }, words(4));
  assert.deepEqual(unwound, { kind: 'stuck', what: 'the frame register r12 is not known' });
});

test('a saved register comes from its place in the frame, near and far', () => {
  const near = caller(step({ prolog: 9, codes: [[9, 4, RBX, 6], [4, 2, 3]] }, [1n, 2n, 3n, 4n, RETURN, 0n, 0x2222n]));
  assert.deepEqual([near.ip, near.general[RBX]], [RETURN, 0x2222n]);
  const far = caller(step({ prolog: 9, codes: [[9, 5, RSI, 0x30, 0], [4, 2, 3]] }, [1n, 2n, 3n, 4n, RETURN, 0n, 0x3333n]));
  assert.deepEqual([far.ip, far.general[RSI]], [RETURN, 0x3333n]);
});

test('a saved register is found by the frame register where there is one', () => {
  const { general } = caller(step({ prolog: 9, frameRegister: RBP, frameOffset: 1, codes: [[9, 4, RBX, 1], [8, 3, 0], [4, 2, 3]] },
    words(2, 0n, 0x4444n, 0n, 0n, RETURN), { general: { [RBP]: STACK + 0x20n } }));
  assert.equal(general[RBX], 0x4444n);
});

test('saved XMM registers move nothing', () => {
  const { ip, sp } = caller(step({ prolog: 12, codes: [[12, 8, 6, 1], [9, 9, 7, 0x20, 0], [4, 2, 3]] }, words(4, RETURN)));
  assert.deepEqual([ip, sp], [RETURN, STACK + 40n]);
});

test('a machine frame gives instruction and stack pointer of what was interrupted, behind an error code where there is one', () => {
  const plain = step({ codes: [[0, 10, 0]] }, [RETURN, 0x33n, 0x246n, 0x1234_0000n, 0x2bn]);
  assert.deepEqual([caller(plain).ip, caller(plain).sp, plain.kind === 'caller' && plain.exact], [RETURN, 0x1234_0000n, true]);
  const coded = caller(step({ codes: [[0, 10, 1]] }, [0xen, RETURN, 0x33n, 0x246n, 0x1234_0000n, 0x2bn]));
  assert.deepEqual([coded.ip, coded.sp], [RETURN, 0x1234_0000n]);
});

test('of a prolog that is under way only what was done is undone', () => {
  const info: InfoSpec = { prolog: 5, codes: [[5, 2, 3], [1, 0, RBX]] };
  const after = (rva: number, ...stacked: readonly bigint[]): Registers => caller(step(info, stacked, { rva, exact: true }));
  assert.equal(after(BEGIN, RETURN).sp, STACK + 8n);
  assert.deepEqual([after(BEGIN + 1, 0x1111n, RETURN).ip, after(BEGIN + 1, 0x1111n, RETURN).general[RBX]], [RETURN, 0x1111n]);
  assert.equal(after(BEGIN + 5, ...words(4, 0x1111n, RETURN)).ip, RETURN);
});

/** Code that fills the function, with these bytes at 0x40. */
function body(...bytes: readonly number[]): Buffer {
  const code = Buffer.alloc(END - BEGIN, 0x90);
  code.set(bytes, 0x40);
  return code;
}

const SAVED: InfoSpec = { prolog: 6, codes: [[6, 2, 3], [2, 0, RBX], [1, 0, R12]] };

test('what is left of an epilog is done instead of the whole prolog undone', () => {
  const at = (code: Buffer, ...stacked: readonly bigint[]): Registers => caller(step(SAVED, stacked, { code, exact: true }));
  assert.equal(at(body(0xc3), RETURN).sp, STACK + 8n, 'ret');
  assert.equal(at(body(0xf3, 0xc3), RETURN).ip, RETURN, 'rep ret');
  const pops = at(body(0x5b, 0x41, 0x5c, 0xc3), 1n, 2n, RETURN);
  assert.deepEqual([pops.ip, pops.general[RBX], pops.general[R12]], [RETURN, 1n, 2n]);
  assert.equal(at(body(0x48, 0x83, 0xc4, 0x20, 0x5b, 0x41, 0x5c, 0xc3), ...words(4, 1n, 2n, RETURN)).ip, RETURN, 'add rsp, 20h');
  assert.equal(at(body(0x48, 0x81, 0xc4, 0x20, 0, 0, 0, 0x5b, 0x41, 0x5c, 0xc3), ...words(4, 1n, 2n, RETURN)).ip, RETURN, 'add rsp, 00000020h');
  assert.equal(at(body(0xe9, 0, 0x10, 0, 0), RETURN).ip, RETURN, 'a jump to another function');
  assert.equal(at(body(0xff, 0x25, 0, 0, 0, 0), RETURN).ip, RETURN, 'a jump through the import table');
  assert.equal(at(body(0x48, 0xff, 0xe0), RETURN).ip, RETURN, 'jmp rax');
});

test('an epilog may take the stack pointer from the frame register', () => {
  const info: InfoSpec = { prolog: 9, frameRegister: RBP, codes: [[9, 3, 0], [1, 0, RBP]] };
  const { ip, general } = caller(step(info, words(4, 0x9n, RETURN), { code: body(0x48, 0x8d, 0x65, 0x00, 0x5d, 0xc3), exact: true, general: { [RBP]: STACK + 0x20n } }));
  assert.deepEqual([ip, general[RBP]], [RETURN, 0x9n]);
});

test('bytes like an epilog\'s that end otherwise are none', () => {
  const whole = words(4, 1n, 2n, RETURN);
  for (const code of [body(0x5b, 0x90), body(0xeb, 0x10), body(0x48, 0x83, 0xc4, 0x20, 0x90), body(0xe9, 0x10, 0, 0, 0)]) {
    assert.equal(caller(step(SAVED, whole, { code, exact: true })).ip, RETURN);
  }
});

test('an address that a call returns to is in no epilog', () => {
  assert.equal(caller(step(SAVED, words(4, 1n, 2n, RETURN), { code: body(0xc3) })).ip, RETURN);
});

test('version 2 says where epilogs are: there the rest is done, elsewhere like bytes mean nothing', () => {
  // One of three bytes at the function's end, one that begins 0xc0 bytes before it; a third slot fills up.
  const info: InfoSpec = { version: 2, prolog: 6, codes: [[3, 6, 1], [0xc0, 6, 0], [6, 2, 3], [2, 0, RBX], [1, 0, R12]] };
  const marked = caller(step(info, [1n, 2n, RETURN], { code: body(0x5b, 0x41, 0x5c, 0xc3), exact: true }));
  assert.deepEqual([marked.ip, marked.general[R12]], [RETURN, 2n]);
  assert.equal(caller(step({ ...info, codes: [[3, 6, 1], [0, 6, 0], [6, 2, 3], [2, 0, RBX], [1, 0, R12]] }, words(4, 1n, 2n, RETURN), { code: body(0xc3), exact: true })).ip, RETURN);
  const tail = Buffer.alloc(END - BEGIN, 0x90);
  tail.set([0x5b, 0x5e, 0xc3], END - BEGIN - 3);
  assert.equal(caller(step(info, [1n, 2n, RETURN], { rva: END - 3, code: tail, exact: true })).ip, RETURN);
});

test('version 2 with an odd count of epilogs has a slot between them and the other codes', () => {
  const info: InfoSpec = { version: 2, prolog: 6, codes: [[3, 6, 1], [0, 0, 0], [6, 2, 3], [1, 0, RBX]] };
  assert.equal(caller(step(info, words(4, 1n, RETURN))).ip, RETURN);
});

test('a further part of a function undoes its own codes and all of the part that it is chained to', () => {
  const first: FunctionSpec = { begin: BEGIN, end: END, info: unwindBytes({ prolog: 6, codes: [[6, 2, 3], [2, 0, RBX]] }) };
  const second: FunctionSpec = { begin: END, end: END + 0x40, info: unwindBytes({ prolog: 5, codes: [[5, 4, RSI, 6]], chained: { begin: BEGIN, end: END, unwind: exceptionPieces([first]).infos[0] ?? 0 } }) };
  const { layout, table } = made([first, second]);
  const found = table.find(END + 0x20);
  assert.ok(found.kind === 'function');
  const { ip, general } = caller(unwindFrame({ base: BASE, layout, functions: table }, found.entry, registers(END + 0x20), stack(...words(4, 1n, RETURN, 0x77n)), true));
  assert.deepEqual([ip, general[RBX], general[RSI]], [RETURN, 1n, 0x77n]);
  assert.equal(primaryFunction(layout, found.entry)?.begin, BEGIN);
});

test('what is chained to itself contradicts itself', () => {
  const info = exceptionPieces([{ begin: BEGIN, end: END, info: Buffer.alloc(4) }]).infos[0] ?? 0;
  const { layout, table } = made([{ begin: BEGIN, end: END, info: unwindBytes({ chained: { begin: BEGIN, end: END, unwind: info } }) }]);
  const found = table.find(BEGIN);
  assert.ok(found.kind === 'function');
  const { entry } = found;
  assert.throws(() => unwindFrame({ base: BASE, layout, functions: table }, entry, registers(BEGIN), stack(RETURN), false), /chained without end/);
  assert.throws(() => primaryFunction(layout, entry), /chained without end/);
});

test('an entry may stand for another, and not for itself', () => {
  const target: FunctionSpec = { begin: BEGIN, end: END, info: unwindBytes({ prolog: 4, codes: [[4, 2, 0]] }) };
  const { layout, table } = made([target, { begin: END, end: END + 0x40, info: TABLE_RVA + 1 }, { begin: END + 0x40, end: END + 0x80, info: TABLE_RVA + 24 + 1 }]);
  const entries = [END, END + 0x40].map((rva) => table.find(rva)).map((found) => (found.kind === 'function' ? found.entry : assert.fail()));
  const image = { base: BASE, layout, functions: table };
  assert.equal(caller(unwindFrame(image, entries[0]!, registers(END + 0x20), stack(0n, RETURN), false)).ip, RETURN);
  assert.throws(() => unwindFrame(image, entries[1]!, registers(END + 0x60), stack(0n, RETURN), false), /without end/);
});

test('codes that go past their end, that nobody knows, and other versions are contradictions', () => {
  assert.throws(() => step({ codes: [[4, 1, 1, 0, 0]], count: 2 }, [RETURN]), /past their end/);
  assert.throws(() => step({ codes: [[4, 12, 0]] }, [RETURN]), /unwind code 12/);
  assert.throws(() => step({ version: 3 }, [RETURN]), /version 3/);
});

test('unwind information or a stack that is not in the image stops the walk', () => {
  const { layout, table } = made([{ begin: BEGIN, end: END, info: unwindBytes({}) }], [5]);
  const found = table.find(BEGIN);
  assert.ok(found.kind === 'function');
  assert.match((unwindFrame({ base: BASE, layout, functions: table }, found.entry, registers(BEGIN), stack(RETURN), false) as { what: string }).what, /not in the image/);
  assert.match((step({ prolog: 1, codes: [[1, 0, RBX]] }, [1n]) as { what: string }).what, /the stack at 0x7f0008 is not in the image/);
  assert.equal(unwindLeaf(registers(BEGIN), stack()).kind, 'stuck');
  assert.equal(caller(unwindLeaf(registers(BEGIN), stack(RETURN))).ip, RETURN);
});

test('the table tells which function holds an address, and where the one before a gap ends', () => {
  const { table } = made([0, 1, 2].map((i): FunctionSpec => ({ begin: 0x1000 + i * 0x100, end: 0x1080 + i * 0x100, info: unwindBytes({}) })));
  assert.deepEqual(table.find(0xfff), { kind: 'gap', after: 0 });
  assert.equal(table.find(0x1000).kind, 'function');
  assert.deepEqual(table.find(0x1180), { kind: 'gap', after: 0x1180 });
  assert.deepEqual(table.find(0x12ff), { kind: 'gap', after: 0x1280 });
  assert.equal(new ExceptionTable(made([]).layout, 0, 0).find(0x1000).kind, 'gap');
});

test('of a table whose pages are partly missing the others are used, and what they cannot tell is said', () => {
  // 1,024 entries on three pages, of which the second is missing.
  const bytes = Buffer.alloc(1024 * 12);
  for (let i = 0; i < 1024; i += 1) [0x8000 + i * 16, 0x8000 + i * 16 + 16, 0x4000].forEach((value, j) => bytes.writeUInt32LE(value, i * 12 + j * 4));
  const memory = laidOut({ sizeOfImage: 0x10000 }, [{ rva: TABLE_RVA, bytes }]);
  memory.drop(5);
  const table = new ExceptionTable(new ImageLayout(memory, BASE, 0x10000), TABLE_RVA, bytes.length);
  const kinds = [0, 100, 500, 690, 1000, 1023].map((i) => table.find(0x8000 + i * 16 + 3).kind);
  assert.deepEqual(kinds, ['function', 'function', 'absent', 'function', 'function', 'function']);
  for (const page of [4, 6]) memory.drop(page);
  assert.equal(new ExceptionTable(new ImageLayout(memory, BASE, 0x10000), TABLE_RVA, bytes.length).find(0x8003).kind, 'absent');
});

test('a table that is not in order is searched to an end', () => {
  const random = Array.from({ length: 200 }, (_, i): FunctionSpec => ({ begin: (i * 7919) % 4096, end: (i * 104729) % 4096, info: 0x5000 }));
  const { table } = made(random);
  for (let rva = 0; rva < 4096; rva += 64) assert.ok(['function', 'gap', 'absent'].includes(table.find(rva).kind));
});

test('the export at or before an address, by name or ordinal', () => {
  const memory = laidOut({ sizeOfImage: 0x10000, exports: { rva: 0x2000, name: 'made.dll', functions: { First: 0x1100, Second: 0x1200, Third: 0x1180 } } });
  const names = new ExportNames(new ImageLayout(memory, BASE, 0x10000), 0x2000, 0x200);
  assert.equal(names.nearest(0x10ff), undefined);
  assert.deepEqual(names.nearest(0x1100), { name: 'First', rva: 0x1100 });
  assert.deepEqual(names.nearest(0x11ff), { name: 'Third', rva: 0x1180 });
  assert.deepEqual(names.nearest(0x9000), { name: 'Second', rva: 0x1200 });
  memory.bytes.writeUInt32LE(0, 0x2018);
  assert.deepEqual(new ExportNames(new ImageLayout(memory, BASE, 0x10000), 0x2000, 0x200).nearest(0x1180), { name: '#3', rva: 0x1180 });
  assert.equal(new ExportNames(new ImageLayout(memory, BASE, 0x10000), 0x9000, 0x200).nearest(0x1180), undefined);
});
