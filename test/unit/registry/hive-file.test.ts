import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Anomalies } from '../../../src/bytes/anomaly.js';
import { FormatError } from '../../../src/bytes/errors.js';
import { openHiveFile } from '../../../src/registry/hive-file.js';
import type { RegistryHive } from '../../../src/registry/hive.js';
import { openHive } from '../../../src/registry/open-hive.js';
import { securityCell } from '../../../src/registry/security.js';
import { dword, sz, writeHive, type KeyToWrite } from '../../support/hive-bytes.js';

function opened(root: KeyToWrite, minor = 5): { hive: RegistryHive; anomalies: Anomalies } {
  const anomalies = new Anomalies();
  return { hive: openHiveFile(writeHive(root, { minor }).file, 'hive', anomalies).hive, anomalies };
}

const key = (name: string, keys: readonly KeyToWrite[] = []): KeyToWrite => ({ name, keys });

test('keys are found by path, whatever the case, with their time, class and parent', () => {
  const { hive, anomalies } = opened(key('ROOT', [{
    ...key('Software', [{ name: 'Größe', written: 133_197_188_700_000_000n, className: 'Shell' }]),
  }]));
  const found = hive.key('SOFTWARE\\gRÖßE');
  assert.equal(found?.path, 'Software\\Größe');
  assert.equal(found.written, 133_197_188_700_000_000n);
  assert.equal(found.className(), 'Shell');
  assert.equal(found.parent?.name, 'Software');
  assert.equal(found.parent.parent?.parent, undefined);
  assert.equal(hive.key('Software\\none'), undefined);
  assert.equal(hive.key('Software\\GRÖSSE'), undefined);
  assert.deepEqual(anomalies.list, []);
});

test('names are read as Latin-1 or as UTF-16, as the key says', () => {
  const { hive } = opened(key('ROOT', [key('é'), key('日本'), key('a:b/c')]));
  assert.deepEqual([...hive.root()?.subkeys() ?? []].map(({ name }) => name), ['é', '日本', 'a:b/c']);
});

test('a key opened by its cell knows its whole path', () => {
  const { file, cells } = writeHive(key('ROOT', [key('a', [key('b', [key('c')])])]));
  const { hive } = openHiveFile(file);
  assert.equal(hive.keyAt(cells.get('a\\b\\c') ?? 0)?.path, 'a\\b\\c');
});

test('every kind of sub-key list gives the same keys in the same order', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const list of ['lf', 'lh', 'li', 'ri'] as const) {
    const { hive, anomalies } = opened({ ...key('ROOT', names.map((name) => key(name))), list });
    assert.deepEqual([...hive.root()?.subkeys() ?? []].map(({ name }) => name), names, list);
    assert.deepEqual(anomalies.list, [], list);
  }
});

test('a walk yields each key before those below it', () => {
  const { hive } = opened(key('ROOT', [key('a', [key('b'), key('c')]), key('d')]));
  assert.deepEqual([...hive.keys()].map(({ path }) => path), ['', 'a', 'a\\b', 'a\\c', 'd']);
});

test('values of all types mean what their type says', () => {
  const bytes = Buffer.from([1, 2, 3, 4, 5]);
  const qword = Buffer.from('0807060504030201', 'hex');
  const expected: readonly (readonly [type: number, name: string, data: Buffer, native: unknown])[] = [
    [0, 'REG_NONE', Buffer.alloc(0), Buffer.alloc(0)],
    [1, 'REG_SZ', sz('Zeit 時'), 'Zeit 時'],
    [2, 'REG_EXPAND_SZ', sz('%windir%'), '%windir%'],
    [3, 'REG_BINARY', bytes, bytes],
    [4, 'REG_DWORD', dword(0xfedc_ba98), 0xfedc_ba98],
    [5, 'REG_DWORD_BIG_ENDIAN', Buffer.from([0, 0, 1, 2]), 0x102],
    [6, 'REG_LINK', Buffer.from('\\Registry\\X', 'utf16le'), '\\Registry\\X'],
    [7, 'REG_MULTI_SZ', Buffer.concat([sz('one'), sz('two'), sz('')]), ['one', 'two']],
    [8, 'REG_RESOURCE_LIST', bytes, bytes],
    [9, 'REG_FULL_RESOURCE_DESCRIPTOR', bytes, bytes],
    [10, 'REG_RESOURCE_REQUIREMENTS_LIST', bytes, bytes],
    [11, 'REG_QWORD', qword, 0x0102_0304_0506_0708n],
    [1001, 'REG_UNKNOWN_0x000003e9', bytes, bytes],
  ];
  const { hive } = opened({ name: 'ROOT', values: expected.map(([type, name, data]) => ({ name, type, data })) });
  for (const [type, name, data, native] of expected) {
    const value = hive.root()?.value(name.toLowerCase());
    assert.equal(value?.type, type);
    assert.equal(value.typeName, name);
    assert.deepEqual(value.data(), data);
    assert.deepEqual(value.native(), native);
  }
});

