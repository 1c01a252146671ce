import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hiveSpace } from '../../../src/windows/hive-image.js';
import type { MappedStorage } from '../../../src/windows/hive-memory.js';
import { hiveSetOf, mountName } from '../../../src/windows/hive-set.js';
import type { Hive } from '../../../src/windows/hive.js';
import type { Windows } from '../../../src/windows/windows.js';
import { Anomalies } from '../../../src/bytes/anomaly.js';
import { openHiveFile } from '../../../src/registry/hive-file.js';
import { sz, writeHive, type KeyToWrite } from '../../support/hive-bytes.js';

const SID = 'S-1-5-21-1-2-3-1001';

function hive(address: bigint, rootPath: string, root: KeyToWrite = { name: 'ROOT' }): Hive {
  return { address, rootPath, filePath: '', name: rootPath, source: 'list', header: undefined, registry: openHiveFile(writeHive(root).file).hive } as unknown as Hive;
}

function windowsOf(hives: () => readonly Hive[]): Windows {
  return { hives, anomalies: new Anomalies() } as unknown as Windows;
}

test('hives in memory are known by where they are mounted', () => {
  const set = hiveSetOf(windowsOf(() => hives));
  assert.deepEqual(set.hives.map(({ mount, kind, address }) => [mount, kind, address]), [
    ['HKLM\\SYSTEM', 'SYSTEM', 1n], [`HKU\\${SID}`, 'NTUSER', 2n], [`HKU\\${SID}_Classes`, 'USRCLASS', 3n], ['HKU\\.DEFAULT', 'DEFAULT', 4n], ['HKLM\\BCD00000000', 'BCD', 5n],
    ['\\REGISTRY\\A\\{1}', 'OTHER', 6n],
  ]);
  assert.deepEqual(set.of('SYSTEM', 'NTUSER').map(({ address }) => address), [1n, 2n]);
});
const hives = [
  hive(1n, '\\REGISTRY\\MACHINE\\SYSTEM'),
  hive(2n, `\\REGISTRY\\USER\\${SID}`, { name: 'ROOT', keys: [{ name: 'Volatile Environment', values: [{ name: 'USERNAME', type: 1, data: sz('alice') }] }] }),
  hive(3n, `\\REGISTRY\\USER\\${SID}_Classes`), hive(4n, '\\REGISTRY\\USER\\.DEFAULT'), hive(5n, '\\Registry\\Machine\\BCD00000000'), hive(6n, '\\REGISTRY\\A\\{1}'),
];

test('a user is named by the account, else by the SID; the set is the same until there are other hives', () => {
  let current: readonly Hive[] = hives;
  const windows = windowsOf(() => current);
  const set = hiveSetOf(windows);
  assert.deepEqual(set.hives.map(({ user }) => user), [undefined, 'alice', 'alice', undefined, undefined, undefined]);
  assert.equal(hiveSetOf(windows), set);
  current = [hives[0]!, hive(7n, '\\REGISTRY\\USER\\S-1-5-21-9-9-9-500')];
  assert.notEqual(hiveSetOf(windows), set);
  assert.equal(hiveSetOf(windows).hives[1]?.user, 'S-1-5-21-9-9-9-500');
});

test('only whole names of a path are replaced', () => {
  assert.equal(mountName('\\REGISTRY\\MACHINERY\\X'), '\\REGISTRY\\MACHINERY\\X');
  assert.equal(mountName('\\REGISTRY\\USER'), 'HKU');
});

/** Storage of `length` bytes of which those from `hole` on, a page of them, are not in the image. */
function storage(length: number, value: number, hole?: number): MappedStorage {
  return {
    length,
    fill(offset: number, target: Uint8Array) {
      let missing = 0;
      for (let i = 0; i < target.length; i += 1) {
        const at = offset + i;
        const absent = hole !== undefined && at >= hole && at < hole + 4096;
        target[i] = absent ? 0 : value;
        if (absent) missing += 1;
      }
      return missing;
    },
    * runs() {
      if (hole === undefined) yield { start: 0, length };
      else yield* [{ start: 0, length: hole }, { start: hole + 4096, length: length - hole - 4096 }].filter((run) => run.length > 0);
    },
  } as unknown as MappedStorage;
}

test('a hive\'s memory has volatile cells at their indices, and says what is between and what is not there', () => {
  const space = hiveSpace({ stable: storage(12_288, 1, 4096), volatile: storage(4096, 2) });
  assert.equal(space.size, 0x8000_1000);
  assert.deepEqual([...space.runs()], [{ start: 0, length: 4096 }, { start: 8192, length: 4096 }, { start: 0x8000_0000, length: 4096 }]);
  const bytes = Buffer.alloc(16, 9);
  assert.equal(space.fill(4088, bytes), 8);
  assert.deepEqual([...bytes], [...Buffer.alloc(8, 1), ...Buffer.alloc(8)]);
  assert.equal(space.fill(0x7fff_fff8, bytes), 8);
  assert.deepEqual([...bytes], [...Buffer.alloc(8), ...Buffer.alloc(8, 2)]);
  assert.equal(space.fill(0x4000_0000, bytes), 16);
  assert.equal(hiveSpace({ stable: storage(4096, 1), volatile: storage(0, 0) }).size, 4096);
});
