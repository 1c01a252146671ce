import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { type Attributes, type FileSystem, openMode, type Mounted, type MountOptions, type Reply, ROOT_ID } from './fuse.js';

/** Paths whose ids are kept, as the kernel would; each holds one reference to its node. */
const KEPT_PATHS = 8192;
const ENODATA = -61;
const ERANGE = -34;
const EROFS = -30;
const EOVERFLOW = -75;
/** Of access(2): may it be written? */
const W_OK = 2;

type Callback = (...answer: unknown[]) => void;
type Signal = (result: number, ...answer: unknown[]) => void;

interface Stat {
  readonly mode: number;
  readonly size: number;
  readonly ino: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly blksize: number;
  readonly blocks: number;
  readonly mtime: number;
  readonly atime: number;
  readonly ctime: number;
}

/** The parts of fuse-native 2.2.6 that we use; it has no types of its own. */
interface FuseNative {
  mount(done: (error?: Error) => void): void;
  /** Its own handlers of these two overrun a caller's buffer that is too small, so we answer them ourselves. */
  _op_getxattr: (signal: Signal, path: string, name: string, value: Buffer, position: number) => void;
  _op_listxattr: (signal: Signal, path: string, list: Buffer) => void;
}

type FuseNativeClass = new (mountPoint: string, operations: Record<string, unknown>, options: Record<string, unknown>) => FuseNative;

const TYPE = { directory: 0o040000, file: 0o100000, link: 0o120000 } as const;
const UID = process.getuid?.() ?? 0;
const GID = process.getgid?.() ?? 0;

/** fuse-native writes times as unsigned milliseconds: what lies before 1970 becomes 1970. */
function statOf(attributes: Attributes): Stat {
  const time = Math.max(0, attributes.mtimeMs);
  return {
    mode: TYPE[attributes.kind] | attributes.mode,
    size: attributes.size,
    ino: attributes.inode,
    nlink: 1,
    uid: UID,
    gid: GID,
    blksize: 4096,
    blocks: Math.ceil(attributes.size / 512),
    mtime: time,
    atime: time,
    ctime: time,
  };
}

/** Hands an answer on, now or when it comes. */
function settle<T>(reply: Reply<T>, done: (answer: T | number) => void): void {
  if (reply instanceof Promise) void reply.then(done);
  else done(reply);
}

const failed = (answer: unknown): answer is number => typeof answer === 'number' && answer < 0;

/** fuse-native speaks in paths; this keeps the ids of the paths in use, as the kernel does for other drivers. */
class Paths {
  readonly #ids = new Map<string, number>();

  constructor(private readonly fileSystem: FileSystem) {}

  /** The attributes of a path, always asked anew; its directories' ids are remembered. */
  attributes(path: string): Reply<Attributes> {
    if (path === '/') return this.fileSystem.attributes(ROOT_ID);
    const known = this.#known(path);
    if (known !== undefined) {
      const reply = this.fileSystem.attributes(known);
      if (!failed(reply)) return reply;
      this.#drop(path, known);
    }
    return this.#lookup(path);
  }

  /** The id of a path. */
  id(path: string): Reply<number> {
    if (path === '/') return ROOT_ID;
    const known = this.#known(path);
    if (known !== undefined) return known;
    const reply = this.#lookup(path);
    if (reply instanceof Promise) return reply.then((answer) => (typeof answer === 'number' ? answer : answer.id));
    return typeof reply === 'number' ? reply : reply.id;
  }

  #known(path: string): number | undefined {
    const id = this.#ids.get(path);
    if (id === undefined) return undefined;
    this.#ids.delete(path);
    this.#ids.set(path, id);
    return id;
  }

  #lookup(path: string): Reply<Attributes> {
    const slash = path.lastIndexOf('/');
    const parent = slash === 0 ? ROOT_ID : this.id(path.slice(0, slash));
    const name = path.slice(slash + 1);
    const found = (answer: Attributes | number): Attributes | number => {
      if (typeof answer !== 'number') this.#keep(path, answer.id);
      return answer;
    };
    const inParent = (id: number): Reply<Attributes> => {
      if (id < 0) return id;
      const reply = this.fileSystem.lookup(id, name);
      return reply instanceof Promise ? reply.then(found) : found(reply);
    };
    return parent instanceof Promise ? parent.then(inParent) : inParent(parent);
  }

  #keep(path: string, id: number): void {
    const before = this.#ids.get(path);
    if (before !== undefined) this.#drop(path, before);
    this.#ids.set(path, id);
    if (this.#ids.size > KEPT_PATHS) {
      const [oldest, its] = this.#ids.entries().next().value as [string, number];
      this.#drop(oldest, its);
    }
  }

  #drop(path: string, id: number): void {
    this.#ids.delete(path);
    this.fileSystem.forget(id, 1);
  }
}

