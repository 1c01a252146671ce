import type { PagedMemory } from '../paging/address-space.js';

const BLOCK = 1 << 20;

/**
 * Physical addresses where one of the wanted byte strings stands, those across a block's edge included; no more than `most`. One pass over
 * the image, ascending but for what stands within 1 MiB.
 */
export function* occurrences(memory: PagedMemory, wanted: readonly Buffer[], most: number): Generator<number> {
  const block = Buffer.allocUnsafe(BLOCK + Math.max(...wanted.map(({ length }) => length)) - 1);
  let found = 0;
  for (const run of memory.runs(0, memory.size)) {
    for (let at = run.start; at < run.start + run.length; at += BLOCK) {
      const length = Math.min(block.length, run.start + run.length - at);
      const view = block.subarray(0, length);
      memory.fill(at, view);
      for (const bytes of wanted) {
        for (let hit = view.indexOf(bytes); hit >= 0 && hit < BLOCK; hit = view.indexOf(bytes, hit + 1)) {
          yield at + hit;
          found += 1;
          if (found >= most) return;
        }
      }
    }
  }
}
