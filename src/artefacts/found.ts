import { controlSet, type HiveSet, type SetHive } from '../registry/hive-set.js';
import type { Key } from '../registry/key.js';
import { text, time, type PlainColumn } from './plain-table.js';

/** A key that an artefact reads, and the hive it is in. */
export interface Found {
  readonly hive: SetHive;
  readonly key: Key;
}

/** `HKLM\SYSTEM\ControlSet001\Services` */
export function fullPath({ hive, key }: Found): string {
  return key.path === '' ? hive.mount : `${hive.mount}\\${key.path}`;
}

/** The last columns of an artefact: when the key was written, and its path. */
export const WHERE: readonly PlainColumn<Found>[] = [
  time('key_written', ({ key }) => key.written, 'last write of the key'),
  text('key', fullPath, 'path of the key'),
];

/** The user whose hive it is; undefined for the machine's. */
export const USER: PlainColumn<Found> = text('user', ({ hive }) => hive.user, 'whose hive it is in; empty: the machine\'s', 12);

/** The key at a path below the control set in use, of every SYSTEM hive that has it. */
export function* inControlSet(set: HiveSet, path: string): Generator<Found> {
  for (const hive of set.of('SYSTEM')) {
    const key = controlSet(hive)?.key(path);
    if (key !== undefined) yield { hive, key };
  }
}

/** The key at a path of every hive of a kind. */
export function* inHives(hives: readonly SetHive[], path: string): Generator<Found> {
  for (const hive of hives) {
    const key = hive.registry.key(path);
    if (key !== undefined) yield { hive, key };
  }
}

/** The key at a path of the users' hives, that of the accounts of services included. */
export function inUsers(set: HiveSet, path: string): Generator<Found> {
  return inHives(set.of('NTUSER', 'DEFAULT'), path);
}

/** The key at a path below HKLM\SOFTWARE, and what 32-bit programs see of it. */
export function* inSoftware(set: HiveSet, path: string): Generator<Found> {
  yield* inHives(set.of('SOFTWARE'), path);
  yield* inHives(set.of('SOFTWARE'), `Wow6432Node\\${path}`);
}

/** The key at a path below SOFTWARE of the machine and of the users, and what 32-bit programs see of both. */
export function* inAllSoftware(set: HiveSet, path: string): Generator<Found> {
  yield* inSoftware(set, path);
  yield* inUsers(set, `Software\\${path}`);
  yield* inUsers(set, `Software\\Wow6432Node\\${path}`);
}

/** The sub-keys of a key, in its hive. */
export function* below({ hive, key }: Found): Generator<Found> {
  for (const child of key.subkeys()) yield { hive, key: child };
}

/** The key at a path below another, if it is there. */
export function* at({ hive, key }: Found, path: string): Generator<Found> {
  const child = key.key(path);
  if (child !== undefined) yield { hive, key: child };
}
