import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Anomalies } from '../../../src/bytes/anomaly.js';
import { openHiveFile } from '../../../src/registry/hive-file.js';
import type { RegistryHive } from '../../../src/registry/hive.js';
import { dword, inFile, sz, writeHive, type KeyToWrite, type WrittenHive } from '../../support/hive-bytes.js';
import { seeded } from '../../support/random.js';

const key = (name: string, keys: readonly KeyToWrite[] = []): KeyToWrite => ({ name, keys });

/** A hive that `harm` has changed, opened. */
function broken(root: KeyToWrite, harm: (hive: WrittenHive) => void): { hive: RegistryHive; what(): string[] } {
  const written = writeHive(root);
  harm(written);
  const anomalies = new Anomalies();
  const { hive } = openHiveFile(written.file, 'hive', anomalies);
  return { hive, what: () => anomalies.list.map(({ where, what }) => `${where}: ${what}`) };
}

function cell({ cells }: WrittenHive, name: string): number {
  const found = cells.get(name);
  assert.ok(found !== undefined, name);
  return found;
}

/** The file offset of the nth entry of a list of keys (`lh`). */
const entry = (written: WrittenHive, list: string, n: number): number => inFile(cell(written, list)) + 4 + 8 * n;

test('a key tree that leads back to its own ancestor ends', () => {
  const { hive, what } = broken(key('ROOT', [key('a', [key('b', [key('c')])])]), (written) => {
    written.file.writeUInt32LE(cell(written, 'a'), entry(written, 'a\\b:keys', 0));
  });
  assert.deepEqual([...hive.keys()].map(({ path }) => path), ['', 'a', 'a\\b']);
  assert.match(what().join('\n'), /hive key a\\b: the sub-key "a" says that its parent is another key/);
});

test('a root key that is listed below itself ends', () => {
  const { hive } = broken(key('ROOT', [key('a', [key('b')])]), (written) => {
    const root = cell(written, '');
    written.file.writeUInt32LE(root, entry(written, 'a:keys', 0));
    written.file.writeUInt32LE(cell(written, 'a'), inFile(root) + 0x10);
  });
  assert.deepEqual([...hive.keys()].map(({ path }) => path), ['', 'a']);
});

test('a sub-key that is listed twice is shown once', () => {
  const { hive, what } = broken(key('ROOT', [key('a'), key('b')]), (written) => {
    written.file.writeUInt32LE(cell(written, 'a'), entry(written, ':keys', 1));
  });
  assert.deepEqual([...hive.keys()].map(({ path }) => path), ['', 'a']);
  assert.match(what().join('\n'), /listed twice/);
});

test('a list of lists that names itself ends', () => {
  const { hive, what } = broken({ ...key('ROOT', [key('a'), key('b'), key('c')]), list: 'ri' }, (written) => {
    const list = cell(written, ':keys');
    written.file.writeUInt32LE(list, inFile(list) + 4);
  });
  assert.deepEqual([...hive.keys()].map(({ path }) => path), ['', 'c']);
  assert.match(what().join('\n'), /nested too deep/);
});

test('counts that exceed their lists are bounded by the lists', () => {
  const { hive, what } = broken({ ...key('ROOT', [key('a')]), values: [{ name: 'v', type: 4, data: dword(1) }] }, (written) => {
    const root = inFile(cell(written, ''));
    written.file.writeUInt32LE(0x8000_0000, root + 0x24);
    written.file.writeUInt32LE(0xffff_fff0, root + 0x14);
    written.file.writeUInt16LE(0xffff, inFile(cell(written, ':keys')) + 2);
  });
  assert.deepEqual([...hive.root()?.values() ?? []].map(({ name }) => name), ['v']);
  assert.deepEqual([...hive.root()?.subkeys() ?? []].map(({ name }) => name), ['a']);
  assert.match(what().join('\n'), /the key counts 2147483648 values, its list has room for 1/);
});

test('a cell that is larger than its bin is refused, and the others are read', () => {
  const { hive, what } = broken(key('ROOT', [key('a'), key('b')]), (written) => {
    written.file.writeInt32LE(-0x7fff_fff8, inFile(cell(written, 'a')) - 4);
  });
  assert.deepEqual([...hive.keys()].map(({ path }) => path), ['', 'b']);
  assert.match(what().join('\n'), /a cell is larger than its bin/);
});

test('a cell outside the hive, a free one and one of another kind are refused', () => {
  for (const [harm, why] of [
    [(w: WrittenHive) => w.file.writeUInt32LE(0x7fff_fff8, entry(w, ':keys', 0)), /leads out of the hive/],
    [(w: WrittenHive) => w.file.writeUInt32LE(0x8000_0020, entry(w, ':keys', 0)), /leads out of the hive/],
    [(w: WrittenHive) => w.file.writeInt32LE(0x58, inFile(cell(w, 'a')) - 4), /is free/],
    [(w: WrittenHive) => w.file.writeInt32LE(0, inFile(cell(w, 'a')) - 4), /has no size/],
    [(w: WrittenHive) => w.file.writeUInt32LE(cell(w, ':keys'), entry(w, ':keys', 0)), /holds no key/],
    [(w: WrittenHive) => w.file.writeUInt16LE(0xffff, inFile(cell(w, 'a')) + 0x48), /name is longer than its cell/],
  ] as const) {
    const { hive, what } = broken(key('ROOT', [key('a'), key('b')]), harm);
    assert.deepEqual([...hive.keys()].map(({ path }) => path), ['', 'b']);
    assert.match(what().join('\n'), why);
  }
});

