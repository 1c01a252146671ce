import { hex } from '../bytes/hex.js';
import type { Table } from '../vfs/column.js';
import type { Process } from '../windows/process.js';
import type { UnloadedModule } from '../windows/unloaded.js';
import { moduleEnd } from './modules.js';

/** An unloaded module with the process that it was in. */
export interface UnloadedRow {
  readonly process: Process;
  readonly module: UnloadedModule;
}

/** The modules that a process, or the kernel, has unloaded. */
export const UNLOADED: Table<UnloadedRow> = {
  name: 'unloaded_modules',
  doc: 'The modules that a process has unloaded, by its ntdll; those of System are the kernel\'s drivers.',
  heading: '   #    PID    Pages      Range Start-End                 UnloadTime               Description',
  index: 4,
  textOrder: ['pid', 'size', 'start', 'end', 'wow64', 'unloaded', 'name'],
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ process }) => process.pid, text: { lead: '', width: 7, align: 'right' }, doc: 'the process' },
    { name: 'process', csv: 'Process', kind: 'text', value: ({ process }) => process.name, doc: 'its name' },
    { name: 'name', csv: 'ModuleName', kind: 'text', value: ({ module }) => module.name, text: { width: 64, align: 'left' }, doc: 'the module, as far as its name was kept' },
    { name: 'unloaded', csv: 'UnloadTime', kind: 'time', value: ({ module }) => module.unloaded, text: { width: 23, align: 'left' }, doc: 'when it was unloaded; known of drivers alone' },
    {
      name: 'wow64', csv: 'Wow64', kind: 'flag', value: ({ module }) => module.wow64,
      text: { width: 2, align: 'left', show: ({ module }) => (module.wow64 ? '32' : '') }, doc: 'unloaded by the 32-bit ntdll of a 64-bit system',
    },
    {
      name: 'size', csv: 'Size', kind: 'hex', value: ({ module }) => module.size,
      text: { width: 8, align: 'right', show: ({ module }) => hex(Math.ceil(module.size / 4096)) }, doc: 'bytes; in the text in pages of 4 KiB',
    },
    { name: 'start', csv: 'Start', kind: 'address', value: ({ module }) => module.base, text: { width: 16, align: 'right' }, doc: 'first byte' },
    { name: 'end', csv: 'End', kind: 'address', value: ({ module }) => moduleEnd(module), text: { lead: '-', width: 16, align: 'right' }, doc: 'last byte' },
    { name: 'sequence', kind: 'decimal', value: ({ module }) => module.sequence, doc: 'which unloading of the process it was' },
    { name: 'timestamp', kind: 'hex', value: ({ module }) => module.timestamp, doc: 'TimeDateStamp of its file header' },
    { name: 'checksum', kind: 'hex', value: ({ module }) => module.checksum, doc: 'CheckSum of its headers' },
  ],
};
