import { walk } from '../bytes/walk.js';
import type { PrototypeRange } from '../paging/known-pages.js';
import { big, number, struct } from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import { vadAt, type Vad } from './vad.js';

const SUBSECTION = struct('_SUBSECTION', {
  controlArea: big('ControlArea'),
  base: big('SubsectionBase'),
  entries: number('PtesInSubsection'),
  next: big('NextSubsection'),
});

/** No file has more parts; a loop of distinct fakes ends here. */
const MAX_SUBSECTIONS = 65_536;
/** What a `_LARGE_CONTROL_AREA` has more than a `_CONTROL_AREA`, by pointer size: StartingFrame, UserGlobalList, SessionId. */
const LARGE_AREA = { 4: 16, 8: 32 } as const;
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
  kernel.anomalies.attempt('VAD prototypes', () => {
    for (const range of ranged(kernel, vad)) ranges.push(range);
  });
  return ranges;
}

/** What follows LastContiguousPte is in the next parts of the file: each has prototype PTEs of its own. */
function* ranged(kernel: Kernel, vad: Vad): Generator<PrototypeRange> {
  const { firstPrototype: first, lastPrototype: last, start } = vad;
  if (first === undefined) return;
  const size = BigInt(kernel.mode.entryBytes);
  const pages = Number((vad.end + 1n - start) >> 12n);
  const contiguous = last === undefined ? pages : Math.min(pages, Number((last - first) / size) + 1);
  yield { start, pages: contiguous, prototypes: first };
  if (contiguous >= pages || kernel.profile.sizeOf(SUBSECTION.name) === undefined) return;
  const head = vad.subsection ?? firstPart(kernel, vad);
  if (head === undefined) return;
  let at: number | undefined;
  for (const { base, entries } of subsections(kernel, vad, head)) {
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

/** XP and 2003: the first part lies right behind the control area, which for some files is a `_LARGE_CONTROL_AREA`. */
function firstPart(kernel: Kernel, { controlArea }: Vad): bigint | undefined {
  if (controlArea === undefined) return undefined;
  const behind = controlArea + BigInt(kernel.profile.sizeOf('_CONTROL_AREA') ?? 0);
  return [behind, behind + BigInt(LARGE_AREA[kernel.pointerSize])].find((address) => kernel.read(SUBSECTION, address)?.controlArea === controlArea);
}

interface Subsection { readonly base: bigint; readonly entries: number }

/** The parts of a file in their order, all of the control area that the VAD shows. */
function subsections(kernel: Kernel, vad: Vad, first: bigint): Iterable<Subsection> {
  const where = `subsections of ${vad.file ?? 'a section'}`;
  return walk([first], (address) => address, (address) => {
    const record = kernel.isKernelAddress(address) && address % BigInt(kernel.pointerSize) === 0n ? kernel.read(SUBSECTION, address) : undefined;
    if (record === undefined) return undefined;
    if (record.controlArea !== vad.controlArea) {
      kernel.anomalies.add(where, 'a part belongs to another file', address);
      return { value: { base: 0n, entries: 0 }, next: [] };
    }
    return { value: { base: record.base, entries: record.entries }, next: record.next === 0n ? [] : [record.next] };
  }, { where, cap: MAX_SUBSECTIONS, anomalies: kernel.anomalies });
}
