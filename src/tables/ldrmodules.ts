import type { Column, Table } from '../vfs/column.js';
import { UNKNOWN } from '../vfs/table.js';
import type { Order } from '../windows/loader-lists.js';
import type { ModuleViews } from '../windows/module-views.js';
import type { Process } from '../windows/process.js';

/** A base with what each source says of it, and the process. */
export interface ModuleViewsRow {
  readonly process: Process;
  readonly views: ModuleViews;
}

/** Yes, no, or not to be known. */
const answer = (value: boolean | undefined): string => (value === undefined ? UNKNOWN : value ? 'yes' : 'no');

function inList(order: Order, name: string, csv: string): Column<ModuleViewsRow> {
  return {
    name, csv, kind: 'flag', value: ({ views }) => views.lists.has(order),
    text: { width: 6, align: 'left', show: ({ views }) => answer(views.lists.has(order)) }, doc: `in the loader's list by order of ${order}`,
  };
}

/** The loader's three lists against the VADs: a module that hides from one of them is seen by the others. */
export const LDR_MODULES: Table<ModuleViewsRow> = {
  name: 'ldrmodules',
  doc: 'Every module by the loader\'s three lists, the mapped images and the PE headers in memory: what is missing in one of them hides there.',
  heading: '   #    PID             Base     Size    InLoad InInit InMem  VAD     MZ  Oddity             Name                             MappedPath',
  index: 4,
  textOrder: ['pid', 'base', 'size', 'wow64', 'in_load', 'in_init', 'in_mem', 'vad', 'mz', 'oddity', 'name', 'mapped_path'],
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ process }) => process.pid, text: { lead: '', width: 7, align: 'right' }, doc: 'the process' },
    { name: 'process', csv: 'Process', kind: 'text', value: ({ process }) => process.name, doc: 'its name' },
    { name: 'base', csv: 'Base', kind: 'address', value: ({ views }) => views.base, text: { width: 16, align: 'right' }, doc: 'first byte' },
    { name: 'size', csv: 'Size', kind: 'hex', value: ({ views }) => views.size, text: { width: 8, align: 'right' }, doc: 'SizeOfImage by the loader, else the size of the VAD' },
    {
      name: 'wow64', csv: 'Wow64', kind: 'flag', value: ({ views }) => views.wow64,
      text: { width: 2, align: 'left', show: ({ views }) => (views.wow64 ? '32' : '') }, doc: 'a 32-bit module of a 64-bit system',
    },
    inList('load', 'in_load', 'InLoad'),
    inList('initialization', 'in_init', 'InInit'),
    inList('memory', 'in_mem', 'InMem'),
    {
      name: 'vad', csv: 'Vad', kind: 'text', value: ({ views }) => views.vad, text: { width: 7, align: 'left', show: ({ views }) => views.vad ?? '-' },
      doc: 'what is mapped there: image, mapped (a file\'s data or a section), private; absent: nothing',
    },
    {
      name: 'mz', csv: 'Mz', kind: 'flag', value: ({ views }) => views.mz, text: { width: 3, align: 'left', show: ({ views }) => answer(views.mz) },
      doc: 'it begins as a PE image does; absent when its first page is not in the image',
    },
    {
      name: 'oddity', csv: 'Oddity', kind: 'text', value: ({ views }) => views.oddities.join(' ') || undefined, text: { width: 18, align: 'left' },
      doc: 'unlinked, injected, data, partial, renamed, private, no-vad, no-header: in what the sources do not agree',
    },
    { name: 'name', csv: 'Name', kind: 'text', value: ({ views }) => views.name, text: { width: 32, align: 'left' }, doc: 'BaseDllName by the loader' },
    { name: 'path', csv: 'Path', kind: 'text', value: ({ views }) => views.path || undefined, doc: 'FullDllName by the loader' },
    { name: 'mapped_path', csv: 'MappedPath', kind: 'text', value: ({ views }) => views.mappedPath, text: { width: 64, align: 'left' }, doc: 'path of the mapped file by the kernel' },
    { name: 'ldr_entry', csv: 'LdrEntry', kind: 'address', value: ({ views }) => views.ldrEntry, doc: 'address of the loader\'s entry' },
  ],
};