test('data that claims more than its cell is cut and said to be', () => {
  const { hive, what } = broken({ name: 'ROOT', values: [{ name: 'v', type: 3, data: Buffer.from('0123456789ab', 'latin1') }] }, (written) => {
    written.file.writeUInt32LE(0x7fff_ffff, inFile(cell(written, ':v')) + 4);
  });
  assert.equal(hive.root()?.value('v')?.data()?.toString('latin1'), '0123456789ab');
  assert.match(what().join('\n'), /the data is cut: 12 of 2147483647 bytes/);
});

test('big data that claims more than the hive holds allocates nothing', () => {
  const { hive, what } = broken({ name: 'ROOT', values: [{ name: 'v', type: 3, data: Buffer.alloc(20_000, 1) }] }, (written) => {
    written.file.writeUInt32LE(0x3fff_0000, inFile(cell(written, ':v')) + 4);
    written.file.writeUInt16LE(0xffff, inFile(cell(written, ':v:data')) + 2);
  });
  assert.equal(hive.root()?.value('v')?.data(), undefined);
  assert.match(what().join('\n'), /big data of 1073676288 bytes/);
});

test('a hive that is cut off gives what it has', () => {
  const { file } = writeHive(key('ROOT', Array.from({ length: 60 }, (_, i) => ({ name: `key ${i}`, values: [{ name: 'v', type: 1, data: sz('x'.repeat(90)) }] }))));
  const anomalies = new Anomalies();
  const { hive } = openHiveFile(file.subarray(0, file.length - 4096), 'hive', anomalies);
  const keys = [...hive.keys()].length;
  assert.ok(keys >= 1 && keys <= 61);
  assert.match(anomalies.list.map(({ what }) => what).join('\n'), /cut off: 4096 bytes/);
});

test('hives with changed bytes never throw, and no walk is longer than the hive', () => {
  const random = seeded(5);
  const { file } = writeHive({ ...key('ROOT', Array.from({ length: 12 }, (_, i) => ({
    ...key(`key ${i}`, [key('below', [key('deeper')])]), className: 'class', values: [{ name: 'v', type: 1, data: sz('some text') }, { name: 'w', type: 7, data: sz('x') }],
  }))), list: 'ri', values: [{ name: 'big', type: 3, data: Buffer.alloc(17_000, 7) }] });
  for (let round = 0; round < 400; round += 1) {
    const copy = Buffer.from(file);
    for (let i = 0; i < 12; i += 1) copy[0x1000 + Math.floor(random() * (copy.length - 0x1000))] = Math.floor(random() * 256);
    const { hive } = openHiveFile(copy);
    let keys = 0;
    for (const found of hive.keys()) {
      keys += 1;
      found.className();
      for (const value of found.values()) assert.ok((value.data()?.length ?? 0) <= copy.length);
    }
    assert.ok(keys <= copy.length / 0x4c);
  }
});

/** A hive whose keys `k0`… all name the lists and counts of the key `rich`. */
function sharing(rich: KeyToWrite, keys: number, from: number, bytes: number): ReturnType<typeof broken> & { readonly size: number } {
  let size = 0;
  const opened = broken(key('ROOT', [...Array.from({ length: keys }, (_, i) => key(`k${String(i).padStart(5, '0')}`)), rich]), (written) => {
    const owner = inFile(cell(written, rich.name)) + from;
    for (let i = 0; i < keys; i += 1) written.file.copy(written.file, inFile(cell(written, `k${String(i).padStart(5, '0')}`)) + from, owner, owner + bytes);
    size = written.file.length;
  });
  return { ...opened, size };
}

test('keys that share a list of values do not make a walk longer than the hive, and each shows its first values', () => {
  const values = Array.from({ length: 3000 }, (_, i) => ({ name: `v${i}`, type: 4, data: dword(i) }));
  const { hive, what, size } = sharing({ name: 'rich', values }, 3000, 0x24, 8);
  let keys = 0;
  let found = 0;
  for (const one of hive.keys()) {
    keys += 1;
    const here = [...one.values()].length;
    assert.ok(one.path === '' || here >= 64, one.path);
    found += here;
  }
  assert.equal(keys, 3002);
  assert.ok(found < size / 4 + 64 * keys, `${found} values in ${size} bytes`);
  assert.match(what().join('\n'), /name more than the hive has room for; 64 of 3000 are looked at/);
  // The same is answered again.
  assert.equal([...hive.root()?.subkey('k00000')?.values() ?? []].length, 3000);
});