function operations(fileSystem: FileSystem, paths: Paths): Record<string, unknown> {
  const withId = (path: string, done: Callback, ask: (id: number) => Reply<unknown>): void => {
    settle(paths.id(path), (id) => {
      if (id < 0) done(id);
      else settle(ask(id), (answer) => (failed(answer) ? done(answer) : done(0, answer)));
    });
  };
  const refuse = (...given: unknown[]): void => (given.at(-1) as Callback)(EROFS);
  /** Answers with nothing but success. */
  const agree = (path: string, done: Callback, ask: (id: number) => Reply<unknown>): void => withId(path, (error) => done(error), ask);
  return {
    getattr: (path: string, done: Callback) =>
      settle(paths.attributes(path), (answer) => (typeof answer === 'number' ? done(answer) : done(0, statOf(answer)))),
    // `test -w` of the administrator, whom no mode stops, is told the truth all the same.
    access: (path: string, mode: number, done: Callback) => {
      if ((mode & W_OK) === 0) return done(0);
      return settle(paths.attributes(path), (answer) => done(typeof answer === 'number' ? answer : (answer.mode & 0o222) === 0 ? EROFS : 0));
    },
    readdir: (path: string, done: Callback) => {
      settle(paths.id(path), (id) => {
        if (id < 0) return done(id);
        return settle(fileSystem.list(id), (answer) => {
          if (typeof answer === 'number') return done(answer);
          const names = answer.map((entry) => entry.name);
          // libfuse 2 passes on only the type and the inode, so that `find` need not ask for each file.
          const stats = answer.map((entry) => ({ mode: TYPE[entry.kind], ino: entry.inode, mtime: 0, atime: 0, ctime: 0 }));
          return done(0, names, stats);
        });
      });
    },
    readlink: (path: string, done: Callback) => withId(path, done, (id) => fileSystem.readlink(id)),
    open: (path: string, flags: number, done: Callback) => {
      settle(paths.id(path), (id) => {
        if (id < 0) return done(id);
        return settle(fileSystem.open(id, openMode(flags)), (answer) =>
          (typeof answer === 'number' ? done(answer) : done(0, answer.handle)));
      });
    },
    read: (_path: string, handle: number, target: Buffer, _length: number, offset: number, done: Callback) =>
      // fuse-native takes the count, or the errno, in the place of the error.
      settle(fileSystem.read(handle, offset, target), (answer) => done(answer)),
    write: (_path: string, handle: number, data: Buffer, _length: number, offset: number, done: Callback) =>
      settle(fileSystem.write(handle, offset, data), (answer) => done(answer)),
    truncate: (path: string, size: number, done: Callback) => agree(path, done, (id) => fileSystem.truncate(id, undefined, size)),
    ftruncate: (path: string, handle: number, size: number, done: Callback) => agree(path, done, (id) => fileSystem.truncate(id, handle, size)),
    chmod: (path: string, _mode: number, done: Callback) => agree(path, done, (id) => fileSystem.touch(id)),
    chown: (path: string, _uid: number, _gid: number, done: Callback) => agree(path, done, (id) => fileSystem.touch(id)),
    utimens: (path: string, _access: number, _modified: number, done: Callback) => agree(path, done, (id) => fileSystem.touch(id)),
    flush: (_path: string, handle: number, done: Callback) => settle(fileSystem.flush(handle), (answer) => done(answer)),
    fsync: (_path: string, _handle: number, _dataOnly: number, done: Callback) => done(0),
    release: (_path: string, handle: number, done: Callback) => {
      fileSystem.release(handle);
      done(0);
    },
    statfs: (_path: string, done: Callback) => {
      const status = fileSystem.status();
      done(0, {
        bsize: status.blockSize, frsize: status.blockSize, blocks: Math.min(status.blocks, 0xffffffff),
        bfree: 0, bavail: 0, files: 0, ffree: 0, favail: 0, fsid: 0, flag: 1, namemax: status.nameMax,
      });
    },
    // Listed so that fuse-native offers them; answered by the handlers put in their place below.
    getxattr: refuse,
    listxattr: refuse,
    // Control files take what is written to them; nothing else of the tree can be changed.
    create: refuse, unlink: refuse, rename: refuse, mkdir: refuse, rmdir: refuse, link: refuse, symlink: refuse, mknod: refuse,
    setxattr: refuse, removexattr: refuse,
  };
}

