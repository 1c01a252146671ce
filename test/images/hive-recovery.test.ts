import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { unpackXz } from '../../src/compress/xz.js';
import { openImage } from '../../src/image/image.js';
import { recoverDeleted } from '../../src/registry/deleted.js';
import { openHiveFile } from '../../src/registry/hive-file.js';
import { applyLogs, isDirty } from '../../src/registry/transaction-log.js';
import { openWindows } from '../../src/windows/open.js';
import { imageFiles } from './image-files.js';
import { loadTruth } from './truth.js';

/** Real hives, beside the checkout. */
const HIVES = fileURLToPath(new URL('../../../../shared/testdata/registry/', import.meta.url));
const REGIPY = 'mkorman90+regipy/regipy_tests/data/';
const ZIMMERMAN = 'EricZimmerman+Registry/Registry.Test/Hives/';
const skip = existsSync(HIVES) ? false : `there are no hives in ${HIVES}`;

function hiveBytes(name: string): Buffer {
  const bytes = readFileSync(HIVES + name);
  return name.endsWith('.xz') ? unpackXz(bytes, 64 << 20) : bytes;
}

/**
 * Dirty hives and their logs; how many pages each log gives. The sums of the first two are those that regipy's own tests expect (132 and 315);
 * keys of the tree before and after.
 */
const DIRTY = [
  { hive: 'transactions_NTUSER.DAT', logs: ['transactions_ntuser.dat.log1', 'transactions_ntuser.dat.log2'], pages: [132], sequences: [[566, 588]] },
  { hive: 'SYSTEM_B', logs: ['SYSTEM_B.LOG1', 'SYSTEM_B.LOG2'], pages: [10, 305], sequences: [[2107, 2110], [2111, 2130]] },
  { hive: 'UsrClass.dat', logs: ['UsrClass.dat.LOG1', 'UsrClass.dat.LOG2'], pages: [53, 105], sequences: [[287, 290], [291, 300]] },
] as const;

for (const { hive, logs, pages, sequences } of DIRTY) {
  test(`${hive}: its logs are applied to the last entry, in whichever order they are given, and the tree is whole`, { skip }, () => {
    const base = hiveBytes(`${REGIPY}${hive}.xz`);
    const given = logs.map((log) => hiveBytes(`${REGIPY}${log}.xz`));
    const { bytes, applied } = applyLogs(base, given);
    assert.deepEqual(applied.map((log) => log.pages), pages);
    assert.deepEqual(applied.map(({ first, last }) => [first, last]), sequences);
    assert.ok(isDirty(base) && !isDirty(bytes));
    assert.ok(applyLogs(base, [...given].reverse()).bytes.equals(bytes));
    const { hive: before } = openHiveFile(base);
    const { hive: after } = openHiveFile(bytes);
    assert.ok([...after.keys()].length > [...before.keys()].length);
    // Nothing in the tree is damaged: a page too many or too few would show.
    for (const key of after.keys()) for (const value of key.values()) assert.ok(value.content() !== undefined, `${key.path} ${value.name}`);
    assert.deepEqual(after.anomalies.list, []);
  });
}

/** Deleted keys and values, counted with yarp 1.0.33 (`RegistryRecover.Scanner`). */
const DELETED: readonly (readonly [hive: string, keys: number, values: number])[] = [
  [`${ZIMMERMAN}UsrClassDeletedBags.dat`, 4, 113],
  [`${ZIMMERMAN}Acronis_0x52_Usrclass.dat`, 0, 41],
  [`${ZIMMERMAN}BCD`, 25, 22],
  [`${ZIMMERMAN}SAM`, 16, 9],
  [`${ZIMMERMAN}SAM_RootValue`, 3, 3],
  [`${ZIMMERMAN}SAM_DUPENAME`, 0, 0],
  [`${ZIMMERMAN}SECURITY`, 18, 31],
  [`${ZIMMERMAN}NTUSER1.DAT`, 0, 0],
  [`${REGIPY}NTUSER.DAT.xz`, 103, 415],
  [`${REGIPY}NTUSER_BAGMRU.DAT.xz`, 9, 28],
  [`${REGIPY}NTUSER_with_winscp.DAT.xz`, 2, 4],
];

test('as many deleted keys and values are found in real hives as by an independent tool', { skip }, () => {
  for (const [name, keys, values] of DELETED) {
    const found = recoverDeleted(openHiveFile(hiveBytes(name)).hive);
    assert.deepEqual([found.keys.length, found.values.length], [keys, values], name);
  }
});

const images = imageFiles();
if (typeof images === 'string') {
  test('deleted keys of images are found', { skip: images }, () => undefined);
} else {
  for (const image of images) {
    test(`${image.name}: the deleted keys that the truth tells are found with their values`, (context) => {
      const truth = loadTruth(image.truth());
      const evil: readonly { readonly kind: string; readonly path?: string }[] = truth.evil ?? [];
      const { path } = evil.find(({ kind }) => kind === 'deleted-registry-key') ?? {};
      if (path === undefined) {
        context.skip('the image has none');
        return;
      }
      const { windows } = openWindows(openImage(image.raw()));
      const found = (windows?.hives() ?? []).map(({ registry }) => recoverDeleted(registry)).find(({ keys }) => keys.some((key) => key.path === path));
      assert.ok(found !== undefined);
      assert.deepEqual(found.tops.map((key) => key.path), [path]);
      const values = found.tops.flatMap((key) => [key, ...key.subkeys()]).flatMap((key) => key.values());
      assert.deepEqual(values.map(({ name, completeness }) => [name, completeness]), [['gate', 'whole'], ['id', 'whole']]);
      assert.match(String(values[0]?.native()), /^http:\/\//);
      assert.deepEqual(found.loose, []);
    });
  }
}
