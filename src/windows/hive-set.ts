import { hiveKind, hiveSet, type HiveKind, type HiveSet, type SetHive } from '../registry/hive-set.js';
import type { Hive } from './hive.js';
import { registryAccounts } from './registry-accounts.js';
import { mountPath } from './registry-path.js';
import type { AccountResolver } from './users.js';
import type { Windows } from './windows.js';

/** A hive in memory, among those of its machine. */
export interface MemoryHive extends SetHive {
  readonly address: bigint;
  readonly inMemory: Hive;
}

export interface MemoryHives extends HiveSet {
  readonly hives: readonly MemoryHive[];
}

const sets = new WeakMap<readonly Hive[], MemoryHives>();

/** The hives in memory, listed ones before those that only the pool scan found. The same set until the scan has added to them. */
export function hiveSetOf(windows: Windows): MemoryHives {
  const hives = windows.hives();
  let set = sets.get(hives);
  if (set === undefined) {
    const account = registryAccounts(() => hives, windows.anomalies);
    const members = hives.map((hive) => memberOf(hive, account));
    sets.set(hives, set = { ...hiveSet(members, windows.anomalies), hives: members });
  }
  return set;
}

/** `HKLM\SYSTEM`, `HKU\S-1-5-18`; what is mounted elsewhere keeps its path. */
export function mountName(path: string): string {
  return path.replace(/^\\REGISTRY\\MACHINE(?=\\|$)/i, 'HKLM').replace(/^\\REGISTRY\\USER(?=\\|$)/i, 'HKU');
}

function memberOf(hive: Hive, account: AccountResolver): MemoryHive {
  const mount = mountName(mountPath(hive) ?? hive.name);
  let kind: HiveKind | undefined;
  return {
    registry: hive.registry, mount, source: hive.name, address: hive.address, inMemory: hive,
    // By the mount point first: it is there where file names are not.
    get kind() { return kind ??= hiveKind(hive.registry, mountedKind(mount) ?? (hive.header?.fileName || hive.filePath)); },
    get user() {
      const sid = /^HKU\\(S-[\d-]+)(?:_Classes)?$/i.exec(mount)?.[1];
      return sid === undefined ? undefined : account(sid) ?? sid;
    },
  };
}

/** The file name that a mount point stands for; undefined when it says nothing. */
function mountedKind(mount: string): string | undefined {
  if (/^HKLM\\BCD\d*$/i.test(mount)) return 'BCD';
  if (/^HKU\\\.DEFAULT$/i.test(mount)) return 'DEFAULT';
  if (/^HKU\\S-[\d-]+_Classes$/i.test(mount)) return 'USRCLASS.DAT';
  if (/^HKU\\S-[\d-]+$/i.test(mount)) return 'NTUSER.DAT';
  return /^HKLM\\([^\\]+)$/i.exec(mount)?.[1];
}
