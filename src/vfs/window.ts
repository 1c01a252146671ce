import type { Run, SparseMemory } from '../bytes/memory.js';
import { holesOf, missingBytes, missingXattr } from './holes.js';
import type { About, WindowFile } from './node.js';
import { addressXattr } from './xattr.js';

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

/** A window on the memory of a process, with its address and how much of it is missing. */
export function addressedWindow(window: WindowFile, address: bigint): WindowFile {
  return { ...window, xattrs: () => ({ ...addressXattr(address), ...missingXattr(missingBytes(holesOf(window.runs?.() ?? [], window.size))) }) };
}
