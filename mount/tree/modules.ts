import { hex } from '../../src/bytes/hex.js';
import { codeView, exportDirectory, peHeader, type CodeView, type PeHeader } from '../../src/pe/header.js';
import { imports } from '../../src/pe/import.js';
import { versionInfo } from '../../src/pe/version.js';
import { moduleImages, symbolUrl } from '../../src/tables/module-image.js';
import { MODULES, MODULES_VERBOSE, MODULES_VERSION, type ModuleImageRow, type ModuleRow } from '../../src/tables/modules.js';
import { DATA_DIRECTORIES, exportTable, IMPORTS, SECTIONS } from '../../src/tables/pe.js';
import { directory, listing } from '../../src/vfs/directory.js';
import { fileName, uniqueNames } from '../../src/vfs/name.js';
import type { Directory, Node } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { text } from '../../src/vfs/text.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import { moduleLabel } from '../../src/windows/module.js';
import type { Process } from '../../src/windows/process.js';

/** The modules of a process in the order they are shown: the main image (or the kernel) first, then by address. */
function moduleRows(process: Process): readonly ModuleRow[] {
  const [main, ...others] = process.modules();
  if (main === undefined) return [];
  others.sort((a, b) => (a.base < b.base ? -1 : a.base > b.base ? 1 : 0));
  return [main, ...others].map((module) => ({ process, module }));
}

function* moduleImageRows(process: Process): Generator<ModuleImageRow> {
  const image = moduleImages();
  for (const row of moduleRows(process)) yield { ...row, image: image(process, row.module) };
}

function debugText(view: CodeView): string {
  const { guid, age, path } = view;
  const braced = guid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '{$1-$2-$3-$4-$5}');
  return `GUID: ${braced}\nAge:  ${age}\nPath: ${path}\nURL:  ${symbolUrl(view)}\n`;
}

/** One module: what the list says, and what its headers say. */
function moduleDirectory(row: ModuleRow): Directory {
  const { process, module } = row;
  const { memory } = process;
  let known: { readonly header: PeHeader | undefined } | undefined;
  const header = (): PeHeader | undefined => (known ??= { header: peHeader(memory, module.base) }).header;
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
    ['modules-v.txt', tableFile(MODULES_VERBOSE, () => moduleImageRows(process), { cost: 'slow' })],
    ['modules-versioninfo.txt', tableFile(MODULES_VERSION, () => moduleImageRows(process), { cost: 'slow' })],
  ]);
  let known: Map<string, Node> | undefined;
  const nodes = (): Map<string, Node> => {
    if (known === undefined) {
      const rows = moduleRows(process);
      const names = uniqueNames([...files.keys(), ...rows.map(({ module }) => fileName(moduleLabel(process, module)))]).slice(files.size);
      known = new Map([...files, ...rows.map((row, i): [string, Node] => [names[i] ?? '', moduleDirectory(row)])]);
    }
    return known;
  };
  return listing({ entries: () => nodes(), lookup: (name) => files.get(name) ?? nodes().get(name) }, { doc: 'its modules: executable and libraries', mtime: process.created });
}
