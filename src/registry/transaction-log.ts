import { BASE_BLOCK_SIZE, baseBlock, baseBlockChecksum, type BaseBlock } from './base-block.js';
import { pathNames, upcase } from './name.js';
import { SECTOR, logEntries, logVector, type DirtyPage, type LogEntry } from './transaction-log-entry.js';

const CHECKSUM_AT = 0x1fc;
/** `_HBASE_BLOCK.Type` of logs: 1, in Windows 2000 2, of the new format 6. */
const OLD_TYPES: readonly number[] = [1, 2];
const NEW_TYPE = 6;
/** The time in the header of the first bin, which stands in for that of a base block that is lost. */
const FIRST_BIN_TIME = BASE_BLOCK_SIZE + 0x14;

/** What was taken from a log. */
export interface AppliedLog {
  /** Its place among the logs that were given. */
  readonly log: number;
  readonly format: 'old' | 'new';
  /** Sequence numbers of the first and the last entry. */
  readonly first: number;
  readonly last: number;
  /** Pages written, and their bytes. */
  readonly pages: number;
  readonly bytes: number;
}

export interface AppliedLogs {
  /** The hive as it is with its logs; the very bytes that were given when there was nothing to apply. */
  readonly bytes: Buffer;
  readonly applied: readonly AppliedLog[];
  /** What was done, and what not and why: a sentence each. */
  readonly notes: readonly string[];
}

interface Log {
  readonly index: number;
  readonly bytes: Buffer;
  readonly header: BaseBlock;
}

/** A primary file is dirty when its base block is damaged or its two sequence numbers differ. */
export function isDirty(bytes: Buffer): boolean {
  const header = headerOf(bytes);
  return header === undefined || header.sequence1 !== header.sequence2;
}

/** The base block; undefined when it is none or its checksum does not fit. */
function headerOf(bytes: Buffer): BaseBlock | undefined {
  if (bytes.length < SECTOR || bytes.toString('latin1', 0, 4) !== 'regf') return undefined;
  const header = baseBlock(bytes);
  return header.intact ? header : undefined;
}

/**
 * Applies transaction logs to the bytes of a dirty hive file, by the rules of Windows: of logs of the new format the entries that
 * follow the primary file's state, in the order of their sequence numbers and through both files; of logs of the old format the
 * one that was written together with the primary file. A damaged base block is taken from the log.
 * Neither the hive's bytes nor the logs' are changed.
 *
 * Facts: M. Suhanov, "Windows registry file format specification", Format of transaction log files.
 */
export function applyLogs(base: Buffer, logs: readonly Buffer[]): AppliedLogs {
  const notes: string[] = [];
  const unchanged = (): AppliedLogs => ({ bytes: base, applied: [], notes });
  const header = headerOf(base);
  if (header !== undefined && header.sequence1 === header.sequence2) {
    notes.push('the hive is not dirty: its logs are not applied');
    return unchanged();
  }
  const usable = logs.flatMap((bytes, index) => usableLog(bytes, index, header, base, notes));
  const newer = usable.filter((log) => log.header.type === NEW_TYPE);
  const applied = newer.length > 0 ? applyEntries(base, header, newer, notes)
    : applyVector(base, header, usable.filter((log) => log.header.type !== NEW_TYPE), notes);
  if (applied !== undefined) return { ...applied, notes };
  notes.push(logs.length === 0 ? 'the hive is dirty, and there is no log' : 'the hive is dirty, and none of its logs could be applied');
  return unchanged();
}

/** The log, when it is one and of this hive. */
function usableLog(bytes: Buffer, index: number, header: BaseBlock | undefined, base: Buffer, notes: string[]): Log[] {
  const refuse = (why: string): Log[] => {
    notes.push(`log ${index + 1} is left out: ${why}`);
    return [];
  };
  if (bytes.length === 0) return refuse('it is empty');
  if (bytes.length < SECTOR || bytes.toString('latin1', 0, 4) !== 'regf') return refuse('it is no transaction log');
  const found = baseBlock(bytes);
  if (found.type === 0) return refuse('it is a hive and no transaction log');
  if (found.type !== NEW_TYPE && !OLD_TYPES.includes(found.type)) return refuse(`it is of the unknown type ${found.type}`);
  if (!found.intact) return refuse('the checksum of its base block does not fit');
  if (header !== undefined && otherHive(base, header, bytes, found)) return refuse(`it belongs to another hive, ${found.fileName}`);
  return [{ index, bytes, header: found }];
}

