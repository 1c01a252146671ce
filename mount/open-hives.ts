import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { Anomalies, type Anomaly } from '../src/bytes/anomaly.js';
import { FormatError } from '../src/bytes/errors.js';
import type { BaseBlock } from '../src/registry/base-block.js';
import { hiveKind, hiveSet, type HiveKind, type HiveSet, type SetHive } from '../src/registry/hive-set.js';
import type { RegistryHive } from '../src/registry/hive.js';
import { upcase } from '../src/registry/name.js';
import { openHive } from '../src/registry/open-hive.js';
import { applyLogs, isDirty } from '../src/registry/transaction-log.js';
import { EXIT, UserError } from './exit-codes.js';
import { hiveInputs, LARGEST_HIVE, unreadable, type HiveInput } from './hive-inputs.js';
import { profileUsers, sidInName, userOf } from './hive-users.js';

/** Whether transaction logs are applied to dirty hives. */
export type LogsChoice = 'apply' | 'ignore';

/** A hive file that was read. Plain facts: threads share the bytes and open the hive each for themselves. */
export interface HiveBytes {
  readonly path: string;
  /** The file, with its logs applied. */
  readonly bytes: SharedArrayBuffer;
  /** Its last write was not completed, as the file says. */
  readonly dirty: boolean;
  readonly logs: readonly string[];
  /** What was done with the logs, a sentence each; undefined: they were to be left alone. */
  readonly notes: readonly string[] | undefined;
  /** Pages that logs have changed. */
  readonly pages: number;
}

/** A hive that was opened from a file. */
export interface FileHive extends SetHive {
  readonly header: BaseBlock;
  readonly file: HiveBytes;
}

/** The hives of files, and those that could not be opened. */
export interface FileHiveSet extends HiveSet {
  readonly hives: readonly FileHive[];
  readonly refused: readonly { readonly path: string; readonly why: string }[];
  /** What was noticed while they were opened; reading them notices more. */
  readonly noticed: readonly Anomaly[];
}

/** Reads hive files and applies their logs in memory; nothing is written. @throws UserError a sentence for a file that cannot be read */
export function readHives(inputs: readonly HiveInput[], logs: LogsChoice): readonly HiveBytes[] {
  return inputs.map((input) => readHive(input, logs));
}

function readHive({ path, logs }: HiveInput, choice: LogsChoice): HiveBytes {
  const file = readShared(path);
  const base = Buffer.from(file);
  const dirty = isDirty(base);
  if (choice === 'ignore') return { path, bytes: file, dirty, logs, notes: undefined, pages: 0 };
  if (!dirty) return { path, bytes: file, dirty, logs, notes: [], pages: 0 };
  const { bytes, applied, notes } = applyLogs(base, logs.map((log) => Buffer.from(readShared(log))));
  return { path, bytes: bytes === base ? file : shared(bytes), dirty, logs, notes, pages: applied.reduce((sum, { pages }) => sum + pages, 0) };
}

/** A file's bytes where all threads see them: a large hive is held once. */
function readShared(path: string): SharedArrayBuffer {
  try {
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      if (size > LARGEST_HIVE) throw new UserError(`${path} has ${size} bytes, more than a registry hive can have (2 GiB).`, EXIT.image);
      const bytes = new SharedArrayBuffer(size);
      const view = new Uint8Array(bytes);
      for (let at = 0; at < size;) {
        const got = readSync(fd, view, at, Math.min(size - at, 1 << 26), at);
        if (got === 0) return shared(view.subarray(0, at));
        at += got;
      }
      return bytes;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw unreadable(path, error);
  }
}

function shared(bytes: Uint8Array): SharedArrayBuffer {
  const copy = new SharedArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}

interface Opened {
  readonly file: HiveBytes;
  readonly registry: RegistryHive;
  readonly header: BaseBlock;
  readonly kind: HiveKind;
}

/** Opens hives that were read. @throws UserError when none of them is a hive */
export function hiveSetOfBytes(files: readonly HiveBytes[]): FileHiveSet {
  const anomalies = new Anomalies();
  const refused: { path: string; why: string }[] = [];
  const opened = files.flatMap((file): Opened[] => {
    const bytes = Buffer.from(file.bytes);
    try {
      const { hive: registry, header } = openHive(bytes, { where: `hive ${basename(file.path)}`, anomalies });
      if (registry.root() === undefined && files.length === 1 && registry.cells.stable.length === 0) throw new FormatError('it holds no bins');
      const byHeader = hiveKind(registry, header.fileName);
      return [{ file, registry, header, kind: byHeader === 'OTHER' ? hiveKind(registry, basename(file.path)) : byHeader }];
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      refused.push({ path: file.path, why: error.message });
      return [];
    }
  });
  const [first] = refused;
  if (opened.length === 0 && first !== undefined) throw new UserError(`${first.path} is ${/^no /.test(first.why) ? first.why : `no registry hive: ${first.why}`}.`, EXIT.image);
  const profiles = profileUsers(opened.filter(({ kind }) => kind === 'SOFTWARE').map(({ registry }) => registry));
  const taken = new Map<string, number>();
  const hives = opened.map((one): FileHive => {
    const named = userOf(one.kind, one.file.path, one.registry);
    const sid = one.kind === 'NTUSER' || one.kind === 'USRCLASS' ? sidInName(one.file.path) ?? (named && profiles.sidOf(named)) : undefined;
    const user = named ?? (sid && (profiles.userOf(sid) ?? sid));
    const wanted = mountOf(one, sid ?? user);
    const before = taken.get(upcase(wanted)) ?? 0;
    taken.set(upcase(wanted), before + 1);
    return { ...one, mount: before === 0 ? wanted : `${wanted} (${before + 1})`, source: one.file.path, user, address: undefined };
  });
  return { ...hiveSet(hives, anomalies), hives, refused, noticed: [...anomalies.list] };
}

/** The hives that paths name: files, folders, and logs beside them. @throws UserError a sentence for a path that leads to none */
export function hiveSetOfFiles(paths: readonly string[], { logs }: { readonly logs: LogsChoice }): FileHiveSet {
  return hiveSetOfBytes(readHives(hiveInputs(paths), logs));
}

const MACHINE: Readonly<Partial<Record<HiveKind, string>>> = {
  SYSTEM: 'HKLM\\SYSTEM', SOFTWARE: 'HKLM\\SOFTWARE', SAM: 'HKLM\\SAM', SECURITY: 'HKLM\\SECURITY', HARDWARE: 'HKLM\\HARDWARE', BCD: 'HKLM\\BCD00000000',
  DRIVERS: 'HKLM\\DRIVERS', COMPONENTS: 'HKLM\\COMPONENTS', ELAM: 'HKLM\\ELAM', DEFAULT: 'HKU\\.DEFAULT',
};

/** Where Windows would mount it. A hive of a program is mounted nowhere that has a name: it keeps that of its file. */
function mountOf({ kind, file }: Opened, user: string | undefined): string {
  const name = basename(file.path);
  if (kind === 'NTUSER') return `HKU\\${user ?? name}`;
  if (kind === 'USRCLASS') return `HKU\\${user ?? name}_Classes`;
  return MACHINE[kind] ?? name;
}
