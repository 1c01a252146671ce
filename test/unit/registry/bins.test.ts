import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openHive } from '../../../src/registry/open-hive.js';
import { orphanKeys } from '../../../src/registry/orphan-keys.js';
import { dword, inFile, sz, writeHive } from '../../support/hive-bytes.js';

const written = writeHive({ name: 'ROOT', keys: [
  { name: 'a', values: [{ name: 'v', type: 1, data: sz('text') }, { name: 'n', type: 4, data: dword(1) }] },
  { name: 'b', values: [{ name: 'big', type: 3, data: Buffer.alloc(20_000, 7) }] },
] });

test('the bins of a hive and the cells in them are all of its bytes', () => {
  const { hive } = openHive(written.file);
  const bins = [...hive.bins()];
  assert.ok(bins.length > 2);
  assert.equal(bins.reduce((sum, { size }) => sum + size, 0), written.file.length - 0x1000);
  for (const bin of bins) {
    assert.equal(bin.fileOffset, bin.index);
    const cells = [...bin.cells()];
    assert.equal(cells.reduce((sum, { size }) => sum + size, 0x20), bin.size);
    assert.equal(cells[0]?.index, bin.index + 0x20);
  }
});

test('a cell says its kind, whether it is free, and its bytes', () => {
  const { hive } = openHive(written.file);
  const cells = [...hive.bins()].flatMap((bin) => [...bin.cells()]);
  const count = (signature: string): number => cells.filter((one) => !one.free && one.signature === signature).length;
  assert.deepEqual(['nk', 'vk', 'sk', 'lh', 'db'].map(count), [3, 3, 1, 1, 1]);
  assert.ok(cells.some(({ free }) => free));
  const data = cells.find(({ index }) => index === written.cells.get('a:v:data'));
  assert.ok(data !== undefined && data.signature === undefined);
  assert.ok(data.content().bytes.subarray(0, 10).equals(sz('text')));
  assert.equal(data.content().bytes.length, data.size - 4);
});

test('a damaged bin is left out, and a cell without size ends its bin', () => {
  const file = Buffer.from(written.file);
  file.writeUInt32LE(0, 0x1000 + 8);
  const { hive } = openHive(file);
  assert.ok([...hive.bins()].every(({ index }) => index >= 0x1000));
  const short = Buffer.from(written.file);
  const node = inFile(written.cells.get('a') ?? 0);
  short.writeInt32LE(0, node - 4);
  const [first] = openHive(short).hive.bins();
  assert.ok([...first?.cells() ?? []].every(({ index }) => index < (written.cells.get('a') ?? 0)));
});

test('a key that its parent does not list is an orphan, and the lists are not its own', () => {
  const file = Buffer.from(written.file);
  file.writeUInt16LE(1, inFile(written.cells.get(':keys') ?? 0) + 2);
  const { hive } = openHive(file);
  assert.deepEqual(orphanKeys(hive).map(({ path }) => path), ['b']);
});
