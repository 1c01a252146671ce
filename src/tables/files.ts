import type { Table } from '../vfs/column.js';
import type { FileContent, FileRange } from '../windows/file-content.js';
import { baseName } from '../windows/file-object.js';

/** A file object with what memory holds of its file. */
export interface FileRow {
  readonly content: FileContent;
  /** Where it was met: a handle, a mapping. */
  readonly handle: boolean;
  readonly vad: boolean;
}

/** Incomplete files up to so many bytes are digested for the table. */
const MAX_INCOMPLETE = 16 * 2 ** 20;

const yesNo = (value: boolean): string => (value ? 'yes' : 'no');

/** The sections by MemProcFS's words: `Data Cache`. */
function sectionNames({ flags }: FileContent): string | undefined {
  return [...flags].flatMap((flag) => ({ D: 'Data', C: 'Cache', I: 'Image' })[flag] ?? []).join(' ') || undefined;
}

/** Bytes that a file claims to have, or that are shown where nobody claims any. */
const sizeOf = ({ content }: FileRow): number | undefined => content.claimed ?? (content.size || undefined);

/** What memory holds of files. */
export const FILES: Table<FileRow> = {
  name: 'file',
  doc: 'The files that processes have open and mapped, and what memory holds of each.',
  heading: '   #   Object Address DCI HVX             Size          Present          Missing All  SHA-256                                                          Name                             Path',
  index: 4,
  columns: [
    { name: 'object', csv: 'Object', kind: 'address', value: ({ content }) => content.file.address, text: { width: 16, align: 'right' }, doc: 'address of the _FILE_OBJECT' },
    {
      name: 'type', csv: 'Type', kind: 'text', ours: true, value: ({ content }) => sectionNames(content), text: { width: 3, align: 'left', show: ({ content }) => content.flags },
      doc: 'what it is held by, DCI: data section, cache, image section',
    },
    {
      name: 'met', csv: 'Met', kind: 'text', ours: true, value: (row) => met(row), text: { width: 3, align: 'left' },
      doc: 'H: a handle leads to it; V: it is mapped; X: it is deleted when its last handle is closed',
    },
    { name: 'size', csv: 'Size', kind: 'decimal', value: sizeOf, text: { width: 16, align: 'right' }, doc: 'bytes of the file, by the cache, the file system or the section; absent when none of them says' },
    { name: 'present', csv: 'Present', kind: 'decimal', value: ({ content }) => content.present, text: { width: 16, align: 'right' }, doc: 'bytes of it that are in the image' },
    {
      name: 'missing', csv: 'Missing', kind: 'decimal', value: (row) => Math.max(0, (sizeOf(row) ?? 0) - row.content.present), text: { width: 16, align: 'right' },
      doc: 'bytes of it that are not; they read as zeros',
    },
    { name: 'complete', csv: 'Complete', kind: 'text', ours: true, value: (row) => yesNo(isComplete(row)), text: { width: 3, align: 'left', lead: ' ' }, doc: 'yes: nothing is missing' },
    { name: 'deleted', csv: 'Deleted', kind: 'flag', value: ({ content }) => content.file.deletePending, doc: 'it is deleted when its last handle is closed' },
    {
      name: 'sha256', csv: 'SHA256', kind: 'text', ours: true, value: ({ content }) => digestOf(content), text: { width: 64, align: 'left' },
      doc: 'SHA-256 of the file as it is shown, missing bytes as zeros; of large files with missing bytes the attribute user.memlens.sha256 has it',
    },
    { name: 'name', csv: 'File', kind: 'text', value: ({ content }) => baseName(content.file), text: { width: 32, align: 'left' }, doc: 'its name' },
    { name: 'path', csv: 'Path', kind: 'text', value: ({ content }) => content.file.name, text: { width: 64, align: 'left' }, doc: 'its path on its volume' },
  ],
};

/** A digest tells most of a complete file; of an incomplete one it is not worth a long wait for the whole table. */
function digestOf(content: FileContent): string | undefined {
  return content.recoverable && (content.complete || content.size <= MAX_INCOMPLETE) ? content.sha256() : undefined;
}

function met({ handle, vad, content }: FileRow): string {
  return `${handle ? 'H' : '-'}${vad ? 'V' : '-'}${content.file.deletePending ? 'X' : '-'}`;
}

function isComplete(row: FileRow): boolean {
  return row.content.recoverable && row.content.complete;
}

/** Where the bytes of a rebuilt file are from. */
export const FILE_MAP: Table<FileRange> = {
  name: 'file_map',
  doc: 'Where the bytes of a rebuilt file are from, and which are missing.',
  heading: '   #            Start -          End        Bytes Source   Why',
  index: 4,
  columns: [
    { name: 'start', csv: 'Start', kind: 'hex', value: ({ start }) => start, text: { width: 16, align: 'right' }, doc: 'first byte in the file' },
    { name: 'end', csv: 'End', kind: 'hex', value: ({ end }) => end - 1, text: { lead: ' - ', width: 12, align: 'right' }, doc: 'last byte in the file' },
    { name: 'bytes', csv: 'Bytes', kind: 'hex', value: ({ start, end }) => end - start, text: { width: 12, align: 'right' }, doc: 'how many' },
    {
      name: 'source', csv: 'Source', kind: 'text', ours: true, value: ({ source }) => source, text: { width: 8, align: 'left' },
      doc: 'data: the data section; cache: views of the system cache; image: pages of the mapped image, which may be relocated; missing: zeros are shown',
    },
    {
      name: 'why', csv: 'Why', kind: 'text', ours: true, value: ({ why }) => why, text: { width: 16, align: 'left' },
      doc: 'why bytes are missing: not in memory; not in the image, though memory had them; paged out, to a page file that is not there',
    },
  ],
};
