import type { Column, Table } from '../vfs/column.js';
import { countPages, vadRanges, type PageClass, type PageCounts, type PageRange } from '../windows/page-range.js';
import type { Process } from '../windows/process.js';
import type { Vad } from '../windows/vad.js';
import { vadDescription, vadType } from './vads.js';

/** What became of the pages of one VAD, or of all. */
export interface PresenceRow {
  readonly process: Process;
  /** Undefined: the sum. */
  readonly vad: Vad | undefined;
  readonly counts: PageCounts;
}

const total = ({ present, zero, unused, missing, paged, compressed, file }: PageCounts): number => present + zero + unused + missing + paged + compressed + file;

const count = (name: PageClass | 'readable', csv: string, doc: string): Column<PresenceRow> =>
  ({ name, csv, kind: 'hex', value: ({ counts }) => counts[name], text: { width: name === 'unused' ? 9 : 8, align: 'right' }, doc: `pages ${doc}` });

/** What became of the pages of each VAD, and their sum. */
export const PRESENCE: Table<PresenceRow> = {
  name: 'missing',
  doc: 'What became of the pages of each VAD; the last line is the sum. Counts of 4 KiB pages, in hex.',
  heading: '   #    PID      Range Start-End                 Pages  Present     Zero    Unused  Missing    Paged Compress     File Readable Type  Description',
  index: 4,
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ process }) => process.pid, text: { lead: '', width: 7, align: 'right' }, doc: 'the process' },
    { name: 'start', csv: 'Start', kind: 'address', value: ({ vad }) => vad?.start, text: { width: 16, align: 'right' }, doc: 'first byte; none in the sum' },
    { name: 'end', csv: 'End', kind: 'address', value: ({ vad }) => vad?.end, text: { lead: '-', width: 16, align: 'right' }, doc: 'last byte' },
    { name: 'pages', csv: 'Pages', kind: 'hex', value: ({ counts }) => total(counts), text: { width: 9, align: 'right' }, doc: 'all pages' },
    count('present', 'Present', 'in the image'),
    count('zero', 'Zero', 'never written: zeros on demand'),
    count('unused', 'Unused', 'without a page table entry: reserved, or not touched yet'),
    count('missing', 'Missing', 'that were in memory and are not in the image, or of which it is not known where they are'),
    count('paged', 'Paged', 'in a page file'),
    count('compressed', 'Compressed', 'in the store of compressed pages'),
    count('file', 'File', 'that only the mapped file has'),
    count('readable', 'Readable', 'whose bytes can be read here'),
    { name: 'type', csv: 'Type', kind: 'text', value: ({ vad }) => (vad === undefined ? 'Sum' : vadType(vad)), text: { width: 5, align: 'left' }, doc: 'Image, File, Heap, Stack, Teb, Pf; Sum' },
    { name: 'description', csv: 'Description', kind: 'text', value: ({ vad }) => vad && vadDescription(vad), text: { width: 64, align: 'left' }, doc: 'the mapped file, or what the process uses it for' },
  ],
};

/** The rows of PRESENCE for one process. */
export function* presence(process: Process): Generator<PresenceRow> {
  const sum: Record<keyof PageCounts, number> = { present: 0, zero: 0, unused: 0, missing: 0, paged: 0, compressed: 0, file: 0, readable: 0 };
  for (const vad of process.vads()) {
    const counts = countPages(vadRanges(process, vad));
    for (const name of Object.keys(sum) as (keyof PageCounts)[]) sum[name] += counts[name];
    yield { process, vad, counts };
  }
  yield { process, vad: undefined, counts: sum };
}

/** A stretch of pages of one class, in a VAD. */
export interface PresenceRange {
  readonly process: Process;
  readonly vad: Vad;
  readonly range: PageRange;
}

/** The stretches of pages of one class. */
export const PRESENCE_RANGES: Table<PresenceRange> = {
  name: 'missing_v',
  doc: 'What became of pages, stretch by stretch.',
  heading: '   #    PID    Pages      Range Start-End              State      R Type  Description',
  index: 4,
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ process }) => process.pid, text: { lead: '', width: 7, align: 'right' }, doc: 'the process' },
    { name: 'pages', csv: 'Pages', kind: 'hex', value: ({ range }) => range.pages, text: { width: 8, align: 'right' }, doc: 'pages of 4 KiB' },
    { name: 'start', csv: 'Start', kind: 'address', value: ({ range }) => range.start, text: { width: 16, align: 'right' }, doc: 'first byte' },
    { name: 'end', csv: 'End', kind: 'address', value: ({ range }) => range.start + BigInt(range.pages) * 4096n - 1n, text: { lead: '-', width: 16, align: 'right' }, doc: 'last byte' },
    { name: 'state', csv: 'State', kind: 'text', ours: true, value: ({ range }) => range.class, text: { width: 10, align: 'left' }, doc: 'present, zero, unused, missing, paged, compressed, file' },
    { name: 'readable', csv: 'Readable', kind: 'flag', value: ({ range }) => range.readable, text: { width: 1, align: 'left' }, doc: 'its bytes can be read here' },
    { name: 'type', csv: 'Type', kind: 'text', value: ({ vad }) => vadType(vad), text: { width: 5, align: 'left' }, doc: 'Image, File, Heap, Stack, Teb, Pf' },
    { name: 'description', csv: 'Description', kind: 'text', value: ({ vad }) => vadDescription(vad), text: { width: 64, align: 'left' }, doc: 'the mapped file, or what the process uses it for' },
  ],
};

/** A file of more lines is no list to read. */
const MOST_RANGES = 1 << 18;

/** The rows of PRESENCE_RANGES for one process. */
export function* presenceRanges(process: Process): Generator<PresenceRange> {
  let count = 0;
  for (const vad of process.vads()) {
    for (const range of vadRanges(process, vad)) {
      yield { process, vad, range };
      count += 1;
      if (count < MOST_RANGES) continue;
      process.anomalies.add(`${process.where} memory map`, `stopped after ${MOST_RANGES} ranges`, range.start);
      return;
    }
  }
}
