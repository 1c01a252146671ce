import { FormatError } from '../bytes/errors.js';

/** Shorter ones are copied faster byte by byte than by a call. */
const WORTH_A_CALL = 48;

/**
 * Repeats `length` bytes that lie `distance` before `done`; they may overlap with what they make.
 * @param what the format, for the error
 * @returns where the bytes end
 * @throws FormatError when they begin before the target or end behind it
 */
export function copyMatch(target: Buffer, done: number, distance: number, length: number, what: string): number {
  if (distance > done || distance === 0) throw new FormatError(`a match in ${what} data begins before the data`);
  if (length > target.length - done) throw new FormatError(`${what} data becomes more than ${target.length} bytes`);
  const end = done + length;
  if (distance === 1) target.fill(target[done - 1]!, done, end);
  else if (distance >= length && length >= WORTH_A_CALL) target.copyWithin(done, done - distance, done - distance + length);
  else for (let to = done; to < end; to += 1) target[to] = target[to - distance]!;
  return end;
}

/**
 * Copies bytes that stand for themselves. Both places have been bounded.
 * @param at in `packed`
 * @param to in `target`
 */
export function copyLiterals(packed: Uint8Array, at: number, length: number, target: Buffer, to: number): void {
  if (length >= WORTH_A_CALL) target.set(packed.subarray(at, at + length), to);
  else for (let i = 0; i < length; i += 1) target[to + i] = packed[at + i]!;
}
