import { logHash } from './transaction-log-hash.js';

/** Logs are made of sectors of this many bytes. */
export const SECTOR = 0x200;
const ENTRY_HEADER = 40;
const BIN_UNIT = 0x1000;
const MOST_BINS = 0x7fff_f000;

/** Bytes of a log that belong at `offset` of the hive's bins. */
export interface DirtyPage {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** An entry of a log of the new format (`HvLE`), its hashes checked. */
export interface LogEntry {
  readonly sequence: number;
  /** Bit 0 of the base block's flags, as it was. */
  readonly flags: number;
  /** Bytes of all bins, as it was. */
  readonly binsLength: number;
  readonly pages: readonly DirtyPage[];
}

export interface LogEntries {
  readonly entries: readonly LogEntry[];
  /** Why reading stopped before the end, in a sentence; undefined when it did not. */
  readonly stopped: string | undefined;
}

/**
 * The entries of a log from `sequence` on. Each must follow the one before it; the first that does not, or that is torn, is
 * the end, since what lies behind it are entries of earlier times.
 */
export function logEntries(log: Buffer, sequence: number): LogEntries {
  const entries: LogEntry[] = [];
  for (let at = SECTOR; at + ENTRY_HEADER <= log.length;) {
    if (log.toString('latin1', at, at + 4) !== 'HvLE') break;
    const found = log.readUInt32LE(at + 12);
    if (found !== ((sequence + entries.length) >>> 0)) {
      const stopped = entries.length > 0 ? undefined
        : `its first entry has the sequence number ${found}, and ${sequence} is expected`;
      return { entries, stopped };
    }
    const entry = logEntry(log, at);
    if (typeof entry === 'string') return { entries, stopped: `the entry ${found} at 0x${at.toString(16)} ${entry}` };
    entries.push(entry);
    at += log.readUInt32LE(at + 4);
  }
  return { entries, stopped: entries.length > 0 ? undefined : 'it has no entry' };
}

/** An entry, or what is wrong with it. */
function logEntry(log: Buffer, at: number): LogEntry | string {
  const size = log.readUInt32LE(at + 4);
  if (size < SECTOR || size % SECTOR !== 0) return `cannot have ${size} bytes`;
  if (at + size > log.length) return `is cut off: ${log.length - at} of ${size} bytes are there`;
  const bytes = log.subarray(at, at + size);
  if (logHash(bytes.subarray(0, 32)) !== bytes.readBigUInt64LE(32)) return 'is torn: the hash of its header does not fit';
  if (logHash(bytes.subarray(ENTRY_HEADER)) !== bytes.readBigUInt64LE(24)) return 'is torn: the hash of its pages does not fit';
  const binsLength = bytes.readUInt32LE(16);
  if (binsLength % BIN_UNIT !== 0 || binsLength === 0 || binsLength > MOST_BINS) return `speaks of ${binsLength} bytes of bins`;
  const count = bytes.readUInt32LE(20);
  let data = ENTRY_HEADER + 8 * count;
  if (data > size) return `names ${count} pages and has no room for them`;
  const pages: DirtyPage[] = [];
  for (let i = 0; i < count; i += 1) {
    const offset = bytes.readUInt32LE(ENTRY_HEADER + 8 * i);
    const length = bytes.readUInt32LE(ENTRY_HEADER + 8 * i + 4);
    if (data + length > size) return 'has less bytes than its pages';
    if (offset + length > binsLength) return 'has a page outside the bins';
    pages.push({ offset, bytes: bytes.subarray(data, data + length) });
    data += length;
  }
  return { sequence: bytes.readUInt32LE(12), flags: bytes.readUInt32LE(8), binsLength, pages };
}

export interface LogVector {
  readonly pages: readonly DirtyPage[];
  /** Why pages were left out, in a sentence; undefined when none were. */
  readonly stopped: string | undefined;
}

/**
 * The pages of a log of the old format (`DIRT`): a bit for each 512 bytes of the bins, then the pages whose bits are set.
 * Neighbours come as one page.
 * @param binsLength bytes of all bins, as the log's own base block says
 * @param sector bytes of a sector of the disk: the clustering factor times 512
 */
export function logVector(log: Buffer, binsLength: number, sector: number): LogVector {
  if (log.length < sector + 4 || log.toString('latin1', sector, sector + 4) !== 'DIRT') return { pages: [], stopped: 'it has no dirty vector' };
  const bits = Math.floor(binsLength / SECTOR);
  const bitmap = log.subarray(sector + 4, sector + 4 + Math.ceil(bits / 8));
  if (bitmap.length < Math.ceil(bits / 8)) return { pages: [], stopped: 'its dirty vector is cut off' };
  const pages: DirtyPage[] = [];
  let data = Math.ceil((sector + 4 + bitmap.length) / sector) * sector;
  const dirty = (bit: number): boolean => bit < bits && ((bitmap[bit >> 3] ?? 0) & 1 << (bit & 7)) !== 0;
  for (let bit = 0; bit < bits; bit += 1) {
    if (!dirty(bit)) continue;
    const first = bit;
    while (dirty(bit + 1)) bit += 1;
    const length = (bit + 1 - first) * SECTOR;
    if (data + length > log.length) {
      const whole = Math.floor(Math.max(0, log.length - data) / SECTOR) * SECTOR;
      if (whole > 0) pages.push({ offset: first * SECTOR, bytes: log.subarray(data, data + whole) });
      return { pages, stopped: `it is cut off: of the pages at 0x${(first * SECTOR).toString(16)} only ${whole} of ${length} bytes are there` };
    }
    pages.push({ offset: first * SECTOR, bytes: log.subarray(data, data + length) });
    data += length;
  }
  return { pages, stopped: pages.length > 0 ? undefined : 'no page of it is dirty' };
}
