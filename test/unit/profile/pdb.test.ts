import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FormatError } from '../../../src/bytes/errors.js';
import { bundledProfile, exactKernels, knownKernels } from '../../../src/profile/bundled.js';
import { bytesSource, Msf } from '../../../src/profile/msf.js';
import { pdbIdentity, pdbProfile, pdbTable } from '../../../src/profile/pdb.js';
import { FAMILIES } from '../../support/machine.js';
import { pdbOf } from '../../support/pdb-of-profile.js';
import { kernelPdb, multiStream, pdbBytes, SIMPLE, TypeRecords, type PdbParts } from '../../support/pdb-bytes.js';

const shared = fileURLToPath(new URL('../../../../../shared/testdata/pdb/getsentry+symbolic/symbolic-testutils/fixtures/windows/', import.meta.url));
const skip = existsSync(shared) ? false : `${shared} is not there`;
const GUID = '33221100554477668899AABBCCDDEEFF';

function table(changes: Partial<PdbParts> = {}): ReturnType<typeof pdbTable> {
  return pdbTable(bytesSource(pdbBytes(kernelPdb(changes))), 'ntkrnlmp.pdb');
}

/** The table of one structure with these members. */
function structure(make: (types: TypeRecords) => void): ReturnType<typeof pdbTable> {
  const types = new TypeRecords();
  make(types);
  return table({ types });
}

test('structures, unions, bit fields, arrays and pointers are spelled as profiles spell them', () => {
  const { structs, scalars, skipped, guid, age, machine, pointerSize } = table();
  assert.deepEqual({ guid, age, machine, pointerSize, skipped }, { guid: GUID, age: 1, machine: 0x8664, pointerSize: 8, skipped: 0 });
  assert.deepEqual([...structs.keys()].sort(), ['_EPROCESS', '_LIST_ENTRY'], 'forward references and types without a name are no structures');
  assert.deepEqual(structs.get('_EPROCESS'), [0x200, [
    ['UniqueProcessId', 0x10, '*void'], ['ActiveProcessLinks', 0x18, '_LIST_ENTRY'], ['u.LongFlags', 0x28, 'unsigned long'],
    ['u.VadFlags.Protection', 0x28, 'unsigned long:7,5'], ['u.VadFlags.Private', 0x28, 'unsigned long:20,1'], ['Parent', 0x30, '*_EPROCESS'],
    ['ImageFileName', 0x38, 'unsigned char[15]'], ['Matrix', 0x48, 'unsigned long[2][4]'], ['State', 0x68, '_PROCESS_STATE'], ['Callback', 0x70, '*fn'],
    ['Table', 0x78, '*_EPROCESS[4608]'],
  ]]);
  assert.equal(scalars.get('_PROCESS_STATE'), 4);
});

test('public symbols lie at their section\'s address plus their offset; what lies in none is left out', () => {
  const profile = pdbProfile(bytesSource(pdbBytes(kernelPdb())), 'ntkrnlmp.pdb', '10.0.19041.1');
  assert.equal(profile.symbol('PsActiveProcessHead'), 0x20_0040);
  assert.equal(profile.symbol('NtClose'), 0x1010);
  assert.equal(profile.symbol('SmGlobals'), 0x20_0080);
  assert.equal(profile.symbol('absolute'), undefined);
  assert.equal(profile.symbol('nowhere'), undefined);
  assert.equal(profile.field('_EPROCESS', 'ActiveProcessLinks.Flink')?.offset, 0x18);
});

