import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormatError } from '../../../src/bytes/errors.js';
import type { Memory } from '../../../src/bytes/memory.js';
import { Profile, type StructFact } from '../../../src/profile/profile.js';
import {
  big, chars, fastRef, ifKnown, list, nonZero, number, optional, place, raw, Reader, struct, unicode,
} from '../../../src/profile/struct.js';

const FACT: StructFact = [0x2000, [
  ['Byte', 0, 'unsigned char'], ['Signed8', 1, 'char'], ['Signed16', 2, 'short'], ['Signed32', 4, 'long'], ['Signed64', 8, 'long long'],
  ['Word', 0x10, 'unsigned short'], ['Dword', 0x14, 'unsigned long'], ['Qword', 0x18, 'unsigned long long'],
  ['Low', 0x20, 'unsigned long:0,3'], ['Middle', 0x20, 'unsigned long:3,5'], ['High', 0x20, 'unsigned long:31,1'], ['Wide', 0x28, 'unsigned long long:20,44'],
  ['Token', 0x30, '_EX_FAST_REF'], ['Links', 0x40, '_LIST_ENTRY'], ['Text', 0x50, '_UNICODE_STRING'], ['Name', 0x60, 'unsigned char[15]'],
  ['Far', 0x1800, 'unsigned long'], ['Zero', 0x70, '_LARGE_INTEGER'], ['Odd', 0x78, '_NOBODY_KNOWS'],
]];
const STRUCTS: Readonly<Record<string, StructFact>> = {
  _X: FACT, _EX_FAST_REF: [8, [['Object', 0, '*void']]], _LIST_ENTRY: [16, []], _UNICODE_STRING: [16, []],
};
const profile = new Profile('X-1', '10.0.1.1', 'exact', 8, (name) => STRUCTS[name], () => undefined);
const BASE = 0x1000n;

/** Memory of three pages at BASE; the pages named are absent. Counts its reads. */
function memoryOf(bytes: Buffer, absent: readonly number[] = []): Memory<bigint> & { reads: number } {
  return {
    reads: 0,
    read(address, length) {
      this.reads += 1;
      const at = Number(address - BASE);
      if (at < 0 || at + length > bytes.length) return undefined;
      for (let page = at >> 12; page <= (at + length - 1) >> 12; page += 1) if (absent.includes(page)) return undefined;
      return bytes.subarray(at, at + length);
    },
    fill: () => 0,
  };
}

function sample(): Buffer {
  const bytes = Buffer.alloc(0x3000);
  bytes.fill(0xff, 0, 0x20);
  bytes.writeUInt32LE(0x8000_00fd, 0x20);
  bytes.writeBigUInt64LE(0xf80a_4c00_1230_0001n, 0x28);
  bytes.writeBigUInt64LE(0xffff_a000_1234_567dn, 0x30);
  bytes.writeBigUInt64LE(0x1111n, 0x40);
  bytes.writeBigUInt64LE(0x2222n, 0x48);
  bytes.writeUInt16LE(10, 0x50);
  bytes.writeUInt16LE(12, 0x52);
  bytes.writeBigUInt64LE(0xdead_beefn, 0x58);
  bytes.write('svchost.exe\0junk', 0x60, 'latin1');
  bytes.writeUInt32LE(77, 0x1800);
  return bytes;
}

test('integers have the width and sign that the profile says', () => {
  const record = new Reader(struct('_X', {
    byte: number('Byte'), signed8: number('Signed8'), signed16: number('Signed16'), signed32: number('Signed32'), signed64: number('Signed64'),
    word: number('Word'), dword: number('Dword'), qword: big('Qword'),
  }), profile).read(memoryOf(sample()), BASE);
  assert.deepEqual(record, {
    byte: 0xff, signed8: -1, signed16: -1, signed32: -1, signed64: -1, word: 0xffff, dword: 0xffff_ffff, qword: 0xffff_ffff_ffff_ffffn,
  });
});

test('bit fields give their bits alone, as number and as bigint', () => {
  const record = new Reader(struct('_X', {
    low: number('Low'), middle: number('Middle'), high: number('High'), wide: number('Wide'), bigLow: big('Low'), bigWide: big('Wide'),
  }), profile).read(memoryOf(sample()), BASE);
  assert.deepEqual(record, { low: 5, middle: 31, high: 1, wide: 0xf80a4c00123, bigLow: 5n, bigWide: 0xf80_a4c0_0123n });
});

test('pointers, references, lists, strings and places are read as what they are', () => {
  const record = new Reader(struct('_X', {
    token: fastRef('Token'), links: list('Links'), text: unicode('Text'), name: chars('Name'), short: chars('Name', 3), zero: nonZero('Zero'),
    where: place('Far'), bytes: raw('Name', 4),
  }), profile).read(memoryOf(sample()), BASE);
  assert.deepEqual(record, {
    token: 0xffff_a000_1234_5670n, links: { flink: 0x1111n, blink: 0x2222n }, text: { length: 10, maximumLength: 12, buffer: 0xdead_beefn },
    name: 'svchost.exe', short: 'svc', zero: undefined, where: BASE + 0x1800n, bytes: Buffer.from('svch'),
  });
});

