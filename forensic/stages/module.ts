import { hex } from '../../src/bytes/hex.js';
import { codeView, exportDirectory, peHeader, type CodeView } from '../../src/pe/header.js';
import { imports } from '../../src/pe/import.js';
import { versionInfo, type PeVersion } from '../../src/pe/version.js';
import type { Module } from '../../src/windows/module.js';
import type { Process } from '../../src/windows/process.js';
import type { Table } from '../../src/vfs/column.js';
import { stage } from '../stage.js';

/** What the image's own headers say. */
interface ImageFacts {
  readonly imports: number | undefined;
  readonly exports: number | undefined;
  readonly sections: number | undefined;
  readonly codeView: CodeView | undefined;
  readonly version: PeVersion | undefined;
}

interface ModuleRow {
  readonly process: Process;
  readonly module: Module;
  readonly image: ImageFacts;
}

const UNREADABLE: ImageFacts = { imports: undefined, exports: undefined, sections: undefined, codeView: undefined, version: undefined };
/** Where Microsoft keeps the symbol files of its own images. */
const SYMBOLS = 'https://msdl.microsoft.com/download/symbols';

function imageFacts(process: Process, { base }: Module): ImageFacts {
  const { memory } = process;
  return process.anomalies.attempt(`${process.where} modules`, () => {
    const header = peHeader(memory, base);
    return header === undefined ? UNREADABLE : {
      imports: countOf(imports(memory, base, header)),
      exports: exportDirectory(memory, base, header)?.functions ?? 0,
      sections: header.sections.length,
      codeView: codeView(memory, base, header),
      version: versionInfo(memory, base, header),
    };
  }) ?? UNREADABLE;
}

function countOf(things: Iterator<unknown>): number {
  let count = 0;
  while (things.next().done !== true) count += 1;
  return count;
}

function symbolUrl(view: CodeView | undefined): string | undefined {
  if (view === undefined) return undefined;
  const file = view.path.split(/[\\/]/).at(-1) ?? view.path;
  return `${SYMBOLS}/${file}/${view.guid}${hex(view.age)}/${file}`;
}

const last = ({ base, size }: Module): bigint => base + BigInt(Math.max(size, 1)) - 1n;

const MODULE: Table<ModuleRow> = {
  name: 'module',
  doc: 'The modules of all processes: loader lists, and images that only the VADs know. Kernel modules are System\'s.',
  heading: '',
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: (r) => r.process.pid, doc: 'process id' },
    { name: 'process', csv: 'Process', kind: 'text', value: (r) => r.process.name, doc: 'process name' },
    { name: 'name', csv: 'Name', kind: 'text', value: (r) => r.module.name, doc: 'name of the module' },
    { name: 'wow64', csv: 'Wow64', kind: 'flag', value: (r) => r.module.wow64, doc: 'a 32-bit image of a WoW64 process' },
    { name: 'size', csv: 'Size', kind: 'hex', value: (r) => r.module.size, doc: 'bytes' },
    { name: 'start', csv: 'Start', kind: 'address', value: (r) => r.module.base, doc: 'first byte' },
    { name: 'end', csv: 'End', kind: 'address', value: (r) => last(r.module), doc: 'last byte' },
    { name: 'imports', csv: '#Imports', kind: 'decimal', value: (r) => r.image.imports, doc: 'imported functions' },
    { name: 'exports', csv: '#Exports', kind: 'decimal', value: (r) => r.image.exports, doc: 'exported functions' },
    { name: 'sections', csv: '#Sections', kind: 'decimal', value: (r) => r.image.sections, doc: 'sections' },
    { name: 'path', csv: 'Path', kind: 'text', value: (r) => r.module.path, doc: 'path as the loader says' },
    { name: 'kernel_path', csv: 'KernelPath', kind: 'text', value: (r) => r.module.kernelPath, doc: 'path of the mapped file as the kernel says' },
    ...['CompanyName', 'FileDescription', 'FileVersion', 'InternalName', 'LegalCopyright', 'OriginalFilename', 'ProductName', 'ProductVersion']
      .map((name) => ({
        name: name.replace(/(?<!^)([A-Z])/g, '_$1').toLowerCase(), csv: `Ver${name}`, kind: 'text' as const, value: (r: ModuleRow) => r.image.version?.strings.get(name), doc: `${name} of the version information`,
      })),
    { name: 'pdb_path', csv: 'PdbPath', kind: 'text', value: (r) => r.image.codeView?.path, doc: 'symbol file' },
    { name: 'pdb_age', csv: 'PdbAge', kind: 'decimal', value: (r) => r.image.codeView?.age, doc: 'age of the symbol file' },
    { name: 'pdb_guid', csv: 'PdbHexGUID', kind: 'text', value: (r) => r.image.codeView?.guid, doc: 'GUID of the symbol file' },
    { name: 'pdb_url', csv: 'PdbSymbolServer', kind: 'text', value: (r) => symbolUrl(r.image.codeView), doc: 'where the symbol file would be, were it Microsoft\'s' },
    { name: 'kind', kind: 'text', value: (r) => r.module.kind, doc: 'ldr in the loader\'s lists, not-linked, data, injected' },
    { name: 'loaded', kind: 'time', value: (r) => r.module.loaded, doc: 'when the loader loaded it' },
  ],
};

export const moduleStage = stage<ModuleRow>({
  name: 'module',
  table: MODULE,
  waitsForScan: false,
  csv: 'modules',
  json: { file: 'general', line: ({ process, module }) => ({
    type: 'module', pid: process.pid, proc: process.name, addr: hex(module.base, 16), addr2: hex(last(module), 16), size: module.size,
    desc: module.name, desc2: module.path || module.kernelPath || '',
  }) },
  * rows(windows, { step }) {
    const processes = windows.processes();
    // A mapped file's headers are the same pages in every process.
    const shared = new Map<string, ImageFacts>();
    for (const [done, process] of processes.entries()) {
      step(done, processes.length);
      for (const module of process.modules()) {
        const key = module.kernelPath === undefined ? undefined : `${module.kernelPath}\0${module.base}\0${module.size}`;
        const image = (key === undefined ? undefined : shared.get(key)) ?? imageFacts(process, module);
        if (key !== undefined && image !== UNREADABLE && shared.size < 20_000) shared.set(key, image);
        yield { process, module, image };
      }
    }
  },
});
