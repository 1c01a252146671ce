import { hex } from '../bytes/hex.js';
import type { Cell, Column, Table } from '../vfs/column.js';
import { UNKNOWN } from '../vfs/table.js';
import { moduleLabel, type Module } from '../windows/module.js';
import type { Process } from '../windows/process.js';
import type { ModuleHashes } from './module-hashes.js';
import { symbolUrl, type ModuleImage } from './module-image.js';

/** A module with the process that it is in. */
export interface ModuleRow {
  readonly process: Process;
  readonly module: Module;
}

/** The same with what its headers say. */
export interface ModuleImageRow extends ModuleRow {
  readonly image: ModuleImage;
}

/** The same with what takes reading the whole image. */
export interface ModuleHashRow extends ModuleImageRow {
  hashes(): ModuleHashes | undefined;
}

/** The last byte of a module. */
export function moduleEnd({ base, size }: Pick<Module, 'base' | 'size'>): bigint {
  return base + BigInt(Math.max(size, 1)) - 1n;
}

const pages = (size: number): number => Math.ceil(size / 4096);

const PID: Column<ModuleRow> = {
  name: 'pid', csv: 'PID', kind: 'decimal', value: ({ process }) => process.pid, text: { lead: '', width: 7, align: 'right' }, doc: 'the process',
};
const PROCESS: Column<ModuleRow> = { name: 'process', csv: 'Process', kind: 'text', value: ({ process }) => process.name, doc: 'its name' };
const NAME: Column<ModuleRow> = {
  name: 'name', csv: 'Name', kind: 'text', value: ({ process, module }) => moduleLabel(process, module), text: { width: 64, align: 'left' },
  doc: 'the module, as its directory is named: what no list names carries a prefix',
};
const WOW64: Column<ModuleRow> = {
  name: 'wow64', csv: 'Wow64', kind: 'flag', value: ({ module }) => module.wow64,
  text: { width: 2, align: 'left', show: ({ module }) => (module.wow64 ? '32' : '') }, doc: 'a 32-bit module of a 64-bit system',
};
const SIZE: Column<ModuleRow> = {
  name: 'size', csv: 'Size', kind: 'hex', value: ({ module }) => module.size,
  text: { width: 8, align: 'right', show: ({ module }) => hex(pages(module.size)) }, doc: 'SizeOfImage in bytes; in the text in pages of 4 KiB',
};
const START: Column<ModuleRow> = {
  name: 'start', csv: 'Start', kind: 'address', value: ({ module }) => module.base, text: { width: 16, align: 'right' }, doc: 'first byte',
};
const END: Column<ModuleRow> = {
  name: 'end', csv: 'End', kind: 'address', value: ({ module }) => moduleEnd(module), text: { lead: '-', width: 16, align: 'right' }, doc: 'last byte',
};

function count(name: string, csv: string, width: number, doc: string, value: (image: ModuleImage) => number | undefined): Column<ModuleImageRow> {
  const text: Cell<ModuleImageRow> = { width, align: 'right', show: ({ image }) => String(value(image) ?? UNKNOWN) };
  return { name, csv, kind: 'decimal', value: ({ image }) => value(image), text, doc };
}

function version(key: string, width: number): Column<ModuleImageRow> {
  return {
    name: key.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase(), csv: `Ver${key}`, kind: 'text',
    value: ({ image }) => image.version?.strings.get(key), text: { width, align: 'left' }, doc: `${key} of the version resource`,
  };
}

