import type { HiveSet, SetHive } from '../../src/registry/hive-set.js';
import type { Key } from '../../src/registry/key.js';
import { pathNames, upcase } from '../../src/registry/name.js';
import { directory, listing, type Entry } from '../../src/vfs/directory.js';
import { fileName, uniqueNames } from '../../src/vfs/name.js';
import type { About, Directory, Node } from '../../src/vfs/node.js';
import { artefactsDirectory } from './registry-artefacts.js';
import { mergedClasses } from './registry-classes.js';
import { deletedDirectory, orphanDirectory } from './registry-deleted.js';
import { exported, keyDirectory } from './registry-key.js';
import { relativePath, type KeyPlace, type RegistryPlaces } from './registry-place.js';

/** What a registry's tree is made of: hives from memory or from files. */
export interface RegistrySource {
  /** The hives; the same object until there are others. */
  hives(): HiveSet;
  /** What a hive is called under by-hive, and what its directory says of itself. */
  about(hive: SetHive): About & { readonly name: string };
  /** What is beside the keys: hives as files. */
  readonly extras?: Readonly<Record<string, Entry>> | undefined;
}

/** The registry: each hive's keys, and the keys as users name them: HKLM, HKU, and what Windows makes of them, HKCU and HKCR. */
export function registryDirectory(source: RegistrySource, doc = 'the registry as it was in memory'): Directory {
  const current = currentNames(source);
  const fixed = directory({
    'by-hive': hivesDirectory(() => current().byHive, 'the keys of every hive, hive by hive'),
    artefacts: artefactsDirectory(() => source.hives()),
    ...source.extras,
    HKLM: hivesDirectory(() => current().machine, 'the hives of the machine, HKEY_LOCAL_MACHINE'),
    HKU: hivesDirectory(() => current().users, 'the hives of the users, HKEY_USERS'),
  });
  return listing({
    * entries() {
      yield* fixed.entries();
      yield* nodes(current().aliases);
    },
    lookup: (name) => fixed.lookup(name) ?? current().aliases.listed.get(name)?.() ?? current().aliases.also.get(upcase(name))?.(),
  }, { doc });
}

/** Names as listed, and names that answer besides, in upper case; `roots` are the hives whose root keys can be exported by them. */
interface Names {
  readonly listed: ReadonlyMap<string, () => Node | undefined>;
  readonly also: ReadonlyMap<string, () => Node | undefined>;
  readonly roots?: ReadonlyMap<string, SetHive>;
}

interface AllNames {
  readonly byHive: Names;
  readonly machine: Names;
  readonly users: Names;
  readonly aliases: Names;
}

/** All names; made anew when the pool scan has added to the hives. */
function currentNames(source: RegistrySource): () => AllNames {
  let of: HiveSet | undefined;
  let made: AllNames | undefined;
  return () => {
    const set = source.hives();
    if (made === undefined || of !== set) {
      of = set;
      made = namesOf(source, set);
    }
    return made;
  };
}

function* nodes({ listed }: Names): Generator<readonly [string, Node]> {
  for (const [name, make] of listed) {
    const node = make();
    if (node !== undefined) yield [name, node] as const;
  }
}

function hivesDirectory(names: () => Names, doc: string): Directory {
  return listing({
    entries: () => nodes(names()),
    lookup(name) {
      const { listed, also, roots } = names();
      const node = listed.get(name)?.() ?? also.get(upcase(name))?.();
      if (node !== undefined || roots === undefined) return node;
      return exported(name, (stem) => {
        const hive = roots.get(upcase(stem));
        return hive && { hive, key: hive.registry.root() };
      });
    },
  }, { doc });
}

/** What `make` gives, asked once. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function namesOf(source: RegistrySource, set: HiveSet): AllNames {
  const machine = mountedBelow(set, 'HKLM').map(([mount, hive]) => ({ mount, hive, name: /^BCD\d+$/i.test(mount) ? 'BCD' : mount }));
  const users = mountedBelow(set, 'HKU').map(([mount, hive]) => ({ mount, hive, name: userName(mount, hive) }));
  const paths = new Map<SetHive, readonly string[]>();
  const named = (top: string, mounted: readonly Mounted[]): readonly Mounted[] => {
    const names = uniqueNames(mounted.map(({ name }) => fileName(name)));
    return mounted.map((one, i) => {
      const name = names[i] ?? one.name;
      paths.set(one.hive, [top, name]);
      return { ...one, name };
    });
  };
  const places: RegistryPlaces = { set, pathOf: (hive) => paths.get(hive) };
  const machineNamed = named('HKLM', machine);
  const usersNamed = named('HKU', users);
  return {
    byHive: byHive(source, places),
    machine: rootNames(machineNamed, places),
    users: rootNames(usersNamed, places, usersNamed.some(({ mount }) => /^S-1-5-18$/i.test(mount)) ? [] : [['S-1-5-18', '.DEFAULT']]),
    aliases: aliases(machineNamed, usersNamed),
  };
}

interface Mounted {
  /** The name of the mount point: SYSTEM, S-1-5-18. */
  readonly mount: string;
  readonly hive: SetHive;
  /** What its root key's directory is called. */
  readonly name: string;
}

