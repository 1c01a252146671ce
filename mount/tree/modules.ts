import { LDR_MODULES } from '../../src/tables/ldrmodules.js';
import { moduleHashes } from '../../src/tables/module-hashes.js';
import { moduleImages } from '../../src/tables/module-image.js';
import { MODULES, MODULES_VERBOSE, MODULES_VERSION, type ModuleHashRow, type ModuleRow } from '../../src/tables/modules.js';
import { UNLOADED } from '../../src/tables/unloaded-modules.js';
import { listing } from '../../src/vfs/directory.js';
import { fileName, uniqueNames } from '../../src/vfs/name.js';
import type { Directory, Node } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { moduleViews } from '../../src/windows/module-views.js';
import { moduleLabel } from '../../src/windows/module.js';
import type { Process } from '../../src/windows/process.js';
import { unloadedModules } from '../../src/windows/unloaded.js';
import { moduleDirectory } from './module.js';

/** The modules of a process in the order they are shown: the main image (or the kernel) first, then by address. */
function moduleRows(process: Process): readonly ModuleRow[] {
  const [main, ...others] = process.modules();
  if (main === undefined) return [];
  others.sort((a, b) => (a.base < b.base ? -1 : a.base > b.base ? 1 : 0));
  return [main, ...others].map((module) => ({ process, module }));
}

function* moduleImageRows(process: Process): Generator<ModuleHashRow> {
  const image = moduleImages();
  for (const row of moduleRows(process)) {
    yield { ...row, image: image(process, row.module), hashes: moduleHashes(process, row.module) };
  }
}

/** The modules of a process: the tables, and a directory a module. */
export function modulesDirectory(process: Process): Directory {
  const files = new Map<string, Node>([
    // The kernel has but one list.
    ...(process.pid === 4 ? [] : [['ldrmodules.txt', tableFile(LDR_MODULES, () => moduleViews(process).map((views) => ({ process, views })), { cost: 'slow' })] as const]),
    ['modules.txt', tableFile(MODULES, () => moduleRows(process), { cost: 'slow' })],
    ['modules-v.txt', tableFile(MODULES_VERBOSE, () => moduleImageRows(process), { cost: 'slow' })],
    ['modules-versioninfo.txt', tableFile(MODULES_VERSION, () => moduleImageRows(process), { cost: 'slow' })],
    ['unloaded_modules.txt', tableFile(UNLOADED, () => unloadedModules(process).map((module) => ({ process, module })), { cost: 'slow' })],
  ]);
  let known: Map<string, Node> | undefined;
  const nodes = (): Map<string, Node> => {
    if (known === undefined) {
      const rows = moduleRows(process);
      const names = uniqueNames([...files.keys(), ...rows.map(({ module }) => fileName(moduleLabel(process, module)))]).slice(files.size);
      known = new Map([...files, ...rows.map((row, i): [string, Node] => [names[i] ?? '', moduleDirectory(process, row.module)])]);
    }
    return known;
  };
  return listing({ entries: () => nodes(), lookup: (name) => files.get(name) ?? nodes().get(name) }, { doc: 'its modules: executable and libraries', mtime: process.created });
}