/** In the order of the CSV: which module it is and where it lies… */
const IDENTITY = [PID, PROCESS, NAME, WOW64, SIZE, START, END] as const;
/** …what its headers say… */
const COUNTS = [
  count('imports', '#Imports', 8, 'functions of the import directory', ({ imports }) => imports),
  count('exports', '#Exports', 8, 'functions of the export directory', ({ exports }) => exports),
  count('sections', '#Sections', 5, 'sections of the header', ({ sections }) => sections),
] as const;
/** …where it came from… */
const PATHS: readonly Column<ModuleRow>[] = [
  {
    name: 'path', csv: 'Path', kind: 'text', value: ({ module }) => module.path || undefined,
    text: { width: 71, align: 'left', show: ({ module }) => module.path || module.name }, doc: 'path by the loader; absent when no list names it',
  },
  { name: 'kernel_path', csv: 'KernelPath', kind: 'text', value: ({ module }) => module.kernelPath, text: { width: 76, align: 'left' }, doc: 'path of the mapped file by the kernel' },
];
/** …what its version resource and its debug directory say… */
const VERSION = [
  version('CompanyName', 25), version('FileDescription', 41), version('FileVersion', 49), version('InternalName', 33),
  version('LegalCopyright', 49), version('OriginalFilename', 33), version('ProductName', 41), version('ProductVersion', 22),
] as const;
const SYMBOL_FILE: readonly Column<ModuleImageRow>[] = [
  { name: 'pdb_path', csv: 'PdbPath', kind: 'text', value: ({ image }) => image.codeView?.path, doc: 'symbol file' },
  { name: 'pdb_age', csv: 'PdbAge', kind: 'decimal', value: ({ image }) => image.codeView?.age, doc: 'its age' },
  { name: 'pdb_guid', csv: 'PdbHexGUID', kind: 'text', value: ({ image }) => image.codeView?.guid, doc: 'its GUID' },
  {
    name: 'pdb_url', csv: 'PdbSymbolServer', kind: 'text', value: ({ image }) => image.codeView && symbolUrl(image.codeView),
    doc: 'where it would be, were it Microsoft\'s',
  },
];
/** …and how it was found. */
const FOUND: readonly Column<ModuleRow>[] = [
  { name: 'kind', kind: 'text', value: ({ module }) => module.kind, doc: 'ldr: in the loader\'s lists; not-linked, data, injected' },
  { name: 'loaded', kind: 'time', value: ({ module }) => module.loaded, doc: 'LoadTime of the loader\'s entry' },
];

/** All that is known of modules, as the pass keeps it. */
export const MODULES_ALL: Table<ModuleImageRow> = {
  name: 'module',
  doc: 'The modules of all processes: loader lists, and images that only the VADs know. Kernel modules are System\'s.',
  heading: '',
  columns: [...IDENTITY, ...COUNTS, ...PATHS, ...VERSION, ...SYMBOL_FILE, ...FOUND],
};

/** What is known of modules without their headers. */
export const MODULES: Table<ModuleRow> = {
  name: 'modules',
  doc: 'The modules of a process: loader lists (WoW64 included), and images that only the VADs know.',
  heading: '   #    PID    Pages      Range Start-End                 Description',
  index: 4,
  textOrder: ['pid', 'size', 'start', 'end', 'wow64', 'name'],
  columns: [...IDENTITY, ...PATHS, ...FOUND],
};

function narrowed(column: Column<ModuleRow>, width: number): Column<ModuleRow> {
  return { ...column, text: { width, align: 'left' } };
}

/** What tells one image from another: not in the text, which is shown at once. */
const HASHES: readonly Column<ModuleHashRow>[] = [
  { name: 'timestamp', csv: 'TimeDateStamp', kind: 'hex', value: (row) => row.hashes()?.timestamp, doc: 'TimeDateStamp of the file header, seconds since 1970 or a hash' },
  { name: 'imphash', csv: 'ImpHash', kind: 'text', value: (row) => row.hashes()?.imphash, doc: 'import hash as pefile and YARA reckon it; absent when an imported name is' },
  { name: 'sha256', csv: 'SHA256', kind: 'text', value: (row) => row.hashes()?.sha256, doc: 'of pefile.dll as it is rebuilt, zeros where bytes are missing' },
  { name: 'missing', csv: 'Missing', kind: 'decimal', value: (row) => row.hashes()?.missing, doc: 'bytes of pefile.dll that are not in the image' },
];

export const MODULES_VERBOSE: Table<ModuleHashRow> = {
  name: 'modules-v',
  doc: 'The modules of a process with counts from their headers and their paths; as CSV and JSONL with hashes too.',
  heading: '   #    PID    Pages      Range Start-End                 Description                                     '
    + '#Imports #Exports #Sect Path                                                                    KernelPath',
  index: 4,
  textOrder: ['pid', 'size', 'start', 'end', 'wow64', 'name', 'imports', 'exports', 'sections', 'path', 'kernel_path'],
  columns: [PID, PROCESS, narrowed(NAME, 47), WOW64, SIZE, START, END, ...COUNTS, ...PATHS, ...HASHES],
};

export const MODULES_VERSION: Table<ModuleImageRow> = {
  name: 'modules-versioninfo',
  doc: 'The modules of a process with what their version resources say.',
  heading: '   #    PID          Address Module                            CompanyName               FileDescription                           '
    + 'FileVersion                                       InternalName                      LegalCopyright                                    '
    + 'OriginalFilename                  ProductName                               ProductVersion',
  index: 4,
  textOrder: ['pid', 'start', 'name', ...VERSION.map(({ name }) => name)],
  columns: [
    PID, PROCESS, narrowed(NAME, 33),
    { ...START, text: { width: 16, align: 'right', show: ({ module }) => hex(module.base) } }, ...VERSION,
  ],
};
