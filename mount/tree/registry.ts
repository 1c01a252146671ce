import { pathNames, upcase } from '../../src/registry/name.js';
import { directory, listing } from '../../src/vfs/directory.js';
import { fileName, uniqueNames } from '../../src/vfs/name.js';
import type { Directory, Node } from '../../src/vfs/node.js';
import type { Hive } from '../../src/windows/hive.js';
import { registryAccounts } from '../../src/windows/registry-accounts.js';
import { mountPath } from '../../src/windows/registry-path.js';
import type { Windows } from '../../src/windows/windows.js';
import { hiveDirectory, hiveFiles, hiveName } from './registry-hives.js';
import { keyDirectory } from './registry-key.js';

/** Above this many bytes of hives, telling which have holes takes too long for the thread that serves the mount. */
const QUICK_BYTES = 64 << 20;

/** Names as listed, and names that answer besides. */
interface Names {
  readonly listed: ReadonlyMap<string, () => Node | undefined>;
  readonly also: ReadonlyMap<string, () => Node | undefined>;
}

/** /registry: hives as files, each hive's keys, and the keys as users name them: HKLM and HKU. */
export function registryDirectory(windows: Windows): Directory {
  return directory({
    'by-hive': hivesDirectory(windows, byHive, 'the keys of every hive in memory, hive by hive'),
    hive_files: hiveFilesDirectory(windows),
    HKLM: hivesDirectory(windows, machineHives, 'the hives of the machine, HKEY_LOCAL_MACHINE'),
    HKU: hivesDirectory(windows, (hives) => userHives(hives, registryAccounts(() => hives, windows.anomalies)), 'the hives of the users, HKEY_USERS'),
  }, { doc: 'the registry as it was in memory' });
}

/** A directory over the hives; made anew when the pool scan has added to them. */
function hivesDirectory(windows: Windows, names: (hives: readonly Hive[]) => Names, doc: string): Directory {
  let hives: readonly Hive[] | undefined;
  let made: Names = { listed: new Map(), also: new Map() };
  const current = (): Names => {
    if (hives !== windows.hives()) {
      hives = windows.hives();
      const { listed, also } = names(hives);
      // The registry does not tell upper from lower case.
      made = { listed, also: new Map([...listed, ...also].map(([name, make]) => [upcase(name), make])) };
    }
    return made;
  };
  return listing({
    * entries() {
      for (const [name, make] of current().listed) {
        const node = make();
        if (node !== undefined) yield [name, node] as const;
      }
    },
    lookup: (name) => current().listed.get(name)?.() ?? current().also.get(upcase(name))?.(),
  }, { doc });
}

/** What `make` gives, asked once. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function byHive(hives: readonly Hive[]): Names {
  return { listed: new Map(hives.map((hive) => [hiveName(hive), once(() => hiveDirectory(hive))])), also: new Map() };
}

function rootKey(hive: Hive): () => Node | undefined {
  return () => {
    const root = hive.registry.root();
    return root === undefined ? undefined : keyDirectory(hive, root);
  };
}

/** The hives mounted directly below \REGISTRY\<top>, by the name of their mount point; listed hives go before scanned ones. */
function mountedBelow(hives: readonly Hive[], top: string): Map<string, Hive> {
  const mounted = new Map<string, Hive>();
  const ordered = [...hives.filter((hive) => hive.source === 'list'), ...hives.filter((hive) => hive.source !== 'list')];
  for (const hive of ordered) {
    const [first, second, name, ...rest] = pathNames(mountPath(hive) ?? '');
    if (first === undefined || second === undefined || name === undefined || rest.length > 0) continue;
    if (upcase(first) !== 'REGISTRY' || upcase(second) !== top || mounted.has(name)) continue;
    mounted.set(name, hive);
  }
  return mounted;
}

/** HKLM, by HiveRootPath. The boot store is known as BCD. */
function machineHives(hives: readonly Hive[]): Names {
  const listed = new Map<string, () => Node | undefined>();
  const also = new Map<string, () => Node | undefined>();
  for (const [mount, hive] of mountedBelow(hives, 'MACHINE')) {
    const name = /^BCD\d+$/i.test(mount) ? 'BCD' : mount;
    listed.set(fileName(listed.has(name) ? mount : name), rootKey(hive));
    also.set(mount, rootKey(hive));
  }
  return { listed, also };
}

const SERVICE_USERS: Readonly<Record<string, string>> = {
  '.DEFAULT': 'LocalSystem', 'S-1-5-18': 'LocalSystem', 'S-1-5-19': 'LocalService', 'S-1-5-20': 'NetworkService',
};

/** HKU, by the user's name; the security identifiers answer too. Class hives keep theirs. */
function userHives(hives: readonly Hive[], account: (sid: string) => string | undefined): Names {
  const mounted = [...mountedBelow(hives, 'USER')];
  const names = uniqueNames(mounted.map(([sid]) => fileName(
    SERVICE_USERS[sid.toUpperCase()] ?? (/_Classes$/i.test(sid) ? sid : account(sid) ?? sid),
  )));
  const also = new Map<string, () => Node | undefined>(mounted.map(([sid, hive]) => [sid, rootKey(hive)]));
  const system = also.get('.DEFAULT');
  if (system !== undefined && !also.has('S-1-5-18')) also.set('S-1-5-18', system);
  return { listed: new Map(mounted.map(([, hive], i) => [names[i] ?? '', rootKey(hive)])), also };
}

function hiveFilesDirectory(windows: Windows): Directory {
  const inner = hivesDirectory(windows, (hives) => {
    const listed = new Map<string, () => Node | undefined>();
    const also = new Map<string, () => Node | undefined>();
    for (const hive of hives) {
      const files = once(() => hiveFiles(hive));
      const name = hiveName(hive);
      listed.set(`${name}.reghive`, () => files().file);
      // Listed where there are holes; answers by name in any case.
      listed.set(`${name}.reghive.map`, () => (files().holes() ? files().map : undefined));
      also.set(`${name}.reghive.map`, () => files().map);
      also.set(`${name}.map`, () => files().map);
    }
    return { listed, also };
  }, 'every hive as a file, rebuilt from memory');
  return {
    ...inner,
    get cost() {
      return windows.hives().reduce((sum, hive) => sum + hive.stable.length, 0) > QUICK_BYTES ? 'slow' as const : 'quick' as const;
    },
    lookup: (name) => inner.lookup(name),
  };
}
