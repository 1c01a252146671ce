import { FormatError } from '../bytes/errors.js';
import { copyMatch } from './match.js';

/** What the length of a match is at least. */
const SHORTEST = 3;
/** The three bits of a match's length, all set: more follows in four bits, and then in bytes. */
const LENGTH_BITS = 7;
const HALF_BYTE = 15;
const BYTE = 255;

/**
 * Unpacks plain LZ77, as [MS-XCA] 2.4 has it: what the compressed store and hibernation files call Xpress.
 *
 * @param size bytes that come out, as the caller knows and has bounded
 * @throws FormatError when the bytes contradict themselves, or become more or less than `size`
 */
export function unpackXpress(packed: Uint8Array, size: number): Buffer {
  const input = Buffer.from(packed.buffer, packed.byteOffset, packed.length);
  const target = Buffer.allocUnsafe(size);
  let at = 0;
  let done = 0;
  let flags = 0;
  let flagsLeft = 0;
  /** Where the byte lies of which only the lower half was used; -1: there is none. */
  let half = -1;
  const take = (bytes: 1 | 2 | 4): number => {
    if (at + bytes > input.length) throw new FormatError('Xpress data is cut off');
    at += bytes;
    return input.readUIntLE(at - bytes, bytes);
  };
  for (;;) {
    if (flagsLeft === 0) {
      // Behind the last flags there may be nothing.
      if (at === input.length) break;
      flags = take(4);
      flagsLeft = 32;
    }
    flagsLeft -= 1;
    if (at === input.length) break;
    if (((flags >>> flagsLeft) & 1) === 0) {
      if (done === size) throw new FormatError(`Xpress data becomes more than ${size} bytes`);
      target[done] = input[at]!;
      at += 1;
      done += 1;
      continue;
    }
    const match = take(2);
    let length = match & LENGTH_BITS;
    if (length === LENGTH_BITS) {
      let more: number;
      if (half < 0) {
        half = at;
        more = take(1) & 0xf;
      } else {
        more = input[half]! >>> 4;
        half = -1;
      }
      if (more === HALF_BYTE) {
        more = take(1);
        if (more === BYTE) {
          more = take(2) || take(4);
          if (more < HALF_BYTE + LENGTH_BITS) throw new FormatError('a match in Xpress data is shorter than its length takes');
          more -= HALF_BYTE + LENGTH_BITS;
        }
        more += HALF_BYTE;
      }
      length += more;
    }
    done = copyMatch(target, done, (match >>> 3) + 1, length + SHORTEST, 'Xpress');
  }
  if (done < size) throw new FormatError(`Xpress data becomes ${done} bytes, not ${size}`);
  return target;
}
