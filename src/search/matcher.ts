import type { Encoding } from './pattern.js';

/** Takes a match; false: enough. */
export type OnMatch = (offset: number, length: number, encoding: Encoding | undefined) => boolean;

/** Finds what it looks for in a piece of memory. */
export interface Matcher {
  /** Bytes before a match's first that it wants to see, as far as they are there. */
  readonly before: number;
  /** Bytes after a match's first byte that belong to it at most. */
  readonly after: number;
  /** Bytes looked through at once. */
  readonly piece: number;
  /**
   * Tells of each match that begins in [from, to). The bytes reach to `end`; what lies behind it in the buffer is of an earlier piece.
   * @param bytes its memory begins at a multiple of 8
   */
  find(bytes: Buffer, end: number, from: number, to: number, match: OnMatch): void;
}
