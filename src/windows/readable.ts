import type { Run, SparseMemory } from '../bytes/memory.js';

const PAGE = 0x1000;
const PAGE_BITS = 0xfffn;

/**
 * The same memory, whose `runs` also know the pages of mapped files that the process has not touched: its page tables are empty there, and its
 * VADs lead to their data. Each page between the runs of the tables is asked for, so this is for a module, not for an address space.
 */
export function readable(memory: SparseMemory<bigint>): SparseMemory<bigint> {
  function* between(from: bigint, to: bigint): Generator<Run<bigint>> {
    let open: { start: bigint; length: number } | undefined;
    for (let page = from; page < to; page += BigInt(PAGE)) {
      if (memory.read(page, 1) === undefined) {
        if (open !== undefined) yield open;
        open = undefined;
      } else if (open === undefined) open = { start: page, length: PAGE };
      else open.length += PAGE;
    }
    if (open !== undefined) yield open;
  }
  function* all(start: bigint, end: bigint): Generator<Run<bigint>> {
    let at = start;
    for (const run of memory.runs(start, end)) {
      if (run.start > at) yield* between(at, run.start);
      yield run;
      at = run.start + BigInt(run.length);
    }
    if (at < end) yield* between(at, end);
  }
  return {
    read: (address, length) => memory.read(address, length),
    fill: (address, target) => memory.fill(address, target),
    * runs(start, end) {
      let open: { start: bigint; length: number } | undefined;
      for (const { start: at, length } of all(start & ~PAGE_BITS, end)) {
        const from = at < start ? start : at;
        const to = at + BigInt(length) < end ? at + BigInt(length) : end;
        if (to <= from) continue;
        if (open !== undefined && open.start + BigInt(open.length) === from) {
          open.length += Number(to - from);
          continue;
        }
        if (open !== undefined) yield open;
        open = { start: from, length: Number(to - from) };
      }
      if (open !== undefined) yield open;
    },
  };
}
