import { spawn, spawnSync } from 'node:child_process';
import { close, openSync, read, writeSync } from 'node:fs';
import { type Attributes, type DirectoryEntry, type FileSystem, openMode, type Mounted, type MountOptions, type Reply } from './fuse.js';
import {
  CHANGES, direntSize, ENTRY, IN_HEADER, MAJOR, MAX_READ, OP, OPEN_FLAGS, OUT_HEADER, putAttributeAnswer, putDirent, putEntry, putInit,
  putStatus, SET, type Owner,
} from './fuse-protocol.js';

const EINVAL = 22;
const EIO = 5;
const EROFS = 30;
const ENOSYS = 38;
const ENODEV = 'ENODEV';
/** Requests waited for at once; each holds a thread of libuv's pool (4) while it waits. */
const WAITING = 2;
/** The kernel wants room for its largest write beside the header. */
const REQUEST = MAX_READ + 8192;
const READ_AHEAD = MAX_READ;

/** A directory as it was when it was opened, so that reading on finds the same order. */
interface OpenDirectory {
  readonly id: number;
  entries: Promise<readonly DirectoryEntry[] | number> | undefined;
}

/**
 * Mounts by speaking the FUSE protocol over /dev/fuse, without native code. mount(8) hands the descriptor to the kernel, so
 * this needs root. Requests are read by libuv's threads and answered on this one: one hop less than through libfuse.
 *
 * @throws Error with one sentence when the device cannot be opened or mount(8) refuses
 */
export async function mountByDevice(fileSystem: FileSystem, options: MountOptions): Promise<Mounted> {
  const fd = openSync('/dev/fuse', 'r+');
  const given = new Map(options.options.map((option) => option.split('=', 2)).map(([key = '', value]) => [key, value]));
  const owner: Owner = {
    uid: Number(given.get('uid') ?? process.getuid?.() ?? 0), gid: Number(given.get('gid') ?? process.getgid?.() ?? 0),
  };
  const passed = options.options.filter((option) => !/^(uid|gid|umask)=/.test(option));
  const mountOptions = [
    'fd=3', 'rootmode=40000', `user_id=${process.getuid?.() ?? 0}`, `group_id=${process.getgid?.() ?? 0}`, `max_read=${MAX_READ}`,
    'default_permissions', 'nosuid', 'nodev', 'noexec', ...passed,
  ].join(',');
  const mounted = spawnSync('mount', ['-i', '-t', 'fuse', '-o', mountOptions, options.name, options.mountPoint],
    { stdio: ['ignore', 'ignore', 'pipe', fd] });
  if (mounted.status !== 0) {
    close(fd);
    throw new Error(`mount refused: ${mounted.stderr.toString('utf8').trim().split('\n').at(-1) ?? 'no reason given'}`);
  }
  if (options.autoUnmount) unmountWhenDead(options.mountPoint);
  const device = new Device(fd, fileSystem, owner);
  await device.serve();
  return { close: () => device.close() };
}

