import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Anomalies } from '../../../src/bytes/anomaly.js';
import { recoverDeleted } from '../../../src/registry/deleted.js';
import { openHiveFile } from '../../../src/registry/hive-file.js';
import { sz, writeHive } from '../../support/hive-bytes.js';

const BLOCK = 0x1000;
const { file } = writeHive({ name: 'ROOT', flags: 0xc, written: 133_000_000_000_000_000n, keys: Array.from({ length: 120 }, (_, i) => ({
  name: `key ${i}`, written: 133_000_000_000_000_000n, values: [{ name: 'v', type: 1, data: sz('x'.repeat(60)) }],
})) });

/** Names of keys in the tree and of those outside it, and what is said to be wrong. */
function opened(bytes: Buffer): { tree: string[]; outside: string[]; said: string } {
  const anomalies = new Anomalies();
  const { hive } = openHiveFile(bytes, 'hive', anomalies);
  const tree = [...hive.keys()].map(({ name }) => name);
  return { tree, outside: recoverDeleted(hive).keys.map(({ name }) => name), said: anomalies.list.map(({ what }) => what).join('\n') };
}

test('a hive that is cut at any block gives the keys before the cut and says that it is cut', () => {
  const counts: number[] = [];
  for (let end = 2 * BLOCK; end < file.length; end += BLOCK) {
    const { tree, outside, said } = opened(file.subarray(0, end));
    assert.match(said, new RegExp(`cut off: ${file.length - end} bytes`));
    assert.equal(new Set([...tree, ...outside]).size, tree.length + outside.length);
    counts.push(tree.length + outside.length);
  }
  assert.ok(counts.every((count, i) => count >= 1 && (i === 0 || count >= (counts[i - 1] ?? 0))), counts.join(' '));
  assert.ok((counts.at(-1) ?? 0) > 100);
});

test('a bin of zeros costs its own keys, and the others are there', () => {
  for (let at = 2 * BLOCK; at < file.length - BLOCK; at += BLOCK) {
    const harmed = Buffer.from(file);
    harmed.fill(0, at, at + BLOCK);
    const { tree, outside, said } = opened(harmed);
    assert.ok(tree.length + outside.length > 80, `${at}: ${tree.length} and ${outside.length}`);
    assert.notEqual(said, '');
  }
});

test('a hive without its base block opens by the root key in its bins', () => {
  const harmed = Buffer.from(file);
  harmed.fill(0, 0, BLOCK);
  const { tree, said } = opened(harmed);
  assert.equal(tree.length, 121);
  assert.match(said, /the base block is gone; the root key was found in the bins/);
});

test('a base block that names no root key opens by the one in the bins', () => {
  const harmed = Buffer.from(file);
  harmed.writeUInt32LE(0x7fff_fff8, 0x24);
  const { tree, said } = opened(harmed);
  assert.equal(tree.length, 121);
  assert.match(said, /the base block names no root key/);
});
