/**
 * What a mount driver asks of a file system, and what a driver offers. Nodes are known by an id, as in the kernel's protocol:
 * the root is 1, `lookup` hands out the others and each of its answers is given back by `forget`.
 */

export const ROOT_ID = 1;

/** An answer, now or later. A negative number is an errno (`-ENOENT`); every other answer is not a negative number. */
export type Reply<T> = T | number | Promise<T | number>;

export type FileKind = 'directory' | 'file' | 'link';

export interface Attributes {
  /** The id that `lookup`'s caller uses from now on. */
  readonly id: number;
  /** What `stat` shows: 32 bits, the same at each mount. */
  readonly inode: number;
  readonly kind: FileKind;
  /** Permission bits, such as 0o444. */
  readonly mode: number;
  /** Bytes; what a read yields. */
  readonly size: number;
  /** Milliseconds since 1970; negative before. */
  readonly mtimeMs: number;
  /** It changes while it is mounted: what `stat` shows must be asked anew each time. */
  readonly volatile: boolean;
}

/** How a file is opened. */
export interface OpenMode {
  readonly writing: boolean;
  /** What it holds goes (O_TRUNC). */
  readonly truncate: boolean;
  /** What is written goes to its end (O_APPEND). */
  readonly append: boolean;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly inode: number;
  readonly kind: FileKind;
  /** `lookup` of this name is cheap: its attributes are known without rendering the file. */
  readonly cheap: boolean;
}

/** Bits of open(2)'s flags, as Linux numbers them everywhere. */
const ACCESS = 0o3;
const O_TRUNC = 0o1000;
const O_APPEND = 0o2000;

/** What open(2)'s flags say. */
export function openMode(flags: number): OpenMode {
  return { writing: (flags & ACCESS) !== 0, truncate: (flags & O_TRUNC) !== 0, append: (flags & O_APPEND) !== 0 };
}

/** An opened file. Drivers that cannot honour a flag for one file leave it out. */
export interface Opened {
  /** 1 to 2^31 - 1. */
  readonly handle: number;
  /** Reads must not go through the page cache. */
  readonly direct: boolean;
  /** Pages cached at an earlier open are still right. */
  readonly keepCache: boolean;
}

export interface FileSystemStatus {
  readonly blockSize: number;
  readonly blocks: number;
  readonly nameMax: number;
}

export interface FileSystem {
  lookup(parent: number, name: string): Reply<Attributes>;
  /** Gives back `count` answers of `lookup`. */
  forget(id: number, count: number): void;
  attributes(id: number): Reply<Attributes>;
  list(id: number): Reply<readonly DirectoryEntry[]>;
  open(id: number, mode: OpenMode): Reply<Opened>;
  /** Fills `target` from `offset` on. @returns bytes written to it; fewer only at the end of the file */
  read(handle: number, offset: number, target: Uint8Array): Reply<number>;
  /** For control files. @returns bytes taken */
  write(handle: number, offset: number, data: Uint8Array): Reply<number>;
  /** Sets the length of what an open file's writer has written; without a handle, of the file. For control files. */
  truncate(id: number, handle: number | undefined, size: number): Reply<Attributes>;
  /** Mode, owner or times are to be set: nothing happens to a control file, all others refuse. */
  touch(id: number): Reply<Attributes>;
  /** One of the file's descriptors is closed: what was written is taken. May be asked several times. @returns 0 */
  flush(handle: number): Reply<number>;
  release(handle: number): Reply<number>;
  xattr(id: number, name: string): Reply<Uint8Array>;
  xattrNames(id: number): Reply<readonly string[]>;
  readlink(id: number): Reply<string>;
  status(): FileSystemStatus;
}

export interface MountOptions {
  /** An existing empty directory, absolute. */
  readonly mountPoint: string;
  /** Shown as the source in `mount` and `df`. */
  readonly name: string;
  /** Further FUSE options as given with `-o` (`allow_other`, `uid=1000`). */
  readonly options: readonly string[];
  /** A helper unmounts when this process dies. */
  readonly autoUnmount: boolean;
  readonly debug: boolean;
}

export interface Mounted {
  /** Stops serving after the mount point has been taken away. */
  close(): void;
}

/** Mounts a file system; resolves when it answers. */
export type MountDriver = (fileSystem: FileSystem, options: MountOptions) => Promise<Mounted>;
