import type { Windows } from '../../src/windows/windows.js';
import { compare, type Comparison } from './comparison.js';
import type { TruthHive } from './truth.js';

/** Bytes of a value's data that a truth file shows. */
const DATA_SHOWN = 256;

/** Hives, keys and values of an image against its truth: all fields in one line each, so that a wrong one counts as missing and extra. */
export function compareRegistry(windows: Windows, truth: { readonly hives: readonly TruthHive[] }): Comparison[] {
  const expected = { hives: [] as string[], keys: [] as string[], values: [] as string[] };
  const found = { hives: [] as string[], keys: [] as string[], values: [] as string[] };
  for (const hive of truth.hives) {
    const at = hive.cmhive.toString(16);
    expected.hives.push(`${at} ${hive.root_path} ${hive.user_path ?? hive.full_path ?? ''} ${hive.stable_length} ${hive.volatile_length}`);
    for (const { path, written, volatile, values } of hive.keys) {
      expected.keys.push(`${at} ${path} ${written} ${volatile}`);
      for (const { name, type, size, data } of values) expected.values.push(`${at} ${path} ${name} ${type} ${size} ${data}`);
    }
  }
  for (const hive of windows.hives()) {
    const at = hive.address.toString(16);
    found.hives.push(`${at} ${hive.rootPath} ${hive.filePath} ${hive.stable.length} ${hive.volatile.length}`);
    for (const key of hive.registry.keys()) {
      found.keys.push(`${at} ${key.path} ${key.written} ${key.volatile}`);
      for (const value of key.values()) {
        found.values.push(`${at} ${key.path} ${value.name} ${value.type} ${value.length} ${value.data()?.toString('hex', 0, DATA_SHOWN) ?? '(not in the image)'}`);
      }
    }
  }
  return [
    compare('hives', expected.hives, found.hives),
    compare('registry keys', expected.keys, found.keys),
    compare('registry values', expected.values, found.values),
  ];
}
