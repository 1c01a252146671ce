import { hex } from '../../src/bytes/hex.js';
import { FILE_MAP, FILES } from '../../src/tables/files.js';
import { directory, listing } from '../../src/vfs/directory.js';
import { fileName, isFileName, uniqueNames } from '../../src/vfs/name.js';
import type { Directory, Node, WindowFile } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import { fileContent, type FileContent, type FileRange } from '../../src/windows/file-content.js';
import { handleFiles, holdsHandle, mapsFile, processFiles, vadFiles } from '../../src/windows/file-list.js';
import { baseName } from '../../src/windows/file-object.js';
import { moduleFile, type ModuleFile } from '../../src/windows/module-file.js';
import { moduleLabel, type Module } from '../../src/windows/module.js';
import type { Process } from '../../src/windows/process.js';

const MAP = '.map';

/** What the attributes of a rebuilt file are made from. */
interface Rebuilt {
  readonly missing: number;
  readonly complete: boolean;
  sha256(): string;
}

const SHA256 = 'user.memlens.sha256';

function attributes(address: bigint, rebuilt: () => Rebuilt | undefined): Pick<WindowFile, 'xattrs' | 'slowXattrs'> {
  return {
    xattrs: () => {
      const its = rebuilt();
      return { ...addressXattr(address), ...(its && { 'user.memlens.missing': String(its.missing), 'user.memlens.complete': its.complete ? 'yes' : 'no' }) };
    },
    slowXattrs: {
      names: [SHA256],
      read: () => {
        const digest = rebuilt()?.sha256();
        return digest === undefined ? {} : { [SHA256]: digest };
      },
    },
  };
}

/** A file rebuilt from memory: what is missing reads as zeros. A node may be held for long; of the content only its address is. */
export function rebuiltFile({ kernel, size, file: { address } }: FileContent): WindowFile {
  const content = (): FileContent | undefined => fileContent(kernel, address);
  return {
    kind: 'window',
    size,
    fill: (offset, target) => content()?.fill(offset, target) ?? target.fill(0).length,
    runs: () => content()?.runs() ?? [],
    ...attributes(address, content),
    doc: 'a file rebuilt from memory; what is missing reads as zeros',
  };
}

/** Where the bytes of a rebuilt file are from. */
export function fileMap({ kernel, file: { address } }: FileContent): Node {
  return tableFile(FILE_MAP, () => fileContent(kernel, address)?.ranges() ?? [], { cost: 'slow', xattrs: () => addressXattr(address) });
}

/** What MemProcFS calls a file: the file object's address and the file's name. */
export function rebuiltName({ file }: FileContent, suffix = ''): string {
  return fileName(`${hex(file.address, 16)}-${baseName(file) ?? 'unknown'}`, suffix);
}

/**
 * A directory of rebuilt files, those of which memory holds something.
 * @param addresses of the file objects
 * @param has whether one of them is at an address; quick
 */
function rebuiltFiles(process: Process, doc: string, addresses: () => readonly bigint[], has: (address: bigint) => boolean): Directory {
  const { kernel } = process;
  return listing({
    * entries() {
      for (const address of addresses()) {
        const content = fileContent(kernel, address);
        if (content?.recoverable !== true) continue;
        yield [rebuiltName(content), rebuiltFile(content)] as const;
        if (!content.complete) yield [rebuiltName(content, MAP), fileMap(content)] as const;
      }
    },
    lookup(name) {
      const address = /^([0-9a-f]{16})-/.exec(name)?.[1];
      const content = address === undefined ? undefined : fileContent(kernel, BigInt(`0x${address}`));
      if (content === undefined) return undefined;
      const isMap = name === rebuiltName(content, MAP);
      if ((!isMap && name !== rebuiltName(content)) || !content.recoverable || !has(content.file.address)) return undefined;
      if (isMap) return content.complete ? undefined : fileMap(content);
      return rebuiltFile(content);
    },
  }, { doc, cost: 'slow', mtime: process.created });
}

/** Where the bytes of a module's file are from: the image, by the process's own page tables. */
function* moduleRanges(file: ModuleFile): Generator<FileRange> {
  let done = 0;
  for (const { start, length } of file.absent()) {
    if (start > done) yield { start: done, end: start, source: 'image', why: undefined };
    yield { start, end: start + length, source: 'missing', why: 'not in memory' };
    done = start + length;
  }
  if (done < file.node.size) yield { start: done, end: file.node.size, source: 'image', why: undefined };
}

function rebuiltModule(module: Module, file: ModuleFile): WindowFile {
  return {
    ...file.node,
    mtime: module.loaded,
    ...attributes(module.base, () => ({ missing: file.missing(), complete: file.missing() === 0, sha256: () => file.digest().sha256 })),
    doc: 'a PE file rebuilt from the process\'s own memory, as the loader left it; what is missing reads as zeros',
  };
}

/** The files of modules that are in memory, by name: those of the kernel's in System. */
function rebuiltModules(process: Process): Directory {
  let known: ReadonlyMap<string, Module> | undefined;
  const modules = (): ReadonlyMap<string, Module> => {
    if (known === undefined) {
      const all = process.modules();
      const names = uniqueNames(all.map((module) => fileName(moduleLabel(process, module))));
      known = new Map(all.map((module, i) => [names[i] ?? '', module]));
    }
    return known;
  };
  // Whoever looks up a file looks up its map next.
  let last: { readonly module: Module; readonly file: ModuleFile | undefined } | undefined;
  const fileOf = (module: Module | undefined): ModuleFile | undefined => {
    if (module === undefined) return undefined;
    if (last?.module !== module) last = { module, file: process.anomalies.attempt(`${process.where} modules`, () => moduleFile(process, module)) };
    return last.file;
  };
  const map = (module: Module, file: ModuleFile): Node => tableFile(FILE_MAP, () => moduleRanges(file), { cost: 'slow', xattrs: () => addressXattr(module.base) });
  return listing({
    * entries() {
      for (const [name, module] of modules()) {
        const file = fileOf(module);
        if (file === undefined) continue;
        yield [name, rebuiltModule(module, file)] as const;
        const mapName = name + MAP;
        if (file.missing() > 0 && isFileName(mapName) && !modules().has(mapName)) yield [mapName, map(module, file)] as const;
      }
    },
    lookup(name) {
      const module = modules().get(name);
      const file = fileOf(module);
      if (module !== undefined) return file && rebuiltModule(module, file);
      const described = name.endsWith(MAP) ? modules().get(name.slice(0, -MAP.length)) : undefined;
      const itsFile = fileOf(described);
      return described === undefined || itsFile === undefined || itsFile.missing() === 0 ? undefined : map(described, itsFile);
    },
  }, { doc: 'its modules, rebuilt as files from its own memory', cost: 'slow', mtime: process.created });
}

/** `files/` of a process. */
export function filesDirectory(process: Process): Directory {
  return directory({
    'files.txt': tableFile(FILES, () => processFiles(process), { cost: 'slow' }),
    handles: () => rebuiltFiles(process, 'the files it has open, rebuilt from memory', () => handleFiles(process), (address) => holdsHandle(process, address)),
    modules: () => rebuiltModules(process),
    vads: () => rebuiltFiles(process, 'the files it has mapped, rebuilt from memory', () => vadFiles(process), (address) => mapsFile(process, address)),
  }, { doc: 'the files it has open, mapped and loaded, rebuilt from memory' });
}
