import type { Process } from './process.js';

/** Where a process has a physical page. */
export interface MappedAt {
  readonly process: Process;
  readonly address: bigint;
  /** The processor maps it; else it would fault: the page is in transition, or a file's that was not touched yet. */
  readonly hardware: boolean;
}

/** Pages of one process that are all the same one: a hostile table names one without end. */
const MOST = 4096;

/** The virtual addresses of a physical one in a process, ascending: its user half, of System also the kernel's. Goes through all its page tables. */
export function* mappedAtPhysical(process: Process, physical: number): Generator<MappedAt> {
  if (process.terminated) return;
  const { memory, pid } = process;
  let count = 0;
  for (const { start, pages, physical: first, hardware } of memory.mappings(0n, pid === 4 ? memory.mode.lastAddress + 1n : memory.mode.kernelStart, true)) {
    if (physical < first || physical >= first + pages * 4096) continue;
    yield { process, address: start + BigInt(physical - first), hardware };
    count += 1;
    if (count < MOST) continue;
    process.anomalies.add(`${process.where} phys2virt`, `stopped after ${MOST} addresses of one page`, physical);
    return;
  }
}
