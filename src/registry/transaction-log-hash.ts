/** The seed of the hashes in transaction logs, 0x82ef4d887a4e55c5. */
const SEED_LOW = 0x7a4e_55c5;
const SEED_HIGH = 0x82ef_4d88;

/**
 * The Marvin32 hash (as in .NET's string hashing) of bytes, with the seed that transaction logs use.
 * @returns the eight bytes as a log entry keeps them
 */
export function logHash(bytes: Buffer): bigint {
  let low = SEED_LOW | 0;
  let high = SEED_HIGH | 0;
  const mix = (word: number): void => {
    low = (low + word) | 0;
    high ^= low;
    low = (low << 20) | (low >>> 12);
    low = (low + high) | 0;
    high = (high << 9) | (high >>> 23);
    high ^= low;
    low = (low << 27) | (low >>> 5);
    low = (low + high) | 0;
    high = (high << 19) | (high >>> 13);
  };
  const whole = bytes.length & ~3;
  for (let at = 0; at < whole; at += 4) mix(bytes.readInt32LE(at));
  // What is left over, closed by 0x80.
  let last = 0x80;
  for (let at = bytes.length - 1; at >= whole; at -= 1) last = (last << 8) | (bytes[at] ?? 0);
  mix(last);
  mix(0);
  return BigInt.asUintN(64, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
}
