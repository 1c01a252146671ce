import type { Anomalies } from '../bytes/anomaly.js';
import type { RegistryHive } from './hive.js';
import type { Key } from './key.js';

/** What a hive holds. SETTINGS: an AppContainer's settings.dat. */
export type HiveKind =
  | 'SYSTEM' | 'SOFTWARE' | 'SAM' | 'SECURITY' | 'DEFAULT' | 'NTUSER' | 'USRCLASS' | 'AMCACHE' | 'BCD' | 'DRIVERS' | 'COMPONENTS' | 'ELAM'
  | 'HARDWARE' | 'SETTINGS' | 'OTHER';

/** A hive among those that are looked at together, from a file or from memory. */
export interface SetHive {
  readonly registry: RegistryHive;
  readonly kind: HiveKind;
  /** `HKLM\SYSTEM`, `HKU\S-1-5-21-…`, `HKU\S-1-5-21-…_Classes`; of a file by its kind, or by the file's name. */
  readonly mount: string;
  /** What it comes from: the file's path, or `\REGISTRY\MACHINE\SYSTEM`. */
  readonly source: string;
  /** SID or name of the user it belongs to. */
  readonly user: string | undefined;
  /** Address of the `_CMHIVE`, for a hive in memory. */
  readonly address: bigint | undefined;
}

/** Hives that are looked at together: those of a machine. */
export interface HiveSet {
  readonly hives: readonly SetHive[];
  readonly anomalies: Anomalies;
  /** The hives of some kinds, in their order. */
  of(...kinds: readonly HiveKind[]): readonly SetHive[];
}

export function hiveSet(hives: readonly SetHive[], anomalies: Anomalies): HiveSet {
  return { hives, anomalies, of: (...kinds) => hives.filter(({ kind }) => kinds.includes(kind)) };
}

/** The name of the control set in use, `ControlSet001`, by Select\Current; CurrentControlSet is a link that Windows makes at boot. */
export function currentControlSet(system: Key): string | undefined {
  const current = system.key('Select')?.value('Current')?.native();
  return typeof current === 'number' && current > 0 && current < 1000 ? `ControlSet${current.toString().padStart(3, '0')}` : undefined;
}

/** The key of the control set in use; where nothing says which, the only one there is. */
export function controlSet({ registry }: Pick<SetHive, 'registry'>): Key | undefined {
  const root = registry.root();
  if (root === undefined) return undefined;
  const current = currentControlSet(root);
  const key = current === undefined ? undefined : root.key(current);
  if (key !== undefined) return key;
  const sets = [...root.subkeys()].filter(({ name }) => /^ControlSet\d{3}$/i.test(name));
  return sets.length === 1 ? sets[0] : undefined;
}

const BY_FILE: Readonly<Record<string, HiveKind>> = {
  SYSTEM: 'SYSTEM', SOFTWARE: 'SOFTWARE', SAM: 'SAM', SECURITY: 'SECURITY', DEFAULT: 'DEFAULT', 'NTUSER.DAT': 'NTUSER', 'USRCLASS.DAT': 'USRCLASS',
  'AMCACHE.HVE': 'AMCACHE', BCD: 'BCD', DRIVERS: 'DRIVERS', COMPONENTS: 'COMPONENTS', ELAM: 'ELAM', HARDWARE: 'HARDWARE', 'SETTINGS.DAT': 'SETTINGS',
};

/** Sub-keys of the root that only one kind of hive has. */
const BY_KEYS: readonly (readonly [HiveKind, readonly string[]])[] = [
  ['SYSTEM', ['Select', 'MountedDevices']],
  ['SYSTEM', ['ControlSet001', 'Select']],
  ['SECURITY', ['Policy', 'RXACT']],
  ['SECURITY', ['Policy']],
  ['SAM', ['SAM']],
  ['SOFTWARE', ['Microsoft', 'Classes']],
  ['AMCACHE', ['Root']],
  ['BCD', ['Objects', 'Description']],
  ['SETTINGS', ['LocalState']],
  ['COMPONENTS', ['CanonicalData']],
  ['DRIVERS', ['DriverDatabase']],
  ['HARDWARE', ['DEVICEMAP', 'DESCRIPTION']],
  ['NTUSER', ['Software', 'Control Panel']],
  ['USRCLASS', ['Local Settings']],
];

/**
 * What a hive holds: by the name of its file, else by the keys below its root.
 * @param fileName the end of the path in the base block, or of the file
 */
export function hiveKind(registry: RegistryHive, fileName: string | undefined): HiveKind {
  const name = (fileName ?? '').split(/[\\/]/).at(-1)?.toUpperCase() ?? '';
  const byFile = Object.hasOwn(BY_FILE, name) ? BY_FILE[name] : undefined;
  if (byFile !== undefined) return byFile;
  const root = registry.root();
  if (root === undefined) return 'OTHER';
  return BY_KEYS.find(([, keys]) => keys.every((key) => root.key(key) !== undefined))?.[0] ?? 'OTHER';
}