test('all members cost one read, also over page borders; a place costs none', () => {
  const memory = memoryOf(sample());
  const reader = new Reader(struct('_X', { byte: number('Byte'), far: number('Far') }), profile);
  assert.deepEqual(reader.read(memory, BASE), { byte: 0xff, far: 77 });
  assert.equal(memory.reads, 1);
  assert.deepEqual(new Reader(struct('_X', { where: place('Far') }), profile).read(memory, BASE), { where: BASE + 0x1800n });
  assert.equal(memory.reads, 1);
  assert.equal(reader.size, 0x2000);
});

test('where a page is absent, optional members are undefined and the others are still read', () => {
  const members = { byte: number('Byte'), far: optional(number('Far')) };
  assert.deepEqual(new Reader(struct('_X', members), profile).read(memoryOf(sample(), [1]), BASE), { byte: 0xff });
  assert.equal(new Reader(struct('_X', members), profile).read(memoryOf(sample(), [0]), BASE), undefined);
  assert.equal(new Reader(struct('_X', { byte: number('Byte'), far: number('Far') }), profile).read(memoryOf(sample(), [1]), BASE), undefined);
  // An absent page between two members that are there hides neither.
  const page = Buffer.alloc(0x3000);
  page.writeUInt32LE(78, 0x1800 + 0xff0);
  assert.deepEqual(new Reader(struct('_X', { far: number('Far'), byte: number('Byte') }), profile).read(memoryOf(page, [1]), BASE + 0xff0n), { far: 78, byte: 0 });
});

test('a member that the build lacks is undefined when optional, else the reader cannot be made', () => {
  const reader = new Reader(struct('_X', { byte: number('Byte'), gone: optional(number('Gone')) }), profile);
  assert.deepEqual(reader.read(memoryOf(sample()), BASE), { byte: 0xff });
  assert.equal(reader.offset('gone'), undefined);
  assert.equal(reader.offset('byte'), 0);
  assert.throws(() => new Reader(struct('_X', { gone: number('Gone') }), profile), FormatError);
  assert.throws(() => new Reader(struct('_Y', {}), profile), FormatError);
});

test('decode takes bytes that begin at the structure, and refuses too few', () => {
  const reader = new Reader(struct('_X', { word: number('Word'), where: place('Links') }), profile);
  assert.deepEqual(reader.decode(sample(), 0x50n), { word: 0xffff, where: 0x90n });
  assert.equal(reader.decode(sample().subarray(0, 0x11), 0x50n), undefined);
});

test('a field whose type has no size is no integer', () => {
  const reader = new Reader(struct('_X', { odd: big('Odd'), byte: number('Byte') }), profile);
  assert.throws(() => reader.read(memoryOf(sample()), BASE), FormatError);
});

test('pointers are four bytes wide where the build has four', () => {
  const narrow = new Profile('Y-1', '6.1.7601.1', 'exact', 4, (name) => (name === '_X' ? [0x20, [['Links', 0, '_LIST_ENTRY'], ['Text', 8, '_UNICODE_STRING'], ['Ref', 16, '_EX_FAST_REF']]] : [4, []]), () => undefined);
  const bytes = Buffer.alloc(0x3000);
  [0x8000_1000, 0x8000_2000, 0x0004_0002, 0x8000_3000, 0x8000_4007].forEach((value, i) => bytes.writeUInt32LE(value, i * 4));
  const record = new Reader(struct('_X', { links: list('Links'), text: unicode('Text'), ref: fastRef('Ref') }), narrow).read(memoryOf(bytes), BASE);
  assert.deepEqual(record, { links: { flink: 0x8000_1000n, blink: 0x8000_2000n }, text: { length: 2, maximumLength: 4, buffer: 0x8000_3000n }, ref: 0x8000_4000n });
});

test('of an array of integers the first one is read', () => {
  const structs: Readonly<Record<string, StructFact>> = { _A: [0x20, [['Table', 8, 'unsigned long[2]'], ['Pair', 16, 'unsigned long long[2]']]] };
  const arrays = new Profile('A-1', '5.1.2600.0', 'exact', 4, (name) => structs[name], () => undefined);
  const bytes = Buffer.alloc(0x20);
  bytes.writeUInt32LE(0x39000, 8);
  bytes.writeUInt32LE(0xffff, 12);
  bytes.writeBigUInt64LE(7n, 16);
  bytes.writeBigUInt64LE(9n, 24);
  const record = new Reader(struct('_A', { table: number('Table'), pair: big('Pair') }), arrays).read(memoryOf(bytes), BASE);
  assert.deepEqual(record, { table: 0x39000, pair: 7n });
});

test('a member that need not be known is undefined where the layout lacks it, and needed where it has it', () => {
  const declared = struct('_X', { byte: number('Byte'), gone: ifKnown(number('NotThere')), far: ifKnown(number('Far')) });
  const reader = new Reader(declared, profile);
  assert.deepEqual(reader.read(memoryOf(sample()), BASE), { byte: 0xff, far: 77 });
  assert.equal(reader.read(memoryOf(sample(), [1]), BASE), undefined);
});
