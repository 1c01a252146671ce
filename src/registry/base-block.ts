import { FormatError } from '../bytes/errors.js';
import { guidText } from '../bytes/guid.js';
import { utf16 } from '../bytes/utf16.js';

/** Bytes of the base block; the first bin follows it in a hive file. */
export const BASE_BLOCK_SIZE = 0x1000;
const CHECKED = 0x1fc;

/** The header of a hive. Corresponds to `_HBASE_BLOCK`. */
export interface BaseBlock {
  /** Sequence1 and Sequence2: equal when the last write was completed. */
  readonly sequence1: number;
  readonly sequence2: number;
  /** TimeStamp, a FILETIME. */
  readonly written: bigint;
  readonly major: number;
  /** 3 to 6. Big data exists from 4 on. */
  readonly minor: number;
  /** 0: a hive; others are transaction logs. */
  readonly type: number;
  readonly format: number;
  readonly rootCell: number;
  /** Bytes of all bins, as the header says. */
  readonly length: number;
  readonly cluster: number;
  /** The end of the hive's path, at most 31 characters. */
  readonly fileName: string;
  readonly flags: number;
  /** The GUIDs of the resource manager, its log and the transaction manager (Vista on); undefined while they are zero. */
  readonly resourceManager: string | undefined;
  readonly log: string | undefined;
  readonly transactionManager: string | undefined;
  /** `rmtm` when the GUIDs are those of transactions. */
  readonly guidSignature: string;
  /** The last reorganization, a FILETIME (Windows 8 on); undefined for none. */
  readonly reorganized: bigint | undefined;
  /** The library that wrote it, as it signs itself: `OfRg` for the offline registry library; undefined for Windows' kernel. */
  readonly writer: string | undefined;
  /** The GUIDs that are kept while transactions are frozen, and how the hive was booted; undefined when the bytes end before. */
  readonly thaw: BaseBlockThaw | undefined;
  readonly checksum: number;
  /** The checksum fits the bytes. */
  readonly intact: boolean;
}

/** The end of a base block. */
export interface BaseBlockThaw {
  readonly transactionManager: string | undefined;
  readonly resourceManager: string | undefined;
  readonly log: string | undefined;
  readonly bootType: number;
  readonly bootRecover: number;
}

const THAW = 0xfc8;

/** The checksum of a base block: the exclusive or of its first 508 bytes as 32-bit words, never 0 nor -1. */
export function baseBlockChecksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < CHECKED; at += 4) sum ^= bytes.readInt32LE(at);
  if (sum === 0) return 1;
  return sum === -1 ? 0xffff_fffe : sum >>> 0;
}

/** Reads a base block of at least 512 bytes. @throws FormatError when the bytes are none */
export function baseBlock(bytes: Buffer): BaseBlock {
  if (bytes.toString('latin1', 0, 4) === 'CREG') throw new FormatError('no registry hive of Windows NT: it is a registry of Windows 95, 98 or ME (CREG)');
  if (bytes.length < 0x200 || bytes.toString('latin1', 0, 4) !== 'regf') throw new FormatError('no registry hive: it does not begin with "regf"');
  const name = bytes.subarray(0x30, 0x70);
  let end = 0;
  while (end < name.length && name.readUInt16LE(end) !== 0) end += 2;
  const checksum = bytes.readUInt32LE(CHECKED);
  return {
    sequence1: bytes.readUInt32LE(4),
    sequence2: bytes.readUInt32LE(8),
    written: bytes.readBigUInt64LE(0x0c),
    major: bytes.readUInt32LE(0x14),
    minor: bytes.readUInt32LE(0x18),
    type: bytes.readUInt32LE(0x1c),
    format: bytes.readUInt32LE(0x20),
    rootCell: bytes.readUInt32LE(0x24),
    length: bytes.readUInt32LE(0x28),
    cluster: bytes.readUInt32LE(0x2c),
    fileName: utf16(name.subarray(0, end)),
    flags: bytes.readUInt32LE(0x90),
    resourceManager: guid(bytes, 0x70),
    log: guid(bytes, 0x80),
    transactionManager: guid(bytes, 0x94),
    guidSignature: bytes.toString('latin1', 0xa4, 0xa8).replace(/[^!-~].*$/s, ''),
    reorganized: bytes.readBigUInt64LE(0xa8) || undefined,
    writer: bytes.toString('latin1', 0xb0, 0xb4) === 'OfRg' ? 'OfRg' : undefined,
    thaw: bytes.length < BASE_BLOCK_SIZE ? undefined : {
      transactionManager: guid(bytes, THAW), resourceManager: guid(bytes, THAW + 0x10), log: guid(bytes, THAW + 0x20),
      bootType: bytes.readUInt32LE(THAW + 0x30), bootRecover: bytes.readUInt32LE(THAW + 0x34),
    },
    checksum,
    intact: checksum === baseBlockChecksum(bytes),
  };
}

function guid(bytes: Buffer, at: number): string | undefined {
  return bytes.subarray(at, at + 16).every((byte) => byte === 0) ? undefined : guidText(bytes, at);
}

/** What a base block must say for a hive file to open. */
export interface BaseBlockNeeds {
  readonly length: number;
  readonly rootCell: number;
  readonly minor: number;
}

/**
 * A base block that opens elsewhere: the one at hand (or a bare one where there is none) as a clean hive of `length`
 * bytes of bins, with equal sequence numbers and a checksum that fits.
 */
export function repairedBaseBlock(known: Buffer | undefined, needs: BaseBlockNeeds): Buffer {
  const bytes = Buffer.alloc(BASE_BLOCK_SIZE);
  if (known !== undefined && known.toString('latin1', 0, 4) === 'regf') {
    known.copy(bytes);
  } else {
    bytes.write('regf', 0, 'latin1');
    bytes.writeUInt32LE(1, 4);
    bytes.writeUInt32LE(1, 0x14);
    bytes.writeUInt32LE(needs.minor, 0x18);
    bytes.writeUInt32LE(1, 0x20);
    bytes.writeUInt32LE(needs.rootCell, 0x24);
    bytes.writeUInt32LE(1, 0x2c);
  }
  const sequence = Math.max(bytes.readUInt32LE(4), bytes.readUInt32LE(8));
  bytes.writeUInt32LE(sequence, 4);
  bytes.writeUInt32LE(sequence, 8);
  bytes.writeUInt32LE(0, 0x1c);
  bytes.writeUInt32LE(needs.length, 0x28);
  bytes.writeUInt32LE(baseBlockChecksum(bytes), CHECKED);
  return bytes;
}
