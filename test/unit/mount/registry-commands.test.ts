import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isoTime } from '../../../src/bytes/filetime.js';
import { timeOf } from '../../../mount/commands/registry.js';
import { UserError } from '../../../mount/exit-codes.js';
import { hiveFileKind, hiveInputs } from '../../../mount/hive-inputs.js';
import { hiveSetOfFiles } from '../../../mount/open-hives.js';
import { dataLine } from '../../../mount/registry-data.js';
import { registryChanges } from '../../../mount/registry-diff.js';
import { PLACES, registryHits, type SearchScope, type Sought } from '../../../mount/registry-search.js';
import { soughtBytes, soughtText } from '../../../mount/registry-sought.js';
import { oldestFirst, registryEvents } from '../../../mount/registry-timeline.js';
import { dword, inFile, sz, writeHive, type KeyToWrite } from '../../support/hive-bytes.js';
import { writtenSet } from '../../support/hive-sets.js';

const folder = mkdtempSync(join(tmpdir(), 'memlens-hive-inputs-'));
after(() => rmSync(folder, { recursive: true, force: true }));
function put(name: string, bytes: Buffer | string): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

const ALL: SearchScope = { places: new Set(PLACES), types: undefined, deleted: false };
const sought = (pattern: string, ignoreCase = false): Sought => {
  const made = soughtText(pattern, ignoreCase);
  if (typeof made === 'string') throw new Error(made);
  return made;
};
const setOf = (root: KeyToWrite) => writtenSet({ 'HKLM\\SYSTEM': root });
const found = (root: KeyToWrite, pattern: string, ignoreCase = false): string[] =>
  [...registryHits(setOf(root), sought(pattern, ignoreCase), ALL)].map(({ place, path, value }) => `${place} ${path}${value === undefined ? '' : `:${value.name}`}`);

test('a time that is written is in UTC, and as an end takes in all that it names', () => {
  const shown = (written: string, edge: 'start' | 'end'): string | undefined => isoTime(timeOf(written, edge));
  assert.equal(shown('2023-02-01', 'start'), '2023-02-01T00:00:00.0000000Z');
  assert.equal(shown('2023-02-01', 'end'), '2023-02-02T00:00:00.0000000Z');
  assert.equal(shown('2023-02-01 11:48', 'end'), '2023-02-01T11:49:00.0000000Z');
  assert.equal(shown('2023-02-01T11:48:58Z', 'end'), '2023-02-01T11:48:59.0000000Z');
  assert.equal(shown('2023-02-01T11:48:58.1234567Z', 'start'), '2023-02-01T11:48:58.1234567Z');
  assert.equal(shown('2023-02-01T11:48:58.12', 'end'), '2023-02-01T11:48:58.1300000Z');
  assert.equal(shown('1601-01-01T00:00:01', 'start'), '1601-01-01T00:00:01.0000000Z');
  for (const wrong of ['', 'now', '2023-2-1', '2023-13-01', '2023-02-29', '2023-02-01T24:00', '2023-02-01T11:60']) assert.throws(() => timeOf(wrong, 'start'), UserError, wrong);
});

test('a text is found in bytes as ASCII and as UTF-16, at any place, and behind the NUL of a string', () => {
  const root: KeyToWrite = { name: 'ROOT', values: [
    { name: 'narrow', type: 3, data: Buffer.from('\x01xxSecretxx', 'latin1') }, { name: 'wide', type: 3, data: Buffer.from('--Secret--', 'utf16le') },
    { name: 'odd', type: 3, data: Buffer.concat([Buffer.from([1]), Buffer.from('Secret', 'utf16le')]) }, { name: 'behind', type: 1, data: sz('seen\0Secret') },
    { name: 'list', type: 7, data: sz('one\0Secret\0') }, { name: 'other', type: 1, data: sz('public') }, { name: 'empty', type: 3, data: Buffer.alloc(0) },
  ] };
  const all = ['narrow', 'wide', 'odd', 'behind', 'list'].map((name) => `data HKLM\\SYSTEM:${name}`);
  assert.deepEqual(found(root, 'Secret'), all);
  assert.deepEqual(found(root, 'sECRET'), []);
  assert.deepEqual(found(root, 'sECRET', true), all);
  assert.deepEqual(found(root, '/s.cret/i'), all);
  assert.deepEqual(found(root, '/^Secret$/'), ['odd', 'list'].map((name) => `data HKLM\\SYSTEM:${name}`));
});

