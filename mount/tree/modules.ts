import { hex } from '../../src/bytes/hex.js';
import {
  codeView, exportDirectory, peHeader, type CodeView, type PeDirectory, type PeExport, type PeHeader, type PeSection,
} from '../../src/pe/header.js';
import { imports, type PeImport } from '../../src/pe/import.js';
import { versionInfo } from '../../src/pe/version.js';
import { directory, listing } from '../../src/vfs/directory.js';
import type { Column, Table } from '../../src/vfs/column.js';
import { fileName, uniqueNames } from '../../src/vfs/name.js';
import type { Directory, Node } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { text } from '../../src/vfs/text.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import { moduleLabel, type Module } from '../../src/windows/module.js';
import type { Process } from '../../src/windows/process.js';

/** A module with the process that it is in, and the name that it is shown by. */
export interface ModuleRow {
  readonly process: Process;
  readonly module: Module;
  readonly label: string;
}

/** A module's row with what its headers say. */
interface ModuleDetails extends ModuleRow {
  readonly imports: number;
  readonly exports: number;
  readonly sections: number;
  readonly version: ReadonlyMap<string, string>;
}

const lastByte = ({ base, size }: Module): bigint => base + BigInt(size) - 1n;

const PID: Column<ModuleRow> = {
  name: 'pid', csv: 'PID', kind: 'decimal', value: ({ process }) => process.pid, text: { lead: '', width: 7, align: 'right' }, doc: 'the process',
};
const PROCESS: Column<ModuleRow> = { name: 'process', csv: 'Process', kind: 'text', value: ({ process }) => process.name, doc: 'its name' };
const NAME: Column<ModuleRow> = {
  name: 'name', csv: 'Name', kind: 'text', value: ({ label }) => label, text: { width: 64, align: 'left' }, doc: 'the module; what no list names carries a prefix',
};
const WOW64: Column<ModuleRow> = {
  name: 'wow64', csv: 'Wow64', kind: 'flag', value: ({ module }) => module.wow64,
  text: { width: 2, align: 'left', show: ({ module }) => (module.wow64 ? '32' : '') }, doc: 'a 32-bit module of a 64-bit system',
};
const PAGES: Column<ModuleRow> = {
  name: 'pages', kind: 'hex', value: ({ module }) => Math.ceil(module.size / 4096), text: { width: 8, align: 'right' }, doc: 'size in pages of 4 KiB',
};
const SIZE: Column<ModuleRow> = { name: 'size', csv: 'Size', kind: 'hex', value: ({ module }) => module.size, doc: 'SizeOfImage in bytes' };
const START: Column<ModuleRow> = {
  name: 'start', csv: 'Start', kind: 'address', value: ({ module }) => module.base, text: { width: 16, align: 'right' }, doc: 'first byte',
};
const END: Column<ModuleRow> = {
  name: 'end', csv: 'End', kind: 'address', value: ({ module }) => lastByte(module), text: { lead: '-', width: 16, align: 'right' }, doc: 'last byte',
};
const KIND: Column<ModuleRow> = { name: 'kind', csv: 'Kind', kind: 'text', value: ({ module }) => module.kind, doc: 'ldr, not-linked, data or injected' };
const LOADED: Column<ModuleRow> = { name: 'load_time', csv: 'LoadTime', kind: 'time', value: ({ module }) => module.loaded, doc: 'LoadTime of the loader\'s entry' };

export const MODULES: Table<ModuleRow> = {
  name: 'modules',
  doc: 'The modules of a process: loader lists (WoW64 included), and images that only the VADs know.',
  heading: '   #    PID    Pages      Range Start-End                 Description',
  index: 4,
  columns: [PID, PROCESS, PAGES, SIZE, START, END, WOW64, NAME, KIND, LOADED],
};

function width<R>(column: Column<R>, least: number): Column<R> {
  return { ...column, text: { width: least, align: 'left' } };
}

function count(name: string, csv: string, least: number, doc: string, value: (row: ModuleDetails) => number): Column<ModuleDetails> {
  return { name, csv, kind: 'decimal', value, text: { width: least, align: 'right' }, doc };
}

function version(key: string, least: number): Column<ModuleDetails> {
  return {
    name: key.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase(), csv: `Ver${key}`, kind: 'text',
    value: (row) => row.version.get(key), text: { width: least, align: 'left' }, doc: `${key} of the version resource`,
  };
}