test('decorated names of 32-bit code answer to what they are called in C, unless another symbol is called so', () => {
  const { symbols, pointerSize } = table({ machine: 0x14c, publics: [
    ['_PsActiveProcessHead', 2, 0], ['_NtClose@4', 1, 0], ['@ObfDereferenceObject@4', 1, 8], ['_Same', 1, 16], ['Same', 1, 32], ['?f@@YAHXZ', 1, 48],
  ] });
  assert.equal(pointerSize, 4);
  assert.deepEqual([symbols.get('PsActiveProcessHead'), symbols.get('NtClose'), symbols.get('ObfDereferenceObject'), symbols.get('Same'), symbols.get('f')],
    [0x20_0000, 0x1000, 0x1008, 0x1020, 0x1030]);
  assert.equal(symbols.get('_NtClose@4'), 0x1000);
});

test('symbols of a reordered image are where its map moved them', () => {
  const { symbols } = table({
    publics: [['moved', 1, 0x10], ['stayed', 1, 0x90], ['dropped', 1, 0x50], ['before', 1, 0]],
    moved: { sections: [0x5000], map: [[0x5008, 0x9008], [0x5040, 0], [0x5080, 0x5080]] },
  });
  assert.deepEqual(Object.fromEntries(symbols), { moved: 0x9010, stayed: 0x5090 });
});

test('blocks of any size and order give the same table', () => {
  const expected = table();
  for (const blockSize of [512, 1024, 4096, 8192]) assert.deepEqual(table({ blockSize }), expected, String(blockSize));
});

test('the age is the one that images name, and the file\'s own is known too', () => {
  const { guid, age, fileAge } = pdbIdentity(bytesSource(pdbBytes(kernelPdb({ age: 3, fileAge: 7 }))));
  assert.deepEqual({ guid, age, fileAge }, { guid: GUID, age: 3, fileAge: 7 });
});

test('lists of fields go on in other lists', () => {
  const { structs } = structure((types) => {
    const second = types.fieldList([['b', 4, SIMPLE.unsignedLong]]);
    types.structureOf('_LONG', 8, types.fieldList([['a', 0, SIMPLE.unsignedLong]], second));
  });
  assert.deepEqual(structs.get('_LONG'), [8, [['a', 0, 'unsigned long'], ['b', 4, 'unsigned long']]]);
});

test('the last definition of a name counts, and sizes and offsets may be large', () => {
  const { structs } = structure((types) => {
    types.structure('_A', 4, [['old', 0, SIMPLE.unsignedLong]]);
    types.structure('_A', 0x2_0000, [['new', 0x1_fff0, SIMPLE.unsignedLongLong]]);
  });
  assert.deepEqual(structs.get('_A'), [0x2_0000, [['new', 0x1_fff0, 'unsigned long long']]]);
});

test('types that lead back to themselves are left out and counted', () => {
  const { structs, skipped } = structure((types) => {
    types.structure('_GOOD', 4, [['a', 0, SIMPLE.unsignedLong]]);
    types.structureOf('_LIST', 4, types.fieldList([['a', 0, SIMPLE.unsignedLong]], 0x1002));
    types.structure('_POINTER', 8, [['p', 0, types.pointer(0x1004)]]);
    types.structure('_MISSING', 8, [['p', 0, 0x5000]]);
  });
  assert.equal(skipped, 3);
  assert.deepEqual([...structs.keys()], ['_GOOD']);
});

test('anonymous types that contain each other end', () => {
  const { structs, skipped } = structure((types) => {
    const list = types.fieldList([['a', 0, 0x1001], ['b', 0, 0x1001]]);
    types.structureOf('<unnamed-tag>', 8, list);
    types.structureOf('_OUTER', 8, list);
  });
  assert.equal(skipped, 1);
  assert.equal(structs.size, 0);
});

test('a file that is none, is cut off or names blocks beyond its end is refused', () => {
  const file = pdbBytes(kernelPdb());
  assert.throws(() => new Msf(bytesSource(Buffer.from('BSJB and so on, a portable PDB, which says nothing of Windows'))), /no PDB/);
  assert.throws(() => pdbTable(bytesSource(file.subarray(0, file.length - 4096)), 'a.pdb'), /cut off/);
  for (const [at, value] of [[32, 100], [44, 0xffff_ffff], [44, 1], [52, 0xff_ffff], [40, 0xffff_ffff]] as const) {
    const changed = Buffer.from(file);
    changed.writeUInt32LE(value, at);
    assert.throws(() => pdbTable(bytesSource(changed), 'a.pdb'), FormatError, `${at} ${value}`);
  }
});

