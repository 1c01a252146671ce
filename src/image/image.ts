import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { ImageError } from '../bytes/errors.js';
import { PhysicalMemory, type FileRun } from './physical.js';
import { RAW } from './raw.js';

/** What a format found in a file. */
export interface Recognised {
  readonly layout: readonly FileRun[];
  /** Why this format, one sentence for the diagnosis. */
  readonly reason: string;
  readonly hints?: ImageHints | undefined;
}

/** An image format: a row of the table below. */
export interface Format {
  readonly name: string;
  /** Undefined when the file is not of this format. `head` holds the file's first bytes (up to 64 KiB). */
  readonly recognise: (head: Buffer, size: number) => Recognised | undefined;
}

/** In the order they are asked; the last takes everything. */
export const FORMATS: readonly Format[] = [RAW];

/** The smallest image that is looked at: 1 MiB. */
export const SMALLEST = 1 << 20;

/** What some formats note beside the memory: where the page tables and the kernel are. Believed only when it leads to a kernel. */
export interface ImageHints {
  /** Physical address of the top-level page table (CR3 as stored). */
  readonly dtb: number | undefined;
  /** An address in the kernel, best its base. */
  readonly kernel: bigint | undefined;
}

/** An opened image file. */
export interface Image {
  readonly path: string;
  readonly format: string;
  readonly reason: string;
  /** Bytes of the file. */
  readonly fileSize: number;
  /** What the format itself says of the machine; undefined where it says nothing. */
  readonly hints?: ImageHints | undefined;
  readonly memory: PhysicalMemory;
}

/**
 * Opens an image read-only.
 * @throws ImageError one sentence for the user: missing, not readable, not a file, empty, too small
 */
export function openImage(path: string): Image {
  let fd: number;
  try {
    // Opening a named pipe would wait for its writer; with O_NONBLOCK it is opened at once and refused below.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new ImageError(openFailure(path, (error as NodeJS.ErrnoException).code));
  }
  try {
    const stat = fstatSync(fd);
    const size = sizeOf(path, stat);
    const head = Buffer.alloc(Math.min(size, 64 * 1024));
    readSync(fd, head, 0, head.length, 0);
    for (const format of FORMATS) {
      const found = format.recognise(head, size);
      if (found === undefined) continue;
      return { path, format: format.name, reason: found.reason, hints: found.hints, fileSize: size, memory: new PhysicalMemory(fd, found.layout) };
    }
    throw new ImageError(`${path} is in no known image format.`);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function openFailure(path: string, code: string | undefined): string {
  switch (code) {
    case 'ENOENT': return `${path} does not exist; give the path of a memory image.`;
    case 'EACCES':
    case 'EPERM': return `${path} cannot be read with your permissions; make it readable or run as its owner.`;
    default: return `${path} cannot be opened (${code ?? 'unknown reason'}).`;
  }
}

function sizeOf(path: string, stat: Stats): number {
  if (stat.isDirectory()) throw new ImageError(`${path} is a directory; give the path of a memory image.`);
  if (!stat.isFile()) throw new ImageError(`${path} is not a regular file; copy the image to a file first.`);
  if (stat.size === 0) throw new ImageError(`${path} is empty; the acquisition wrote nothing.`);
  if (stat.size < SMALLEST) throw new ImageError(`${path} has only ${stat.size} bytes; a memory image has 1 MiB at least.`);
  return stat.size;
}
