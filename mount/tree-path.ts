import { unixMs } from '../src/bytes/filetime.js';
import type { Directory, Node } from '../src/vfs/node.js';
import { EXIT, UserError } from './exit-codes.js';

/** Links followed on the way to one path. */
const LINKS = 40;

/** The parts of an opened tree that walking needs. */
export interface WalkedTree {
  readonly root: Directory;
  /** FILETIME. */
  readonly captureTime: bigint | undefined;
}

/** A node found by its path, for the commands that need no mount. */
export interface Found {
  readonly node: Node;
  /** The names from the root. */
  readonly names: readonly string[];
  /** The subject's time; undefined: not known. */
  readonly mtimeMs: number | undefined;
}

/** A child of a found directory. */
export function childOf(found: Found, name: string, node: Node): Found {
  return { node, names: [...found.names, name], mtimeMs: node.mtime === undefined ? found.mtimeMs : unixMs(node.mtime) };
}

/** What a path in the tree leads to; undefined when there is none. Links are followed, the last one only when asked. */
export function findPath({ root, captureTime }: WalkedTree, path: string, followLast = true): Found | undefined {
  const start: Found = { node: root, names: [], mtimeMs: captureTime === undefined ? undefined : unixMs(captureTime) };
  const waiting = path.split('/').reverse();
  const line: Found[] = [start];
  let links = 0;
  while (waiting.length > 0) {
    const name = waiting.pop() as string;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (line.length > 1) line.pop();
      continue;
    }
    const at = line.at(-1) as Found;
    const node = at.node.kind === 'directory' ? at.node.lookup(name) : undefined;
    if (node === undefined) return undefined;
    if (node.kind === 'link' && (followLast || waiting.some((rest) => rest !== '' && rest !== '.'))) {
      links += 1;
      if (links > LINKS || node.target.startsWith('/')) return undefined;
      waiting.push(...node.target.split('/').reverse());
      continue;
    }
    line.push(childOf(at, name, node));
  }
  return line.at(-1);
}

/** As `findPath`, with a sentence when there is nothing. */
export function needPath(tree: WalkedTree, path: string, followLast = true): Found {
  const found = findPath(tree, path, followLast);
  if (found === undefined) throw new UserError(`${path} is not in the tree; \`memlens ls\` of the folder above shows what is.`, EXIT.path);
  return found;
}
