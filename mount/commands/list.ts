import { statSync } from 'node:fs';
import type { BytesFile, Node } from '../../src/vfs/node.js';
import { childOf, needPath, type Found, type WalkedTree } from '../tree-path.js';
import { pieces, printLine, writeAll } from './output.js';
import { EXIT, UserError } from '../exit-codes.js';

function sizeOf(node: Node): number {
  switch (node.kind) {
    case 'window': return node.size;
    case 'bytes': return node.size ?? [...lengths(node)].reduce((sum, length) => sum + length, 0);
    case 'host': return statSync(node.path).size;
    case 'control': return Buffer.byteLength(node.read());
    case 'link': return Buffer.byteLength(node.target);
    case 'directory': return 4096;
  }
}

function* lengths(file: BytesFile): Generator<number> {
  for (const { length } of pieces(file)) yield length;
}

function timeOf(found: Found): string {
  return found.mtimeMs === undefined ? '-'.padEnd(19) : new Date(found.mtimeMs).toISOString().slice(0, 19).replace('T', ' ');
}

const TYPES: Readonly<Record<Node['kind'], string>> =
  { directory: 'dr-xr-xr-x', link: 'lrwxrwxrwx', bytes: '-r--r--r--', window: '-r--r--r--', host: '-r--r--r--', control: '-rw-r--r--' };

function printOne(found: Found, name: string, long: boolean): void {
  const { node } = found;
  if (!long) return printLine(name);
  return printLine(`${TYPES[node.kind]} ${String(sizeOf(node)).padStart(15)} ${timeOf(found)} ${name}${node.kind === 'link' ? ` -> ${node.target}` : ''}`);
}

/** `memlens ls`: the names in a directory, or one file; with `long` type, size and time (UTC) before them. */
export function ls(tree: WalkedTree, paths: readonly string[], long: boolean): void {
  for (const path of paths) {
    const found = needPath(tree, path, !long);
    if (paths.length > 1) printLine(`${path}:`);
    if (found.node.kind !== 'directory') printOne(found, path, long);
    else for (const [name, node] of found.node.entries()) printOne(childOf(found, name, node), name, long);
  }
}

/** `memlens cat`: the bytes of files. */
export function cat(tree: WalkedTree, paths: readonly string[]): void {
  for (const path of paths) {
    const { node } = needPath(tree, path);
    if (node.kind === 'directory' || node.kind === 'link') throw new UserError(`${path} is a directory; \`memlens ls\` shows what is in it.`, EXIT.path);
    for (const piece of pieces(node)) writeAll(1, piece);
  }
}

/** What `memlens find` keeps. */
export interface FindTests {
  /** A shell pattern on the last name. */
  readonly name: RegExp | undefined;
  readonly type: 'f' | 'd' | 'l' | undefined;
}

/** A shell pattern (`*`, `?`, `[abc]`) as a regular expression of the whole name. */
export function globPattern(glob: string): RegExp {
  const source = glob.replace(/\[!?[^\]]+\]|[\s\S]/gu, (part) => {
    if (part === '*') return '[^]*';
    if (part === '?') return '[^]';
    if (part.length > 2 && part.startsWith('[')) return part.replace(/^\[!/, '[^').replaceAll('\\', '\\\\');
    return part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  });
  return new RegExp(`^${source}$`, 'u');
}

function typeOf(node: Node): 'f' | 'd' | 'l' {
  return node.kind === 'directory' ? 'd' : node.kind === 'link' ? 'l' : 'f';
}

/** `memlens find`: all paths below some, each directory before what is in it. Links are not followed. */
export function find(tree: WalkedTree, paths: readonly string[], tests: FindTests): void {
  const visit = (node: Node, path: string, name: string): void => {
    if ((tests.type === undefined || typeOf(node) === tests.type) && (tests.name?.test(name) ?? true)) printLine(path);
    if (node.kind !== 'directory') return;
    for (const [child, its] of node.entries()) visit(its, path.endsWith('/') ? path + child : `${path}/${child}`, child);
  };
  for (const path of paths) {
    const found = needPath(tree, path, false);
    visit(found.node, path, found.names.at(-1) ?? '/');
  }
}