/** The log names another file, or another hive of a file of the same name (`_HBASE_BLOCK.RmId`). */
function otherHive(base: Buffer, header: BaseBlock, log: Buffer, found: BaseBlock): boolean {
  const ours = upcase(header.fileName);
  const its = upcase(found.fileName);
  if (ours === '' || its === '' || ours === its) return false;
  if (pathNames(ours).at(-1) !== pathNames(its).at(-1)) return true;
  const ids = [base, log].map((bytes) => bytes.subarray(0x70, 0x80));
  return ids.every((id) => id.some((byte) => byte !== 0)) && ids[0]?.equals(ids[1] as Buffer) === false;
}

type Written = Omit<AppliedLogs, 'notes'>;

function applyEntries(base: Buffer, header: BaseBlock | undefined, logs: readonly Log[], notes: string[]): Written | undefined {
  const inOrder = [...logs].sort((a, b) => a.header.sequence1 - b.header.sequence1);
  // Without a base block nothing says where to begin: the log with the latest entries holds the state to come back to.
  const used = header === undefined ? inOrder.slice(-1) : inOrder;
  const hive = new Bins(base, used.reduce((sum, { bytes }) => sum + bytes.length, 0), notes);
  const applied: AppliedLog[] = [];
  let last: LogEntry | undefined;
  for (const { index, bytes, header: log } of used) {
    const name = `log ${index + 1}`;
    if (header !== undefined && last === undefined && log.sequence1 < header.sequence2) {
      notes.push(`${name} is left out: its entries from ${log.sequence1} on are older than the hive, which is at ${header.sequence2}`);
      continue;
    }
    if (last !== undefined && log.sequence1 !== last.sequence + 1) {
      notes.push(`${name} is left out: it begins with the entry ${log.sequence1}, and ${last.sequence + 1} is expected`);
      continue;
    }
    const { entries, stopped } = logEntries(bytes, log.sequence1);
    if (stopped !== undefined) notes.push(`${name}: ${stopped}`);
    const [first] = entries;
    if (first === undefined) continue;
    if (applied.length === 0 && header === undefined) hive.recoverBase(bytes);
    let pages = 0;
    let written = 0;
    for (const entry of entries) {
      hive.resize(entry.binsLength, entry.pages);
      for (const page of entry.pages) written += hive.write(page, name);
      pages += entry.pages.length;
      last = entry;
    }
    const to = last?.sequence ?? first.sequence;
    applied.push({ log: index, format: 'new', first: first.sequence, last: to, pages, bytes: written });
    if (header !== undefined && applied.length === 1 && first.sequence > header.sequence2) {
      notes.push(`the entries ${header.sequence2} to ${first.sequence - 1} are in no log: Windows had written them to the hive, or they are lost`);
    }
    notes.push(`${name}: ${first.sequence === to ? `entry ${to} is` : `entries ${first.sequence} to ${to} are`} applied, ${pages} pages`);
  }
  if (last === undefined) return undefined;
  return { bytes: hive.finish(last.sequence, last.binsLength, last.flags), applied };
}

