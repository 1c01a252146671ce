import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isFileError } from '../src/profile/file-source.js';
import { EXIT, UserError } from './exit-codes.js';
import { cacheRoot } from './work-folder.js';

export const MICROSOFT_SERVER = 'https://msdl.microsoft.com/download/symbols';

/** Where symbols are looked for. Plain facts: every thread looks at the same places. */
export interface SymbolSettings {
  /** Folders of the user, in the order they are looked into. */
  readonly folders: readonly string[];
  /** Where symbols are kept, and where symbol files may be dropped; undefined: nowhere. */
  readonly cache: string | undefined;
  /** The symbol server that may be asked; undefined: none. */
  readonly server: string | undefined;
}

/** The folder below our cache where symbols are kept, and where symbol files may be dropped. */
export function symbolCache(work: string | undefined): string {
  return join(cacheRoot(work), 'symbols');
}

/**
 * Reads the values of `--symbols` (a folder, or `download`; any number) and `--symbols-server`.
 * @param work the folder for work folders; undefined: the user's cache
 * @throws UserError when a value is neither a folder nor an address
 */
export function symbolSettings(values: readonly string[], server: string | undefined, work: string | undefined): SymbolSettings {
  const folders = values.filter((value) => value !== 'download').map((value) => {
    const folder = resolve(value);
    if (!isFolder(folder)) throw new UserError(`${value} is no folder with symbols; --symbols takes a folder, or \`download\`.`, EXIT.usage);
    return folder;
  });
  return { folders, cache: symbolCache(work), server: server === undefined ? values.includes('download') ? MICROSOFT_SERVER : undefined : serverAddress(server) };
}

function serverAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new UserError(`${text} is no address of a symbol server; give one as ${MICROSOFT_SERVER}.`, EXIT.usage);
  }
  return url.href;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    if (isFileError(error)) return false;
    throw error;
  }
}
