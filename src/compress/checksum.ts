/** The tables of a reflected CRC of up to 64 bits, as high and low words. */
function table(high: number, low: number): { readonly high: Uint32Array; readonly low: Uint32Array } {
  const out = { high: new Uint32Array(256), low: new Uint32Array(256) };
  for (let byte = 0; byte < 256; byte += 1) {
    let h = 0;
    let l = byte;
    for (let bit = 0; bit < 8; bit += 1) {
      const odd = (l & 1) !== 0;
      l = (l >>> 1) | (h << 31);
      h >>>= 1;
      if (odd) {
        h ^= high;
        l ^= low;
      }
    }
    out.high[byte] = h;
    out.low[byte] = l;
  }
  return out;
}

const CRC32 = table(0, 0xedb8_8320).low;
/** ECMA-182, reflected. */
const CRC64 = table(0xc96c_5795, 0xd787_0f42);

/** CRC-32 as in gzip and xz (ISO 3309). */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (let i = 0; i < bytes.length; i += 1) crc = (crc >>> 8) ^ CRC32[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}

/** CRC-64 as in xz (ECMA-182): its eight bytes, least significant first. */
export function crc64(bytes: Uint8Array): Buffer {
  const { high, low } = CRC64;
  let h = 0xffff_ffff;
  let l = 0xffff_ffff;
  for (let i = 0; i < bytes.length; i += 1) {
    const index = (l ^ bytes[i]!) & 0xff;
    l = ((l >>> 8) | (h << 24)) ^ low[index]!;
    h = (h >>> 8) ^ high[index]!;
  }
  const out = Buffer.alloc(8);
  out.writeUInt32LE(~l >>> 0, 0);
  out.writeUInt32LE(~h >>> 0, 4);
  return out;
}
