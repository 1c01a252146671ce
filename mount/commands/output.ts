import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { FileNode } from '../../src/vfs/node.js';

const CHUNK = 1 << 20;

/** A file's bytes, piece by piece; the buffer is used again for each piece. */
export function* pieces(file: FileNode): Generator<Uint8Array> {
  if (file.kind === 'bytes') {
    if (file.pieces === undefined) yield file.render();
    else yield* file.pieces();
    return;
  }
  if (file.kind === 'control') {
    yield Buffer.from(file.read(), 'utf8');
    return;
  }
  const buffer = Buffer.allocUnsafe(CHUNK);
  if (file.kind === 'window') {
    for (let at = 0; at < file.size; at += CHUNK) {
      const piece = buffer.subarray(0, Math.min(CHUNK, file.size - at));
      file.fill(at, piece);
      yield piece;
    }
    return;
  }
  const fd = openSync(file.path, 'r');
  try {
    for (;;) {
      const got = readSync(fd, buffer, 0, CHUNK, -1);
      if (got === 0) return;
      yield buffer.subarray(0, got);
    }
  } finally {
    closeSync(fd);
  }
}

/** The reader of our output has gone (`| head`). */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

/** Writes all bytes to a descriptor, waiting where it is a pipe that is full. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') throw new OutputClosed();
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

export function printLine(line: string): void {
  writeAll(1, Buffer.from(`${line}\n`, 'utf8'));
}