function applyVector(base: Buffer, header: BaseBlock | undefined, logs: readonly Log[], notes: string[]): Written | undefined {
  const time = header?.written ?? (base.length >= FIRST_BIN_TIME + 8 ? base.readBigUInt64LE(FIRST_BIN_TIME) : undefined);
  const valid = logs.filter(({ index, header: { sequence1, sequence2 } }) => {
    if (sequence1 !== sequence2) notes.push(`log ${index + 1} is left out: writing it was not completed`);
    return sequence1 === sequence2;
  });
  // The log of the write that was under way; else, after writes that failed, a later one, which holds all that they held.
  const later = valid.filter((log) => time === undefined || log.header.written > time).sort((a, b) => (a.header.written < b.header.written ? 1 : -1));
  const log = valid.find(({ header: { written } }) => written === time) ?? later[0];
  for (const other of valid) {
    if (other !== log) notes.push(`log ${other.index + 1} is left out: ${log === undefined ? 'it is older than the hive' : `log ${log.index + 1} fits better`}`);
  }
  if (log === undefined) return undefined;
  const name = `log ${log.index + 1}`;
  const { pages, stopped } = logVector(log.bytes, log.header.length, SECTOR * Math.min(Math.max(log.header.cluster, 1), 8));
  if (stopped !== undefined) notes.push(`${name}: ${stopped}`);
  if (pages.length === 0) return undefined;
  const hive = new Bins(base, log.bytes.length, notes);
  if (header === undefined) hive.recoverBase(log.bytes);
  hive.resize(log.header.length, pages);
  let count = 0;
  let written = 0;
  for (const page of pages) {
    if (!hive.fits(page)) {
      notes.push(`${name}: stopped at the page for 0x${page.offset.toString(16)}, which should begin a bin and does not`);
      break;
    }
    written += hive.write(page, name);
    count += 1;
  }
  if (count === 0) return undefined;
  const sequence = Math.max(log.header.sequence1, header?.sequence1 ?? 0);
  notes.push(`${name}: ${count} runs of pages are applied, ${written} bytes`);
  return { bytes: hive.finish(sequence, log.header.length, undefined), applied: [{ log: log.index, format: 'old', first: sequence, last: sequence, pages: count, bytes: written }] };
}

/** A copy of a hive file that is written to. */
class Bins {
  #bytes: Buffer;
  /** No log makes the file longer than by its own length: that much is its pages. */
  readonly #most: number;

  constructor(base: Buffer, logBytes: number, private readonly notes: string[]) {
    this.#bytes = Buffer.from(base);
    if (base.length < BASE_BLOCK_SIZE) this.#grow(BASE_BLOCK_SIZE);
    this.#most = this.#bytes.length + logBytes;
  }

  /** Takes the base block of a log in place of the damaged one. */
  recoverBase(log: Buffer): void {
    log.copy(this.#bytes, 0, 0, SECTOR);
    this.#bytes.writeUInt32LE(0, 0x1c);
    this.notes.push('the base block of the hive is damaged; the log\'s copy takes its place');
  }

  /** Makes room for bins of `length` bytes, as far as there is something to put there. */
  resize(length: number, pages: readonly DirtyPage[]): void {
    const end = pages.reduce((most, page) => Math.max(most, page.offset + page.bytes.length), 0);
    const wanted = BASE_BLOCK_SIZE + Math.min(length, Math.ceil(end / BASE_BLOCK_SIZE) * BASE_BLOCK_SIZE);
    if (wanted > this.#bytes.length) this.#grow(Math.min(wanted, this.#most));
  }

  /** A page for the beginning of a bin begins one itself. */
  fits({ offset, bytes }: DirtyPage): boolean {
    const at = BASE_BLOCK_SIZE + offset;
    const isBin = (buffer: Buffer, start: number): boolean => start + 8 <= buffer.length && buffer.toString('latin1', start, start + 4) === 'hbin'
      && buffer.readUInt32LE(start + 4) === offset;
    return !isBin(this.#bytes, at) || isBin(bytes, 0);
  }

  write({ offset, bytes }: DirtyPage, name: string): number {
    const at = BASE_BLOCK_SIZE + offset;
    if (at + bytes.length > this.#bytes.length) {
      this.notes.push(`${name}: a page for 0x${offset.toString(16)} lies beyond the hive's end and is left out`);
      return 0;
    }
    return bytes.copy(this.#bytes, at);
  }

  /** The finished file: clean, its base block with the state after the last entry. */
  finish(sequence: number, length: number, flags: number | undefined): Buffer {
    const bytes = this.#bytes;
    bytes.writeUInt32LE(sequence, 4);
    bytes.writeUInt32LE(sequence, 8);
    bytes.writeUInt32LE(length, 0x28);
    if (flags !== undefined) bytes.writeUInt32LE(((bytes.readUInt32LE(0x90) & ~1) | (flags & 1)) >>> 0, 0x90);
    bytes.writeUInt32LE(baseBlockChecksum(bytes), CHECKSUM_AT);
    return bytes;
  }

  #grow(length: number): void {
    const longer = Buffer.alloc(length);
    this.#bytes.copy(longer);
    this.#bytes = longer;
  }
}
