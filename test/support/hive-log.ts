import { BASE_BLOCK_SIZE, baseBlockChecksum } from '../../src/registry/base-block.js';
import { logHash } from '../../src/registry/transaction-log-hash.js';

const SECTOR = 0x200;

/** Pages of 4 KiB in which two hive files differ, as [offset from the first bin, bytes of the second]. */
export function changedPages(before: Buffer, after: Buffer): [number, Buffer][] {
  const pages: [number, Buffer][] = [];
  for (let at = BASE_BLOCK_SIZE; at < after.length; at += 0x1000) {
    const page = after.subarray(at, at + 0x1000);
    if (!page.equals(before.subarray(at, at + 0x1000))) pages.push([at - BASE_BLOCK_SIZE, page]);
  }
  return pages;
}

/** A copy of a hive file with these sequence numbers, its checksum right. */
export function withSequence(file: Buffer, sequence1: number, sequence2: number): Buffer {
  const copy = Buffer.from(file);
  copy.writeUInt32LE(sequence1, 4);
  copy.writeUInt32LE(sequence2, 8);
  copy.writeUInt32LE(baseBlockChecksum(copy), 0x1fc);
  return copy;
}

/** The first sector of a log. */
function logHeader(file: Buffer, type: number, sequence: number): Buffer {
  const head = Buffer.from(file.subarray(0, SECTOR));
  head.writeUInt32LE(type, 0x1c);
  return withSequence(head, sequence, sequence);
}

/** A log of the new format: an entry for each list of pages. @param file the hive whose base block it copies, with the length after the last entry */
export function newLog(file: Buffer, sequence: number, entries: readonly (readonly [number, Buffer][])[], binsLength = file.length - BASE_BLOCK_SIZE): Buffer {
  return Buffer.concat([logHeader(file, 6, sequence), ...entries.map((pages, i) => {
    const size = 40 + pages.reduce((sum, [, bytes]) => sum + 8 + bytes.length, 0);
    const entry = Buffer.alloc(Math.ceil(size / SECTOR) * SECTOR);
    entry.write('HvLE', 0, 'latin1');
    entry.writeUInt32LE(entry.length, 4);
    entry.writeUInt32LE(sequence + i, 12);
    entry.writeUInt32LE(binsLength, 16);
    entry.writeUInt32LE(pages.length, 20);
    let data = 40 + 8 * pages.length;
    pages.forEach(([offset, bytes], page) => {
      entry.writeUInt32LE(offset, 40 + 8 * page);
      entry.writeUInt32LE(bytes.length, 44 + 8 * page);
      data += bytes.copy(entry, data);
    });
    entry.writeBigUInt64LE(logHash(entry.subarray(40)), 24);
    entry.writeBigUInt64LE(logHash(entry.subarray(0, 32)), 32);
    return entry;
  })]);
}

/** A log of the old format. */
export function oldLog(file: Buffer, sequence: number, pages: readonly [number, Buffer][]): Buffer {
  const vector = Buffer.alloc(Math.ceil((4 + (file.length - BASE_BLOCK_SIZE) / SECTOR / 8) / SECTOR) * SECTOR);
  vector.write('DIRT', 0, 'latin1');
  for (const [offset, bytes] of pages) vector.fill(0xff, 4 + offset / SECTOR / 8, 4 + (offset + bytes.length) / SECTOR / 8);
  return Buffer.concat([logHeader(file, 1, sequence), vector, ...pages.map(([, bytes]) => bytes)]);
}
