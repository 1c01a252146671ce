import type { PrototypeRange } from '../paging/known-pages.js';
import type { Kernel } from './kernel.js';
import { firstSubsection, knowsSubsections, subsectionChain } from './subsection.js';
import { vadAt, type Vad } from './vad.js';

const PAGE = 4096;

/** Where the prototype PTE of a page lies, by the VAD that covers it; undefined when none does or it has no prototypes. */
export function prototypeIn(kernel: Kernel, vads: readonly Vad[], address: bigint): bigint | undefined {
  const vad = vadAt(vads, address);
  if (vad?.firstPrototype === undefined) return undefined;
  const entry = vad.firstPrototype + ((address - vad.start) >> 12n) * BigInt(kernel.mode.entryBytes);
  if (vad.lastPrototype === undefined || entry <= vad.lastPrototype) return entry;
  const range = rangesOf(kernel, vad).find(({ start, pages }) => address >= start && address < start + BigInt(pages * PAGE));
  return range && range.prototypes + ((address - range.start) >> 12n) * BigInt(kernel.mode.entryBytes);
}

/** The prototype PTEs of all VADs that touch [start, end), ascending by page; of those that have none nothing. */
export function* prototypeRanges(kernel: Kernel, vads: readonly Vad[], start: bigint, end: bigint): Generator<PrototypeRange> {
  let last = 0n;
  for (let i = firstTouching(vads, start); i < vads.length; i += 1) {
    const vad = vads[i]!;
    if (vad.start >= end) return;
    if (vad.end < start || vad.firstPrototype === undefined) continue;
    for (const range of rangesOf(kernel, vad)) {
      const next = range.start + BigInt(range.pages * PAGE);
      // VADs of one process do not overlap; forged ones may.
      if (range.start >= last && next > start && range.start < end) {
        yield range;
        last = next;
      }
    }
  }
}

/** The last VAD that begins at or before an address, else the first of all: a hundred thousand of them are not gone through for each question. */
function firstTouching(vads: readonly Vad[], address: bigint): number {
  let low = 0;
  let high = vads.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (vads[middle]!.start <= address) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

const known = new WeakMap<Vad, readonly PrototypeRange[]>();

function rangesOf(kernel: Kernel, vad: Vad): readonly PrototypeRange[] {
  const before = known.get(vad);
  if (before !== undefined) return before;
  const ranges: PrototypeRange[] = [];
  known.set(vad, ranges);
  kernel.anomalies.attempt(partsOf(vad), () => {
    for (const range of ranged(kernel, vad)) ranges.push(range);
  });
  return ranges;
}

/** The place named in anomalies. */
function partsOf({ file }: Vad): string {
  return `subsections of ${file ?? 'a section'}`;
}

/** What follows LastContiguousPte is in the next parts of the file: each has prototype PTEs of its own. */
function* ranged(kernel: Kernel, vad: Vad): Generator<PrototypeRange> {
  const { firstPrototype: first, lastPrototype: last, start } = vad;
  if (first === undefined) return;
  const size = BigInt(kernel.mode.entryBytes);
  const pages = Number((vad.end + 1n - start) >> 12n);
  const contiguous = last === undefined ? pages : Math.min(pages, Number((last - first) / size) + 1);
  yield { start, pages: contiguous, prototypes: first };
  if (contiguous >= pages || !knowsSubsections(kernel) || vad.controlArea === undefined) return;
  // XP and 2003 name the control area alone.
  const head = vad.subsection ?? firstSubsection(kernel, vad.controlArea);
  if (head === undefined) return;
  let at: number | undefined;
  for (const { prototypes: base, pages: entries } of subsectionChain(kernel, vad.controlArea, head, partsOf(vad))) {
    if (at === undefined) {
      // The part in which the VAD begins; it begins anywhere in it.
      if (first < base || first >= base + BigInt(entries) * size) continue;
      at = -Number((first - base) / size);
    }
    const from = Math.max(at, contiguous);
    const to = Math.min(at + entries, pages);
    // A part whose prototype PTEs were given back, or never made, has no base.
    if (from < to && kernel.isKernelAddress(base)) {
      yield { start: start + BigInt(from * PAGE), pages: to - from, prototypes: base + BigInt(from - at) * size };
    }
    at += entries;
    if (at >= pages) return;
  }
}
