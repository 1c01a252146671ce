import { FormatError } from '../bytes/errors.js';
import { copyLiterals, copyMatch } from './match.js';

/** What the length of a match is at least. */
const SHORTEST = 4;
/** Half of a token, all set: the length goes on in bytes. */
const MORE = 15;

/**
 * Unpacks one block of LZ4 (lz4_Block_format), without frame.
 *
 * @param size bytes that come out, as the caller knows and has bounded
 * @throws FormatError when the bytes contradict themselves, or become more or less than `size`
 */
export function unpackLz4(packed: Uint8Array, size: number): Buffer {
  const target = Buffer.allocUnsafe(size);
  let at = 0;
  let done = 0;
  const take = (): number => {
    const byte = packed[at];
    if (byte === undefined) throw new FormatError('LZ4 data is cut off');
    at += 1;
    return byte;
  };
  const lengthOf = (part: number): number => {
    let length = part;
    if (part === MORE) {
      let byte: number;
      do {
        byte = take();
        length += byte;
      } while (byte === 255);
    }
    return length;
  };
  for (;;) {
    const token = take();
    const literals = lengthOf(token >>> 4);
    if (literals > packed.length - at) throw new FormatError('LZ4 data is cut off');
    if (literals > size - done) throw new FormatError(`LZ4 data becomes more than ${size} bytes`);
    copyLiterals(packed, at, literals, target, done);
    at += literals;
    done += literals;
    // Only the last sequence has no match.
    if (at === packed.length) break;
    const distance = take() | (take() << 8);
    done = copyMatch(target, done, distance, lengthOf(token & MORE) + SHORTEST, 'LZ4');
  }
  if (done < size) throw new FormatError(`LZ4 data becomes ${done} bytes, not ${size}`);
  return target;
}
