import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { ByteSource } from './msf.js';

/** Whether the operating system refused a file: it is not there, may not be read, the disk is full. */
export function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && /^E[A-Z0-9]+$/.test((error as NodeJS.ErrnoException).code ?? '');
}

/** Opens a file while `use` runs. @throws the operating system's error when it cannot be read */
export function withFile<T>(path: string, use: (source: ByteSource) => T): T {
  const file = openSync(path, 'r');
  try {
    return use({
      size: fstatSync(file).size,
      read(offset, length) {
        const bytes = Buffer.alloc(length);
        for (let done = 0; done < length;) {
          const got = readSync(file, bytes, done, length - done, offset + done);
          if (got === 0) return undefined;
          done += got;
        }
        return bytes;
      },
    });
  } finally {
    closeSync(file);
  }
}
