import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormatError } from '../../../src/bytes/errors.js';
import { Profile, type StructFact } from '../../../src/profile/profile.js';

const STRUCTS: Readonly<Record<string, StructFact>> = {
  _LIST_ENTRY: [16, [['Flink', 0, '*_LIST_ENTRY'], ['Blink', 8, '*_LIST_ENTRY']]],
  _FLAGS: [4, [['Type', 0, 'unsigned long:4,3'], ['All', 0, 'unsigned long']]],
  _OUTER: [0x100, [
    ['Links', 0x10, '_LIST_ENTRY'], ['u.LongFlags', 0x30, 'unsigned long'], ['u.Flags', 0x30, '_FLAGS'], ['Name', 0x40, 'unsigned char[15]'],
    ['Pointers', 0x60, '*void[4]'], ['Heads', 0x80, '_LIST_ENTRY[2]'], ['Parent', 0xa0, '*_OUTER'], ['Opaque', 0xa8, '_NOBODY_KNOWS'], ['Handler', 0xb0, '*fn'], ['Cycles', 0xb8, 'unsigned long[2][4]'], ['Kind', 0xd8, '_POOL_TYPE'],
  ]],
  _WRAPPED: [0x180, [['Core', 0x20, '_OUTER'], ['Core.Links', 0x8, '_LIST_ENTRY']]],
};
const profile = new Profile('X-1', '10.0.19041.2965', 'exact', 8, (name) => STRUCTS[name], (name) => (name === 'PsHead' ? 0x1234 : undefined));

test('a field is found by Windows\' own name, through embedded structures and anonymous unions', () => {
  assert.deepEqual(profile.field('_OUTER', 'Links.Blink'), { offset: 0x18, size: 8, type: '*_LIST_ENTRY', bits: undefined, count: undefined });
  assert.equal(profile.field('_OUTER', 'u.LongFlags')?.offset, 0x30);
  assert.deepEqual(profile.field('_OUTER', 'u.Flags.Type'), { offset: 0x30, size: 4, type: 'unsigned long', bits: [4, 3], count: undefined });
  assert.equal(profile.field('_WRAPPED', 'Core.Name')?.offset, 0x60);
});

test('the longest name that fits is taken: a dot may be part of a name', () => {
  assert.equal(profile.field('_WRAPPED', 'Core.Links')?.offset, 0x8);
  assert.equal(profile.field('_WRAPPED', 'Core.Links.Blink')?.offset, 0x10);
});

test('arrays say their whole size and count, pointers the width of the build', () => {
  assert.deepEqual(profile.field('_OUTER', 'Name'), { offset: 0x40, size: 15, type: 'unsigned char', bits: undefined, count: 15 });
  assert.deepEqual(profile.field('_OUTER', 'Pointers'), { offset: 0x60, size: 32, type: '*void', bits: undefined, count: 4 });
  assert.equal(profile.field('_OUTER', 'Heads')?.size, 32);
  const narrow = new Profile('Y-1', '6.1.7601.1', 'exact', 4, (name) => STRUCTS[name], () => undefined);
  assert.equal(narrow.field('_OUTER', 'Pointers')?.size, 16);
});

test('an array of two dimensions counts all its elements, and an enumeration has four bytes', () => {
  assert.deepEqual(profile.field('_OUTER', 'Cycles'), { offset: 0xb8, size: 32, type: 'unsigned long', bits: undefined, count: 8 });
  assert.equal(profile.field('_OUTER', 'Kind')?.size, 4);
});

test('a profile says where its layouts are from and for which machine they are', () => {
  assert.deepEqual([profile.label, profile.machine], ['10.0.19041.2965', 0x8664]);
  const other = new Profile('', '5.1.2600.5512', 'nearest', 4, () => undefined, () => undefined, 'layouts of 5.1.2600.5512 x86');
  assert.deepEqual([other.label, other.machine], ['layouts of 5.1.2600.5512 x86', 0x14c]);
});

test('what the build lacks is undefined; a pointer is not walked through', () => {
  assert.equal(profile.field('_OUTER', 'Missing'), undefined);
  assert.equal(profile.field('_OUTER', 'Links.Missing'), undefined);
  assert.equal(profile.field('_OUTER', 'Parent.Links'), undefined);
  assert.equal(profile.field('_NO_STRUCT', 'Links'), undefined);
  assert.equal(profile.field('_OUTER', 'Opaque')?.size, 0);
  assert.equal(profile.sizeOf('_NO_STRUCT'), undefined);
  assert.equal(profile.symbol('PsTail'), undefined);
  assert.equal(profile.symbol('PsHead'), 0x1234);
});

test('what the caller cannot do without is named in the contradiction', () => {
  assert.equal(profile.need('_OUTER', 'Links').offset, 0x10);
  assert.throws(() => profile.need('_OUTER', 'Missing'), (error) => error instanceof FormatError && /19041\.2965.*_OUTER\.Missing/.test(error.message));
});

test('the build number comes from the version', () => {
  assert.equal(profile.build, 19041);
  assert.equal(new Profile('Z-1', '', 'derived', 8, () => undefined, () => undefined).build, 0);
});
