import { readSync } from 'node:fs';
import type { Run, SparseMemory } from '../bytes/memory.js';
import type { About, WindowFile } from './node.js';

/**
 * A file that shows `size` bytes of memory from `start` on; offset 0 is `start`. What is not in the image reads as zeros.
 * With `start` a number the memory is physical, with a bigint virtual.
 */
export function memoryWindow<A extends number | bigint>(
  memory: SparseMemory<A>, start: A, size: number, about: About = {},
): WindowFile {
  const at = (offset: number): A =>
    (typeof start === 'bigint' ? start + BigInt(offset) : (start as number) + offset) as A;
  return {
    ...about,
    kind: 'window',
    size,
    fill: (offset, target) => memory.fill(at(offset), target),
    *runs() {
      for (const run of memory.runs(start, at(size))) {
        yield { start: Number((run.start as bigint) - (start as bigint)), length: run.length } satisfies Run<number>;
      }
    },
  };
}

/** A file that shows the first `size` bytes of the open host file `fd`. What the file does not have reads as zeros. */
export function fileWindow(fd: number, size: number, about: About = {}): WindowFile {
  return {
    ...about,
    kind: 'window',
    size,
    fill(offset, target) {
      let done = 0;
      while (done < target.length) {
        const got = readSync(fd, target, done, target.length - done, offset + done);
        if (got === 0) break;
        done += got;
      }
      target.fill(0, done);
      return target.length - done;
    },
  };
}
