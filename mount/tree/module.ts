import { hex } from '../../src/bytes/hex.js';
import { codeView, exportDirectory, type CodeView } from '../../src/pe/header.js';
import { delayImports, imports, type PeImport } from '../../src/pe/import.js';
import { versionInfo } from '../../src/pe/version.js';
import { symbolUrl } from '../../src/tables/module-image.js';
import { DATA_DIRECTORIES, exportTable, IMPORTS, SECTIONS } from '../../src/tables/pe.js';
import { directory, listing } from '../../src/vfs/directory.js';
import { holesFile, missingXattr } from '../../src/vfs/holes.js';
import { fileName, uniqueNames } from '../../src/vfs/name.js';
import type { Directory, Node, WindowFile } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { text } from '../../src/vfs/text.js';
import { addressedWindow } from '../../src/vfs/window.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import { directoryWindows, moduleFile, sectionWindows, type ModuleFile } from '../../src/windows/module-file.js';
import type { Module } from '../../src/windows/module.js';
import type { Process } from '../../src/windows/process.js';

const SHA256 = 'user.memlens.sha256';

function debugText(view: CodeView): string {
  const { guid, age, path } = view;
  const braced = guid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '{$1-$2-$3-$4-$5}');
  return `GUID: ${braced}\nAge:  ${age}\nPath: ${path}\nURL:  ${symbolUrl(view)}\n`;
}

/** The rebuilt file, with what an analyst must know of it before comparing it with one from a disk. */
export function peFile(module: Module, file: ModuleFile): WindowFile {
  return {
    ...file.node,
    doc: 'its file rebuilt from memory: headers and sections where they lie on disk, zeros where pages are missing; relocated addresses and bound imports stay as they are in memory',
    xattrs: () => ({ ...addressXattr(module.base), ...missingXattr(file.missing()), 'user.memlens.relocations': 'as in memory' }),
    slowXattrs: { names: [SHA256], read: () => ({ [SHA256]: file.digest().sha256 }) },
  };
}

/** A file for each of these, by names that the image gives (`.text`): safe, unlike each other, and listed however they begin. */
function windows(base: bigint, parts: readonly (readonly [{ readonly name: string; readonly rva: number }, WindowFile])[], doc: string): Directory {
  const names = uniqueNames(parts.map(([{ name }]) => fileName(name)));
  const files = new Map(parts.map(([{ rva }, window], i): [string, Node] => [names[i] ?? '', addressedWindow(window, base + BigInt(rva))]));
  return listing({ entries: () => files, lookup: (name) => files.get(name) }, { doc });
}

/** One module: what the list says, what its headers say, and its bytes. */
export function moduleDirectory(process: Process, module: Module): Directory {
  const { memory } = process;
  const { base } = module;
  let known: { readonly file: ModuleFile | undefined } | undefined;
  const withFile = (make: (file: ModuleFile) => Node | undefined) => () => {
    const { file } = known ??= { file: moduleFile(process, module) };
    return file === undefined ? undefined : make(file);
  };
  return directory({
    'base.txt': text(() => hex(base, 16), { doc: 'virtual address of its first byte' }),
    'debuginfo.txt': withFile(({ header }) => {
      const debug = codeView(memory, base, header);
      return debug && text(() => debugText(debug), { doc: 'its symbol file: name, GUID, age' });
    }),
    'directories.txt': withFile(({ header }) => tableFile(DATA_DIRECTORIES, () => header.directories)),
    directoriesd: withFile((file) => windows(base, directoryWindows(process, module, file), 'the bytes of its data directories')),
    'entry.txt': text(() => hex(module.entry, 16), { doc: 'virtual address of its entry point' }),
    'export.txt': withFile(({ header }) => tableFile(exportTable(base), () => exportDirectory(memory, base, header)?.entries() ?? [], { cost: 'slow' })),
    'fullname.txt': text(() => module.path || (module.kernelPath ?? module.name), { doc: 'its path' }),
    'import.txt': withFile(({ header }) => tableFile(IMPORTS, function* both(): Generator<PeImport> {
      yield* imports(memory, base, header);
      yield* delayImports(memory, base, header);
    }, { cost: 'slow' })),
    'pefile.dll': withFile((file) => peFile(module, file)),
    'pefile.map': withFile((file) => (file.absent().length === 0 ? undefined : holesFile(() => file.absent(), { doc: 'the ranges of pefile.dll that are not in the image; listed when there are any' }))),
    'sections.txt': withFile(({ header }) => tableFile(SECTIONS, () => header.sections)),
    sectionsd: withFile((file) => windows(base, sectionWindows(process, module, file), 'the bytes of its sections as they are mapped')),
    'size.txt': text(() => hex(module.size, 8), { doc: 'bytes in memory, hex' }),
    'versioninfo.txt': withFile(({ header }) => {
      const info = versionInfo(memory, base, header);
      return info && text(() => [...info.strings].map(([key, value]) => `${key}: ${value}\n`).join(''), { doc: 'what its version resource says' });
    }),
  }, {
    mtime: module.loaded ?? process.created,
    xattrs: () => addressXattr(base),
  });
}
