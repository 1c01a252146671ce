/**
 * A little-endian word as wide as the machine's pointers (or page table entries), unsigned.
 * @param size bytes
 */
export function wordAt(bytes: Buffer, at: number, size: 4 | 8): bigint {
  return size === 8 ? bytes.readBigUInt64LE(at) : BigInt(bytes.readUInt32LE(at));
}
