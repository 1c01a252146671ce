import { lookup } from 'mime-types';
import type { Node } from '../src/vfs/node.js';

/** Types of extensions that `mime-types` does not know, or knows as something else. */
const OURS: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  jsonl: 'application/x-ndjson',
  sqlite: 'application/vnd.sqlite3',
  reghive: 'application/octet-stream',
  vmem: 'application/octet-stream',
  pmem: 'application/octet-stream',
  map: 'text/plain',
};

/** The MIME type of a file: what the node says, else what its name's extension gives. */
export function mimeType(name: string, node: Node): string {
  if (node.kind === 'directory') return 'inode/directory';
  if (node.kind === 'link') return 'inode/symlink';
  if (node.kind !== 'window' && node.mime !== undefined) return node.mime;
  // A name that only begins with a dot (a section, `.text`) has no extension.
  if (name.lastIndexOf('.') <= 0) return 'application/octet-stream';
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  if (Object.hasOwn(OURS, extension)) return OURS[extension] ?? 'application/octet-stream';
  return lookup(extension) || 'application/octet-stream';
}
