import { hex } from '../bytes/hex.js';
import type { Run } from '../bytes/memory.js';
import type { About, BytesFile } from './node.js';
import { text } from './text.js';

/** What lies between `runs` (ascending) in the first `size` bytes: the holes of a rebuilt file. */
export function holesOf(runs: Iterable<Run<number>>, size: number): readonly Run<number>[] {
  const found: Run<number>[] = [];
  let at = 0;
  for (const { start, length } of runs) {
    if (start > at) found.push({ start: at, length: start - at });
    at = Math.max(at, start + length);
  }
  if (size > at) found.push({ start: at, length: size - at });
  return found;
}

/** Bytes of a rebuilt file that are in its holes. */
export function missingBytes(holes: readonly Run<number>[]): number {
  return holes.reduce((sum, { length }) => sum + length, 0);
}

/** The `.map` beside a rebuilt file: a line a hole with the offset of its first byte and its length. */
export function holesFile(holes: () => readonly Run<number>[], about: About = {}): BytesFile {
  return text(() => {
    const lines = holes().map(({ start, length }) => `${hex(start, 16)} ${hex(length, 16)} missing\n`);
    return `Offset           Length           State\n---------------------------------------\n${lines.join('')}`;
  }, about);
}

/** `user.memlens.missing`, the bytes that were not in the image; nothing when all were. */
export function missingXattr(missing: number): Readonly<Record<string, string>> {
  return missing > 0 ? { 'user.memlens.missing': `${missing}` } : {};
}
