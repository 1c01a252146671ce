/**
 * Bytes by address. `Memory<number>` is physical (or a file's offsets), `Memory<bigint>` is virtual
 * (unsigned, canonical); mixing them is a compile error.
 */
export interface Memory<A extends number | bigint> {
  /** All `length` bytes at `address`; undefined when any of them is not in the image. */
  read(address: A, length: number): Buffer | undefined;
  /**
   * Fills `target` from `address` on; bytes that are not in the image become zero.
   * @returns how many bytes were missing (0: all present)
   */
  fill(address: A, target: Uint8Array): number;
}

/** A stretch of bytes that is in the image. `length` is in bytes and greater than zero. */
export interface Run<A extends number | bigint> {
  readonly start: A;
  readonly length: number;
}

/** Memory that can also say, cheaply, where it has bytes. */
export interface SparseMemory<A extends number | bigint> extends Memory<A> {
  /** Runs present in [start, end), ascending, never overlapping. */
  runs(start: A, end: A): Iterable<Run<A>>;
}
