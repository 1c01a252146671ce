import type { Table } from '../vfs/column.js';
import type { MappedAt } from '../windows/mapped-at.js';

/** A virtual address of a physical one, and what lies there. */
export interface MappedRow extends MappedAt {
  readonly region: string | undefined;
}

/** The virtual addresses of a physical one. */
export const MAPPED_AT: Table<MappedRow> = {
  name: 'virt_v',
  doc: 'Where a physical address is mapped.',
  heading: '   #    PID Address          H Process         Region',
  index: 4,
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ process }) => process.pid, text: { lead: '', width: 7, align: 'right' }, doc: 'the process' },
    { name: 'address', csv: 'Address', kind: 'address', value: ({ address }) => address, text: { width: 16, align: 'right' }, doc: 'virtual address' },
    { name: 'hardware', csv: 'Hardware', kind: 'flag', value: ({ hardware }) => hardware, text: { width: 1, align: 'left' }, doc: '1: the processor maps it; 0: it would fault, and find it (transition, a file\'s page that was not touched yet)' },
    { name: 'process', csv: 'Process', kind: 'text', value: ({ process }) => process.name, text: { width: 15, align: 'left' }, doc: 'its name' },
    { name: 'region', csv: 'Region', kind: 'text', value: ({ region }) => region, text: { width: 48, align: 'left' }, doc: 'what lies there' },
  ],
};