const MODULES_VERBOSE: Table<ModuleDetails> = {
  name: 'modules-v',
  doc: 'The modules of a process with counts from their headers and their paths.',
  heading: '   #    PID    Pages      Range Start-End                 Description                                     '
    + '#Imports #Exports #Sect Path                                                                    KernelPath',
  index: 4,
  columns: [
    PID, PROCESS, PAGES, SIZE, START, END, WOW64, width(NAME, 47),
    count('imports', '#Imports', 8, 'functions of the import directory', (row) => row.imports),
    count('exports', '#Exports', 8, 'functions of the export directory', (row) => row.exports),
    count('sections', '#Sections', 5, 'sections of the header', (row) => row.sections),
    { name: 'path', csv: 'Path', kind: 'text', value: ({ module }) => module.path || module.name, text: { width: 71, align: 'left' }, doc: 'the path that the loader knows' },
    { name: 'kernel_path', csv: 'KernelPath', kind: 'text', value: ({ module }) => module.kernelPath ?? '', text: { width: 76, align: 'left' }, doc: 'the mapped file' },
  ],
};

const MODULES_VERSION: Table<ModuleDetails> = {
  name: 'modules-versioninfo',
  doc: 'The modules of a process with what their version resources say.',
  heading: '   #    PID          Address Module                            CompanyName               FileDescription                           '
    + 'FileVersion                                       InternalName                      LegalCopyright                                    '
    + 'OriginalFilename                  ProductName                               ProductVersion',
  index: 4,
  columns: [
    PID, PROCESS,
    { name: 'address', csv: 'Address', kind: 'hex', value: ({ module }) => module.base, text: { width: 16, align: 'right' }, doc: 'first byte' },
    width(NAME, 33),
    version('CompanyName', 25), version('FileDescription', 41), version('FileVersion', 49), version('InternalName', 33),
    version('LegalCopyright', 49), version('OriginalFilename', 33), version('ProductName', 41), version('ProductVersion', 22),
  ],
};

/** The modules of a process in the order they are shown: the main image (or the kernel) first, then by address. */
export function moduleRows(process: Process): readonly ModuleRow[] {
  const [main, ...others] = process.modules();
  if (main === undefined) return [];
  others.sort((a, b) => (a.base < b.base ? -1 : a.base > b.base ? 1 : 0));
  return [main, ...others].map((module) => ({ process, module, label: moduleLabel(process, module) }));
}

function headerOf({ process, module }: ModuleRow): PeHeader | undefined {
  return peHeader(process.memory, module.base);
}

/** Imports counted in one process; thousands of modules that all claim the most would take minutes. */
const MAX_COUNTED = 2_000_000;

function* moduleDetails(process: Process): Generator<ModuleDetails> {
  let counted = 0;
  for (const row of moduleRows(process)) {
    const { module } = row;
    const header = headerOf(row);
    const functions = header === undefined || counted >= MAX_COUNTED ? 0 : [...imports(process.memory, module.base, header)].length;
    counted += functions;
    yield {
      ...row,
      imports: functions,
      exports: header === undefined ? 0 : exportDirectory(process.memory, module.base, header)?.functions ?? 0,
      sections: header?.sections.length ?? 0,
      version: (header === undefined ? undefined : versionInfo(process.memory, module.base, header)?.strings) ?? new Map<string, string>(),
    };
  }
}

