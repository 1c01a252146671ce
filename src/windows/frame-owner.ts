import type { Process } from './process.js';
import { Regions } from './region.js';

const PAGE = 4096;

/** Who has a physical page mapped, and where. */
export interface FrameOwner {
  readonly process: Process;
  /** Virtual address of the page's first byte. */
  readonly page: bigint;
  regionAt(address: bigint): string | undefined;
}

/**
 * Who maps some physical pages: of each the first of the processes given that has it in its user space, else System where the kernel has it.
 * Goes through every page table once, however many pages are asked for.
 * @param frames page numbers
 */
export function* frameOwners(processes: readonly Process[], frames: ReadonlySet<number>): Generator<undefined, ReadonlyMap<number, FrameOwner>> {
  const wanted = Float64Array.from(frames).sort();
  const found = new Map<number, FrameOwner>();
  const spaces = processes.filter((process) => !process.terminated).map((process) => ({ process, from: 0n, to: process.kernel.mode.kernelStart }));
  const system = processes.find(({ pid }) => pid === 4);
  if (system !== undefined) spaces.push({ process: system, from: system.kernel.mode.kernelStart, to: system.kernel.mode.lastAddress + 1n });
  for (const { process, from, to } of spaces) {
    if (found.size === wanted.length) break;
    const regions = new Regions(process);
    const regionAt = (address: bigint): string | undefined => regions.at(address);
    let count = 0;
    for (const { start, pages, physical } of process.memory.mappings(from, to, true)) {
      const first = physical / PAGE;
      for (let i = lowerBound(wanted, first); i < wanted.length && wanted[i]! < first + pages; i += 1) {
        const frame = wanted[i]!;
        if (!found.has(frame)) found.set(frame, { process, page: start + BigInt((frame - first) * PAGE), regionAt });
      }
      count += 1;
      if (count % 10_000 === 0) yield undefined;
    }
    yield undefined;
  }
  return found;
}

function lowerBound(list: Float64Array, value: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
