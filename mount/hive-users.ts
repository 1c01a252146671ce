import { basename, resolve } from 'node:path';
import type { HiveKind } from '../src/registry/hive-set.js';
import type { RegistryHive } from '../src/registry/hive.js';
import { upcase } from '../src/registry/name.js';

const PROFILE_LIST = 'Microsoft\\Windows NT\\CurrentVersion\\ProfileList';
/** Values of a user's hive that hold a path in the profile. */
const SHELL_FOLDERS = 'Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\Shell Folders';
/** The folders that hold profiles, in any Windows. */
const PROFILES = /(?:^|[\\/])(?:Users|Documents and Settings|ServiceProfiles)[\\/]([^\\/]+)[\\/]/i;

/** The name of the user that a hive belongs to, by where its file lies or by what it says itself; undefined for the machine's hives. */
export function userOf(kind: HiveKind, path: string, registry: RegistryHive): string | undefined {
  if (kind !== 'NTUSER' && kind !== 'USRCLASS' && kind !== 'SETTINGS') return undefined;
  const byPath = PROFILES.exec(resolve(path))?.[1];
  if (byPath !== undefined || kind !== 'NTUSER') return byPath;
  const folders = registry.key(SHELL_FOLDERS);
  for (const name of ['Desktop', 'Personal', 'AppData']) {
    const user = PROFILES.exec(`${folders?.value(name)?.text() ?? ''}\\`)?.[1];
    if (user !== undefined) return user;
  }
  return undefined;
}

/** The SID in the name of a file, as hives that were taken out of memory have it; undefined when there is none. */
export function sidInName(path: string): string | undefined {
  return /S-1-\d+(?:-\d+)+/i.exec(basename(path))?.[0].toUpperCase();
}

/** Who is who by the list of profiles in SOFTWARE hives. */
export function profileUsers(software: readonly RegistryHive[]): { sidOf(user: string): string | undefined; userOf(sid: string): string | undefined } {
  interface Known { readonly sids: Map<string, string>; readonly users: Map<string, string> }
  let known: Known | undefined;
  const read = (): Known => {
    const found: Known = { sids: new Map(), users: new Map() };
    for (const hive of software) {
      for (const profile of hive.key(PROFILE_LIST)?.subkeys() ?? []) {
        const folder = profile.value('ProfileImagePath')?.text()?.split('\\').at(-1);
        if (folder === undefined || !/^S-1-/i.test(profile.name)) continue;
        found.sids.set(upcase(folder), profile.name);
        found.users.set(upcase(profile.name), folder);
      }
    }
    return found;
  };
  return { sidOf: (user) => (known ??= read()).sids.get(upcase(user)), userOf: (sid) => (known ??= read()).users.get(upcase(sid)) };
}
