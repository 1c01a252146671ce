import { read as readFile } from 'node:fs';
import { open as openFile, type FileHandle } from 'node:fs/promises';
import type { Attributes, DirectoryEntry, FileSystem, FileSystemStatus, Opened, OpenMode, Reply } from '../native-bindings/fuse.js';
import { unixMs } from '../src/bytes/filetime.js';
import { isFileName } from '../src/vfs/name.js';
import type { Node, WindowFile } from '../src/vfs/node.js';
import { safeLine } from '../src/vfs/text.js';
import type { Contents } from './contents.js';
import { ControlFiles, type ControlWriter } from './control-files.js';
import { EBADF, EINVAL, EIO, EISDIR, EMFILE, ENODATA, EROFS, Refusal } from './errno.js';
import { mimeType } from './mime.js';
import { preparation } from './preparation.js';
import type { Renderer } from './renderer.js';
import { inodeBelow, kindOf, type Place, type Resolver } from './resolver.js';
import type { SlowXattrs } from './slow-xattrs.js';

const MODE = { directory: 0o555, file: 0o444, link: 0o777 } as const;
const CONTROL_MODE = 0o644;
const OPEN_FILES = 65_536;
const LOGGED_LINES = 200;
const BLOCK = 4096;

/** What the mount serves from. */
export interface Served {
  readonly resolver: Resolver;
  readonly contents: Contents;
  readonly slowXattrs: SlowXattrs;
  /** Lists slow directories; undefined: they are listed here. */
  readonly renderer: Renderer | undefined;
  /** Bytes of the image, for `df`. */
  readonly size: number;
  /** Permission bits taken from all files. */
  readonly umask: number;
  /** Takes one line a failure. */
  readonly log: (line: string) => void;
}

/** What an open file reads from. */
type Source =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'window'; readonly window: WindowFile }
  | { readonly kind: 'host'; readonly file: FileHandle }
  | { readonly kind: 'control'; readonly bytes: Uint8Array; readonly writer: ControlWriter | undefined };

/** Takes each complaint once, as one line. */
function complaints(log: (line: string) => void): (name: string, why: string) => void {
  const logged = new Set<string>();
  return (name, why) => {
    const line = safeLine(`${name}: ${why}`);
    if (logged.has(line) || logged.size >= LOGGED_LINES) return;
    logged.add(line);
    log(line);
  };
}

/** The one wrapper of all handlers: a refusal becomes its errno; anything unforeseen becomes EIO and a complaint. */
function guards(complain: (name: string, why: string) => void): <A extends unknown[], T>(name: string, handler: (...given: A) => T | Promise<T>) => (...given: A) => Reply<T> {
  const failed = (name: string, error: unknown): number => {
    if (error instanceof Refusal) return error.errno;
    complain(name, error instanceof Error ? error.message : String(error));
    return EIO;
  };
  return (name, handler) => (...given) => {
    try {
      const answer = handler(...given);
      return answer instanceof Promise ? answer.catch((error: unknown) => failed(name, error)) : answer;
    } catch (error) {
      return failed(name, error);
    }
  };
}

function copyFrom(bytes: Uint8Array, offset: number, target: Uint8Array): number {
  if (offset >= bytes.length) return 0;
  const part = bytes.subarray(offset, offset + target.length);
  target.set(part);
  return part.length;
}