test('a number is found by how it is written whole, decimal or in hex', () => {
  const root: KeyToWrite = { name: 'ROOT', values: [
    { name: 'd', type: 4, data: dword(42) }, { name: 'b', type: 5, data: Buffer.from([0, 0, 0, 42]) }, { name: 'q', type: 11, data: Buffer.from('2a00000000000000', 'hex') },
    { name: 'much', type: 4, data: dword(420) },
  ] };
  assert.deepEqual(found(root, '42'), ['d', 'b', 'q'].map((name) => `data HKLM\\SYSTEM:${name}`));
  assert.deepEqual(found(root, '0x2A'), found(root, '42'));
  assert.deepEqual(found(root, '0x0000002a'), ['d', 'b'].map((name) => `data HKLM\\SYSTEM:${name}`));
  assert.deepEqual(found(root, '/^42/'), ['d', 'b', 'q', 'much'].map((name) => `data HKLM\\SYSTEM:${name}`));
});

test('bytes are found in data of every type, with digits that may be any', () => {
  const root: KeyToWrite = { name: 'ROOT', values: [{ name: 'a', type: 1, data: sz('MZ') }, { name: 'b', type: 3, data: Buffer.from('00004d5a9000', 'hex') }] };
  const hits = (written: string): string[] => {
    const made = soughtBytes(written);
    if (typeof made === 'string') throw new Error(made);
    return [...registryHits(setOf(root), made, ALL)].map(({ value }) => value?.name ?? '');
  };
  assert.deepEqual(hits('4d5a'), ['b']);
  assert.deepEqual(hits('4d ?? 5a'), ['a']);
  assert.deepEqual(hits('4d'), ['a', 'b']);
  assert.deepEqual(hits('ff'), []);
  assert.equal(typeof soughtBytes('4'), 'string');
});

test('deleted keys are found when they are asked for, and named as such', () => {
  const { file, cells } = writeHive({ name: 'ROOT', written: 132_000_000_000_000_000n, keys: [{ name: 'Software', written: 132_000_000_000_000_000n, keys: [
    { name: 'Vanished', written: 132_500_000_000_000_000n, values: [{ name: 'note', type: 1, data: sz('vanished too') }] }] }] });
  const parent = inFile(cells.get('Software') ?? 0);
  file.writeUInt32LE(0, parent + 0x14);
  file.writeUInt32LE(0xffff_ffff, parent + 0x1c);
  for (const name of ['Software\\Vanished', 'Software\\Vanished:note', 'Software\\Vanished:note:data', 'Software\\Vanished:values', 'Software:keys']) {
    const at = inFile(cells.get(name) ?? 0) - 4;
    file.writeInt32LE(-file.readInt32LE(at), at);
  }
  const set = hiveSetOfFiles([put('deleted/hive.dat', file)], { logs: 'apply' });
  assert.deepEqual([...registryHits(set, sought('anished'), ALL)], []);
  const hits = [...registryHits(set, sought('anished'), { ...ALL, deleted: true })].map(({ path, place, deleted }) => `${place} ${path} ${deleted ?? ''}`);
  assert.deepEqual(hits, ['key hive.dat\\Software\\Vanished free cell', 'data hive.dat\\Software\\Vanished free cell']);
  const texts = oldestFirst(registryEvents(set, { deleted: true })).map(({ text }) => text);
  assert.deepEqual(texts, ['hive.dat', 'hive.dat\\Software', 'hive.dat\\Software\\Vanished (deleted)']);
});

test('what cannot be a time is on no timeline', () => {
  const root: KeyToWrite = { name: 'ROOT', written: 0n, keys: [{ name: 'late', written: 2n ** 63n }, { name: 'good', written: 132_000_000_000_000_000n }] };
  assert.deepEqual([...registryEvents(setOf(root))].map(({ text }) => text), ['HKLM\\SYSTEM\\good']);
});

