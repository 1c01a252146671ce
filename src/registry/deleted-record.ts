import { isFiletime, UNIX_EPOCH_FILETIME } from '../bytes/filetime.js';
import { NO_CELL } from './cells.js';
import { KEY_FLAGS, KEY_NODE_SIZE } from './key.js';
import { cellName } from './name.js';

export const NK = 0x6b6e;
export const VK = 0x6b76;
/** Bytes of a value before its name. */
export const VALUE_SIZE = 0x14;
const RESIDENT = 0x8000_0000;
/** The year 2100 as a FILETIME: no key was written later. */
const LATEST = 157_469_184_000_000_000n;
/** A key's name has up to 255 characters, a value's up to 16,383; those of what is recovered are shorter. */
const MOST_KEY_NAME = 255;
const MOST_VALUE_NAME = 1024;
const MOST_COUNT = 0x1_0000;
/** Bits of `_CM_KEY_NODE.Flags` that no Windows sets. */
const UNKNOWN_KEY_FLAGS = 0xc000;
/** `_CM_KEY_VALUE.Flags`: a Latin-1 name, a tombstone of a layered key. */
const VALUE_FLAGS = 0x3;
const COMPRESSED_NAME = 1;
const LONE_SURROGATE = /\p{Cs}/u;

/** Says whether an index can be one of a cell of this hive. */
export type CellCheck = (index: number) => boolean;

/**
 * The name of a key of which `bytes` may be the node; undefined when they are none that Windows would have written.
 * @param fits the size of the cell that held it fits too: then its parent need not be a cell any more
 */
export function plausibleKey(bytes: Buffer, isCell: CellCheck, fits: boolean): string | undefined {
  if (bytes.length < KEY_NODE_SIZE || bytes.readUInt16LE(0) !== NK) return undefined;
  const flags = bytes.readUInt16LE(2);
  const written = bytes.readBigUInt64LE(4);
  const length = bytes.readUInt16LE(0x48);
  const compressed = (flags & KEY_FLAGS.compressedName) !== 0;
  if ((flags & UNKNOWN_KEY_FLAGS) !== 0 || !isFiletime(written) || written < UNIX_EPOCH_FILETIME || written > LATEST) return undefined;
  if (length === 0 || length > MOST_KEY_NAME * (compressed ? 1 : 2) || KEY_NODE_SIZE + length > bytes.length || (!compressed && length % 2 !== 0)) return undefined;
  if (!fits && (flags & KEY_FLAGS.hiveEntry) === 0 && !isCell(bytes.readUInt32LE(0x10))) return undefined;
  // Subkeys stable and volatile, values: a count, and further on the cell of the list.
  for (const [count, list] of [[0x14, 0x1c], [0x18, undefined], [0x24, 0x28]] as const) {
    const named = bytes.readUInt32LE(count);
    if (named > MOST_COUNT) return undefined;
    if (named > 0 && list !== undefined && bytes.readUInt32LE(list) !== NO_CELL && !isCell(bytes.readUInt32LE(list))) return undefined;
  }
  const name = cellName(bytes, KEY_NODE_SIZE, length, compressed);
  return isName(name) && !name.includes('\\') ? name : undefined;
}

/** The name of a value of which `bytes` may be the record; undefined when they are none that Windows would have written. */
export function plausibleValue(bytes: Buffer, isCell: CellCheck): string | undefined {
  if (bytes.length < VALUE_SIZE || bytes.readUInt16LE(0) !== VK) return undefined;
  const nameLength = bytes.readUInt16LE(2);
  const flags = bytes.readUInt16LE(0x10);
  const compressed = (flags & COMPRESSED_NAME) !== 0;
  if (nameLength > MOST_VALUE_NAME || VALUE_SIZE + nameLength > bytes.length || (!compressed && nameLength % 2 !== 0)) return undefined;
  if ((flags & ~VALUE_FLAGS) !== 0 || !isType(bytes.readUInt32LE(0x0c))) return undefined;
  const size = bytes.readUInt32LE(4);
  if (size >= RESIDENT ? size - RESIDENT > 4 : size > 0 && !isCell(bytes.readUInt32LE(8))) return undefined;
  const name = cellName(bytes, VALUE_SIZE, nameLength, compressed);
  return isName(name) ? name : undefined;
}

/** Windows' types, RIDs (which SAM keeps here), and DEVPROP types (0xffff….). */
function isType(type: number): boolean {
  return type < 0x1_0000 || type >= 0xffff_0000;
}

/** Characters that names are made of. NUL is possible (names that tools of Windows cannot show), other control characters are not seen. */
function isName(name: string): boolean {
  let zeros = 0;
  for (let i = 0; i < name.length; i += 1) {
    const code = name.charCodeAt(i);
    if (code === 0) zeros += 1;
    else if (code < 0x20 || code === 0x7f || code >= 0xfffe) return false;
  }
  return zeros <= Math.max(1, name.length / 4) && !LONE_SURROGATE.test(name);
}
