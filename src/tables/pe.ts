import type { DirectoryName, PeDirectory, PeExport, PeSection } from '../pe/header.js';
import type { PeImport } from '../pe/import.js';
import type { Table } from '../vfs/column.js';

/** The sections of a PE image. */
export const SECTIONS: Table<PeSection> = {
  name: 'sections',
  doc: 'The sections of a PE image.',
  heading: ' #     Offset     Size  RawOffs  RawSize Flags Name',
  index: 2,
  columns: [
    { name: 'rva', csv: 'VirtualAddress', kind: 'hex', value: (section) => section.rva, text: { lead: '  ', width: 9, align: 'right' }, doc: 'offset from the base' },
    { name: 'virtual_size', csv: 'VirtualSize', kind: 'hex', value: (section) => section.virtualSize, text: { width: 8, align: 'right' }, doc: 'bytes in memory' },
    { name: 'raw_offset', csv: 'PointerToRawData', kind: 'hex', value: (section) => section.rawOffset, text: { width: 8, align: 'right' }, doc: 'offset in the file' },
    { name: 'raw_size', csv: 'SizeOfRawData', kind: 'hex', value: (section) => section.rawSize, text: { width: 8, align: 'right' }, doc: 'bytes in the file' },
    {
      name: 'flags', csv: 'Flags', kind: 'text', ours: true, text: { width: 5, align: 'left' }, doc: 'r, w, x as IMAGE_SCN_MEM_* says',
      value: ({ characteristics: bits }) =>
        `${(bits & 0x4000_0000) === 0 ? '-' : 'r'}${bits < 0x8000_0000 ? '-' : 'w'}${(bits & 0x2000_0000) === 0 ? '-' : 'x'}`,
    },
    { name: 'name', csv: 'Name', kind: 'text', value: (section) => section.name, text: { width: 8, align: 'left' }, doc: 'the section' },
  ],
};

/** What the data directories are for (PE format, "Optional Header Data Directories"). */
const MEANINGS: Readonly<Record<DirectoryName, string>> = {
  EXPORT: 'exported functions', IMPORT: 'imported functions', RESOURCE: 'resources', EXCEPTION: 'unwind data', SECURITY: 'certificates, by offset in the file',
  BASERELOC: 'relocations', DEBUG: 'debug records', ARCHITECTURE: 'reserved', GLOBALPTR: 'global pointer', TLS: 'thread-local storage',
  LOAD_CONFIG: 'load configuration', BOUND_IMPORT: 'bound imports', IAT: 'import address table', DELAY_IMPORT: 'functions imported when first called',
  COM_DESCRIPTOR: '.NET: the CLR header', RESERVED: 'reserved',
};

/** Its data directories. */
export const DATA_DIRECTORIES: Table<PeDirectory> = {
  name: 'directories',
  doc: 'The data directories of a PE image.',
  heading: ' # Directory          Offset     Size Description',
  index: 2,
  columns: [
    { name: 'name', csv: 'Name', kind: 'text', value: (one) => one.name, text: { width: 16, align: 'left' }, doc: 'the directory' },
    { name: 'rva', csv: 'VirtualAddress', kind: 'hex', value: (one) => one.rva, text: { width: 8, align: 'right' }, doc: 'offset from the base; 0: none' },
    { name: 'size', csv: 'Size', kind: 'hex', value: (one) => one.size, text: { width: 8, align: 'right' }, doc: 'bytes' },
    {
      name: 'description', csv: 'Description', kind: 'text', text: { width: 11, align: 'left' },
      value: ({ name, rva, size }) => (rva === 0 || size === 0 ? undefined : MEANINGS[name]), doc: 'what is there, where there is something',
    },
  ],
};

/** Its exports, with their addresses where the image lies. */
export function exportTable(base: bigint): Table<PeExport> {
  return {
    name: 'export',
    doc: 'The functions that a PE image exports.',
    heading: '   # Ordinal   Offset          Address Name                                                             ForwardedFunction',
    index: 4,
    columns: [
      { name: 'ordinal', csv: 'Ordinal', kind: 'decimal', value: (one) => one.ordinal, text: { width: 7, align: 'right' }, doc: 'its ordinal' },
      { name: 'rva', csv: 'Offset', kind: 'hex', value: (one) => one.rva, text: { width: 8, align: 'right' }, doc: 'offset from the base' },
      { name: 'address', csv: 'Address', kind: 'address', value: (one) => base + BigInt(one.rva), text: { width: 16, align: 'right' }, doc: 'where it is' },
      { name: 'name', csv: 'Name', kind: 'text', value: (one) => one.name, text: { width: 64, align: 'left' }, doc: 'its name, if it has one' },
      { name: 'forwarder', csv: 'ForwardedFunction', kind: 'text', value: (one) => one.forwarder, text: { width: 32, align: 'left' }, doc: 'where it is forwarded to' },
    ],
  };
}

/** Its imports. */
export const IMPORTS: Table<PeImport> = {
  name: 'import',
  doc: 'The functions that a PE image imports.',
  heading: '   #          Address Name                                                             Module                           Delayed',
  index: 4,
  columns: [
    { name: 'address', csv: 'Address', kind: 'address', value: (one) => one.target, text: { width: 16, align: 'right' }, doc: 'what its slot holds' },
    {
      name: 'name', csv: 'Name', kind: 'text', value: (one) => one.name ?? (one.ordinal === undefined ? undefined : `#${one.ordinal}`),
      text: { width: 64, align: 'left' }, doc: 'its name, or # and its ordinal',
    },
    { name: 'module', csv: 'Module', kind: 'text', value: (one) => one.module, text: { width: 32, align: 'left' }, doc: 'the module it is imported from' },
    {
      name: 'delayed', csv: 'Delayed', kind: 'flag', value: (one) => one.delayed,
      text: { width: 7, align: 'left', show: (one) => (one.delayed ? 'delayed' : '') }, doc: 'bound when first called, by the delay-load directory',
    },
    { name: 'slot', csv: 'Slot', kind: 'hex', value: (one) => one.slot, doc: 'offset of the slot from the base' },
  ],
};
