import { matchesOf } from './matches.js';

const FARTHEST = 65_535;
/** The last bytes of a block are literals. */
const LAST_LITERALS = 5;
const NO_MATCH_AFTER = 12;

/** Packs bytes as one LZ4 block. */
export function lz4Bytes(data: Uint8Array): Buffer {
  const out: number[] = [];
  const more = (length: number): void => {
    let left = length - 15;
    for (; left >= 255; left -= 255) out.push(255);
    out.push(left);
  };
  const sequence = (literals: Uint8Array, distance: number, length: number): void => {
    const rest = length === 0 ? 0 : length - 4;
    out.push((Math.min(literals.length, 15) << 4) | Math.min(rest, 15));
    if (literals.length >= 15) more(literals.length);
    out.push(...literals);
    if (length === 0) return;
    out.push(distance & 0xff, distance >>> 8);
    if (rest >= 15) more(rest);
  };
  const body = Math.max(0, data.length - Math.max(LAST_LITERALS, NO_MATCH_AFTER));
  let waiting: Uint8Array = new Uint8Array(0);
  for (const { literals, distance, length } of matchesOf(data.subarray(0, body), 4, FARTHEST)) {
    if (length === 0) waiting = literals;
    else sequence(literals, distance, length);
  }
  sequence(Buffer.concat([waiting, data.subarray(body)]), 0, 0);
  return Buffer.from(out);
}
