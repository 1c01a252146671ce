import type { Run } from '../bytes/memory.js';
import type { Table } from './column.js';

/**
 * How long an answer may take. `quick`: at most a few milliseconds, may be asked on the thread that serves the mount.
 * `slow`: asked in a worker, which holds an identical tree and finds the node by its path.
 */
export type Cost = 'quick' | 'slow';

/** What every node may say about itself. */
export interface About {
  /** What it holds, one line for the documentation. */
  readonly doc?: string | undefined;
  /** The subject's own time as FILETIME; undefined: the nearest directory above that has one, at last the capture time. */
  readonly mtime?: bigint | undefined;
  /**
   * It changes while it is mounted (progress, a directory that fills up): a file is read anew at each open, a directory's
   * names are looked up anew each time. Without it a node's answers are kept until the model learns more (`join`).
   */
  readonly volatile?: boolean | undefined;
  /** Extended attributes besides `user.mime_type`, by full name (`user.memlens.address`), each a short text. */
  readonly xattrs?: (() => Readonly<Record<string, string>>) | undefined;
  /** Extended attributes that take long to know (a digest): their names, and what makes them, asked in a worker. */
  readonly slowXattrs?: { readonly names: readonly string[]; read(): Readonly<Record<string, string>> } | undefined;
}

/** A file whose bytes are made whole: text, a table, a small dump. The same bytes at every call. */
export interface BytesFile extends About {
  readonly kind: 'bytes';
  readonly cost: Cost;
  render(): Uint8Array;
  /** The same bytes piece by piece, for a file that may be too large to be held whole: a worker spools them as they come. */
  readonly pieces?: (() => Iterable<Uint8Array>) | undefined;
  /** The size in bytes when it is known without rendering. */
  readonly size?: number | undefined;
  /** Overrides the type that the name's extension gives. */
  readonly mime?: string | undefined;
  /** Other forms of the same rows, by extension; they answer by name in the same directory and are not listed. */
  readonly twins?: Readonly<Record<string, BytesFile>> | undefined;
  /** The table it shows, for the documentation. */
  readonly table?: Table<never> | undefined;
}

/** A window on memory: any size, read by offset. What is not in the image reads as zeros. */
export interface WindowFile extends About {
  readonly kind: 'window';
  readonly size: number;
  /** Fills `target` from `offset` on (never past `size`); returns how many bytes were not in the image. */
  fill(offset: number, target: Uint8Array): number;
  /** Where there is data, ascending offsets; undefined: everywhere. Lets `export` write holes. */
  readonly runs?: (() => Iterable<Run<number>>) | undefined;
  readonly prepared?: Preparation | undefined;
}

/**
 * What a window needs before its size and bytes are quick: a file that a worker renders. Where nobody hands it over, the window makes it
 * itself when it is first asked.
 */
export interface Preparation {
  /** Its name in the window's own directory, where it is not listed. */
  readonly name: string;
  readonly file: BytesFile;
  /** Whether the window has it. */
  readonly done: boolean;
  take(bytes: Uint8Array): void;
}

/** A finished file on the host (a spool, a database snapshot), served by offset. Never an open-ended path from the image. */
export interface HostFile extends About {
  readonly kind: 'host';
  readonly path: string;
  readonly mime?: string | undefined;
  /** The table it shows, for the documentation. */
  readonly table?: Table<never> | undefined;
}

/** A file that takes what is written to it: a query, a switch. What it holds is the user's and lives with the mount, on its main thread. */
export interface ControlFile extends About {
  readonly kind: 'control';
  /** What reading it gives now; quick. */
  read(): string;
  /** Takes what was written, when the file is closed. The whole new text, or with `appends` what `read` gives and then what was added. */
  write(text: string): void;
  /** What is wrong with a text, as a sentence: the write fails with EINVAL and the sentence is logged. */
  readonly refuses?: ((text: string) => string | undefined | Promise<string | undefined>) | undefined;
  /** Writing with `>>` adds to what it holds; without this it replaces it, as a file that holds one value. */
  readonly appends?: boolean | undefined;
  readonly mime?: string | undefined;
}

/** A relative symbolic link that stays inside the tree. */
export interface Link extends About {
  readonly kind: 'link';
  readonly target: string;
}

/** A directory. Names are already safe file names (see name.ts). */
export interface Directory extends About {
  readonly kind: 'directory';
  /** `slow`: listing takes long; looking up one name is always quick. */
  readonly cost: Cost;
  /** What `ls` shows, in a stable order. */
  entries(): Iterable<readonly [name: string, node: Node]>;
  /** Also answers names that are not listed (twins, `.raw`). */
  lookup(name: string): Node | undefined;
}

export type FileNode = BytesFile | WindowFile | HostFile | ControlFile;
export type Node = Directory | FileNode | Link;
