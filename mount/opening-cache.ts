import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FormatError } from '../src/bytes/errors.js';
import { parseRecord, recordText, type OpeningRecord } from './opening-record.js';

/** Pages of the file that its hash is made of: 1 MiB of reads, of any image. */
const SAMPLES = 256;
const PAGE = 4096;
/** A larger record is not kept. */
const MAX_RECORD = 16 << 20;
/** All records together; those longest not used go first. */
const MAX_FOLDER = 64 << 20;
const MAX_RECORDS = 256;
const RECORD = /^[0-9a-f]{32}\.json$/;

/** An image file as the cache knows it. */
export interface ImageKey {
  /** Names the record: size, sampled pages, what was asked for, and our version. */
  readonly name: string;
  readonly size: number;
  /** Time of last change, in nanoseconds. */
  readonly changed: string;
}

/**
 * What tells an image from every other.
 * @param choices what else decides how it is opened: version, overrides, folders
 * @throws when the file cannot be read
 */
export function imageKey(path: string, choices: unknown): ImageKey {
  // A named pipe would wait for its writer.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size, mtimeNs } = fstatSync(fd, { bigint: true });
    const hash = createHash('sha256').update(`${size}\0${JSON.stringify(choices)}\0`);
    const pages = Math.ceil(Number(size) / PAGE);
    const count = Math.min(SAMPLES, pages);
    const page = Buffer.allocUnsafe(PAGE);
    for (let index = 0; index < count; index += 1) {
      // The first and the last page are among them.
      const at = count === 1 ? 0 : Math.floor((index * (pages - 1)) / (count - 1));
      hash.update(page.subarray(0, readSync(fd, page, 0, PAGE, at * PAGE)));
    }
    return { name: hash.digest('hex').slice(0, 32), size: Number(size), changed: String(mtimeNs) };
  } finally {
    closeSync(fd);
  }
}

/** Records of earlier openings, a small JSON file each, in one folder. */
export class OpeningCache {
  constructor(private readonly folder: string) {}

  /** The record of this very image; undefined when there is none, or it is not to be believed. */
  find({ name, size, changed }: ImageKey): OpeningRecord | undefined {
    const path = join(this.folder, `${name}.json`);
    const text = ownFile(path);
    if (text === undefined) return undefined;
    const end = text.indexOf('\n');
    if (text.slice(0, Math.max(0, end)) !== changed) return undefined;
    try {
      const record = parseRecord(text.slice(end + 1), size);
      const now = new Date();
      utimesSync(path, now, now);
      return record;
    } catch (error) {
      if (!(error instanceof FormatError) && (error as NodeJS.ErrnoException).code === undefined) throw error;
      return undefined;
    }
  }

  /** Keeps a record. A reader finds the old one or the new one, never a part. @throws when the folder cannot be written */
  keep({ name, changed }: ImageKey, record: OpeningRecord): void {
    const text = `${changed}\n${recordText(record)}`;
    if (text.length > MAX_RECORD) return;
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const temporary = join(this.folder, `${name}.${process.pid}`);
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, join(this.folder, `${name}.json`));
    this.#sweep();
  }

  /** Takes away what is over the limits, and what a process that died left half written. */
  #sweep(): void {
    const files = readdirSync(this.folder).flatMap((name) => {
      const path = join(this.folder, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined || !(RECORD.test(name) || /^[0-9a-f]{32}\.\d+$/.test(name)) ? [] : [{ path, name, size: stat.size, used: stat.mtimeMs }];
    }).sort((a, b) => b.used - a.used);
    let total = 0;
    files.forEach(({ path, name, size, used }, index) => {
      total += size;
      const abandoned = !RECORD.test(name) && Date.now() - used > 60_000;
      if (abandoned || total > MAX_FOLDER || index >= MAX_RECORDS) rmSync(path, { force: true });
    });
  }
}

/** The text of a regular file that is ours; undefined when there is none. */
function ownFile(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== undefined) return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > MAX_RECORD || (process.getuid !== undefined && stat.uid !== process.getuid())) return undefined;
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}
