import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { childOf, type Found } from '../../mount/tree-path.js';
import type { BytesFile, FileNode, Node } from '../../src/vfs/node.js';

/** What a golden directory holds: its own files by path. */
export type Snapshot = ReadonlyMap<string, string>;

/** How much of the tree is written out, by path below the root without a leading slash. */
export interface Choice {
  /** Directories shown as one line, with a digest of all that is in them. */
  readonly folded: RegExp;
  /** Files whose text is kept, with those of their twins. */
  readonly kept: RegExp;
  /** Files whose bytes are not the same at every making. */
  readonly loose: RegExp;
}

/** Windows on more bytes than this are not read: what they show is tested where they are made. */
const MAX_WINDOW = 64 << 10;

function bytesOf(node: FileNode): Uint8Array {
  switch (node.kind) {
    case 'bytes': return node.render();
    case 'host': return readFileSync(node.path);
    case 'control': return Buffer.from(node.read());
    case 'window': {
      const bytes = Buffer.alloc(node.size);
      node.fill(0, bytes);
      return bytes;
    }
  }
}

function sha256(...parts: readonly (Uint8Array | string)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 12);
}

/** A file's size, and the digest of it and its twins. */
function contentOf(node: FileNode): { readonly size: number; readonly digest: string } {
  if (node.kind === 'window' && node.size > MAX_WINDOW) return { size: node.size, digest: '-' };
  const bytes = bytesOf(node);
  const twins = node.kind === 'bytes' ? Object.values(node.twins ?? {}) : [];
  return { size: bytes.length, digest: sha256(bytes, ...twins.map(bytesOf)) };
}

/** Takes the snapshot of a tree: `listing.txt` with every entry (type, size, time, digest, name), and the text that is kept under `tree/`. */
export function snapshotOf(root: Found, { folded, kept, loose }: Choice): Snapshot {
  const files = new Map<string, string>();
  /** Nodes that stand in several places are read once. */
  const digests = new Map<Node, string>();
  const contents = new Map<FileNode, ReturnType<typeof contentOf>>();
  const listing: string[] = [];

  const digestOf = (found: Found): string => {
    const { node } = found;
    let digest = digests.get(node);
    if (digest === undefined) {
      if (node.kind === 'directory') digest = sha256([...node.entries()].map(([name, child]) => entryLine(childOf(found, name, child), name)).join('\n'));
      else digest = node.kind === 'link' ? sha256(node.target) : fileOf(node).digest;
      digests.set(node, digest);
    }
    return digest;
  };
  const fileOf = (node: FileNode): ReturnType<typeof contentOf> => {
    let content = contents.get(node);
    if (content === undefined) contents.set(node, content = contentOf(node));
    return content;
  };
  const entryLine = (found: Found, name: string): string => {
    const { node } = found;
    const time = found.mtimeMs === undefined ? '-' : new Date(found.mtimeMs).toISOString();
    if (node.kind === 'link') return `l ${' '.repeat(24)} ${time} ${name} -> ${node.target}`;
    if (node.kind === 'directory') return `d ${' '.repeat(11)} ${digestOf(found)} ${time} ${name}`;
    if (loose.test(found.names.join('/'))) return `f ${name}`;
    const { size, digest } = fileOf(node);
    return `f ${String(size).padStart(11)} ${digest.padEnd(12)} ${time} ${name}`;
  };
  const keep = (path: string, file: BytesFile): void => {
    files.set(`tree/${path}`, Buffer.from(file.render()).toString('utf8'));
    for (const [extension, twin] of Object.entries(file.twins ?? {})) keep(path.replace(/[^.]*$/, extension), twin);
  };
  const visit = (found: Found): void => {
    const { node } = found;
    if (node.kind !== 'directory') return;
    const children = [...node.entries()].map(([name, child]) => ({ name, child: childOf(found, name, child) }));
    listing.push(`/${found.names.join('/')}:`, ...children.map(({ name, child }) => entryLine(child, name)), '');
    for (const { child } of children) {
      const path = child.names.join('/');
      if (child.node.kind === 'directory' && !folded.test(path)) visit(child);
      if (child.node.kind === 'host' && kept.test(path)) files.set(`tree/${path}`, readFileSync(child.node.path, 'utf8'));
      if (child.node.kind === 'bytes' && kept.test(path)) keep(path, child.node);
    }
  };
  visit(root);
  files.set('listing.txt', `${listing.join('\n')}`);
  return files;
}

/** The first lines in which two texts differ, in words; undefined when they are equal. */
export function differenceOf(expected: string, found: string): string | undefined {
  if (expected === found) return undefined;
  const [left, right] = [expected.split('\n'), found.split('\n')];
  const at = left.findIndex((line, i) => line !== right[i]);
  const line = at < 0 ? left.length : at;
  return `line ${line + 1}\n  expected ${left[line] ?? '(the end)'}\n  found    ${right[line] ?? '(the end)'}`;
}
