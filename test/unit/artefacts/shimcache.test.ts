import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SHIMCACHE } from '../../../src/artefacts/shimcache.js';
import { shimcache, type Shimcache } from '../../../src/artefacts/shimcache-blob.js';
import { UNIX_EPOCH_FILETIME } from '../../../src/bytes/filetime.js';
import { artefactRows, picked, systemRoot } from '../../support/artefact-rows.js';
import { writtenSet } from '../../support/hive-sets.js';

const REAL = new URL('../../../../../shared/testdata/registry/Velocidex+regparser/appcompatcache/', import.meta.url);
const absent = existsSync(REAL) ? false : 'the collection of real hives is not there';
const TIME = 132_000_000_000_000_000n;

function real(name: string): Shimcache {
  const cache = shimcache(readFileSync(new URL(`test_data/${name}.bin`, REAL)));
  assert.ok(cache !== undefined);
  assert.equal(cache.damage, undefined);
  return cache;
}

for (const name of ['Win80', 'Win81', 'Win10', 'Win10Creators']) {
  test(`the cache of ${name} gives the paths and times that are expected of it`, { skip: absent }, () => {
    const golden = JSON.parse(readFileSync(new URL(`fixtures/appcompatcache_${name}.bin.golden`, REAL), 'utf8')) as readonly { name: string; epoch: number }[];
    const found = real(name).entries.slice(0, golden.length).map(({ path, modified }) =>
      ({ path, epoch: modified === undefined ? undefined : Number((modified - UNIX_EPOCH_FILETIME) / 10_000_000n) }));
    assert.deepEqual(found, golden.map((one) => ({ path: one.name, epoch: one.epoch })));
  });
}

for (const [name, format, count, first] of [
  ['WinXPx86', 'Windows XP 32-bit', 17, 'C:\\WINDOWS\\system32\\oobe\\msoobe.exe'],
  ['Win2k8Standard', 'Windows Vista or Server 2008 64-bit', 0x369, undefined],
  ['win7x86', 'Windows 7 or Server 2008 R2 32-bit', 0x5b, undefined],
  ['win7x64', 'Windows 7 or Server 2008 R2 64-bit', 0x130, undefined],
] as const) {
  test(`the cache of ${name} gives as many entries as its header says, all with paths`, { skip: absent }, () => {
    const cache = real(name);
    assert.equal(cache.format, format);
    assert.equal(cache.entries.length, count);
    assert.ok(cache.entries.every(({ path }) => /^(?:[A-Z]:|SYSVOL)\\|^\\\\|^[0-9a-f]{8}\t/i.test(path)), 'paths');
    if (first !== undefined) assert.equal(cache.entries[0]?.path, first);
  });
}

function entry10(path: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const name = Buffer.from(path, 'utf16le');
  const entry = Buffer.alloc(26 + name.length);
  entry.write('10ts', 0, 'latin1');
  entry.writeUInt32LE(14 + name.length + data.length, 8);
  entry.writeUInt16LE(name.length, 12);
  name.copy(entry, 14);
  entry.writeBigUInt64LE(TIME, 14 + name.length);
  entry.writeUInt32LE(data.length, 22 + name.length);
  return Buffer.concat([entry, data]);
}

function cache10(...entries: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(0x34);
  head.writeUInt32LE(0x34, 0);
  return Buffer.concat([head, ...entries]);
}

test('the rows stand in the order of the cache, and only an entry with data says whether it was executed', () => {
  const blob = cache10(entry10('\\??\\C:\\a.exe', Buffer.from([0, 0, 0, 0, 1, 0, 0, 0])), entry10('C:\\b.exe'));
  const set = writtenSet({ 'HKLM\\SYSTEM': systemRoot({ 'Control\\Session Manager\\AppCompatCache': { values: [{ name: 'AppCompatCache', type: 3, data: blob }] } }) });
  assert.deepEqual(artefactRows(SHIMCACHE, set).map((row) => picked(row, 'position', 'path', 'executed')), [[0, 'C:\\a.exe', true], [1, 'C:\\b.exe', undefined]]);
  assert.deepEqual(set.anomalies.list.filter(({ what }) => what.includes('cache')), []);
});

test('Windows Server 2003 keeps sizes where Vista keeps flags', () => {
  const path = Buffer.from('\\??\\C:\\x.exe', 'utf16le');
  const cache = (low: number): Buffer => {
    const head = Buffer.alloc(8 + 24);
    head.writeUInt32LE(0xbadc0ffe, 0);
    head.writeUInt32LE(1, 4);
    head.writeUInt16LE(path.length, 8);
    head.writeUInt32LE(head.length, 12);
    head.writeBigUInt64LE(TIME, 16);
    head.writeUInt32LE(low, 24);
    return Buffer.concat([head, path]);
  };
  assert.deepEqual(shimcache(cache(40_000))?.entries, [{ path: 'C:\\x.exe', modified: TIME, updated: undefined, size: 40_000n, executed: undefined }]);
  assert.deepEqual(shimcache(cache(2))?.entries, [{ path: 'C:\\x.exe', modified: TIME, updated: undefined, size: undefined, executed: true }]);
});

test('a cache that is cut, or whose counts lie, gives what it has and says so', () => {
  const whole = cache10(entry10('C:\\a.exe'), entry10('C:\\b.exe'));
  const cut = shimcache(whole.subarray(0, whole.length - 4));
  assert.deepEqual(cut?.entries.map(({ path }) => path), ['C:\\a.exe']);
  assert.match(cut?.damage ?? '', /bytes behind entry 1 could not be read/);
  for (const signature of [0xdeadbeef, 0xbadc0ffe, 0xbadc0fee]) {
    const liar = Buffer.alloc(0x200, 0xff);
    liar.writeUInt32LE(signature, 0);
    const cache = shimcache(liar);
    assert.ok(cache !== undefined && cache.entries.length < 64);
    assert.match(cache.damage ?? '', /^the cache counts \d+ entries/);
  }
  assert.equal(shimcache(Buffer.alloc(4)), undefined);
  assert.equal(shimcache(Buffer.alloc(400)), undefined);
});

test('a cache of a format that is not known is an anomaly', () => {
  const set = writtenSet({ 'HKLM\\SYSTEM': systemRoot({
    'Control\\Session Manager\\AppCompatCache': { values: [{ name: 'AppCompatCache', type: 3, data: Buffer.alloc(64, 7) }] },
  }) });
  assert.deepEqual(artefactRows(SHIMCACHE, set), []);
  assert.ok(set.anomalies.list.some(({ what }) => what.includes('unknown format')));
});
