import type { StateRun } from '../paging/address-space.js';
import type { Process } from './process.js';
import type { Vad } from './vad.js';

/**
 * What became of a page's content.
 * - `present`: in the image. · `zero`: never written, it would be given zeros. · `unused`: no page table knows it: reserved, or not touched yet.
 * - `paged`: in a page file. · `compressed`: in the store of compressed pages. · `file`: only the mapped file has it.
 * - `missing`: it was in memory and is not in the image, or what would say where it is, is not.
 */
export const PAGE_CLASSES = ['present', 'zero', 'unused', 'missing', 'paged', 'compressed', 'file'] as const;
export type PageClass = typeof PAGE_CLASSES[number];

/** Neighbouring pages of the same class. */
export interface PageRange {
  readonly start: bigint;
  /** 4 KiB pages. */
  readonly pages: number;
  readonly class: PageClass;
  /** Its bytes can be read; of paged and compressed ones not always. */
  readonly readable: boolean;
}

function classOf({ resolved, readable }: StateRun): PageClass {
  switch (resolved) {
    case 'present':
    case 'transition': return readable ? 'present' : 'missing';
    case 'demand-zero': return 'zero';
    case 'pagefile': return 'paged';
    case 'compressed': return 'compressed';
    case 'file': return 'file';
    case 'prototype':
    case 'unmapped': return 'missing';
  }
}

/** The classes of all pages in [start, end), ascending and without gaps. From the page tables, in time of what they hold. */
export function* pageRanges({ memory }: Process, start: bigint, end: bigint): Generator<PageRange> {
  let open: PageRange | undefined;
  const joined = function* (next: PageRange): Generator<PageRange> {
    if (open !== undefined && open.class === next.class && open.readable === next.readable) {
      open = { ...open, pages: open.pages + next.pages };
      return;
    }
    if (open !== undefined) yield open;
    open = next;
  };
  let at = start;
  const unused = function* (to: bigint): Generator<PageRange> {
    if (to > at) yield* joined({ start: at, pages: Number((to - at) >> 12n), class: 'unused', readable: false });
  };
  for (const run of memory.states(start, end)) {
    yield* unused(run.start);
    yield* joined({ start: run.start, pages: run.pages, class: classOf(run), readable: run.readable });
    at = run.start + BigInt(run.pages) * 4096n;
  }
  yield* unused(end);
  if (open !== undefined) yield open;
}

/** Pages by class, and those whose bytes are to be had. */
export type PageCounts = Readonly<Record<PageClass, number>> & { readonly readable: number };

/** Counts the pages of ranges. */
export function countPages(ranges: Iterable<PageRange>): PageCounts {
  const counts = { present: 0, zero: 0, unused: 0, missing: 0, paged: 0, compressed: 0, file: 0, readable: 0 };
  for (const range of ranges) {
    counts[range.class] += range.pages;
    if (range.readable) counts.readable += range.pages;
  }
  return counts;
}

/** Bytes that there was content for and that are not to be had: what was paged out, was in the file alone, or is gone. */
export function missingBytes(counts: PageCounts): number {
  return (counts.present + counts.missing + counts.paged + counts.compressed + counts.file - counts.readable) * 4096;
}

/** The ranges of one VAD. */
export function vadRanges(process: Process, { start, end }: Pick<Vad, 'start' | 'end'>): Generator<PageRange> {
  return pageRanges(process, start, end + 1n);
}
