import type { Run } from '../bytes/memory.js';
import type { Process } from './process.js';
import type { Vad } from './vad.js';

/** A piece of a process's memory that is shown as one file: a VAD, or a stretch of pages that are there. */
export interface MemoryRegion {
  readonly start: bigint;
  /** Last byte. */
  readonly end: bigint;
  /** Undefined: mapped, but within no VAD. */
  readonly vad: Vad | undefined;
  /** Of the kernel's space: the module that it is. */
  readonly module: string | undefined;
}

const PAGE = 4096;
/** A VAD with more bytes than this that are not there is shown as the stretches that are. */
const MOST_GAPS = 16 * 2 ** 20;
/** The same for private memory of which less than half is there. */
const MOST_PRIVATE_GAPS = 2 ** 20;
/** Stretches this near to each other are one, and those nearer than the first is long, up to a limit. */
const NEAR = 16 * PAGE;
const NEAREST = 1024 * PAGE;
/** Files of one process; real ones have some thousand. */
const MAX_REGIONS = 1 << 16;

/** A readable stretch, holes up to NEAREST included. */
function* stretchesOf(runs: Iterable<Run<bigint>>): Generator<{ readonly start: bigint; readonly end: bigint }> {
  let start = 0n;
  let end = 0n;
  let filled = 0;
  for (const run of runs) {
    const gap = run.start - end;
    if (filled > 0 && gap >= 0n && gap <= BigInt(Math.max(NEAR, Math.min(filled, NEAREST)))) {
      end = run.start + BigInt(run.length);
      filled += run.length;
      continue;
    }
    if (filled > 0) yield { start, end: end - 1n };
    start = run.start;
    end = run.start + BigInt(run.length);
    filled = run.length;
  }
  if (filled > 0) yield { start, end: end - 1n };
}

/** Whether a VAD is one file. Only a large one is looked into. */
function isWhole({ memory }: Process, { start, end, image, file }: Vad): boolean {
  const size = Number(end - start) + 1;
  const most = image || file !== undefined ? MOST_GAPS : MOST_PRIVATE_GAPS;
  if (size <= most) return true;
  let readable = 0;
  for (const { length } of memory.runs(start, end + 1n)) readable += length;
  const gaps = size - readable;
  return gaps <= most || (gaps <= MOST_GAPS && gaps <= readable);
}

function* vadRegions(process: Process): Generator<MemoryRegion> {
  const { memory } = process;
  let next = 0n;
  for (const vad of process.vads()) {
    // A hostile tree's VADs overlap: each page is in one file.
    if (vad.start < next) continue;
    next = vad.end + 1n;
    if (isWhole(process, vad)) yield { start: vad.start, end: vad.end, vad, module: undefined };
    else for (const stretch of stretchesOf(memory.runs(vad.start, vad.end + 1n))) yield { ...stretch, vad, module: undefined };
  }
}

/** What is left of [start, end) without `taken`, which ascends. */
function* between(start: bigint, end: bigint, taken: Iterable<{ readonly start: bigint; readonly end: bigint }>): Generator<readonly [start: bigint, end: bigint]> {
  let next = start;
  for (const one of taken) {
    if (one.start >= end) break;
    if (one.start > next) yield [next, one.start];
    if (one.end >= next) next = one.end + 1n;
  }
  if (next < end) yield [next, end];
}

/** User pages that are mapped though no VAD holds them. What ended has tables that may be another's by now. */
function* outsideVads(process: Process): Generator<MemoryRegion> {
  if (process.terminated) return;
  const { memory } = process;
  for (const [start, end] of between(0n, memory.mode.kernelStart, process.vads())) {
    for (const stretch of stretchesOf(memory.runs(start, end))) yield { ...stretch, vad: undefined, module: undefined };
  }
}

/** The kernel's modules by address, those that overlap another left out. */
function kernelImages(process: Process): readonly { readonly start: bigint; readonly end: bigint; readonly name: string }[] {
  const { kernelStart, lastAddress } = process.memory.mode;
  const images = process.modules().map(({ base, size, name }) => ({ start: base, end: base + BigInt(size) - 1n, name }))
    .filter(({ start, end }) => start >= kernelStart && end <= lastAddress && start <= end).sort((a, b) => (a.start < b.start ? -1 : 1));
  let next = 0n;
  return images.filter(({ start, end }) => {
    const apart = start >= next;
    if (apart) next = end + 1n;
    return apart;
  });
}

/** The kernel's space: its modules, and stretches of what else is mapped. Shown in System, so that it is there once. */
function* kernelRegions(process: Process): Generator<MemoryRegion> {
  const { memory } = process;
  const { kernelStart, lastAddress } = memory.mode;
  const images = kernelImages(process);
  for (const { start, end, name } of images) {
    for (const stretch of stretchesOf(memory.runs(start, end + 1n))) yield { ...stretch, vad: undefined, module: name };
  }
  for (const [start, end] of between(kernelStart, lastAddress + 1n, images)) {
    for (const stretch of stretchesOf(memory.runs(start, end))) yield { ...stretch, vad: undefined, module: undefined };
  }
}

/**
 * All memory of a process in pieces, each page in one: VADs, user pages outside of any, and for System the kernel's space. Together they are not
 * much larger than what there is of it. Takes long: goes through page tables.
 */
export function* memoryRegions(process: Process): Generator<MemoryRegion> {
  let count = 0;
  for (const part of [vadRegions, outsideVads, ...(process.pid === 4 ? [kernelRegions] : [])]) {
    for (const region of part(process)) {
      count += 1;
      if (count > MAX_REGIONS) {
        process.anomalies.add(`${process.where} memory`, `stopped after ${MAX_REGIONS} regions`, region.start);
        return;
      }
      yield region;
    }
  }
}

/** The kernel module that holds an address. */
export function kernelModuleAt(process: Process, address: bigint): string | undefined {
  return kernelImages(process).find(({ start, end }) => start <= address && address <= end)?.name;
}
