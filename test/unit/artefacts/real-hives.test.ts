import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { AMCACHE_FILES } from '../../../src/artefacts/amcache-files.js';
import { ARTEFACTS } from '../../../src/artefacts/artefacts.js';
import { BAM } from '../../../src/artefacts/bam.js';
import { RECENT_DOCS } from '../../../src/artefacts/recent-docs.js';
import { SEARCHES } from '../../../src/artefacts/searches.js';
import { SERVICES } from '../../../src/artefacts/services.js';
import { SHELL_BAGS } from '../../../src/artefacts/shell-bags.js';
import { SHIMCACHE } from '../../../src/artefacts/shimcache.js';
import { TYPED_PATHS, TYPED_URLS } from '../../../src/artefacts/typed.js';
import { Anomalies } from '../../../src/bytes/anomaly.js';
import { isXz, unpackXz } from '../../../src/compress/xz.js';
import { hiveSet, type HiveSet } from '../../../src/registry/hive-set.js';
import type { Key } from '../../../src/registry/key.js';
import { artefactEvents, artefactRows } from '../../support/artefact-rows.js';
import { memberHive } from '../../support/hive-sets.js';

const REAL = new URL('../../../../../shared/testdata/registry/mkorman90+regipy/regipy_tests/data/', import.meta.url);
const absent = existsSync(REAL) ? false : 'the collection of real hives is not there';
const LIMIT = 64 << 20;

function real(file: string, mount: string): HiveSet {
  const bytes = readFileSync(new URL(file, REAL));
  const anomalies = new Anomalies();
  return hiveSet([memberHive(mount, isXz(bytes) ? unpackXz(bytes, LIMIT) : bytes, anomalies)], anomalies);
}

function keyOf(set: HiveSet, path: string): Key {
  return set.hives[0]?.registry.key(path) ?? assert.fail(`no key ${path}`);
}

/** Values whose names are numbers, of a key and all below it. */
function numbered(key: Key): number {
  return [...key.values()].filter(({ name }) => /^\d+$/.test(name)).length + [...key.subkeys()].reduce((sum, child) => sum + numbered(child), 0);
}

const USER = 'HKU\\S-1-5-21-1-2-3-1001';
const EXPLORER = 'Software\\Microsoft\\Windows\\CurrentVersion\\Explorer';

test('all shell items of real hives become rows with names', { skip: absent }, () => {
  for (const [file, mount, path, count] of [
    ['NTUSER_BAGMRU.DAT.xz', USER, 'Software\\Microsoft\\Windows\\Shell\\BagMRU', 102],
    ['UsrClass.dat.xz', `${USER}_Classes`, 'Local Settings\\Software\\Microsoft\\Windows\\Shell\\BagMRU', 29],
  ] as const) {
    const set = real(file, mount);
    const rows = artefactRows(SHELL_BAGS, set);
    assert.equal(rows.length, numbered(keyOf(set, path)));
    assert.equal(rows.length, count);
    assert.ok(rows.filter((row) => row['kind'] === 'unknown').length <= 2);
  }
});

test('the folders of a real user have paths, times and places in the MFT', { skip: absent }, () => {
  const row = artefactRows(SHELL_BAGS, real('UsrClass.dat.xz', `${USER}_Classes`)).find(({ path }) => path === 'This PC\\C:\\Users\\jcloudy\\Box Sync');
  assert.deepEqual(
    [row?.['short_name'], row?.['created'], row?.['modified'], row?.['mft_record'], row?.['mft_sequence'], row?.['slot']],
    ['BOXSYN~1', '2018-03-28T00:53:58.0000000Z', '2018-04-05T02:11:16.0000000Z', 140_782, 2, 24],
  );
});

test('services, caches and lists of real hives are whole', { skip: absent }, () => {
  const system = real('SYSTEM_WIN_10_1709.xz', 'HKLM\\SYSTEM');
  const services = [...keyOf(system, 'ControlSet001\\Services').subkeys()].filter((key) => ['Type', 'Start', 'ImagePath'].some((name) => key.value(name) !== undefined)
    || key.key('Parameters')?.value('ServiceDll') !== undefined);
  assert.equal(artefactRows(SERVICES, system).length, services.length);
  assert.equal(artefactRows(SHIMCACHE, system).length, 1024);
  assert.equal(artefactRows(BAM, system).length, 55);
  assert.equal(artefactRows(SHIMCACHE, real('SYSTEM.xz', 'HKLM\\SYSTEM')).length, 330);
  const amcache = real('amcache.hve.xz', 'Amcache.hve');
  const files = artefactRows(AMCACHE_FILES, amcache);
  const volumes = [...keyOf(amcache, 'Root\\File').subkeys()].map((volume) => [...volume.subkeys()].length);
  const inventory = [...keyOf(amcache, 'Root\\InventoryApplicationFile').subkeys()].length;
  assert.deepEqual([files.filter((row) => row['form'] === 'inventory').length, files.length], [inventory, inventory + volumes.reduce((sum, count) => sum + count, 0)]);
  assert.equal(files.length, 1367);
  assert.ok(files.every((row) => row['path'] !== undefined && (row['form'] === 'file' || row['size'] !== undefined)));
  assert.ok(files.every((row) => row['sha1'] === undefined || /^[\da-f]{40}$/.test(String(row['sha1']))));
  const user = real('NTUSER.DAT.xz', USER);
  assert.deepEqual(artefactRows(SEARCHES, user).map((row) => row['words']).slice(0, 3), ['alloy', 'test-plan', 'vibranium']);
  assert.deepEqual(artefactRows(TYPED_URLS, user).map((row) => row['url']), ['http://199.73.28.114:53/', 'http://go.microsoft.com/fwlink/?LinkId=69157']);
  assert.equal(artefactRows(RECENT_DOCS, user).length, numbered(keyOf(user, `${EXPLORER}\\RecentDocs`)));
  assert.equal(artefactRows(TYPED_PATHS, real('NTUSER_BAGMRU.DAT.xz', USER)).length, 16);
});

test('a damaged hive gives rows or none to every artefact, and never an exception', { skip: absent }, () => {
  const set = real('corrupted_system_hive.xz', 'HKLM\\SYSTEM');
  for (const artefact of ARTEFACTS) {
    assert.ok(artefactRows(artefact, set).length >= 0);
    assert.ok(artefactEvents(artefact, set).length >= 0);
  }
});
