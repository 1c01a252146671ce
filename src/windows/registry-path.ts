import { currentControlSet } from '../registry/hive-set.js';
import type { Key } from '../registry/key.js';
import { pathNames, upcase } from '../registry/name.js';
import type { Hive } from './hive.js';

/** The registry's own names for what users write. */
const ROOTS: Readonly<Record<string, readonly string[]>> = {
  HKLM: ['REGISTRY', 'MACHINE'],
  HKEY_LOCAL_MACHINE: ['REGISTRY', 'MACHINE'],
  HKU: ['REGISTRY', 'USER'],
  HKEY_USERS: ['REGISTRY', 'USER'],
};
/** `config\SYSTEM` and its like, for hives that do not say where they are mounted. */
const CONFIG_FILE = /\\config\\(SAM|SECURITY|SOFTWARE|SYSTEM|DEFAULT)$/i;

/** Where a hive is mounted: `\REGISTRY\MACHINE\SYSTEM`. By HiveRootPath, else by its file's place; undefined when neither says. */
export function mountPath(hive: Hive): string | undefined {
  if (hive.rootPath !== '') return hive.rootPath;
  for (const file of [hive.filePath, hive.header?.fileName ?? '']) {
    const name = CONFIG_FILE.exec(file)?.[1]?.toUpperCase();
    if (name !== undefined) return name === 'DEFAULT' ? '\\REGISTRY\\USER\\.DEFAULT' : `\\REGISTRY\\MACHINE\\${name}`;
  }
  return undefined;
}

/** The names of a registry path from \REGISTRY on, in upper case: `HKLM\SYSTEM` gives REGISTRY, MACHINE, SYSTEM. */
function registryNames(path: string): string[] {
  const names = pathNames(path).map(upcase);
  const root = ROOTS[names[0] ?? ''];
  return root === undefined ? names : [...root, ...names.slice(1)];
}

/**
 * The key at a path of the registry, whatever hive holds it: `HKLM\SYSTEM\CurrentControlSet\Control`, `HKU\<SID>\Software`,
 * `\REGISTRY\MACHINE\…`. Case does not matter; CurrentControlSet is resolved. Undefined when there is none.
 */
export function registryKey(hives: readonly Hive[], path: string): Key | undefined {
  const names = registryNames(path);
  let best: { hive: Hive; depth: number } | undefined;
  for (const hive of hives) {
    const mount = mountPath(hive);
    if (mount === undefined) continue;
    const at = pathNames(mount).map(upcase);
    if (at.length <= names.length && at.length > (best?.depth ?? 0) && at.every((name, i) => name === names[i])) best = { hive, depth: at.length };
  }
  if (best === undefined) return undefined;
  const rest = names.slice(best.depth);
  const root = best.hive.registry.root();
  if (root === undefined) return undefined;
  if (rest[0] === 'CURRENTCONTROLSET' && names[best.depth - 1] === 'SYSTEM') {
    const set = currentControlSet(root);
    if (set !== undefined) return root.key([set, ...rest.slice(1)].join('\\'));
  }
  return root.key(rest.join('\\'));
}