/** A shell that waits for the end of a pipe that dies with this process. */
function unmountWhenDead(mountPoint: string): void {
  const child = spawn('sh', ['-c', 'cat >/dev/null; umount -l -- "$1" 2>/dev/null', 'sh', mountPoint],
    { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
}

/** A refusal with an errno, answered to the kernel. */
class Refused extends Error {
  constructor(readonly errno: number) {
    super(`errno ${errno}`);
  }
}

class Device {
  readonly #directories = new Map<number, OpenDirectory>();
  readonly #free: Buffer[] = [];
  #nextHandle = 1;
  #closed = false;
  #started: (() => void) | undefined;

  constructor(private readonly fd: number, private readonly fileSystem: FileSystem, private readonly owner: Owner) {}

  /** Resolves when the kernel has said INIT. */
  serve(): Promise<void> {
    return new Promise((resolve) => {
      this.#started = resolve;
      for (let index = 0; index < WAITING; index += 1) this.#wait(Buffer.allocUnsafeSlow(REQUEST));
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.fd);
  }

  #wait(buffer: Buffer): void {
    if (this.#closed) return;
    read(this.fd, buffer, 0, buffer.length, -1, (error, length) => {
      if (error) {
        if (error.code === ENODEV || this.#closed) return;
        // A request that was taken back before it was read (ENOENT), or a signal: wait for the next.
        this.#wait(buffer);
        return;
      }
      // The request's own bytes are used up before the buffer waits again, but for writes, which copy theirs.
      this.#answer(buffer.subarray(0, length));
      this.#wait(buffer);
    });
  }

  #answer(request: Buffer): void {
    const op = request.readUInt32LE(4);
    const unique = request.readBigUInt64LE(8);
    const id = Number(request.readBigUInt64LE(16));
    const body = request.subarray(IN_HEADER);
    if (op === OP.FORGET) return this.fileSystem.forget(id, Number(body.readBigUInt64LE(0)));
    if (op === OP.BATCH_FORGET) return this.#batchForget(body);
    if (op === OP.INTERRUPT) return;
    let answer: Promise<void> | void;
    try {
      answer = this.#dispatch(op, unique, id, body);
    } catch (error) {
      this.#fail(unique, error);
      return;
    }
    answer?.catch((error: unknown) => this.#fail(unique, error));
  }

  #batchForget(body: Buffer): void {
    const count = body.readUInt32LE(0);
    for (let index = 0; index < count && 8 + index * 16 + 16 <= body.length; index += 1) {
      const at = 8 + index * 16;
      this.fileSystem.forget(Number(body.readBigUInt64LE(at)), Number(body.readBigUInt64LE(at + 8)));
    }
  }

  #dispatch(op: number, unique: bigint, id: number, body: Buffer): Promise<void> | void {
    const fs = this.fileSystem;
    // The buffer takes the next request while an answer is awaited: what is needed then is read from it now.
    const room = body.length >= 4 ? body.readUInt32LE(0) : 0;
    switch (op) {
      case OP.INIT: return this.#init(unique, body);
      case OP.LOOKUP: return this.#with(fs.lookup(id, name(body)), (found) => this.#send(unique, ENTRY, (out, at) => putEntry(out, at, found, this.owner)));
      case OP.GETATTR: return this.#with(fs.attributes(id), (found) => this.#send(unique, 104, (out, at) => putAttributeAnswer(out, at, found, this.owner)));
      case OP.SETATTR: return this.#with(this.#set(id, body), (found) => this.#send(unique, 104, (out, at) => putAttributeAnswer(out, at, found, this.owner)));
      case OP.READLINK: return this.#with(fs.readlink(id), (target) => this.#bytes(unique, Buffer.from(target, 'utf8')));
      case OP.OPEN: return this.#with(fs.open(id, openMode(body.readUInt32LE(0))), ({ handle, direct, keepCache }) =>
        this.#opened(unique, handle, (direct ? OPEN_FLAGS.DIRECT_IO : 0) | (keepCache ? OPEN_FLAGS.KEEP_CACHE : 0)));
      case OP.READ: return this.#read(unique, body);
      case OP.WRITE: return this.#write(unique, body);
      case OP.STATFS: return this.#send(unique, 80, (out, at) => putStatus(out, at, fs.status()));
      case OP.RELEASE:
        fs.release(Number(body.readBigUInt64LE(0)));
        return this.#bytes(unique, Buffer.alloc(0));
      case OP.GETXATTR: return this.#with(fs.xattr(id, name(body.subarray(8))), (value) => this.#sized(unique, room, Buffer.from(value)));
      case OP.LISTXATTR: return this.#with(fs.xattrNames(id), (names) => this.#sized(unique, room, Buffer.from(names.map((each) => `${each}\0`).join(''), 'utf8')));
      case OP.OPENDIR: {
        const handle = this.#nextHandle++;
        this.#directories.set(handle, { id, entries: undefined });
        return this.#opened(unique, handle, 0);
      }
      case OP.READDIR:
      case OP.READDIRPLUS: return this.#list(unique, body, op === OP.READDIRPLUS);
      case OP.RELEASEDIR:
        this.#directories.delete(Number(body.readBigUInt64LE(0)));
        return this.#bytes(unique, Buffer.alloc(0));
      case OP.FLUSH: return this.#with(fs.flush(Number(body.readBigUInt64LE(0))), () => this.#bytes(unique, Buffer.alloc(0)));
      case OP.FSYNC:
      case OP.DESTROY: return this.#bytes(unique, Buffer.alloc(0));
      default: throw new Refused(CHANGES.has(op) ? EROFS : ENOSYS);
    }
  }

  #init(unique: bigint, body: Buffer): void {
    if (body.readUInt32LE(0) !== MAJOR) throw new Refused(EINVAL);
    const readAhead = Math.min(READ_AHEAD, body.readUInt32LE(8));
    this.#send(unique, 64, (out, at) => putInit(out, at, body.readUInt32LE(12), readAhead));
    this.#started?.();
  }

  /** Continues with an answer of the file system, at once when it is there at once. */
  #with<T>(reply: Reply<T>, then: (value: T) => void): Promise<void> | void {
    if (reply instanceof Promise) return reply.then((value) => then(checked(value)));
    then(checked(reply));
  }

  #read(unique: bigint, body: Buffer): Promise<void> | void {
    const handle = Number(body.readBigUInt64LE(0));
    const offset = Number(body.readBigUInt64LE(8));
    const length = Math.min(body.readUInt32LE(16), MAX_READ);
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(OUT_HEADER + MAX_READ);
    const finish = (count: number): void => {
      header(buffer, OUT_HEADER + count, 0, unique);
      this.#put(buffer, OUT_HEADER + count);
      this.#free.push(buffer);
    };
    try {
      return this.#with(this.fileSystem.read(handle, offset, buffer.subarray(OUT_HEADER, OUT_HEADER + length)), finish);
    } catch (error) {
      this.#free.push(buffer);
      throw error;
    }
  }

  /** Corresponds to `fuse_setattr_in`. */
  #set(id: number, body: Buffer): Reply<Attributes> {
    const valid = body.readUInt32LE(0);
    if ((valid & SET.SIZE) === 0) return this.fileSystem.touch(id);
    const handle = (valid & SET.HANDLE) === 0 ? undefined : Number(body.readBigUInt64LE(8));
    return this.fileSystem.truncate(id, handle, Number(body.readBigUInt64LE(16)));
  }

  #write(unique: bigint, body: Buffer): Promise<void> | void {
    const handle = Number(body.readBigUInt64LE(0));
    const offset = Number(body.readBigUInt64LE(8));
    const size = body.readUInt32LE(16);
    const data = Buffer.from(body.subarray(40, 40 + size));
    return this.#with(this.fileSystem.write(handle, offset, data), (taken) => this.#send(unique, 8, (out, at) => {
      out.writeUInt32LE(taken, at);
      out.writeUInt32LE(0, at + 4);
      return 8;
    }));
  }

  async #list(unique: bigint, body: Buffer, plus: boolean): Promise<void> {
    const directory = this.#directories.get(Number(body.readBigUInt64LE(0)));
    if (directory === undefined) throw new Refused(EINVAL);
    const offset = Number(body.readBigUInt64LE(8));
    const room = Math.min(body.readUInt32LE(16), MAX_READ);
    directory.entries ??= Promise.resolve(this.fileSystem.list(directory.id));
    const entries = checked(await directory.entries);
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(OUT_HEADER + MAX_READ);
    let at = OUT_HEADER;
    for (let index = offset; index < entries.length + 2; index += 1) {
      const entry = index < 2 ? { name: index === 0 ? '.' : '..', inode: 1, kind: 'directory' as const, cheap: false } : entries[index - 2]!;
      const bytes = Buffer.from(entry.name, 'utf8');
      const size = (plus ? ENTRY : 0) + direntSize(bytes.length);
      if (at + size > OUT_HEADER + room) break;
      if (plus) at += await this.#plus(buffer, at, directory.id, entry);
      at += putDirent(buffer, at, entry.inode, index + 1, entry.kind, bytes);
    }
    header(buffer, at, 0, unique);
    this.#put(buffer, at);
    this.#free.push(buffer);
  }

  /** The attributes beside an entry; zeros (the kernel asks later) where they are not cheap to know. */
  async #plus(out: Buffer, at: number, parent: number, entry: DirectoryEntry): Promise<number> {
    const found: Attributes | number = entry.cheap ? await this.fileSystem.lookup(parent, entry.name) : 0;
    if (typeof found !== 'number') return putEntry(out, at, found, this.owner);
    out.fill(0, at, at + ENTRY);
    return ENTRY;
  }

  #opened(unique: bigint, handle: number, flags: number): void {
    this.#send(unique, 16, (out, at) => {
      out.fill(0, at, at + 16);
      out.writeBigUInt64LE(BigInt(handle), at);
      out.writeUInt32LE(flags, at + 8);
      return 16;
    });
  }

  /** An extended attribute's value, or its size where the caller asks for that (size 0). */
  #sized(unique: bigint, room: number, value: Buffer): void {
    if (room === 0) {
      this.#send(unique, 8, (out, at) => {
        out.writeUInt32LE(value.length, at);
        out.writeUInt32LE(0, at + 4);
        return 8;
      });
      return;
    }
    if (value.length > room) throw new Refused(34); // ERANGE
    this.#bytes(unique, value);
  }

  #bytes(unique: bigint, bytes: Buffer): void {
    this.#send(unique, bytes.length, (out, at) => bytes.copy(out, at));
  }

  #send(unique: bigint, size: number, put: (out: Buffer, at: number) => number): void {
    const out = Buffer.allocUnsafe(OUT_HEADER + size);
    const length = OUT_HEADER + put(out, OUT_HEADER);
    header(out, length, 0, unique);
    this.#put(out, length);
  }

  #fail(unique: bigint, error: unknown): void {
    const errno = error instanceof Refused ? error.errno : EIO;
    const out = Buffer.allocUnsafe(OUT_HEADER);
    header(out, OUT_HEADER, -errno, unique);
    this.#put(out, OUT_HEADER);
  }

  #put(buffer: Buffer, length: number): void {
    if (this.#closed) return;
    try {
      writeSync(this.fd, buffer, 0, length);
    } catch (error) {
      // ENOENT: the request was interrupted and is forgotten; ENODEV: unmounted meanwhile.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== ENODEV) throw error;
    }
  }
}

function header(out: Buffer, length: number, error: number, unique: bigint): void {
  out.writeUInt32LE(length, 0);
  out.writeInt32LE(error, 4);
  out.writeBigUInt64LE(unique, 8);
}

/** A name that ends in NUL. */
function name(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

/** A negative number is an errno; counts and everything else pass. */
function checked<T>(value: T | number): T {
  if (typeof value === 'number' && value < 0) throw new Refused(-value);
  return value as T;
}