test('keys that share a list of sub-keys have none of them, and the key that owns them has all', () => {
  const { hive, what } = sharing(key('rich', Array.from({ length: 2000 }, (_, i) => key(`sub${String(i).padStart(4, '0')}`))), 2000, 0x14, 12);
  assert.equal([...hive.keys()].length, 1 + 2000 + 1 + 2000);
  const said = what().join('\n');
  assert.match(said, /says that its parent is another key/);
  assert.match(said, /what follows 17 useless entries is left out/);
});

test('lists that overlap name no more keys than the hive has room for', () => {
  // One cell of 16,000 overlapping lists: each eight bytes are the size of a cell, `li`, and a count.
  const lists = 16_000;
  const { hive, what } = broken({ ...key('ROOT', [key('a'), key('b')]), list: 'ri', values: [{ name: 'v', type: 3, data: Buffer.alloc(8 * lists) }] }, (written) => {
    const top = inFile(cell(written, ':keys'));
    const data = cell(written, ':v:data');
    assert.equal(written.file.toString('latin1', inFile(data), inFile(data) + 2), 'db');
    const segments = inFile(written.file.readUInt32LE(inFile(data) + 4));
    const segment = written.file.readUInt32LE(segments);
    const count = 2000;
    for (let i = 0; i < count; i += 1) {
      const at = inFile(segment) + 4 + 8 * i;
      written.file.writeInt32LE(-(8 * (count - i)), at);
      written.file.write('li', at + 4, 'latin1');
      written.file.writeUInt16LE(0xffff, at + 6);
    }
    // The list of lists takes the place of another segment.
    const other = inFile(written.file.readUInt32LE(segments + 4));
    written.file.write('ri', other, 'latin1');
    written.file.writeUInt16LE(count, other + 2);
    for (let i = 0; i < count; i += 1) written.file.writeUInt32LE(segment + 8 + 8 * i, other + 4 + 4 * i);
    written.file.writeUInt32LE(other - 0x1004, inFile(cell(written, '')) + 0x1c);
    assert.ok(top > 0);
  });
  const keys = [...hive.keys()].length;
  assert.equal(keys, 1);
  assert.match(what().join('\n'), /more than the hive has room for/);
});

test('values that share data are read until they are more than the hive', () => {
  const data = Buffer.alloc(15_000, 1);
  const values = Array.from({ length: 200 }, (_, i) => ({ name: `v${i}`, type: 3, data: i === 0 ? data : Buffer.alloc(8) }));
  const { hive, what } = broken({ name: 'ROOT', values }, (written) => {
    for (let i = 1; i < 200; i += 1) {
      written.file.writeUInt32LE(data.length, inFile(cell(written, `:v${i}`)) + 4);
      written.file.writeUInt32LE(cell(written, ':v0:data'), inFile(cell(written, `:v${i}`)) + 8);
    }
  });
  const read = [...hive.root()?.values() ?? []].filter((value) => value.data() !== undefined);
  assert.ok(read.length >= 1 && read.length < 10, String(read.length));
  assert.equal(read[0]?.data()?.length, data.length);
  assert.match(what().join('\n'), /values have more data than the hive has room for/);
});

test('a list of segments that names itself ends', () => {
  const { hive } = broken({ name: 'ROOT', values: [{ name: 'v', type: 3, data: Buffer.alloc(40_000, 1) }] }, (written) => {
    const record = inFile(cell(written, ':v:data'));
    const list = written.file.readUInt32LE(record + 4);
    for (let i = 0; i < 3; i += 1) written.file.writeUInt32LE(list, inFile(list) + 4 * i);
    written.file.writeUInt32LE(cell(written, ':v:data'), record + 4);
  });
  assert.equal(hive.root()?.value('v')?.data(), undefined);
});

test('a list whose hints do not fit the names, or that is not in their order, is said to be so', () => {
  for (const list of ['lh', 'lf'] as const) {
    const { hive, what } = broken({ ...key('ROOT', [key('alpha'), key('beta')]), list }, (written) => {
      written.file.writeUInt32LE(0x0101_0101, entry(written, ':keys', 1) + 4);
    });
    assert.deepEqual([...hive.keys()].map(({ path }) => path), ['', 'alpha', 'beta']);
    assert.match(what().join('\n'), /of the sub-key "beta" does not fit its name/);
    assert.equal(what().length, 1);
  }
  const { hive, what } = broken(key('ROOT', [key('same'), key('SAME'), key('earlier')]), () => undefined);
  assert.equal([...hive.keys()].length, 4);
  assert.match(what().join('\n'), /two sub-keys are called "SAME"\n.*"earlier" is not in the order of names/);
});

test('a root key that is not marked as one is said to be so', () => {
  const { what } = broken({ name: 'ROOT', flags: 0x20 }, () => undefined);
  assert.match(what().join('\n'), /the root key is not marked as the root of a hive/);
});
