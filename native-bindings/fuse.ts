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
}

export interface DirectoryEntry {
  readonly name: string;
  readonly inode: number;
  readonly kind: FileKind;
  /** `lookup` of this name is cheap: its attributes are known without rendering the file. */
  readonly cheap: boolean;
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
  open(id: number, forWriting: boolean): Reply<Opened>;
  /** Fills `target` from `offset` on. @returns bytes written to it; fewer only at the end of the file */
  read(handle: number, offset: number, target: Uint8Array): Reply<number>;
  /** For control files. @returns bytes taken */
  write(handle: number, offset: number, data: Uint8Array): Reply<number>;
  release(handle: number): void;
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
