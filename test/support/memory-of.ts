import type { Run, SparseMemory } from '../../src/bytes/memory.js';

const PAGE = 0x1000;

/** Memory that holds bytes at an address, without the pages that are named by their number in the bytes. */
export function memoryOf(base: bigint, bytes: Buffer, absent: ReadonlySet<number> = new Set()): SparseMemory<bigint> {
  const present = (at: number): boolean => at >= 0 && at < bytes.length && !absent.has(Math.floor(at / PAGE));
  return {
    read(address, length) {
      const at = Number(address - base);
      for (let one = at; one < at + length; one = (Math.floor(one / PAGE) + 1) * PAGE) if (!present(one)) return undefined;
      return at + length > bytes.length ? undefined : Buffer.from(bytes.subarray(at, at + length));
    },
    fill(address, target) {
      const at = Number(address - base);
      let missing = 0;
      target.forEach((_, i) => {
        const here = present(at + i);
        target[i] = here ? bytes[at + i] ?? 0 : 0;
        if (!here) missing += 1;
      });
      return missing;
    },
    * runs(start, end): Generator<Run<bigint>> {
      for (let page = 0; page * PAGE < bytes.length; page += 1) {
        const from = base + BigInt(page * PAGE);
        if (present(page * PAGE) && from >= start && from < end) yield { start: from, length: PAGE };
      }
    },
  };
}
