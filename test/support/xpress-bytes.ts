import { matchesOf } from './matches.js';

const FLAGS = 32;
/** Offsets take 13 bits. */
const FARTHEST = 8192;

/** Packs bytes as plain LZ77 ([MS-XCA] 2.3): literals and matches of all the ways in which lengths are written. */
export function xpressBytes(data: Uint8Array): Buffer {
  const out: number[] = [];
  let flags = 0;
  let count = 0;
  let flagsAt = 0;
  let half = -1;
  const begin = (): void => {
    flagsAt = out.length;
    out.push(0, 0, 0, 0);
    flags = 0;
    count = 0;
  };
  const store = (value: number): void => {
    for (let i = 0; i < 4; i += 1) out[flagsAt + i] = (value >>> (i * 8)) & 0xff;
  };
  const flag = (bit: 0 | 1): void => {
    flags = ((flags << 1) | bit) >>> 0;
    count += 1;
  };
  const full = (): void => {
    if (count < FLAGS) return;
    store(flags);
    begin();
  };
  begin();
  for (const { literals, distance, length } of matchesOf(data, 3, FARTHEST)) {
    for (const byte of literals) {
      out.push(byte);
      flag(0);
      full();
    }
    if (length === 0) continue;
    const rest = length - 3;
    const head = ((distance - 1) << 3) | Math.min(rest, 7);
    out.push(head & 0xff, head >>> 8);
    if (rest >= 7) {
      const more = rest - 7;
      const nibble = Math.min(more, 15);
      if (half < 0) {
        half = out.length;
        out.push(nibble);
      } else {
        out[half] = out[half]! | (nibble << 4);
        half = -1;
      }
      if (more >= 15) {
        if (more - 15 < 255) {
          out.push(more - 15);
        } else {
          out.push(255);
          if (rest < 0x1_0000) out.push(rest & 0xff, rest >>> 8);
          else out.push(0, 0, rest & 0xff, (rest >>> 8) & 0xff, (rest >>> 16) & 0xff, rest >>> 24);
        }
      }
    }
    flag(1);
    full();
  }
  // The flags that are left over are set.
  store(count === 0 ? 0xffff_ffff : ((flags << (FLAGS - count)) | ((1 << (FLAGS - count)) - 1)) >>> 0);
  return Buffer.from(out);
}
