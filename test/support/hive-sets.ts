import { Anomalies } from '../../src/bytes/anomaly.js';
import { openHiveFile } from '../../src/registry/hive-file.js';
import { hiveKind, hiveSet, type HiveSet, type SetHive } from '../../src/registry/hive-set.js';
import type { RegistrySource } from '../../mount/tree/registry.js';
import { fileName } from '../../src/vfs/name.js';
import { writeHive, type KeyToWrite } from './hive-bytes.js';

/** A hive of a set, from its bytes. `HKLM\SYSTEM` is of kind SYSTEM, and `HKU\<SID>` the user's. */
export function memberHive(mount: string, file: Buffer, anomalies = new Anomalies()): SetHive {
  const { hive: registry } = openHiveFile(file, mount, anomalies);
  const name = mount.split('\\').at(-1) ?? mount;
  const user = /^HKU\\(S-1-5-21-[\d-]+)$/.exec(mount)?.[1];
  return { registry, kind: hiveKind(registry, name), mount, source: `/hives/${name}`, user: user === undefined ? undefined : `user${user.slice(-1)}`, address: undefined };
}

/** A set of hives written for a test, by where they are mounted. */
export function writtenSet(hives: Readonly<Record<string, KeyToWrite>>, anomalies = new Anomalies()): HiveSet {
  return hiveSet(Object.entries(hives).map(([mount, root]) => memberHive(mount, writeHive(root).file, anomalies)), anomalies);
}

/** What a registry's tree is made of, over a set. */
export function sourceOf(set: HiveSet): RegistrySource {
  return { hives: () => set, about: (hive) => ({ name: fileName(hive.mount.replaceAll('\\', '-')) }) };
}
