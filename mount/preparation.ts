import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import type { WindowFile } from '../src/vfs/node.js';
import type { Contents } from './contents.js';

/** Hands a window what it needs first, rendered like a file of its own; undefined: it needs nothing. */
export function preparation(contents: Contents, path: string, { prepared }: WindowFile): Promise<void> | undefined {
  if (prepared === undefined || prepared.done) return undefined;
  return (async () => {
    const { bytes, file } = await contents.content(posix.join(posix.dirname(path), prepared.name), prepared.file);
    if (bytes !== undefined) prepared.take(bytes);
    else if (file !== undefined) prepared.take(await readFile(file));
  })();
}
