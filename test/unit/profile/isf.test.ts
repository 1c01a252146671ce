import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { FormatError } from '../../../src/bytes/errors.js';
import { bundledProfile, knownKernels, tcpipSymbols } from '../../../src/profile/bundled.js';
import { isfIdentity, isfProfile, isfTable, isfText } from '../../../src/profile/isf.js';
import type { StructFact } from '../../../src/profile/profile.js';
import { isfFile, isfJson } from '../../support/isf-json.js';
import { xzBytes } from '../../support/xz-bytes.js';

const shared = fileURLToPath(new URL('../../../../../shared/symbols/', import.meta.url));

test('structures, unions, bit fields, arrays and pointers are spelled as profiles spell them', () => {
  const { structs, guid, age, pdbName, pointerSize, machine, skipped } = isfTable(isfFile());
  assert.deepEqual({ guid, age, pdbName, pointerSize, machine, skipped },
    { guid: '00112233445566778899AABBCCDDEEFF', age: 1, pdbName: 'ntkrnlmp.pdb', pointerSize: 8, machine: 0x8664, skipped: 0 });
  assert.deepEqual(structs.get('_EPROCESS'), [0x200, [
    ['UniqueProcessId', 0x10, '*void'], ['ActiveProcessLinks', 0x18, '_LIST_ENTRY'], ['u.LongFlags', 0x28, 'unsigned long'],
    ['u.VadFlags.Protection', 0x28, 'unsigned long:7,5'], ['ImageFileName', 0x38, 'unsigned char[15]'], ['Matrix', 0x48, 'unsigned long[2][4]'],
    ['State', 0x68, '_PROCESS_STATE'], ['Callback', 0x70, '*fn'],
  ]]);
});

test('a profile finds fields through embedded structures, sizes of enumerations, and symbols', () => {
  const profile = isfProfile(isfFile(), '10.0.19041.1');
  assert.equal(profile.id, '00112233445566778899AABBCCDDEEFF-1');
  assert.equal(profile.build, 19041);
  assert.equal(profile.source, 'exact');
  assert.equal(profile.field('_EPROCESS', 'ActiveProcessLinks.Blink')?.offset, 0x20);
  assert.deepEqual(profile.field('_EPROCESS', 'u.VadFlags.Protection')?.bits, [7, 5]);
  assert.equal(profile.field('_EPROCESS', 'State')?.size, 4);
  assert.equal(profile.symbol('PsActiveProcessHead'), 0x20_0040);
  assert.equal(profile.symbol('SmGlobals'), 0x20_0080, 'a global of C++ answers to its own name too');
  assert.equal(profile.symbol('absolute'), undefined, 'an absolute address is of no module');
  assert.equal(profile.symbol('constructor'), undefined);
});

test('plain, gzip and xz files say the same, and their identity is found without reading the types', () => {
  const plain = isfFile();
  const expected = isfTable(plain);
  for (const file of [gzipSync(plain), xzBytes(plain)]) {
    assert.deepEqual(isfTable(file), expected);
    assert.deepEqual(isfIdentity(isfText(file)), { guid: expected.guid, age: 1, pdbName: 'ntkrnlmp.pdb' });
  }
  assert.equal(isfIdentity(Buffer.from('{"metadata":{"pdb":{}}}')), undefined);
});

test('32-bit tables have pointers of four bytes', () => {
  assert.equal(isfTable(isfFile({ base_types: { pointer: { size: 4 } } })).pointerSize, 4);
  const metadata = { windows: { pdb: { GUID: '0'.repeat(32), age: 2, database: 'ntkrpamp.pdb', machine_type: 332 } } };
  assert.equal(isfTable(isfFile({ base_types: {}, metadata })).pointerSize, 4);
});

test('one type that contradicts itself is left out and counted, the others stay', () => {
  const types = isfJson()['user_types'] as Record<string, unknown>;
  const { structs, skipped } = isfTable(isfFile({ user_types: { ...types,
    _BAD: { kind: 'struct', size: 8, fields: { a: { offset: -1, type: { kind: 'base', name: 'char' } } } },
    _STRANGE: { kind: 'struct', size: 8, fields: { a: { offset: 0, type: { kind: 'wormhole' } } } },
  } }));
  assert.equal(skipped, 2);
  assert.ok(structs.has('_EPROCESS') && !structs.has('_BAD') && !structs.has('_STRANGE'));
});

