import { join } from 'node:path';
import type { Directory } from '../src/vfs/node.js';
import { locateSymbols } from '../src/profile/symbol-folder.js';
import { wantedSymbols } from '../src/windows/choose-profile.js';
import type { Overrides, PageFileOption } from '../src/windows/options.js';
import { imageKey, OpeningCache } from './opening-cache.js';
import type { OpeningRecord } from './opening-record.js';
import { pageFilesIdentity } from './page-files.js';
import type { ScanResult } from './scan-client.js';
import type { SearchService } from './search-service.js';
import { symbolCache as cacheOfSymbols } from './symbols.js';
import { openTree, type OpenedTree, type TreeFacts } from './tree/root.js';
import { programVersion } from './version.js';
import { cacheRoot } from './work-folder.js';

/** How the user wants an image opened. */
export interface OpeningChoices {
  /** The folder for work folders; undefined: the user's cache. */
  readonly work: string | undefined;
  /** Whether to start from what an earlier opening found, and to keep what this one finds. */
  readonly cache: boolean;
  readonly overrides: Overrides;
  /** Page files that belong to the image. */
  readonly pageFiles?: readonly PageFileOption[] | undefined;
  /** Make a minidump of lsass.exe too. */
  readonly lsassMinidump?: boolean | undefined;
  /** Folders with symbol files, in the order they are looked into. */
  readonly symbolFolders: readonly string[];
  /** The symbol server that may be asked for what nobody has; undefined: none is. */
  readonly symbolServer?: string | undefined;
}

/** An opened tree, and what is remembered of it. */
export interface Opening {
  readonly tree: OpenedTree;
  /** What the pool scan found at an earlier opening; it has joined the tree. */
  readonly scan: ScanResult | undefined;
  /** Keeps what the pool scan found, for the next opening. */
  remember(scan: ScanResult): void;
}

/**
 * Opens an image's tree, from what an earlier opening of the same image found where that is at hand; a search of the whole image is
 * done in a worker.
 * @param forensic makes /forensic where a pass runs
 * @param onProgress told 0 to 100 while all of the image is looked through for a kernel
 * @param service searches memory for the tree's control files
 * @throws ImageError when the file cannot be read as an image
 */
export async function openRemembered(
  path: string, { work, cache, overrides, pageFiles = [], lsassMinidump, symbolFolders }: OpeningChoices, log: (line: string) => void,
  forensic?: () => Directory | undefined, onProgress: (percent: number) => void = () => undefined, service?: SearchService,
): Promise<Opening> {
  const records = cache ? new OpeningCache(join(cacheRoot(work), 'openings')) : undefined;
  const key = records === undefined ? undefined : keyOf(path, { version: programVersion(), overrides: overridesText(overrides), pageFiles: pageFilesIdentity(pageFiles), symbolFolders });
  const found = key === undefined ? undefined : records?.find(key);
  const symbolCache = cacheOfSymbols(work);
  const record = found === undefined || symbolsHaveCome(found, symbolFolders, symbolCache) ? undefined : found;
  const facts: TreeFacts = { path, overrides, pageFiles, lsassMinidump, symbolFolders, symbolCache };
  let tree = openTree({ ...facts, kernel: record?.kernel, diagnosis: record?.diagnosis }, forensic, false, service);
  if (tree.opened.windows === undefined) {
    tree.close();
    const { searchImage } = await import('./search-client.js');
    tree = openTree({ ...facts, ...await searchImage(facts, onProgress) }, forensic, true, service);
  }
  const { kernel, diagnosis } = tree.facts;
  // A record that does not lead to its kernel was not followed.
  const scan = record !== undefined && kernel === record.kernel ? record.scan : undefined;
  if (scan !== undefined) tree.join(scan.facts);
  const keep = (scanned: ScanResult | undefined): void => {
    if (records === undefined || key === undefined || kernel === undefined || diagnosis === undefined) return;
    try {
      records.keep(key, { kernel, diagnosis, scan: scanned });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      log(`what was found cannot be kept for the next opening (${code}); give another folder with --work, or --no-cache`);
    }
  };
  if (kernel !== record?.kernel) keep(undefined);
  return { tree, scan, remember: keep };
}

/** Whether a kernel that was opened without its own symbols could have them now. */
function symbolsHaveCome({ kernel, diagnosis }: OpeningRecord, folders: readonly string[], cache: string): boolean {
  const from = kernel.profile?.layouts?.from;
  if (from === 'bundled' || from === 'symbols') return false;
  const wanted = wantedSymbols({ symbolFile: kernel.symbolFile, symbolPath: diagnosis.kernel?.path });
  return wanted !== undefined && locateSymbols(folders, wanted, { cache }) !== undefined;
}

/** Undefined when the file cannot be read: opening it says why. */
function keyOf(path: string, choices: unknown): ReturnType<typeof imageKey> | undefined {
  try {
    return imageKey(path, choices);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}

function overridesText({ dtb, kernelBase, arch, profile }: Overrides): string {
  return [dtb, kernelBase, arch, profile].join(' ');
}
