import { createHash } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { PageFileOption } from '../src/windows/options.js';
import { pageFilesIdentity } from './page-files.js';

/** memlens's folder under the user's cache folder. */
export function cacheFolder(): string {
  const cache = process.env['XDG_CACHE_HOME'];
  return join(cache !== undefined && cache !== '' ? cache : join(homedir(), '.cache'), 'memlens');
}

/** The folder for work folders: chosen with `--work`, else the user's cache. */
export function cacheRoot(chosen: string | undefined): string {
  return chosen === undefined ? cacheFolder() : resolve(chosen);
}

/**
 * Our own folder for an image's database and spool files: under `--work`, else under the user's cache folder; never beside the
 * image. The same image, unchanged, with the same page files, gets the same folder, so that a pass can go on where it was stopped.
 */
export function workFolder(image: string, chosen: string | undefined, pageFiles: readonly PageFileOption[] = []): string {
  return join(cacheRoot(chosen), `${basename(image).replaceAll(/[^\w.-]/g, '_').slice(0, 60)}-${identity(image, pageFiles)}`);
}

function identity(image: string, pageFiles: readonly PageFileOption[]): string {
  let what = resolve(image);
  try {
    const { size, mtimeMs } = statSync(image);
    what = `${realpathSync(image)}\0${size}\0${mtimeMs}`;
  } catch {
    // Opening the image says what is wrong with it.
  }
  if (pageFiles.length > 0) what += `\0${pageFilesIdentity(pageFiles)}`;
  return createHash('sha256').update(what).digest('hex').slice(0, 12);
}
