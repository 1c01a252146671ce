import assert from 'node:assert/strict';
import type { TreeServices } from '../../../../mount/tree/services.js';
import type { BytesFile, Directory, Node, WindowFile } from '../../../../src/vfs/node.js';

/** A tree that is not mounted. */
export const NO_SERVICES: TreeServices = { search: undefined, lsassMinidump: false };

/** The node at a path below a directory. */
export function nodeAt(directory: Directory, path: string): Node | undefined {
  let node: Node | undefined = directory;
  for (const name of path.split('/')) node = node?.kind === 'directory' ? node.lookup(name) : undefined;
  return node;
}

export function directoryAt(directory: Directory, path: string): Directory {
  const node = nodeAt(directory, path);
  assert.ok(node?.kind === 'directory', `${path} is a directory`);
  return node;
}

/** The text of the file at a path; undefined when there is none. */
export function textAt(directory: Directory, path: string): string | undefined {
  const node = nodeAt(directory, path);
  if (node === undefined) return undefined;
  assert.equal(node.kind, 'bytes', `${path} is a file`);
  return Buffer.from((node as BytesFile).render()).toString('utf8');
}

export function windowAt(directory: Directory, path: string): WindowFile {
  const node = nodeAt(directory, path);
  assert.ok(node?.kind === 'window', `${path} is a window`);
  return node;
}

/** What `ls` shows. */
export function listed(directory: Directory): string[] {
  return [...directory.entries()].map(([name]) => name);
}