test('a stream longer than the file is refused before it is read', () => {
  const file = multiStream([Buffer.alloc(0), Buffer.alloc(28), Buffer.alloc(100)], 512);
  const at = file.indexOf(Buffer.from([100, 0, 0, 0]));
  file.writeUInt32LE(0x2000_0000, at);
  assert.throws(() => new Msf(bytesSource(file)), /longer than the file/);
});

test('a file of public symbols alone has symbols and no types', () => {
  const { structs, symbols } = table({ types: new TypeRecords() });
  assert.equal(structs.size, 0);
  assert.equal(symbols.get('NtClose'), 0x1010);
});

test('real PDBs have the structures and symbols that another reader finds in them', { skip }, () => {
  const windows = (file: string): ReturnType<typeof pdbTable> => pdbTable(bytesSource(readFileSync(shared + file)), file);
  const crash = windows('crash.pdb');
  // As llvm-pdbutil dumps them.
  assert.deepEqual([crash.guid, crash.age, crash.pointerSize, crash.skipped, crash.structs.size], ['3249D99D0C4049318610F4E4FB0B6936', 1, 4, 0, 467]);
  assert.deepEqual(crash.structs.get('tagPARAMDESCEX'), [24, [['cBytes', 0, 'unsigned long'], ['varDefaultValue', 8, 'tagVARIANT']]]);
  assert.deepEqual(crash.structs.get('tagPARAMDESC'), [8, [['pparamdescex', 0, '*tagPARAMDESCEX'], ['wParamFlags', 4, 'unsigned short']]]);
  assert.equal(crash.symbols.get('__imp__FreeLibrary@4'), 0x4000 + 60);
  assert.equal(crash.symbols.get('___security_cookie'), 0x6000);
  assert.equal([...crash.structs.values()].reduce((sum, [, fields]) => sum + fields.length, 0), 1288);
  const managed = windows('CrashWithException.pdb');
  assert.deepEqual([managed.guid, managed.pointerSize, managed.skipped, managed.structs.size], ['F535C5FB2AE84BB8AA206C30BE566C5A', 8, 0, 263]);
  assert.throws(() => windows('portable.pdb'), /no PDB/);
});

test('what is written from the layouts of each family of kernels is read the same, field by field', () => {
  const { structNames, symbolNames } = exactKernels();
  for (const build of FAMILIES) {
    const { id } = knownKernels().find(({ version }) => version.split('.')[2] === String(build))!;
    const profile = bundledProfile(id)!;
    const read = pdbTable(bytesSource(pdbOf(profile, structNames, symbolNames, id)), 'ntkrnlmp.pdb');
    assert.deepEqual([`${read.guid}-${read.age}`, read.machine, read.skipped], [id, profile.machine, 0]);
    for (const name of structNames) {
      const fact = profile.fact(name);
      if (fact !== undefined) assert.deepEqual(read.structs.get(name), [fact[0], [...fact[1]].sort((a, b) => a[1] - b[1])], `${build} ${name}`);
    }
    for (const name of symbolNames) assert.equal(read.symbols.get(name), profile.symbol(name), `${build} ${name}`);
  }
});

test('many structures that name one list, which names itself, do not take for ever', () => {
  const { structs, skipped } = structure((types) => {
    // Type 0x1000 goes on in itself.
    const list = types.fieldList([], 0x1000);
    for (let i = 0; i < 20_000; i += 1) types.structureOf(`_S${i}`, 8, list);
  });
  assert.equal(structs.size, 0);
  assert.equal(skipped, 20_000);
});
