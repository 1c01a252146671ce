import { closeSync, existsSync, ftruncateSync, futimesSync, lutimesSync, mkdirSync, openSync, symlinkSync, utimesSync, writeSync } from 'node:fs';
import { join, posix, resolve } from 'node:path';
import type { FileNode, WindowFile } from '../../src/vfs/node.js';
import { EXIT, UserError } from '../exit-codes.js';
import { childOf, needPath, type Found, type WalkedTree } from '../tree-path.js';
import { pieces, writeAll } from './output.js';

const CHUNK = 1 << 20;
/** A window that cannot say where its data lies is written out whole only up to this size: 1 TiB. */
const WHOLE = 2 ** 40;
/** Common file systems hold no larger file: 8 TiB. */
const LARGEST = 2 ** 43;

export interface Exported {
  files: number;
  bytes: number;
  /** What was left out, each a sentence. */
  readonly left: string[];
}

function writeAt(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
}

/** Only where there is data; the rest stays a hole. @returns bytes written */
function writeWindow(fd: number, window: WindowFile): number {
  const buffer = Buffer.allocUnsafe(CHUNK);
  let written = 0;
  for (const run of window.runs?.() ?? [{ start: 0, length: window.size }]) {
    for (let at = run.start; at < run.start + run.length; at += CHUNK) {
      const piece = buffer.subarray(0, Math.min(CHUNK, run.start + run.length - at));
      window.fill(at, piece);
      if (piece.every((byte) => byte === 0)) continue;
      writeAt(fd, piece, at);
      written += piece.length;
    }
  }
  ftruncateSync(fd, window.size);
  return written;
}

function writeFile(target: string, file: FileNode, mtimeMs: number | undefined, done: Exported): void {
  if (file.kind === 'window' && (file.size > LARGEST || (file.runs === undefined && file.size > WHOLE))) {
    done.left.push(`${target} would be ${file.size} bytes, more than a file can be; export a part of it.`);
    return;
  }
  const fd = openSync(target, 'wx', 0o644);
  try {
    if (file.kind === 'window') done.bytes += writeWindow(fd, file);
    else {
      for (const piece of pieces(file)) {
        writeAll(fd, piece);
        done.bytes += piece.length;
      }
    }
    if (mtimeMs !== undefined) futimesSync(fd, mtimeMs / 1000, mtimeMs / 1000);
  } finally {
    closeSync(fd);
  }
  done.files += 1;
}

/**
 * `memlens export`: writes a file or a subtree into `folder`, which must be empty or not exist. Files are sparse where memory is,
 * times are the subjects'. Links that would lead out of the folder are left out. Names of the tree hold no slash, so nothing
 * is written elsewhere.
 * @param progress told the count of files now and then
 */
export function exportTree(tree: WalkedTree, path: string, folder: string, progress: (files: number) => void): Exported {
  const top = needPath(tree, path);
  const target = resolve(folder);
  const done: Exported = { files: 0, bytes: 0, left: [] };
  const depth = top.names.length;
  const visit = (found: Found, to: string): void => {
    const { node, mtimeMs } = found;
    const seconds = mtimeMs === undefined ? undefined : mtimeMs / 1000;
    if (node.kind === 'directory') {
      mkdirSync(to, { recursive: found === top });
      for (const [name, child] of node.entries()) visit(childOf(found, name, child), join(to, name));
      if (seconds !== undefined) utimesSync(to, seconds, seconds);
      return;
    }
    if (node.kind === 'link') {
      const within = found.names.slice(depth, -1);
      const leads = posix.join(...within, node.target);
      if (node.target.startsWith('/') || leads === '..' || leads.startsWith('../')) {
        done.left.push(`${found.names.join('/')} is a link out of what is exported (${node.target}).`);
        return;
      }
      symlinkSync(node.target, to);
      if (seconds !== undefined) lutimesSync(to, seconds, seconds);
    } else {
      writeFile(to, node, mtimeMs, done);
    }
    if (done.files % 100 === 0) progress(done.files);
  };
  const name = top.names.at(-1);
  if (top.node.kind === 'directory') {
    if (existsSync(target)) throw new UserError(`${folder} exists; give the name of a folder that does not exist yet.`, EXIT.folder);
    visit(top, target);
    return done;
  }
  mkdirSync(target, { recursive: true });
  const file = join(target, name ?? 'root');
  if (existsSync(file)) throw new UserError(`${file} exists; give another folder.`, EXIT.folder);
  visit(top, file);
  return done;
}
