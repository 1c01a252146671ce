import { createHash } from 'node:crypto';
import { FormatError } from '../bytes/errors.js';
import { crc32, crc64 } from './checksum.js';
import { lzma2 } from './lzma2.js';

const MAGIC = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);
const FOOTER_MAGIC = Buffer.from('YZ');
const FOOTER = 12;
const LZMA2_FILTER = 0x21;
/** Files of symbols are of one block, or of a few. */
const MOST_BLOCKS = 4096;
/** Bytes of the check by its id (xz-file-format 2.1.1.2). */
const CHECK_SIZES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64] as const;

/** The checks that are computed, by id; others are skipped over. */
const CHECKS: Readonly<Record<number, (bytes: Buffer) => Buffer>> = {
  1: (bytes) => {
    const out = Buffer.alloc(4);
    out.writeUInt32LE(crc32(bytes));
    return out;
  },
  4: crc64,
  10: (bytes) => createHash('sha256').update(bytes).digest(),
};

/** Whether a file begins as an xz file. */
export function isXz(bytes: Buffer): boolean {
  return bytes.length >= MAGIC.length && MAGIC.equals(bytes.subarray(0, MAGIC.length));
}

/**
 * Unpacks an xz file: all its streams, LZMA2 alone, each block verified by its check.
 *
 * @param limit the most bytes that may come out
 * @throws FormatError when the file contradicts itself, is cut off, uses other filters or becomes more than `limit`
 */
export function unpackXz(file: Buffer, limit: number): Buffer {
  const parts: Buffer[] = [];
  let total = 0;
  let at = 0;
  do {
    if (!isXz(file.subarray(at))) throw new FormatError('an xz stream does not begin as one', at);
    at = stream(file, at, limit - total, (part) => {
      if (parts.length >= MOST_BLOCKS) throw new FormatError(`an xz file of more than ${MOST_BLOCKS} blocks`);
      parts.push(part);
      total += part.length;
    });
    while (at + 4 <= file.length && file.readUInt32LE(at) === 0) at += 4;
  } while (at < file.length);
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** One stream; answers where it ends. */
function stream(file: Buffer, start: number, limit: number, give: (part: Buffer) => void): number {
  const flags = file.subarray(start + 6, start + 8);
  if (flags.length < 2 || flags[0] !== 0 || flags[1]! > 15) throw new FormatError('an xz stream of no known kind', start);
  verify(file, start + 6, 2, start + 8);
  const check = flags[1]!;
  let at = start + 12;
  let left = limit;
  for (;;) {
    const first = file[at];
    if (first === undefined) throw new FormatError('an xz file is cut off', at);
    if (first === 0) break;
    const header = (first + 1) * 4;
    const body = blockBody(file, at, header);
    const { bytes, end } = lzma2(file, body, left);
    const padded = at + header + Math.ceil((end - body) / 4) * 4;
    const expected = file.subarray(padded, padded + CHECK_SIZES[check]!);
    if (expected.length < CHECK_SIZES[check]!) throw new FormatError('an xz file is cut off', padded);
    const computed = CHECKS[check]?.(bytes);
    if (computed !== undefined && !computed.equals(expected)) throw new FormatError('an xz block is not what its check says', at);
    give(bytes);
    left -= bytes.length;
    at = padded + expected.length;
  }
  return streamEnd(file, at);
}

/** Verifies a block's header; answers where its LZMA2 chunks begin. */
function blockBody(file: Buffer, at: number, header: number): number {
  verify(file, at, header - 4, at + header - 4);
  const flags = file[at + 1]!;
  const cursor = { at: at + 2 };
  if ((flags & 0x40) !== 0) multibyte(file, cursor);
  if ((flags & 0x80) !== 0) multibyte(file, cursor);
  const filter = multibyte(file, cursor);
  if ((flags & 0x3f) !== 0 || filter !== LZMA2_FILTER) throw new FormatError('an xz block uses other filters than LZMA2', at);
  return at + header;
}

/** The index has one pair of numbers a block; what matters here is where it ends. */
function streamEnd(file: Buffer, start: number): number {
  const cursor = { at: start + 1 };
  for (let left = multibyte(file, cursor); left > 0; left -= 1) {
    multibyte(file, cursor);
    multibyte(file, cursor);
  }
  const end = start + Math.ceil((cursor.at - start) / 4) * 4;
  verify(file, start, end - start, end);
  const footer = end + 4;
  if (footer + FOOTER > file.length || !file.subarray(footer + 10, footer + FOOTER).equals(FOOTER_MAGIC)) throw new FormatError('an xz file is cut off', footer);
  verify(file, footer + 4, 6, footer);
  return footer + FOOTER;
}

function verify(file: Buffer, at: number, length: number, crcAt: number): void {
  if (at + length > file.length || crcAt + 4 > file.length) throw new FormatError('an xz file is cut off', at);
  if (crc32(file.subarray(at, at + length)) !== file.readUInt32LE(crcAt)) throw new FormatError('an xz header is not what its check says', at);
}

/** A number of up to nine bytes, seven bits each (xz-file-format 1.2). */
function multibyte(file: Buffer, cursor: { at: number }): number {
  let value = 0;
  for (let shift = 0; shift < 63; shift += 7) {
    const byte = file[cursor.at];
    if (byte === undefined) throw new FormatError('an xz file is cut off', cursor.at);
    cursor.at += 1;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  throw new FormatError('an xz number does not end', cursor.at);
}