/** The hives mounted directly below a top key, the first of each mount point. */
function mountedBelow(set: HiveSet, top: string): (readonly [mount: string, hive: SetHive])[] {
  const mounted = new Map<string, readonly [string, SetHive]>();
  for (const hive of set.hives) {
    const [first, name, ...rest] = pathNames(hive.mount);
    if (first === undefined || name === undefined || rest.length > 0 || upcase(first) !== top || mounted.has(upcase(name))) continue;
    mounted.set(upcase(name), [name, hive]);
  }
  return [...mounted.values()];
}

const SERVICE_USERS: Readonly<Record<string, string>> = {
  '.DEFAULT': 'LocalSystem', 'S-1-5-18': 'LocalSystem', 'S-1-5-19': 'LocalService', 'S-1-5-20': 'NetworkService',
};
const CLASSES = /_Classes$/i;

/** The user's name; class hives keep the security identifier. */
function userName(mount: string, { user }: SetHive): string {
  return SERVICE_USERS[mount.toUpperCase()] ?? (CLASSES.test(mount) ? mount : user ?? mount);
}

function byHive(source: RegistrySource, registry: RegistryPlaces): Names {
  const names = uniqueNames(registry.set.hives.map((hive) => source.about(hive).name));
  return {
    listed: new Map(registry.set.hives.map((hive, i) => {
      const name = names[i] ?? '';
      return [name, once(() => hiveDirectory(hive, { hive, path: ['by-hive', name, 'ROOT'], registry }, source.about(hive)))];
    })),
    also: new Map(),
  };
}

/** A hive by its own: its keys, those that no key leads to, and what was deleted. */
function hiveDirectory(hive: SetHive, place: KeyPlace, about: About): Directory {
  const inner = directory({
    ROOT: rootKey(hive, place),
    ORPHAN: () => orphanDirectory(hive),
    DELETED: () => deletedDirectory(hive),
  }, { mtime: about.mtime, xattrs: about.xattrs });
  return { ...inner, lookup: (name) => inner.lookup(name) ?? exported(name, (stem) => (upcase(stem) === 'ROOT' ? { hive, key: hive.registry.root() } : undefined)) };
}

function rootKey(hive: SetHive, place: KeyPlace): () => Node | undefined {
  return () => {
    const root = hive.registry.root();
    return root === undefined ? undefined : keyDirectory(place, root);
  };
}

/** Root keys by name; the mount points' own names answer too. */
function rootNames(mounted: readonly Mounted[], registry: RegistryPlaces, also: readonly (readonly [name: string, mount: string])[] = []): Names {
  const listed = new Map<string, () => Node | undefined>();
  const others = new Map<string, () => Node | undefined>();
  const roots = new Map<string, SetHive>();
  for (const { mount, hive, name } of mounted) {
    const root = once(rootKey(hive, { hive, path: registry.pathOf(hive) ?? [], registry }));
    listed.set(name, root);
    for (const spelling of [mount, name, ...also.filter(([, of]) => upcase(of) === upcase(mount)).map(([one]) => one)]) {
      others.set(upcase(spelling), root);
      roots.set(upcase(spelling), hive);
    }
  }
  return { listed, also: others, roots };
}

/** `HKCU-<user>`, `HKCR` and `HKCR-<user>`. */
function aliases(machine: readonly Mounted[], users: readonly Mounted[]): Names {
  const listed = new Map<string, () => Node | undefined>();
  const software = machine.find(({ mount }) => upcase(mount) === 'SOFTWARE');
  const classes = once(() => {
    const key = software?.hive.registry.key('Classes');
    return software === undefined || key === undefined ? undefined : { hive: software.hive, key, path: ['HKLM', software.name, fileName(key.name)] };
  });
  listed.set('HKCR', () => {
    const found = classes();
    return found && { kind: 'link', target: found.path.join('/'), doc: 'the classes of the machine, HKEY_CLASSES_ROOT' };
  });
  for (const { mount, name } of users) {
    if (CLASSES.test(mount) || Object.hasOwn(SERVICE_USERS, mount.toUpperCase())) continue;
    listed.set(fileName(`HKCU-${name}`), () => ({ kind: 'link', target: relativePath([], ['HKU', name]), doc: 'the keys of a user, HKEY_CURRENT_USER' }));
    listed.set(fileName(`HKCR-${name}`), once(() => userClasses(classes(), users.find((one) => upcase(one.mount) === `${upcase(mount)}_CLASSES`), fileName(`HKCR-${name}`))));
  }
  return { listed, also: new Map([...listed].map(([name, make]) => [upcase(name), make])) };
}

interface Classes {
  readonly hive: SetHive;
  readonly key: Key;
  readonly path: readonly string[];
}

/** What a user sees as HKEY_CLASSES_ROOT; a link where one side is all there is. */
function userClasses(machine: Classes | undefined, user: Mounted | undefined, name: string): Node | undefined {
  const root = user?.hive.registry.root();
  const own = user === undefined || root === undefined ? undefined : { hive: user.hive, key: root, path: ['HKU', user.name] };
  if (own !== undefined && machine !== undefined) return { ...mergedClasses(own, machine, [name]), doc: 'the classes of the machine under those of a user, HKEY_CLASSES_ROOT' };
  const only = own ?? machine;
  return only && { kind: 'link', target: only.path.join('/'), doc: 'the classes that a user sees, HKEY_CLASSES_ROOT' };
}
