import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Machine } from './machine.js';
import { PAGE } from './physical.js';

/** A file that looks like the memory of a large machine and takes no more room than a small one's. */
export interface SparseImage {
  readonly path: string;
  /** Bytes that it takes on disk. */
  readonly stored: number;
  remove(): void;
}

/** Writes a machine's memory to the start of a raw image of `size` bytes, with holes where nothing is. Remove it when it has served. */
export function sparseImage(made: Machine, size: number): SparseImage {
  const folder = mkdtempSync(join(tmpdir(), 'memlens-sparse-'));
  const path = join(folder, 'image.raw');
  const fd = openSync(path, 'w');
  try {
    ftruncateSync(fd, size);
    const { bytes } = made;
    for (let at = 0; at + PAGE <= bytes.length; at += PAGE) {
      const page = bytes.subarray(at, at + PAGE);
      if (page.some((byte) => byte !== 0)) writeSync(fd, page, 0, PAGE, at);
    }
  } finally {
    closeSync(fd);
  }
  return { path, stored: statSync(path).blocks * 512, remove: () => rmSync(folder, { recursive: true }) };
}
