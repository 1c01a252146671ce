import type { OpenedWindows } from '../src/windows/open.js';
import { downloadSymbols } from './symbol-download.js';
import { neededSymbols } from './symbols-needed.js';
import type { SymbolSettings } from './symbols.js';

/**
 * Fetches the symbol files that an image asks for and that are not there, where the user asked for that (`--symbols=download`).
 * @returns how many came: with them the image is opened anew
 */
export async function fetchNeeded(opened: OpenedWindows, settings: SymbolSettings, log: (line: string) => void): Promise<number> {
  const { server, cache: folder } = settings;
  if (server === undefined || folder === undefined) return 0;
  let came = 0;
  for (const { state, wanted } of neededSymbols(opened, settings)) {
    if (state === 'missing' && await downloadSymbols(wanted, { server, folder, log }) !== undefined) came += 1;
  }
  return came;
}
