import type { Attributes, FileKind, FileSystemStatus } from './fuse.js';

/** The FUSE kernel protocol, version 7.31 (include/uapi/linux/fuse.h): what a file system that only its control files change needs of it. */
export const MAJOR = 7;
export const MINOR = 31;

export const OP = {
  LOOKUP: 1, FORGET: 2, GETATTR: 3, SETATTR: 4, READLINK: 5, SYMLINK: 6, MKNOD: 8, MKDIR: 9, UNLINK: 10, RMDIR: 11, RENAME: 12, LINK: 13,
  OPEN: 14, READ: 15, WRITE: 16, STATFS: 17, RELEASE: 18, FSYNC: 20, SETXATTR: 21, GETXATTR: 22, LISTXATTR: 23, REMOVEXATTR: 24, FLUSH: 25,
  INIT: 26, OPENDIR: 27, READDIR: 28, RELEASEDIR: 29, CREATE: 35, INTERRUPT: 36, DESTROY: 38, BATCH_FORGET: 42, FALLOCATE: 43,
  READDIRPLUS: 44, RENAME2: 45, TMPFILE: 51,
} as const;

/** Requests that would change the tree. Unanswered (ENOSYS) the kernel would take them for not supported, and say so. */
export const CHANGES: ReadonlySet<number> = new Set([
  OP.SYMLINK, OP.MKNOD, OP.MKDIR, OP.UNLINK, OP.RMDIR, OP.RENAME, OP.LINK, OP.SETXATTR, OP.REMOVEXATTR, OP.CREATE, OP.FALLOCATE, OP.RENAME2,
  OP.TMPFILE,
]);

/** `fuse_setattr_in.valid`: what is to be set. */
export const SET = { SIZE: 1 << 3, HANDLE: 1 << 6 } as const;

/** Bytes of `fuse_in_header` and `fuse_out_header`. */
export const IN_HEADER = 40;
export const OUT_HEADER = 16;
/** Bytes of `fuse_entry_out`. */
export const ENTRY = 128;

const INIT_FLAGS = {
  ASYNC_READ: 1 << 0, ATOMIC_O_TRUNC: 1 << 3, BIG_WRITES: 1 << 5, AUTO_INVAL_DATA: 1 << 12, DO_READDIRPLUS: 1 << 13, READDIRPLUS_AUTO: 1 << 14, ASYNC_DIO: 1 << 15,
  PARALLEL_DIROPS: 1 << 18, MAX_PAGES: 1 << 22, CACHE_SYMLINKS: 1 << 23,
} as const;
export const OPEN_FLAGS = { DIRECT_IO: 1, KEEP_CACHE: 2 } as const;

/** One read at most; the kernel's own limit without CAP_SYS_ADMIN tuning (256 pages). */
export const MAX_READ = 1 << 20;
const MODE: Readonly<Record<FileKind, number>> = { directory: 0o040000, file: 0o100000, link: 0o120000 };
/** How long the kernel may keep an answer. Files appear stage by stage, so not for long; what changes at any time it may not keep. */
const VALID_SECONDS = 1n;

const validity = ({ volatile }: Attributes): bigint => (volatile ? 0n : VALID_SECONDS);

/** Writes `fuse_init_out` (64 bytes) at `at`; only what the kernel offers is asked for. */
export function putInit(out: Buffer, at: number, offered: number, readAhead: number): number {
  const wanted = Object.values(INIT_FLAGS).reduce((flags, flag) => flags | flag, 0);
  out.fill(0, at, at + 64);
  out.writeUInt32LE(MAJOR, at);
  out.writeUInt32LE(MINOR, at + 4);
  out.writeUInt32LE(readAhead, at + 8);
  out.writeUInt32LE((wanted & offered) >>> 0, at + 12);
  out.writeUInt16LE(32, at + 16); // max_background
  out.writeUInt16LE(24, at + 18); // congestion_threshold
  out.writeUInt32LE(MAX_READ, at + 20); // max_write
  out.writeUInt32LE(1, at + 24); // time_gran: 1 ns
  out.writeUInt16LE(MAX_READ / 4096, at + 28); // max_pages
  return 64;
}

/** Writes `fuse_attr` (88 bytes). */
function putAttributes(out: Buffer, at: number, { inode, kind, mode, size, mtimeMs }: Attributes, owner: Owner): void {
  out.fill(0, at, at + 88);
  out.writeBigUInt64LE(BigInt(inode), at);
  out.writeBigUInt64LE(BigInt(size), at + 8);
  out.writeBigUInt64LE(BigInt(Math.ceil(size / 512)), at + 16);
  const seconds = Math.floor(mtimeMs / 1000);
  const nanoseconds = Math.round((mtimeMs - seconds * 1000) * 1e6);
  for (const [time, nsec] of [[24, 48], [32, 52], [40, 56]] as const) {
    out.writeBigInt64LE(BigInt(seconds), at + time);
    out.writeUInt32LE(nanoseconds, at + nsec);
  }
  out.writeUInt32LE(MODE[kind] | mode, at + 60);
  out.writeUInt32LE(1, at + 64);
  out.writeUInt32LE(owner.uid, at + 68);
  out.writeUInt32LE(owner.gid, at + 72);
  out.writeUInt32LE(4096, at + 80);
}

/** Who owns the files. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Writes `fuse_attr_out` (104 bytes). */
export function putAttributeAnswer(out: Buffer, at: number, attributes: Attributes, owner: Owner): number {
  out.fill(0, at, at + 16);
  out.writeBigUInt64LE(validity(attributes), at);
  putAttributes(out, at + 16, attributes, owner);
  return 104;
}

/** Writes `fuse_entry_out`. */
export function putEntry(out: Buffer, at: number, attributes: Attributes, owner: Owner): number {
  out.fill(0, at, at + 40);
  out.writeBigUInt64LE(BigInt(attributes.id), at);
  out.writeBigUInt64LE(1n, at + 8); // generation
  out.writeBigUInt64LE(VALID_SECONDS, at + 16);
  out.writeBigUInt64LE(validity(attributes), at + 24);
  putAttributes(out, at + 40, attributes, owner);
  return ENTRY;
}

/** Bytes of a `fuse_dirent` with this name, padded to eight. */
export function direntSize(nameBytes: number): number {
  return (24 + nameBytes + 7) & ~7;
}

/** Writes `fuse_dirent`. @param next the offset that reads on after this entry */
export function putDirent(out: Buffer, at: number, inode: number, next: number, kind: FileKind, name: Buffer): number {
  const size = direntSize(name.length);
  out.fill(0, at, at + size);
  out.writeBigUInt64LE(BigInt(inode), at);
  out.writeBigUInt64LE(BigInt(next), at + 8);
  out.writeUInt32LE(name.length, at + 16);
  out.writeUInt32LE(MODE[kind] >>> 12, at + 20);
  name.copy(out, at + 24);
  return size;
}

/** Writes `fuse_statfs_out` (80 bytes). */
export function putStatus(out: Buffer, at: number, { blockSize, blocks, nameMax }: FileSystemStatus): number {
  out.fill(0, at, at + 80);
  out.writeBigUInt64LE(BigInt(blocks), at);
  out.writeUInt32LE(blockSize, at + 40);
  out.writeUInt32LE(nameMax, at + 44);
  out.writeUInt32LE(blockSize, at + 48);
  return 80;
}