test('data of a wrong length keeps its bytes, and characters end at the first NUL', () => {
  const { hive } = opened({ name: 'ROOT', values: [
    { name: 'short', type: 4, data: Buffer.from([1, 2]) },
    { name: 'odd', type: 1, data: Buffer.from('41004200430', 'hex') },
    { name: 'hidden', type: 1, data: Buffer.concat([sz('seen'), sz('hidden')]) },
  ] });
  assert.deepEqual(hive.root()?.value('short')?.native(), Buffer.from([1, 2]));
  assert.equal(hive.root()?.value('odd')?.native(), 'AB');
  assert.equal(hive.root()?.value('hidden')?.native(), 'seen');
});

test('the default value has an empty name', () => {
  const { hive } = opened({ name: 'ROOT', values: [{ name: '', type: 1, data: sz('x') }] });
  assert.equal(hive.root()?.value('')?.text(), 'x');
});

test('big data is put together from its segments', () => {
  const data = Buffer.from(Array.from({ length: 40_000 }, (_, i) => (i * 7) & 0xff));
  const { hive, anomalies } = opened({ name: 'ROOT', values: [{ name: 'big', type: 3, data }] });
  assert.deepEqual(hive.root()?.value('big')?.data(), data);
  assert.deepEqual(anomalies.list, []);
});

test('the security of a key is in a cell of its own', () => {
  const { hive } = opened(key('ROOT'));
  const cell = hive.root()?.securityCell ?? 0;
  assert.equal(securityCell(hive, cell)?.descriptor.toString('latin1'), 'a descriptor');
  assert.throws(() => securityCell(hive, hive.rootCell), FormatError);
});

test('a key that is a mount point or a predefined handle has no sub-keys or values of its own', () => {
  const { hive } = opened(key('ROOT', [
    { ...key('exit', [key('below')]), flags: 0x2 },
    { name: 'handle', flags: 0x40, values: [{ name: 'v', type: 4, data: dword(1) }] },
  ]));
  assert.deepEqual([...hive.key('exit')?.subkeys() ?? []], []);
  assert.deepEqual([...hive.key('handle')?.values() ?? []], []);
});

test('bytes that are no hive are refused in a sentence', () => {
  assert.throws(() => openHiveFile(Buffer.alloc(0)), /no registry hive/);
  assert.throws(() => openHiveFile(Buffer.alloc(8192)), /no registry hive/);
  const log = Buffer.from(writeHive(key('ROOT')).file);
  log.writeUInt32LE(6, 0x1c);
  assert.throws(() => openHiveFile(log), /transaction log/);
});

test('a dirty hive and a wrong checksum are announced', () => {
  const { file } = writeHive(key('ROOT'));
  file.writeUInt32LE(7, 4);
  const anomalies = new Anomalies();
  assert.equal(openHiveFile(file, 'hive', anomalies).hive.root()?.name, 'ROOT');
  assert.deepEqual(anomalies.list.map(({ what }) => what.slice(0, 17)), ['the checksum of t', 'the hive is dirty']);
});

test('a registry of Windows 95 to ME is refused by its name', () => {
  const bytes = Buffer.alloc(0x2000);
  bytes.write('CREG', 0, 'latin1');
  assert.throws(() => openHiveFile(bytes), /no registry hive of Windows NT: it is a registry of Windows 95, 98 or ME \(CREG\)/);
});

test('a clean hive with logs beside it is not said to be anything', () => {
  const { file } = writeHive(key('ROOT'));
  assert.deepEqual(openHive(file, { logs: [Buffer.alloc(0), Buffer.from('no log')] }).anomalies.list, []);
});
