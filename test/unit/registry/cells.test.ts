import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Anomalies } from '../../../src/bytes/anomaly.js';
import { FormatError } from '../../../src/bytes/errors.js';
import { BASE_BLOCK_SIZE, baseBlock, baseBlockChecksum, repairedBaseBlock } from '../../../src/registry/base-block.js';
import { BLOCK, Cells, NO_STORAGE, type Storage } from '../../../src/registry/cells.js';
import { RegistryHive } from '../../../src/registry/hive.js';
import { dataText } from '../../../src/registry/value-type.js';
import { dword, sz, writeHive } from '../../support/hive-bytes.js';

/** The bins of a hive file, block by block, some of them missing. */
function withHoles(file: Buffer, missing: readonly number[]): Storage {
  const bins = file.subarray(BASE_BLOCK_SIZE);
  return {
    length: bins.length,
    stretch(offset) {
      const block = Math.floor(offset / BLOCK);
      return missing.includes(block) ? undefined : { start: block * BLOCK, bytes: bins.subarray(block * BLOCK, (block + 1) * BLOCK) };
    },
    binEnd: () => undefined,
  };
}

function openedWithHoles(file: Buffer, missing: readonly number[]): { hive: RegistryHive; anomalies: Anomalies } {
  const anomalies = new Anomalies();
  const { rootCell, minor } = baseBlock(file);
  return { anomalies, hive: new RegistryHive({ cells: new Cells(withHoles(file, missing), NO_STORAGE), rootCell, minor, where: 'hive', anomalies }) };
}

const LONG = Buffer.from(Array.from({ length: 12_000 }, (_, i) => (i * 3) & 0xff));

test('a cell that spans blocks is put together', () => {
  const { file } = writeHive({ name: 'ROOT', values: [{ name: 'long', type: 3, data: LONG }] });
  assert.deepEqual(openedWithHoles(file, []).hive.root()?.value('long')?.data(), LONG);
});

test('data of which a block is missing is told from data that is absent', () => {
  const { file, cells } = writeHive({ name: 'ROOT', values: [{ name: 'long', type: 3, data: LONG }] });
  const at = (cells.get(':long:data') ?? 0) + 4;
  const block = Math.floor(at / BLOCK) + 1;
  const { hive, anomalies } = openedWithHoles(file, [block]);
  const value = hive.root()?.value('long');
  assert.equal(value?.data(), undefined);
  const content = value?.content();
  assert.equal(content?.missing, BLOCK);
  const start = block * BLOCK - at;
  assert.deepEqual(content.bytes.subarray(0, start), LONG.subarray(0, start));
  assert.ok(content.bytes.subarray(start, start + BLOCK).every((byte) => byte === 0));
  assert.deepEqual(content.bytes.subarray(start + BLOCK), LONG.subarray(start + BLOCK));
  assert.deepEqual(anomalies.list, []);
});

test('a key that is not in the image is undefined, one that cannot be is a contradiction', () => {
  const { file, cells } = writeHive({ name: 'ROOT' });
  const all = Array.from({ length: (file.length - BASE_BLOCK_SIZE) / BLOCK }, (_, i) => i);
  const { hive } = openedWithHoles(file, all);
  assert.equal(hive.cells.read(cells.get('') ?? 0), undefined);
  assert.equal(hive.root(), undefined);
  assert.throws(() => hive.cells.read(file.length), FormatError);
  assert.throws(() => hive.cells.read(3), FormatError);
});

test('a sub-key that is not in the image is left out and named', () => {
  const filler = { name: 'filler', type: 3, data: Buffer.alloc(4000) };
  const { file, cells } = writeHive({ name: 'ROOT', keys: [{ name: 'c', values: [filler] }, { name: 'd', values: [filler] }] });
  const block = Math.floor((cells.get('d') ?? 0) / BLOCK);
  assert.notEqual(block, 0);
  const { hive, anomalies } = openedWithHoles(file, [block]);
  assert.deepEqual([...hive.root()?.subkeys() ?? []].map(({ name }) => name), ['c']);
  assert.deepEqual(anomalies.list.map(({ what, address }) => [what, address]), [['a sub-key is not in the image', cells.get('d')]]);
});

test('a repaired base block is a clean hive of the given length', () => {
  const { file } = writeHive({ name: 'ROOT' });
  const damaged = Buffer.from(file.subarray(0, BASE_BLOCK_SIZE));
  damaged.writeUInt32LE(9, 4);
  damaged.writeUInt32LE(7, 0x28);
  const header = baseBlock(repairedBaseBlock(damaged, { length: 0x2000, rootCell: 0x20, minor: 5 }));
  assert.equal(header.length, 0x2000);
  assert.equal(header.sequence1, 9);
  assert.equal(header.sequence2, 9);
  assert.equal(header.intact, true);
  const bare = baseBlock(repairedBaseBlock(undefined, { length: 0x1000, rootCell: 0x88, minor: 6 }));
  assert.deepEqual([bare.rootCell, bare.minor, bare.length, bare.intact], [0x88, 6, 0x1000, true]);
});

test('a checksum is never 0 nor -1', () => {
  const bytes = Buffer.alloc(BASE_BLOCK_SIZE);
  assert.equal(baseBlockChecksum(bytes), 1);
  bytes.writeInt32LE(-1, 0);
  assert.equal(baseBlockChecksum(bytes), 0xffff_fffe);
});

test('data is written as text by its type', () => {
  assert.equal(dataText(1, sz('Grüße 日本')), 'Grüße 日本');
  assert.equal(dataText(7, Buffer.concat([sz('a'), sz('b'), sz('')])), 'a\nb');
  assert.equal(dataText(4, dword(0xab)), '000000ab');
  assert.equal(dataText(5, Buffer.from([0, 0, 0, 0xab])), '000000ab');
  assert.equal(dataText(11, Buffer.from('0100000000000080', 'hex')), '8000000000000001');
  assert.match(dataText(3, Buffer.from('MZ', 'latin1')), /^0000 {2}4d 5a .*MZ\n$/);
  assert.equal(dataText(0, Buffer.alloc(0)), '');
});
