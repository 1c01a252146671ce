import { controlSet, type HiveSet, type SetHive } from '../../src/registry/hive-set.js';
import { KEY_FLAGS, type Key } from '../../src/registry/key.js';
import { pathNames, upcase } from '../../src/registry/name.js';
import { fileName } from '../../src/vfs/name.js';

/** Where a hive's keys show in the tree. */
export interface KeyPlace {
  readonly hive: SetHive;
  /** The directory of the root key, names below /registry; empty: nowhere, and then nothing links to elsewhere. */
  readonly path: readonly string[];
  /** The other hives, for links between them. */
  readonly registry: RegistryPlaces | undefined;
}

/** Where each hive of a set shows, by what users call it: `HKLM/SYSTEM`, `HKU/alice`. */
export interface RegistryPlaces {
  readonly set: HiveSet;
  /** Undefined when it shows nowhere but under by-hive. */
  pathOf(hive: SetHive): readonly string[] | undefined;
}

/** The value of a symbolic link key that names its target ([MS-RRP] calls the type REG_LINK). */
const LINK_VALUE = 'SymbolicLinkValue';
const REG_LINK = 6;
/** Links that lead to links are followed this far. */
const MAX_LINKS = 8;

/** The target of a key that is a symbolic link, as the registry writes it: `\REGISTRY\MACHINE\SYSTEM\ControlSet001`. Undefined for others. */
export function linkTarget(key: Key): string | undefined {
  if (!key.has(KEY_FLAGS.symbolicLink)) return undefined;
  const value = key.value(LINK_VALUE);
  const target = value?.type === REG_LINK ? value.native() : undefined;
  return typeof target === 'string' && target !== '' ? target : undefined;
}

/** The directory of a key: names below /registry. */
export function pathOfKey({ path }: KeyPlace, key: Key): readonly string[] {
  return [...path, ...pathNames(key.path).map((name) => fileName(name))];
}

/** A key that a link leads to. */
export interface LinkedKey {
  readonly hive: SetHive;
  readonly key: Key;
  /** The relative path of its directory. */
  readonly path: string;
}

/**
 * The key that a registry path names, and the way to it from the directory `from`: relative, inside /registry; the hive's own keys are
 * reached within its own directory. Undefined when there is no such key, or it shows nowhere.
 */
export function linkedKey(place: KeyPlace, from: readonly string[], target: string): LinkedKey | undefined {
  if (place.registry === undefined || place.path.length === 0) return undefined;
  const found = findKey(place.registry.set, target);
  const root = found?.hive === place.hive ? place.path : found && place.registry.pathOf(found.hive);
  if (found === undefined || root === undefined) return undefined;
  return { hive: found.hive, key: found.key, path: relativePath(from, [...root, ...found.names.map((name) => fileName(name))]) };
}

/** The way from a directory to another place, both as names below the same top. */
export function relativePath(from: readonly string[], to: readonly string[]): string {
  let same = 0;
  while (same < from.length && same < to.length - 1 && from[same] === to[same]) same += 1;
  return [...from.slice(same).map(() => '..'), ...to.slice(same)].join('/');
}

interface FoundKey {
  readonly hive: SetHive;
  readonly key: Key;
  /** Names of the keys below the hive's root, as their cells spell them. */
  readonly names: readonly string[];
}

/** The key at `\REGISTRY\…`, links on the way followed; undefined when there is none. */
function findKey(set: HiveSet, path: string): FoundKey | undefined {
  let wanted = registryNames(path);
  for (let links = 0; links < MAX_LINKS; links += 1) {
    const at = hiveAt(set, wanted);
    let key = at?.hive.registry.root();
    if (at === undefined || key === undefined) return undefined;
    const names: string[] = [];
    let instead: readonly string[] | undefined;
    const rest = wanted.slice(at.depth);
    for (const [i, name] of rest.entries()) {
      const below: Key | undefined = key.subkey(name);
      const target = below === undefined ? currentSet(at.hive, key, name) : i === rest.length - 1 ? undefined : linkTarget(below);
      if (target !== undefined) {
        instead = [...(target.startsWith('\\') ? registryNames(target) : [...wanted.slice(0, at.depth), target]), ...rest.slice(i + 1)];
        break;
      }
      if (below === undefined) return undefined;
      names.push(below.name);
      key = below;
    }
    if (instead === undefined) return { hive: at.hive, key, names };
    wanted = instead;
  }
  return undefined;
}

/** What CurrentControlSet stands for where Windows has not made the link, as in files. */
function currentSet(hive: SetHive, above: Key, name: string): string | undefined {
  return hive.kind === 'SYSTEM' && above.cell === hive.registry.rootCell && upcase(name) === 'CURRENTCONTROLSET' ? controlSet(hive)?.name : undefined;
}

/** `\REGISTRY\MACHINE\SYSTEM` as the mount names begin: HKLM, SYSTEM; in upper case. */
function registryNames(path: string): readonly string[] {
  const names = pathNames(path).map(upcase);
  if (names[0] !== 'REGISTRY') return names;
  if (names[1] === 'MACHINE') return ['HKLM', ...names.slice(2)];
  if (names[1] === 'USER') return ['HKU', ...names.slice(2)];
  return names;
}

/** The hive that holds a path: the one with the deepest mount point on it. */
function hiveAt(set: HiveSet, names: readonly string[]): { readonly hive: SetHive; readonly depth: number } | undefined {
  let best: { hive: SetHive; depth: number } | undefined;
  for (const hive of set.hives) {
    const mount = pathNames(hive.mount).map(upcase);
    if (mount.length <= names.length && mount.length > (best?.depth ?? 0) && mount.every((name, i) => name === names[i])) best = { hive, depth: mount.length };
  }
  return best;
}
