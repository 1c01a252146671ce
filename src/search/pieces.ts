import type { SparseMemory } from '../bytes/memory.js';

/** A part of memory to look through, in a buffer that the next one uses again. */
export interface Piece<A extends number | bigint> {
  readonly bytes: Buffer;
  /** The bytes reach to here. */
  readonly end: number;
  /** What begins in [from, to) is looked for here; before and behind it lies what belongs to it. */
  readonly from: number;
  readonly to: number;
  /** Where `bytes` begins in memory. */
  readonly address: A;
  /** Nothing of it is in the image, though a table names it: there is nothing to find. */
  readonly absent: boolean;
}

export interface PieceSizes {
  readonly piece: number;
  readonly before: number;
  readonly after: number;
}

/**
 * Goes through what is present of [start, end), in pieces that overlap, so that what crosses a border is found once. Consecutive
 * virtual pages lie in one piece wherever their frames are.
 */
export function* pieces<A extends number | bigint>(memory: SparseMemory<A>, start: A, end: A, { piece, before, after }: PieceSizes): Generator<Piece<A>> {
  const bytes = Buffer.from(new ArrayBuffer(Math.ceil((before + piece + after) / 8) * 8));
  for (const run of memory.runs(start, end)) {
    // Runs are of whole pages.
    const skipped = Math.max(0, distance(run.start, start));
    const length = Math.min(run.length, distance(run.start, end)) - skipped;
    const first = plus(run.start, skipped);
    for (let at = 0; at < length; at += piece) {
      const from = Math.min(at, before);
      const to = from + Math.min(piece, length - at);
      const reach = Math.min(to + after, from + length - at);
      const address = plus(first, at - from);
      const absent = memory.fill(address, bytes.subarray(0, reach)) === reach;
      yield { bytes, end: reach, from, to, address, absent };
    }
  }
}

/** An address some bytes further on. */
export function plus<A extends number | bigint>(address: A, bytes: number): A {
  return (typeof address === 'bigint' ? address + BigInt(bytes) : (address as number) + bytes) as A;
}

/** From one address to another, in bytes. */
function distance<A extends number | bigint>(from: A, to: A): number {
  return Number((to as bigint) - (from as bigint));
}
