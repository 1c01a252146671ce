import type { Table } from '../vfs/column.js';
import type { Process } from '../windows/process.js';
import { protectionName, type Vad } from '../windows/vad.js';

/** A virtual address descriptor with the process that it is of. */
export interface VadRow {
  readonly process: Process;
  readonly vad: Vad;
}

/** MemProcFS's six characters: private, no-cache/guard/write-combine, read, write, execute, copy: `p-rw--`. */
export function vadFlags({ protection, private: isPrivate }: Pick<Vad, 'protection' | 'private'>): string {
  const access = protection & 7;
  // The guarded and write-combined forms of "no access" are no access.
  const modifier = access === 0 ? '-' : ['-', 'n', 'g', 'm'][(protection >> 3) & 3] ?? '-';
  return (isPrivate ? 'p' : '-')
    + modifier
    + ([1, 3, 4, 6].includes(access) ? 'r' : '-')
    + (access >= 4 ? 'w' : '-')
    + ([2, 3, 6, 7].includes(access) ? 'x' : '-')
    + (access === 5 || access === 7 ? 'c' : '-');
}

/** `Image`, `File`, `Heap`, `Stack`, `Teb`, `Pf` (a section without a file); undefined for private memory that nothing tells more of. */
export function vadType(vad: Vad): string | undefined {
  if (vad.image) return 'Image';
  if (vad.file !== undefined) return 'File';
  switch (vad.what?.kind) {
    case 'heap': return 'Heap';
    case 'stack': return 'Stack';
    case 'teb': return 'Teb';
    default: return vad.pagefile ? 'Pf' : undefined;
  }
}

/** The mapped file, or what the process uses it for; undefined when neither is known. */
export function vadDescription({ file, what }: Vad): string | undefined {
  return file ?? what?.text;
}

/** The virtual address descriptors of processes. */
export const VADS: Table<VadRow> = {
  name: 'vad',
  doc: 'The virtual address descriptors of processes.',
  heading: '   #    PID   Object Address    Pages     Commit      Range Start-End              Type  FLAGS  Description',
  index: 4,
  textOrder: ['pid', 'vad', 'pages', 'commit', 'mem_commit', 'start', 'end', 'type', 'flags', 'description'],
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ process }) => process.pid, text: { lead: '', width: 7, align: 'right' }, doc: 'the process' },
    { name: 'process', csv: 'Process', kind: 'text', value: ({ process }) => process.name, doc: 'its name' },
    { name: 'vad', csv: 'Object', kind: 'address', value: ({ vad }) => vad.address, text: { width: 16, align: 'right' }, doc: 'address of the _MMVAD' },
    { name: 'start', csv: 'Start', kind: 'address', value: ({ vad }) => vad.start, text: { width: 16, align: 'right' }, doc: 'first byte' },
    { name: 'end', csv: 'End', kind: 'address', value: ({ vad }) => vad.end, text: { lead: '-', width: 16, align: 'right' }, doc: 'last byte' },
    { name: 'pages', csv: 'Pages', kind: 'hex', value: ({ vad }) => (vad.end - vad.start + 1n) >> 12n, text: { width: 8, align: 'right' }, doc: 'pages of 4 KiB' },
    { name: 'commit', csv: 'Commit', kind: 'hex', value: ({ vad }) => vad.commit, text: { width: 8, align: 'right' }, doc: 'CommitCharge in pages' },
    { name: 'mem_commit', csv: 'MemCommit', kind: 'flag', value: ({ vad }) => vad.memCommit, text: { width: 1, align: 'left' }, doc: 'committed when it was made' },
    { name: 'type', csv: 'Type', kind: 'text', value: ({ vad }) => vadType(vad), text: { width: 5, align: 'left' }, doc: 'Image, File, Heap, Stack, Teb, Pf' },
    {
      name: 'flags', csv: 'Flags', kind: 'text', ours: true, value: ({ vad }) => vadFlags(vad), text: { width: 6, align: 'left' },
      doc: 'p private; n no-cache, g guard, m write-combined; r w x; c copy on write',
    },
    { name: 'protection', csv: 'Protection', kind: 'text', value: ({ vad }) => protectionName(vad.protection), doc: 'the protection by Windows\' name' },
    { name: 'private', csv: 'Private', kind: 'flag', value: ({ vad }) => vad.private, doc: 'private memory' },
    {
      name: 'description', csv: 'Description', kind: 'text', value: ({ vad }) => vadDescription(vad), text: { width: 64, align: 'left' },
      doc: 'the mapped file, or what the process uses it for',
    },
  ],
};
