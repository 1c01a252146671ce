import { FormatError } from '../bytes/errors.js';
import { copyMatch } from './match.js';

const SYMBOLS = 512;
/** A block begins with the lengths of the codes, four bits each. */
const TABLE = SYMBOLS / 2;
const BLOCK = 0x1_0000;
const LONGEST_CODE = 15;
/** From here on symbols are matches; this one also ends the data. */
const FIRST_MATCH = 256;
const SHORTEST = 3;
const LENGTH_BITS = 15;
const BYTE = 255;
/** Bits are taken up to two words ahead of what is used. */
const AHEAD = 4;

/**
 * Unpacks LZ77 with Huffman codes, as [MS-XCA] 2.2 has it: what hibernation files, prefetch files and WIM archives call Xpress Huffman.
 *
 * @param size bytes that come out, as the caller knows and has bounded
 * @throws FormatError when the bytes contradict themselves, or become more or less than `size`
 */
export function unpackXpressHuffman(packed: Uint8Array, size: number): Buffer {
  const target = Buffer.allocUnsafe(size);
  const codes = new Uint16Array(1 << LONGEST_CODE);
  let at = 0;
  let done = 0;
  while (done < size) {
    if (at + TABLE > packed.length) throw new FormatError('Xpress Huffman data is cut off');
    decodingTable(packed.subarray(at, at + TABLE), codes);
    at += TABLE;
    ({ at, done } = block(packed, at, codes, target, done));
  }
  return target;
}

/** Unpacks one block; answers where the next one begins. */
function block(packed: Uint8Array, start: number, codes: Uint16Array, target: Buffer, first: number): { at: number; done: number } {
  const end = Math.min(target.length, first + BLOCK);
  let at = start;
  let done = first;
  const word = (): number => {
    if (at >= packed.length + AHEAD) throw new FormatError('Xpress Huffman data is cut off');
    at += 2;
    return (packed[at - 2] ?? 0) | ((packed[at - 1] ?? 0) << 8);
  };
  const byte = (): number => {
    const value = packed[at];
    if (value === undefined) throw new FormatError('Xpress Huffman data is cut off');
    at += 1;
    return value;
  };
  let bits = word() * 0x1_0000 + word();
  /** Bits of the second word that are still in reserve. */
  let spare = 16;
  const skip = (count: number): void => {
    bits = (bits << count) >>> 0;
    spare -= count;
    if (spare >= 0) return;
    bits = (bits | (word() << -spare)) >>> 0;
    spare += 16;
  };
  while (done < end) {
    const code = codes[bits >>> (32 - LONGEST_CODE)]!;
    if (code === 0) throw new FormatError('Xpress Huffman data has a code that its table does not');
    const symbol = code >>> 4;
    skip(code & 0xf);
    if (symbol < FIRST_MATCH) {
      target[done] = symbol;
      done += 1;
      continue;
    }
    if (symbol === FIRST_MATCH && at >= packed.length) throw new FormatError(`Xpress Huffman data becomes ${done} bytes, not ${target.length}`);
    let length = (symbol - FIRST_MATCH) & LENGTH_BITS;
    if (length === LENGTH_BITS) {
      length += byte();
      if (length === LENGTH_BITS + BYTE) {
        length = byte() | (byte() << 8);
        if (length === 0) length = (byte() | (byte() << 8) | (byte() << 16) | (byte() << 24)) >>> 0;
        if (length < LENGTH_BITS) throw new FormatError('a match in Xpress Huffman data is shorter than its length takes');
      }
    }
    const distanceBits = (symbol - FIRST_MATCH) >>> 4;
    const distance = distanceBits === 0 ? 1 : 2 ** distanceBits + (bits >>> (32 - distanceBits));
    skip(distanceBits);
    done = copyMatch(target, done, distance, length + SHORTEST, 'Xpress Huffman');
  }
  return { at, done };
}

/** Symbol and length (in the lower four bits) by the next 15 bits; 0 where no code begins so. Codes ascend by length, then by symbol. */
function decodingTable(lengths: Uint8Array, codes: Uint16Array): void {
  codes.fill(0);
  let next = 0;
  for (let length = 1; length <= LONGEST_CODE; length += 1) {
    const span = 1 << (LONGEST_CODE - length);
    for (let symbol = 0; symbol < SYMBOLS; symbol += 1) {
      if (((lengths[symbol >>> 1]! >>> ((symbol & 1) * 4)) & 0xf) !== length) continue;
      if (next + span > codes.length) throw new FormatError('the table of Xpress Huffman data has more codes than there are');
      codes.fill((symbol << 4) | length, next, next + span);
      next += span;
    }
  }
}
