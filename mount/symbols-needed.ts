import { bundledProfile, tcpipSymbols } from '../src/profile/bundled.js';
import { locateSymbols, storePath, type WantedSymbols } from '../src/profile/symbol-folder.js';
import { symbolId } from '../src/profile/symbol-table.js';
import { codeView, peHeader } from '../src/pe/header.js';
import { wantedSymbols } from '../src/windows/choose-profile.js';
import type { Kernel } from '../src/windows/kernel.js';
import { kernelModules } from '../src/windows/module.js';
import type { OpenedWindows } from '../src/windows/open.js';
import { MICROSOFT_SERVER, type SymbolSettings } from './symbols.js';

/** A symbol file that the image asks for. */
export interface NeededSymbols {
  /** The module that it is of. */
  readonly module: string;
  readonly wanted: WantedSymbols;
  /** Where the symbol server has it; undefined when the image's name for it is none of a file. */
  readonly url: string | undefined;
  /** What is better with it. */
  readonly adds: string;
  readonly state: 'bundled' | 'file' | 'missing';
  /** The file, where there is one. */
  readonly path: string | undefined;
}

/** The modules whose symbols are used, what for, and which of them are bundled. */
const USES: readonly { readonly module: string; readonly adds: string; readonly isBundled: (id: string) => boolean }[] = [
  { module: 'tcpip.sys', adds: 'connections and listeners by the tables of tcpip.sys, without a search for them', isBundled: (id) => tcpipSymbols(id) !== undefined },
];
const KERNEL_ADDS = 'exact layouts; object types, handles by name, hives, PspCidTable';

/** The symbol files that would help with this image, and whether they are there. Looks into the folders. */
export function neededSymbols({ diagnosis, windows }: OpenedWindows, settings: SymbolSettings): readonly NeededSymbols[] {
  const rows: NeededSymbols[] = [];
  const add = (module: string, wanted: WantedSymbols, adds: string, bundled: boolean): void => {
    const path = bundled ? undefined : locateSymbols(settings.folders, wanted, { cache: settings.cache });
    rows.push({ module, wanted, adds, url: symbolUrl(wanted, settings.server), path, state: bundled ? 'bundled' : path === undefined ? 'missing' : 'file' });
  };
  const wanted = wantedSymbols({ symbolFile: diagnosis.kernel?.symbolFile, symbolPath: diagnosis.kernel?.path ?? 'ntkrnlmp.pdb' });
  if (wanted !== undefined) add('the kernel', wanted, KERNEL_ADDS, bundledProfile(symbolId(wanted)) !== undefined);
  for (const { module, asked } of windows === undefined ? [] : ofModules(windows.kernel)) {
    const use = USES.find((each) => each.module === module);
    if (use !== undefined) add(module, asked, use.adds, use.isBundled(symbolId(asked)));
  }
  return rows;
}

function* ofModules(kernel: Kernel): Generator<{ readonly module: string; readonly asked: WantedSymbols }> {
  for (const { name, base } of kernelModules(kernel)) {
    const module = name.toLowerCase();
    if (!USES.some((use) => use.module === module)) continue;
    const header = peHeader(kernel.memory, base);
    const record = header === undefined ? undefined : codeView(kernel.memory, base, header);
    if (record !== undefined) yield { module, asked: { pdbName: record.path.split(/[\\/]/).at(-1) ?? '', guid: record.guid, age: record.age } };
  }
}

/** The address at a symbol server: `SERVER/ntkrnlmp.pdb/GUIDAGE/ntkrnlmp.pdb`. */
export function symbolUrl(wanted: WantedSymbols, server: string | undefined): string | undefined {
  const path = storePath(wanted);
  return path === undefined ? undefined : `${(server ?? MICROSOFT_SERVER).replace(/\/+$/, '')}/${path}`;
}