test('names that differ in case only are the same to a diff, and equal names are paired in order', () => {
  const values = (data: string) => [{ name: 'V', type: 1, data: sz(data) }];
  const one = setOf({ name: 'ROOT', keys: [{ name: 'Alpha', values: values('1') }, { name: 'Beta' }] });
  const other = setOf({ name: 'ROOT', keys: [{ name: 'ALPHA', values: [{ name: 'v', type: 1, data: sz('1') }] }, { name: 'Gamma', className: 'c' }] });
  assert.deepEqual([...registryChanges(one, other)].map(({ change, kind, path }) => `${change} ${kind} ${path}`), [
    'removed key HKLM\\SYSTEM\\Beta', 'added key HKLM\\SYSTEM\\Gamma',
  ]);
  assert.deepEqual([...registryChanges(one, one)], []);
});

test('a diff says what of a key differs, and walks deep trees without a deep stack', () => {
  const deep = (levels: number, data: string): KeyToWrite => (levels === 0 ? { name: 'end', values: [{ name: 'v', type: 1, data: sz(data) }] } : { name: `k${levels}`, keys: [deep(levels - 1, data)] });
  const [change, ...rest] = [...registryChanges(setOf({ name: 'ROOT', className: 'a', keys: [deep(400, 'x')] }), setOf({ name: 'ROOT', className: 'b', keys: [deep(400, 'y')] }))];
  assert.deepEqual(change?.parts, ['class']);
  assert.equal(rest.length, 1);
  assert.equal(rest[0]?.change, 'changed');
  assert.ok(rest[0]?.path.endsWith('\\end'));
});

test('a line of data keeps to one line\'s room', () => {
  const set = setOf({ name: 'ROOT', values: [{ name: 'long', type: 3, data: Buffer.alloc(100_000, 1) }, { name: 'list', type: 7, data: sz('a\0b\0') }] });
  const value = (name: string) => set.hives[0]?.registry.root()?.value(name);
  const long = value('long');
  const list = value('list');
  assert.ok(long !== undefined && list !== undefined);
  assert.equal(dataLine(long).length, 2 * 4096 + 1);
  assert.equal(dataLine(list), 'a, b');
});

test('hives, logs and other files are told apart by what they hold', () => {
  const { file } = writeHive({ name: 'ROOT' });
  const log = Buffer.from(file);
  log.writeUInt32LE(6, 0x1c);
  const headless = Buffer.from(file);
  headless.fill(0, 0, 4096);
  assert.equal(hiveFileKind(put('kinds/A', file)), 'hive');
  assert.equal(hiveFileKind(put('kinds/A.LOG1', log)), 'log');
  assert.equal(hiveFileKind(put('kinds/B', headless)), 'hive');
  assert.equal(hiveFileKind(put('kinds/C', 'text')), 'other');
  assert.equal(hiveFileKind(join(folder, 'kinds')), 'other');
  assert.equal(hiveFileKind(join(folder, 'none')), 'other');
  assert.deepEqual(hiveInputs([join(folder, 'kinds')]).map(({ path, logs }) => [path.slice(folder.length), logs.map((one) => one.slice(folder.length))]), [
    ['/kinds/A', ['/kinds/A.LOG1']], ['/kinds/B', []],
  ]);
});

test('a hive without its base block is opened by its bins', () => {
  const { file } = writeHive({ name: 'ROOT', flags: 0xc, keys: [{ name: 'Control Panel' }, { name: 'Software' }] });
  file.fill(0, 0, 4096);
  const path = put('headless/NTUSER.DAT', file);
  const set = hiveSetOfFiles([path], { logs: 'apply' });
  assert.deepEqual([...set.hives[0]?.registry.root()?.subkeys() ?? []].map(({ name }) => name), ['Control Panel', 'Software']);
  assert.ok(set.anomalies.list.length > 0);
});

test('one file given twice is shown once', () => {
  const path = put('twice/SYSTEM', writeHive({ name: 'ROOT' }).file);
  assert.equal(hiveInputs([path, path, join(folder, 'twice')]).length, 1);
});