test('anonymous types that contain themselves, or multiply, end', () => {
  const anonymous = (name: string, times: number): unknown => ({ kind: 'union', size: 8, fields: Object.fromEntries(
    Array.from({ length: times }, (_, i) => [`f${i}`, { offset: 0, type: { kind: 'union', name } }])) });
  const loop = isfTable(isfFile({ user_types: { _A: anonymous('__anonymous_a', 1), __anonymous_a: anonymous('__anonymous_a', 1) } }));
  assert.equal(loop.structs.has('_A'), false);
  const many = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`__anonymous_${i}`, anonymous(`__anonymous_${i + 1}`, 8)]));
  assert.throws(() => isfTable(isfFile({ user_types: many })), /more than 500000 fields/);
});

test('types nested without end, names with control characters and wrong shapes are refused', () => {
  let deep: unknown = { kind: 'base', name: 'char' };
  for (let i = 0; i < 40; i += 1) deep = { kind: 'pointer', subtype: deep };
  assert.equal(isfTable(isfFile({ user_types: { _A: { kind: 'struct', size: 8, fields: { a: { offset: 0, type: deep } } } } })).skipped, 1);
  assert.equal(isfTable(isfFile({ user_types: { 'a\nb': { kind: 'struct', size: 8, fields: {} } } })).structs.size, 0);
  for (const bad of [{ metadata: {} }, { metadata: { windows: { pdb: { GUID: 'x', age: 1, database: 'a' } } } }, { symbols: [] }, { user_types: 5 }, { user_types: { _A: [] } },
    { enums: { a: { size: 1e9 } } }]) {
    assert.throws(() => isfTable(isfFile(bad)), FormatError, JSON.stringify(bad));
  }
  for (const text of ['', '{', '[]', '5', '{"metadata"']) assert.throws(() => isfTable(Buffer.from(text)), FormatError, text);
});

test('a gzip file that does not end, or becomes too large, is refused', () => {
  const packed = gzipSync(isfFile());
  assert.throws(() => isfTable(packed.subarray(0, packed.length - 20)), FormatError);
  assert.throws(() => isfTable(gzipSync(Buffer.alloc(100 << 20))), FormatError);
});

test('the symbol tables of real kernels are field by field those that are bundled', { skip: existsSync(shared) ? false : `${shared} is not there` }, () => {
  let compared = 0;
  for (const file of readdirSync(`${shared}ntkrnlmp.pdb`)) {
    const table = isfTable(readFileSync(`${shared}ntkrnlmp.pdb/${file}`));
    const id = `${table.guid}-${table.age}`;
    const bundled = bundledProfile(id);
    assert.ok(bundled !== undefined && knownKernels().some((kernel) => kernel.id === id), id);
    assert.equal(table.skipped, 0);
    const sorted = (fact: StructFact | undefined): unknown => fact && [fact[0], [...fact[1]].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))];
    for (const [name, fact] of table.structs) {
      const known = bundled.fact(name);
      if (known === undefined) continue;
      assert.deepEqual(sorted(fact), sorted(known), `${id} ${name}`);
      compared += fact[1].length;
    }
    let symbols = 0;
    for (const [name, rva] of table.symbols) {
      const known = bundled.symbol(name);
      if (known === undefined) continue;
      assert.equal(rva, known, `${id} ${name}`);
      symbols += 1;
    }
    assert.ok(symbols >= 120, `${id}: ${symbols} symbols are bundled`);
  }
  assert.ok(compared > 15_000, `${compared} fields`);
  for (const file of readdirSync(`${shared}tcpip.pdb`)) {
    const { guid, age, symbols } = isfTable(readFileSync(`${shared}tcpip.pdb/${file}`));
    const bundled = tcpipSymbols(`${guid}-${age}`);
    assert.ok(bundled !== undefined, guid);
    for (const [name, rva] of Object.entries(bundled)) assert.equal(symbols.get(name), rva, name);
  }
});

test('a file that mentions a PDB everywhere, and structures that share one broken type of many fields, do not take for ever', () => {
  assert.equal(isfIdentity(Buffer.from('"pdb"'.repeat(1_000_000))), undefined);
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`f${i}`, { offset: -1, type: { kind: 'base', name: 'char' } }]));
  const types: Record<string, unknown> = { __anonymous_1: { kind: 'union', size: 8, fields: many } };
  for (let i = 0; i < 20_000; i += 1) types[`_S${i}`] = { kind: 'struct', size: 8, fields: { u: { offset: 0, type: { kind: 'union', name: '__anonymous_1' } } } };
  assert.equal(isfTable(isfFile({ user_types: types })).skipped, 20_001);
});
