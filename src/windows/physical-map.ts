import { number, optional, place, struct } from '../profile/struct.js';
import type { Kernel } from './kernel.js';

const DESCRIPTOR = struct('_PHYSICAL_MEMORY_DESCRIPTOR', { runs: number('NumberOfRuns'), pages: optional(number('NumberOfPages')), first: place('Run') });
const RUN = struct('_PHYSICAL_MEMORY_RUN', { base: number('BasePage'), count: number('PageCount') });
/** Firmware maps of real machines have tens of runs. */
const MAX_RUNS = 4096;

/** A range of physical memory that the machine had, in bytes; `end` is the last byte. */
export interface PhysicalRange {
  readonly start: number;
  readonly end: number;
}

/** The memory map the kernel booted with, by MmPhysicalMemoryBlock; undefined when it is not known. */
export function physicalRanges(kernel: Kernel): readonly PhysicalRange[] | undefined {
  const variable = kernel.symbol('MmPhysicalMemoryBlock');
  const address = variable === undefined ? undefined : kernel.pointer(variable);
  const block = address === undefined ? undefined : kernel.read(DESCRIPTOR, address);
  if (block === undefined || block.runs > MAX_RUNS) return undefined;
  const size = BigInt(kernel.reader(RUN).size);
  const ranges: PhysicalRange[] = [];
  for (let index = 0; index < block.runs; index += 1) {
    const run = kernel.read(RUN, block.first + BigInt(index) * size);
    if (run === undefined) return undefined;
    ranges.push({ start: run.base * 4096, end: (run.base + run.count) * 4096 - 1 });
  }
  return ranges;
}