/** Extended attributes, with ERANGE where the caller's buffer is too small (fuse-native would read past it). */
function answerXattrs(fuse: FuseNative, fileSystem: FileSystem, paths: Paths): void {
  const give = (signal: Signal, target: Buffer, answer: Uint8Array | number): void => {
    if (typeof answer === 'number') signal(answer, target.buffer);
    else if (target.length === 0) signal(answer.length, target.buffer);
    else if (answer.length > target.length) signal(ERANGE, target.buffer);
    else {
      target.set(answer);
      signal(answer.length, target.buffer);
    }
  };
  fuse._op_getxattr = (signal, path, name, value) => {
    // Asked for every file by `ls -l` (security.selinux, system.posix_acl_access): never ours.
    if (!name.startsWith('user.')) return give(signal, value, ENODATA);
    return settle(paths.id(path), (id) => {
      if (id < 0) give(signal, value, id);
      else settle(fileSystem.xattr(id, name), (answer) => give(signal, value, answer));
    });
  };
  fuse._op_listxattr = (signal, path, list) => settle(paths.id(path), (id) => {
    if (id < 0) return give(signal, list, id);
    return settle(fileSystem.xattrNames(id), (answer) => {
      if (typeof answer === 'number') return give(signal, list, answer);
      const bytes = Buffer.from(answer.map((name) => `${name}\0`).join(''), 'utf8');
      return give(signal, list, bytes.length > 0xffff ? EOVERFLOW : bytes);
    });
  });
}

/** Keeps a library loaded though Node finds no module in it (dlopen(3)); Node's constants leave it out. */
const RTLD_NODELETE = 0x1000;

/**
 * Loads the addon. It wants `libfuse.so.2` by that name and does not say where: where the system has none, the copy that its own
 * dependency brings is loaded first.
 * @throws Error when it cannot be loaded
 */
export function loadFuseNative(): FuseNativeClass {
  const require = createRequire(import.meta.url);
  try {
    return require('fuse-native') as FuseNativeClass;
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('libfuse.so.2')) throw error;
  }
  const { lib } = createRequire(require.resolve('fuse-native'))('fuse-shared-library') as { readonly lib: string };
  try {
    process.dlopen({ exports: {} } as NodeJS.Module, lib, constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | RTLD_NODELETE);
  } catch (error) {
    // It is no addon, so this is said even though it is loaded now.
    if (!(error instanceof Error) || !error.message.includes('did not self-register')) throw error;
  }
  return require('fuse-native') as FuseNativeClass;
}

/**
 * libfuse knows one time for all files, and control files and what answers them change at any time. A millisecond is enough for what
 * one `stat` asks (a lookup, then the attributes), and less than a shell needs from one command to the next.
 */
const VALID = 0.001;

/**
 * Mounts through fuse-native 2.2.6 (libfuse 2.9). It must run on the main thread. All options that it has no name for travel in
 * `fsname`, since it joins its options with commas: `use_ino` (our inode numbers) above all.
 */
export async function mountFuseNative(fileSystem: FileSystem, options: MountOptions): Promise<Mounted> {
  const Fuse = loadFuseNative();
  const paths = new Paths(fileSystem);
  const name = options.name.replaceAll(/[^\w.+-]/g, '_');
  const injected = [name, 'subtype=memlens', 'use_ino', 'atomic_o_trunc', 'big_writes', `attr_timeout=${VALID}`,
    // What is cached is held against size and time at every opening: within a millisecond of the last look something may have been written.
    'ac_attr_timeout=0', 'nosuid', 'nodev', 'noexec', ...options.options];
  const fuse = new Fuse(options.mountPoint, operations(fileSystem, paths), {
    fsname: injected.join(','),
    autoUnmount: options.autoUnmount,
    autoCache: true,
    timeout: false,
    debug: options.debug,
  });
  answerXattrs(fuse, fileSystem, paths);
  await new Promise<void>((resolve, reject) => {
    fuse.mount((error) => (error ? reject(error) : resolve()));
  });
  return { close: () => undefined };
}