/** The file system's answers. */
export function operations(served: Served): FileSystem {
  const { resolver, contents } = served;
  const handles = new Map<number, Source>();
  let nextHandle = 1;
  const complain = complaints(served.log);
  const guard = guards(complain);
  const controls = new ControlFiles(complain);

  const attributesOf = (place: Place): Attributes | Promise<Attributes> => {
    const node = resolver.node(place);
    const kind = kindOf(node);
    const time = resolver.mtime(place);
    const mtimeMs = time === undefined ? 0 : unixMs(time);
    const mode = (node.kind === 'control' ? CONTROL_MODE : MODE[kind]) & ~served.umask;
    const base = { id: place.id, inode: place.inode, kind, mode, volatile: node.volatile === true || node.kind === 'control' };
    switch (node.kind) {
      case 'directory': return { ...base, size: BLOCK, mtimeMs };
      case 'link': return { ...base, size: Buffer.byteLength(node.target), mtimeMs };
      case 'window': {
        const pending = preparation(contents, place.path, node);
        return pending === undefined ? { ...base, size: node.size, mtimeMs } : pending.then(() => ({ ...base, size: node.size, mtimeMs }));
      }
      case 'host': return contents.hostStatus(node).then((its) => (
        { ...base, size: its.size, mtimeMs: node.volatile === true ? Math.floor(its.mtimeMs) : mtimeMs }));
      case 'control': {
        const { size, bump } = controls.content(place.path, node);
        return { ...base, size, mtimeMs: mtimeMs + bump };
      }
      case 'bytes': {
        const status = contents.status(place.path, node);
        const done = (its: { size: number; bump: number }): Attributes => ({ ...base, size: its.size, mtimeMs: mtimeMs + its.bump });
        return status instanceof Promise ? status.then(done) : done(status);
      }
    }
  };

  const cheap = (path: string, node: Node): boolean =>
    (node.kind === 'bytes' ? contents.isKnown(path, node) : node.kind === 'window' ? node.prepared?.done !== false : node.kind !== 'host');

  const entriesOf = (place: Place): DirectoryEntry[] | Promise<DirectoryEntry[]> => {
    const directory = resolver.directory(place);
    const inode = (name: string): number => inodeBelow(place, name);
    if (directory.cost === 'slow' && served.renderer !== undefined) {
      return served.renderer.list(place.path).then((listed) => {
        if (listed === undefined) throw new Error(`the render worker does not know ${place.path}`);
        return listed.filter(([name]) => isFileName(name)).map(([name, kind]) => ({ name, kind, inode: inode(name), cheap: false }));
      });
    }
    const above = place.path === '/' ? '' : place.path;
    const entries: DirectoryEntry[] = [];
    for (const [name, node] of directory.entries()) {
      // One name that the kernel refuses would make the whole directory unreadable.
      if (isFileName(name)) entries.push({ name, kind: kindOf(node), inode: inode(name), cheap: cheap(`${above}/${name}`, node) });
      else complain('list', `${above}/${name} is no file name and is left out`);
    }
    return entries;
  };

  const sourceOf = async (place: Place, node: Node): Promise<Source> => {
    if (node.kind === 'host') return { kind: 'host', file: await openFile(node.path, 'r') };
    if (node.kind !== 'bytes') throw new Refusal(EINVAL);
    const content = await contents.content(place.path, node);
    if (content.bytes !== undefined) return { kind: 'bytes', bytes: content.bytes };
    if (content.file === undefined) throw new Error('a rendered file has neither bytes nor a spool file');
    return { kind: 'host', file: await openFile(content.file, 'r') };
  };

  const opened = (source: Source, isVolatile: boolean): Opened => {
    if (handles.size >= OPEN_FILES) throw new Refusal(EMFILE);
    while (handles.has(nextHandle)) nextHandle = nextHandle === 0x7fff_ffff ? 1 : nextHandle + 1;
    const handle = nextHandle;
    nextHandle = handle === 0x7fff_ffff ? 1 : handle + 1;
    handles.set(handle, source);
    return { handle, direct: isVolatile, keepCache: !isVolatile };
  };

  const openAt = (id: number, mode: OpenMode): Opened | Promise<Opened> => {
    const place = resolver.place(id);
    const node = resolver.node(place);
    if (node.kind === 'directory') throw new Refusal(EISDIR);
    if (node.kind === 'control') {
      const writer = mode.writing || mode.truncate ? controls.writer(place.path, node, mode) : undefined;
      return opened({ kind: 'control', bytes: controls.content(place.path, node).bytes, writer }, true);
    }
    if (mode.writing || mode.truncate) throw new Refusal(EROFS);
    const isVolatile = node.volatile === true;
    if (node.kind === 'window') {
      const pending = preparation(contents, place.path, node);
      const window = (): Opened => opened({ kind: 'window', window: node }, isVolatile);
      return pending === undefined ? window() : pending.then(window);
    }
    if (node.kind === 'bytes') {
      const content = contents.content(place.path, node);
      if (!(content instanceof Promise) && content.bytes !== undefined) return opened({ kind: 'bytes', bytes: content.bytes }, isVolatile);
    }
    return sourceOf(place, node).then((source) => opened(source, isVolatile));
  };

  const writerOf = (handle: number): ControlWriter => {
    const source = handles.get(handle);
    if (source?.kind !== 'control' || source.writer === undefined) throw new Refusal(EBADF);
    return source.writer;
  };

  /** The attributes of a control file; nothing of any other can be set. */
  const settable = (id: number): Attributes | Promise<Attributes> => {
    const place = resolver.place(id);
    if (resolver.node(place).kind !== 'control') throw new Refusal(EROFS);
    return attributesOf(place);
  };

  const truncateAt = async (id: number, handle: number | undefined, size: number): Promise<Attributes> => {
    const place = resolver.place(id);
    const node = resolver.node(place);
    if (node.kind !== 'control') throw new Refusal(EROFS);
    if (handle !== undefined) writerOf(handle).truncate(size);
    else if (size === 0) {
      const writer = controls.writer(place.path, node, { writing: true, truncate: true, append: false });
      writer.release();
    } else throw new Refusal(EINVAL);
    return { ...await attributesOf(place), size };
  };

  const readAt = (handle: number, offset: number, target: Uint8Array): number | Promise<number> => {
    const source = handles.get(handle);
    if (source === undefined) throw new Refusal(EBADF);
    switch (source.kind) {
      case 'bytes': return copyFrom(source.bytes, offset, target);
      case 'control': return copyFrom(source.writer === undefined ? source.bytes : source.writer.bytes, offset, target);
      case 'window': {
        const length = Math.max(0, Math.min(target.length, source.window.size - offset));
        if (length > 0) source.window.fill(offset, target.subarray(0, length));
        return length;
      }
      case 'host': return new Promise((resolve, reject) => {
        readFile(source.file.fd, target, 0, target.length, offset, (error, count) => {
          if (error) reject(error);
          else resolve(count);
        });
      });
    }
  };

  const xattrsOf = (place: Place): Readonly<Record<string, string>> => {
    const node = resolver.node(place);
    return { 'user.mime_type': mimeType(place.name, node), ...node.xattrs?.() };
  };

  const xattrOf = (place: Place, name: string): Uint8Array | Promise<Uint8Array> => {
    const quick = xattrsOf(place);
    if (Object.hasOwn(quick, name)) return Buffer.from(quick[name] ?? '', 'utf8');
    const { slowXattrs } = resolver.node(place);
    if (slowXattrs?.names.includes(name) !== true) throw new Refusal(ENODATA);
    return served.slowXattrs.read(place.path, slowXattrs.read).then((all) => {
      const value = Object.hasOwn(all, name) ? all[name] : undefined;
      if (value === undefined) throw new Refusal(ENODATA);
      return Buffer.from(value, 'utf8');
    });
  };

  const status: FileSystemStatus = { blockSize: BLOCK, blocks: Math.ceil(served.size / BLOCK), nameMax: 255 };

  return {
    lookup: guard('lookup', (parent: number, name: string) => {
      const place = resolver.lookup(resolver.place(parent), name);
      const giveBack = (error: unknown): never => {
        resolver.forget(place.id, 1);
        throw error;
      };
      try {
        const answer = attributesOf(place);
        return answer instanceof Promise ? answer.catch(giveBack) : answer;
      } catch (error) {
        return giveBack(error);
      }
    }),
    forget: (id, count) => resolver.forget(id, count),
    attributes: guard('attributes', (id: number) => attributesOf(resolver.place(id))),
    list: guard('list', (id: number) => entriesOf(resolver.place(id))),
    open: guard('open', openAt),
    read: guard('read', readAt),
    write: guard('write', (handle: number, offset: number, data: Uint8Array) => writerOf(handle).write(offset, data)),
    truncate: guard('truncate', truncateAt),
    touch: guard('touch', settable),
    flush: guard('flush', (handle: number) => {
      const source = handles.get(handle);
      return source?.kind === 'control' && source.writer !== undefined ? source.writer.flush() : 0;
    }),
    release: guard('release', (handle: number) => {
      const source = handles.get(handle);
      handles.delete(handle);
      if (source?.kind === 'host') void source.file.close();
      return source?.kind === 'control' && source.writer !== undefined ? source.writer.release().then(() => 0) : 0;
    }),
    xattr: guard('xattr', (id: number, name: string) => xattrOf(resolver.place(id), name)),
    xattrNames: guard('xattr names', (id: number) => {
      const place = resolver.place(id);
      return [...Object.keys(xattrsOf(place)), ...resolver.node(place).slowXattrs?.names ?? []] as readonly string[];
    }),
    readlink: guard('readlink', (id: number) => {
      const node = resolver.node(resolver.place(id));
      if (node.kind !== 'link') throw new Refusal(EINVAL);
      return node.target;
    }),
    status: () => status,
  };
}
