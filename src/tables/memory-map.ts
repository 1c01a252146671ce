import type { Table } from '../vfs/column.js';
import type { MemoryRegion } from '../windows/memory-region.js';
import { pageRanges, type PageRange } from '../windows/page-range.js';
import type { Process } from '../windows/process.js';

/** A stretch of a file in `vmem/` whose pages are of one class. */
export interface MemoryPart {
  readonly file: string;
  /** In the file. */
  readonly offset: number;
  readonly range: PageRange;
}

/** What the files in `vmem/` hold, stretch by stretch. */
export const MEMORY_MAP: Table<MemoryPart> = {
  name: 'map',
  doc: 'What the bytes of the files beside it are: what is not readable reads as zeros.',
  heading: '   #     Offset       Size State      R File',
  index: 4,
  textOrder: ['offset', 'size', 'state', 'readable', 'file'],
  columns: [
    { name: 'file', csv: 'File', kind: 'text', value: ({ file }) => file, text: { width: 64, align: 'left' }, doc: 'the file' },
    { name: 'start', csv: 'Start', kind: 'address', value: ({ range }) => range.start, doc: 'virtual address of the stretch' },
    { name: 'offset', csv: 'Offset', kind: 'hex', value: ({ offset }) => offset, text: { width: 10, align: 'right' }, doc: 'where the stretch begins in the file' },
    { name: 'size', csv: 'Size', kind: 'hex', value: ({ range }) => range.pages * 4096, text: { width: 10, align: 'right' }, doc: 'bytes' },
    { name: 'state', csv: 'State', kind: 'text', ours: true, value: ({ range }) => range.class, text: { width: 10, align: 'left' }, doc: 'present, zero, unused, missing, paged, compressed, file' },
    { name: 'readable', csv: 'Readable', kind: 'flag', value: ({ range }) => range.readable, text: { width: 1, align: 'left' }, doc: 'the bytes are those of the process; else they are zeros in the place of what is not there' },
  ],
};

/** The stretches of some regions. */
export function* memoryParts(process: Process, regions: Iterable<readonly [file: string, region: MemoryRegion]>, most = 1 << 18): Generator<MemoryPart> {
  let count = 0;
  for (const [file, { start, end }] of regions) {
    for (const range of pageRanges(process, start, end + 1n)) {
      yield { file, offset: Number(range.start - start), range };
      count += 1;
      if (count < most) continue;
      process.anomalies.add(`${process.where} memory map`, `stopped after ${most} ranges`, range.start);
      return;
    }
  }
}
