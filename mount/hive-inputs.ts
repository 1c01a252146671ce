import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { EXIT, UserError } from './exit-codes.js';

/** A hive file, and the transaction logs that belong to it. */
export interface HiveInput {
  readonly path: string;
  /** Those that lie beside it or were given with it; their names differ from the hive's by `.LOG`, `.LOG1`, `.LOG2`. */
  readonly logs: readonly string[];
}

/** What a host file is to the registry, by its first bytes. */
export type HiveFileKind = 'hive' | 'log' | 'other';

/** Cell indices have 31 bits: no hive is larger. */
export const LARGEST_HIVE = 2 ** 31;
/** Bytes that a base block needs at the least; a log has as many. */
const SMALLEST_HIVE = 0x200;
/** Hives taken from one folder. */
const HIVES_IN_FOLDER = 1024;
const LOG_NAME = /\.log[12]?$/i;
/** Names under which Windows keeps hives: a file of that name that is none gets a sentence about hives, not about images. */
const HIVE_NAME = /^(system|software|sam|security|default|components|drivers|elam|bcd|bbi|ntuser\.dat|usrclass\.dat|settings\.dat|.*\.hve|.*\.(hiv|hive|reghive))$/i;

/** Bytes of the base block and of the head of the first bin. */
const HEAD = 0x1004;
/** `_HBASE_BLOCK.Type` of what is kept beside a hive: logs of three formats. */
const LOG_TYPES = new Set([1, 2, 6]);

/** Tells hives and logs from other files. Other: what cannot be read, and what is no plain file. */
export function hiveFileKind(path: string): HiveFileKind {
  const head = Buffer.alloc(HEAD);
  try {
    if (!statSync(path).isFile()) return 'other';
    const fd = openSync(path, 'r');
    try {
      readSync(fd, head, 0, HEAD, 0);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return 'other';
  }
  if (head.toString('latin1', 0, 4) === 'regf') return LOG_TYPES.has(head.readUInt32LE(0x1c)) ? 'log' : 'hive';
  // Of Windows 95 to ME: what opens hives says that it is, and refuses it.
  if (head.toString('latin1', 0, 4) === 'CREG') return 'hive';
  // A hive whose base block was lost still has its bins.
  return head.toString('latin1', 0x1000) === 'hbin' ? 'hive' : 'other';
}

/** Whether a path that was given leads to the registry: a hive, a log, a folder, or a file that is called as hives are. */
export function isHiveInput(path: string): boolean {
  if (isFolder(path)) return true;
  return hiveFileKind(path) !== 'other' || (HIVE_NAME.test(basename(path)) && exists(path));
}

/**
 * The hives that paths name: hive files, folders with hives directly in them, and logs beside the hives that are given.
 * @throws UserError a sentence for the path that is none of these
 */
export function hiveInputs(paths: readonly string[]): readonly HiveInput[] {
  const logs: string[] = [];
  const hives = new Set<string>();
  for (const path of paths) {
    if (isFolder(path)) {
      for (const hive of hivesIn(path)) hives.add(hive);
    } else if (kindOf(path) === 'log') {
      logs.push(resolve(path));
    } else {
      hives.add(resolve(path));
    }
  }
  const given = new Map([...hives].map((path) => [path, new Set(logsBeside(path))]));
  for (const log of logs) {
    const stem = basename(log).replace(LOG_NAME, '').toUpperCase();
    const named = [...given].filter(([path]) => basename(path).toUpperCase() === stem);
    const owner = named.find(([path]) => dirname(path) === dirname(log)) ?? named[0] ?? (given.size === 1 ? [...given][0] : undefined);
    if (owner === undefined) {
      throw new UserError(`${log} is a transaction log; give the hive it belongs to (${basename(log).replace(LOG_NAME, '')}), and the logs beside that are found.`, EXIT.image);
    }
    owner[1].add(log);
  }
  return [...given].map(([path, beside]) => ({ path, logs: [...beside] }));
}

/** What a given file is, with a sentence when it is no hive and no log. */
function kindOf(path: string): 'hive' | 'log' {
  const size = sizeOf(path);
  if (size === 0) throw new UserError(`${path} is empty: it is no registry hive.`, EXIT.image);
  const kind = hiveFileKind(path);
  if (kind === 'other') {
    readable(path);
    throw new UserError(`${path} is no registry hive: it does not begin with "regf".`, EXIT.image);
  }
  if (size < SMALLEST_HIVE) throw new UserError(`${path} is no registry hive: it has only ${size} bytes.`, EXIT.image);
  if (size > LARGEST_HIVE) throw new UserError(`${path} has ${size} bytes, more than a registry hive can have (2 GiB).`, EXIT.image);
  return kind;
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    throw unreadable(path, error);
  }
}

function readable(path: string): void {
  try {
    closeSync(openSync(path, 'r'));
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** What the host says about a file that cannot be read, as a sentence; what is no error of the host is thrown on. */
export function unreadable(path: string, error: unknown): UserError {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  const why = code === 'ENOENT' || code === 'ENOTDIR' ? 'does not exist; give the path of a registry hive'
    : code === 'EACCES' || code === 'EPERM' ? 'cannot be read with your permissions; make it readable or run as its owner' : `cannot be read (${code})`;
  return new UserError(`${path} ${why}.`, EXIT.image);
}

function hivesIn(folder: string): readonly string[] {
  const hives = names(folder).map((name) => resolve(folder, name)).filter((path) => hiveFileKind(path) === 'hive');
  if (hives.length === 0) throw new UserError(`${folder} is a directory without registry hives in it; give an image, hive files or a folder that holds hives.`, EXIT.image);
  if (hives.length > HIVES_IN_FOLDER) throw new UserError(`${folder} holds ${hives.length} hives; ${HIVES_IN_FOLDER} are the most that are shown together, name those you want.`, EXIT.image);
  return hives;
}

/** The logs of a hive that lie beside it, whatever the case of their names. */
function logsBeside(hive: string): readonly string[] {
  const stem = basename(hive).toUpperCase();
  return names(dirname(hive)).filter((name) => LOG_NAME.test(name) && name.replace(LOG_NAME, '').toUpperCase() === stem)
    .map((name) => join(dirname(hive), name)).filter((path) => isPlain(path) && sizeOf(path) > 0);
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    throw unreadable(folder, error);
  }
}

function isPlain(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
