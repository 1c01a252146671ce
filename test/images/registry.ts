import { hiveName, memoryRegistry } from '../../mount/tree/registry-hives.js';
import { registryDirectory } from '../../mount/tree/registry.js';
import type { RegistryHive } from '../../src/registry/hive.js';
import { openHive } from '../../src/registry/open-hive.js';
import type { Directory, Node } from '../../src/vfs/node.js';
import { hiveFile } from '../../src/windows/hive-image.js';
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
    ...compareRebuilt(windows),
    compareDeleted(windows, truth.hives),
  ];
}

/** The stable keys and values of hives in memory against those of the hive files that are rebuilt from it. */
function compareRebuilt(windows: Windows): Comparison[] {
  const memory = { keys: [] as string[], values: [] as string[] };
  const files = { keys: [] as string[], values: [] as string[] };
  for (const hive of windows.hives()) {
    const image = hiveFile(hive);
    const bytes = Buffer.alloc(image.size);
    image.fill(0, bytes);
    const { hive: file, header } = openHive(bytes, { where: hive.name });
    if (!header.intact || header.sequence1 !== header.sequence2 || header.length !== image.size - 0x1000) memory.keys.push(`${hive.name}: a base block that fits`);
    const lost = describe(hive.registry, memory, new Set());
    describe(file, files, lost);
  }
  return [compare('keys of rebuilt hives', memory.keys, files.keys), compare('values of rebuilt hives', memory.values, files.values)];
}

/**
 * Adds all stable keys and values, but for values whose data is not in the image: in a file that is zeros.
 * @returns the cells of values that were left out
 */
function describe(hive: RegistryHive, into: { readonly keys: string[]; readonly values: string[] }, leave: ReadonlySet<number>): ReadonlySet<number> {
  const left = new Set<number>();
  for (const key of hive.keys()) {
    if (key.volatile) continue;
    into.keys.push(`${hive.where.replace(/^hive /, '')} ${key.path} ${key.written} ${key.className() ?? ''}`);
    for (const value of key.values()) {
      const data = value.data();
      if (data === undefined) left.add(value.cell);
      if (data === undefined || leave.has(value.cell)) continue;
      into.values.push(`${hive.where.replace(/^hive /, '')} ${key.path} ${value.name} ${value.type} ${data.toString('hex')}`);
    }
  }
  return left;
}

/** The topmost deleted keys, as the tree shows them. */
function compareDeleted(windows: Windows, hives: readonly TruthHive[]): Comparison {
  const tree = registryDirectory(memoryRegistry(windows));
  const found = windows.hives().flatMap((hive) => {
    const deleted = at(tree, ['by-hive', hiveName(hive), 'DELETED']);
    return deleted?.kind !== 'directory' ? [] : [...keysIn(deleted)].map((name) => `${hive.address.toString(16)} ${name}`);
  });
  return compare('deleted keys', hives.flatMap((hive) => hive.deleted.map((name) => `${hive.cmhive.toString(16)} ${name}`)), found);
}

function at(root: Directory, path: readonly string[]): Node | undefined {
  return path.reduce<Node | undefined>((node, name) => (node?.kind === 'directory' ? node.lookup(name) : undefined), root);
}

function* keysIn(directory: Directory): Generator<string> {
  for (const [name, node] of directory.entries()) {
    if (node.kind !== 'directory') continue;
    if (node.lookup('(_Key_)') !== undefined) yield name;
    else yield* keysIn(node);
  }
}
