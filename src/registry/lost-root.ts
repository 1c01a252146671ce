import { BASE_BLOCK_SIZE, repairedBaseBlock } from './base-block.js';
import { BLOCK } from './cells.js';
import { KEY_FLAGS, KEY_NODE_SIZE } from './key.js';

const NK = 0x6b6e;
/** The minor version of the hives of Windows XP and later, for a hive that does not say. */
const USUAL_MINOR = 5;

/** A base block for bytes that have none and yet begin with a bin where one belongs; undefined for all others. */
export function standInBaseBlock(bytes: Buffer): Buffer | undefined {
  if (bytes.length < BASE_BLOCK_SIZE + BLOCK || bytes.toString('latin1', 0, 4) === 'regf') return undefined;
  if (bytes.toString('latin1', BASE_BLOCK_SIZE, BASE_BLOCK_SIZE + 4) !== 'hbin') return undefined;
  const bins = bytes.subarray(BASE_BLOCK_SIZE);
  const rootCell = rootCellIn(bins);
  return rootCell === undefined ? undefined
    : repairedBaseBlock(undefined, { length: bins.length - bins.length % BLOCK, rootCell, minor: USUAL_MINOR });
}

/** The cell in use that holds the root key, by its flag; undefined when there is none. */
export function rootCellIn(bins: Buffer): number | undefined {
  for (let at = 0x20; at + 4 + KEY_NODE_SIZE <= bins.length; at += 8) {
    if (isKeyCell(bins, at) && isRootCell(bins, at)) return at;
  }
  return undefined;
}

/** The flag of a hive's root in the key at `at`. */
export function isRootCell(bins: Buffer, at: number): boolean {
  return (bins.readUInt16LE(at + 6) & KEY_FLAGS.hiveEntry) !== 0;
}

/** A cell in use at `at` that begins as a key does. */
export function isKeyCell(bins: Buffer, at: number): boolean {
  return at % 8 === 0 && at + 4 + KEY_NODE_SIZE <= bins.length && bins.readUInt16LE(at + 4) === NK && bins.readInt32LE(at) < -KEY_NODE_SIZE;
}