const SECTIONS: Table<PeSection> = {
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

const DATA_DIRECTORIES: Table<PeDirectory> = {
  name: 'directories',
  doc: 'The data directories of a PE image.',
  heading: ' # Directory          Offset     Size',
  index: 2,
  columns: [
    { name: 'name', csv: 'Name', kind: 'text', value: (one) => one.name, text: { width: 16, align: 'left' }, doc: 'the directory' },
    { name: 'rva', csv: 'VirtualAddress', kind: 'hex', value: (one) => one.rva, text: { width: 8, align: 'right' }, doc: 'offset from the base; 0: none' },
    { name: 'size', csv: 'Size', kind: 'hex', value: (one) => one.size, text: { width: 8, align: 'right' }, doc: 'bytes' },
  ],
};

function exportTable(base: bigint): Table<PeExport> {
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

const IMPORTS: Table<PeImport> = {
  name: 'import',
  doc: 'The functions that a PE image imports.',
  heading: '   #          Address Name                                                             Module',
  index: 4,
  columns: [
    { name: 'address', csv: 'Address', kind: 'address', value: (one) => one.target, text: { width: 16, align: 'right' }, doc: 'what its slot holds' },
    {
      name: 'name', csv: 'Name', kind: 'text', value: (one) => one.name ?? (one.ordinal === undefined ? undefined : `#${one.ordinal}`),
      text: { width: 64, align: 'left' }, doc: 'its name, or # and its ordinal',
    },
    { name: 'module', csv: 'Module', kind: 'text', value: (one) => one.module, text: { width: 32, align: 'left' }, doc: 'the module it is imported from' },
    { name: 'slot', csv: 'Slot', kind: 'hex', value: (one) => one.slot, doc: 'offset of the slot from the base' },
  ],
};

function debugText({ guid, age, path }: CodeView): string {
  const file = path.split('\\').at(-1) ?? path;
  const braced = guid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '{$1-$2-$3-$4-$5}');
  const store = `https://msdl.microsoft.com/download/symbols/${file}/${guid}${hex(age).toUpperCase()}/${file}`;
  return `GUID: ${braced}\nAge:  ${age}\nPath: ${path}\nURL:  ${store}\n`;
}

/** One module: what the list says, and what its headers say. */
function moduleDirectory(row: ModuleRow): Directory {
  const { process, module } = row;
  const { memory } = process;
  let known: { readonly header: PeHeader | undefined } | undefined;
  const header = (): PeHeader | undefined => (known ??= { header: headerOf(row) }).header;
  const withHeader = (make: (header: PeHeader) => Node | undefined) => () => {
    const found = header();
    return found === undefined ? undefined : make(found);
  };
  return directory({
    'base.txt': text(() => hex(module.base, 16), { doc: 'virtual address of its first byte' }),
    'debuginfo.txt': withHeader((found) => {
      const debug = codeView(memory, module.base, found);
      return debug && text(() => debugText(debug), { doc: 'its symbol file: name, GUID, age' });
    }),
    'directories.txt': withHeader((found) => tableFile(DATA_DIRECTORIES, () => found.directories)),
    'entry.txt': text(() => hex(module.entry, 16), { doc: 'virtual address of its entry point' }),
    'export.txt': withHeader((found) =>
      tableFile(exportTable(module.base), () => exportDirectory(memory, module.base, found)?.entries() ?? [], { cost: 'slow' })),
    'fullname.txt': text(() => module.path || (module.kernelPath ?? module.name), { doc: 'its path' }),
    'import.txt': withHeader((found) => tableFile(IMPORTS, () => imports(memory, module.base, found), { cost: 'slow' })),
    'sections.txt': withHeader((found) => tableFile(SECTIONS, () => found.sections)),
    'size.txt': text(() => hex(module.size, 8), { doc: 'bytes in memory, hex' }),
    'versioninfo.txt': withHeader((found) => {
      const info = versionInfo(memory, module.base, found);
      return info && text(() => [...info.strings].map(([key, value]) => `${key}: ${value}\n`).join(''), { doc: 'what its version resource says' });
    }),
  }, {
    mtime: module.loaded ?? process.created,
    xattrs: () => addressXattr(module.base),
  });
}

/** The modules of a process: the tables, and a directory a module. */
export function modulesDirectory(process: Process): Directory {
  const files = new Map<string, Node>([
    ['modules.txt', tableFile(MODULES, () => moduleRows(process), { cost: 'slow' })],
    ['modules-v.txt', tableFile(MODULES_VERBOSE, () => moduleDetails(process), { cost: 'slow' })],
    ['modules-versioninfo.txt', tableFile(MODULES_VERSION, () => moduleDetails(process), { cost: 'slow' })],
  ]);
  let known: Map<string, Node> | undefined;
  const nodes = (): Map<string, Node> => {
    if (known === undefined) {
      const rows = moduleRows(process);
      const names = uniqueNames([...files.keys(), ...rows.map(({ label }) => fileName(label))]).slice(files.size);
      known = new Map([...files, ...rows.map((row, i): [string, Node] => [names[i] ?? '', moduleDirectory(row)])]);
    }
    return known;
  };
  return listing({ entries: () => nodes(), lookup: (name) => files.get(name) ?? nodes().get(name) }, { doc: 'its modules: executable and libraries', mtime: process.created });
}
