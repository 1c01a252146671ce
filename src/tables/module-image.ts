import { hex } from '../bytes/hex.js';
import type { Memory } from '../bytes/memory.js';
import { codeView, directoryOf, exportDirectory, peHeader, type CodeView, type PeHeader } from '../pe/header.js';
import { imports } from '../pe/import.js';
import { versionInfo, type PeVersion } from '../pe/version.js';
import type { Module } from '../windows/module.js';
import type { Process } from '../windows/process.js';

/** What the headers of a module's image say; each undefined when its bytes are not in the image. */
export interface ModuleImage {
  /** Functions of the import and export directories; 0 without such a directory. */
  readonly imports: number | undefined;
  readonly exports: number | undefined;
  readonly sections: number | undefined;
  readonly codeView: CodeView | undefined;
  readonly version: PeVersion | undefined;
}

const UNREADABLE: ModuleImage = { imports: undefined, exports: undefined, sections: undefined, codeView: undefined, version: undefined };
/** Imports counted in one process; thousands of modules that all claim the most would take minutes. */
const MAX_COUNTED = 2_000_000;
/** Images remembered. */
const MAX_REMEMBERED = 20_000;
/** Where Microsoft keeps the symbol files of its own images. */
const SYMBOLS = 'https://msdl.microsoft.com/download/symbols';

/** Where the symbol file would be, were it Microsoft's. */
export function symbolUrl({ path, guid, age }: CodeView): string {
  const file = path.split(/[\\/]/).at(-1) ?? path;
  return `${SYMBOLS}/${file}/${guid}${hex(age).toUpperCase()}/${file}`;
}

function importCount(memory: Memory<bigint>, base: bigint, header: PeHeader): number | undefined {
  const directory = directoryOf(header, 'IMPORT');
  if (directory === undefined) return 0;
  if (memory.read(base + BigInt(directory.rva), 4) === undefined) return undefined;
  const functions = imports(memory, base, header);
  let count = 0;
  while (functions.next().done !== true) count += 1;
  return count;
}

function exportCount(memory: Memory<bigint>, base: bigint, header: PeHeader): number | undefined {
  return directoryOf(header, 'EXPORT') === undefined ? 0 : exportDirectory(memory, base, header)?.functions;
}

/**
 * A reader of module images for one going over of the modules. It remembers mapped files: their headers are the same pages in
 * every process. What contradicts itself is an anomaly of the process, and absent.
 */
export function moduleImages(): (process: Process, module: Module) => ModuleImage {
  const shared = new Map<string, ModuleImage>();
  let current: Process | undefined;
  let counted = 0;
  const read = (process: Process, { base }: Module): ModuleImage => {
    const { memory, anomalies, where } = process;
    if (process !== current) [current, counted] = [process, 0];
    return anomalies.attempt(`${where} modules`, () => {
      const header = peHeader(memory, base);
      if (header === undefined) return UNREADABLE;
      const functions = counted < MAX_COUNTED ? importCount(memory, base, header) : undefined;
      if (counted >= MAX_COUNTED) anomalies.add(`${where} modules`, `more than ${MAX_COUNTED} imports: those of further modules are not counted`);
      counted += functions ?? 0;
      return {
        imports: functions,
        exports: exportCount(memory, base, header),
        sections: header.sections.length,
        codeView: codeView(memory, base, header),
        version: versionInfo(memory, base, header),
      };
    }) ?? UNREADABLE;
  };
  return (process, module) => {
    const key = module.kernelPath === undefined ? undefined : `${module.kernelPath}\0${module.base}\0${module.size}`;
    const known = key === undefined ? undefined : shared.get(key);
    if (known !== undefined) return known;
    const image = read(process, module);
    if (key !== undefined && image !== UNREADABLE && shared.size < MAX_REMEMBERED) shared.set(key, image);
    return image;
  };
}
