import type { Run } from '../bytes/memory.js';

/** A stretch of virtual memory that belongs together: one allocation, or what no VAD knows. */
export interface Unit {
  readonly start: bigint;
  /** One past its last byte. */
  readonly end: bigint;
}

/** Absent pages between two present ones of one allocation that are read as zeros, so that offsets stay what they are in a file. */
const GAP = 256 * 1024;

/**
 * What rules are held against one after the other: the present parts of memory, cut where an allocation begins (offset 0 of a
 * mapped image is its header), joined over small gaps inside one.
 * @param runs what is present, ascending
 * @param starts where allocations begin, ascending
 */
export function* units(runs: Iterable<Run<bigint>>, starts: readonly bigint[]): Generator<Unit> {
  let next = 0;
  let open: { start: bigint; end: bigint } | undefined;
  for (const run of runs) {
    const end = run.start + BigInt(run.length);
    let at = run.start;
    while (at < end) {
      while (next < starts.length && starts[next]! <= at) next += 1;
      const border = starts[next] ?? end;
      const stop = border < end ? border : end;
      // The last start at or before `at`: when it lies behind what is open, something else begins.
      const begins = starts[next - 1] ?? 0n;
      if (open !== undefined && begins < open.end && begins <= open.start && at - open.end <= BigInt(GAP)) {
        open.end = stop;
      } else {
        if (open !== undefined) yield open;
        open = { start: at, end: stop };
      }
      at = stop;
    }
  }
  if (open !== undefined) yield open;
}
