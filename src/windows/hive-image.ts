import type { Run } from '../bytes/memory.js';
import { BASE_BLOCK_SIZE, repairedBaseBlock } from '../registry/base-block.js';
import { VOLATILE_BIT } from '../registry/cells.js';
import { holesOf } from '../vfs/holes.js';
import type { Hive } from './hive.js';

/** A hive file rebuilt from memory: it is read by offset and never held whole. */
export interface HiveImage {
  /** Bytes: the base block and the stable bins. */
  readonly size: number;
  /** Fills `target` from `offset` on (never past `size`) with zeros for what is missing; returns how many bytes were. */
  fill(offset: number, target: Uint8Array): number;
  /** Where there is data, by offset, ascending. */
  runs(): Iterable<Run<number>>;
  /** The stretches of the file that were not in the image, ascending. */
  holes(): readonly Run<number>[];
}

/**
 * The file of a hive as it opens elsewhere: the base block repaired (length, sequence numbers, checksum), then the stable bins
 * in order. What is not in the image is zero, and named by `holes`.
 */
export function hiveFile(hive: Hive): HiveImage {
  const size = BASE_BLOCK_SIZE + hive.stable.length;
  let header: Buffer | undefined;
  let holes: readonly Run<number>[] | undefined;
  const base = (): Buffer => header ??= repairedBaseBlock(hive.baseBlock, {
    length: hive.stable.length, rootCell: hive.registry.rootCell, minor: hive.registry.minor,
  });
  return {
    size,
    fill(offset, target) {
      const inBase = Math.max(0, Math.min(BASE_BLOCK_SIZE - offset, target.length));
      if (inBase > 0) base().copy(target, 0, offset, offset + inBase);
      return inBase === target.length ? 0 : hive.stable.fill(offset + inBase - BASE_BLOCK_SIZE, target.subarray(inBase));
    },
    * runs() {
      let first = BASE_BLOCK_SIZE;
      let open = 0;
      for (const run of hive.stable.runs()) {
        if (open === 0 && run.start === 0) {
          first += run.length;
          open = 1;
          continue;
        }
        if (open < 2) yield { start: 0, length: first };
        open = 2;
        yield { start: BASE_BLOCK_SIZE + run.start, length: run.length };
      }
      if (open < 2) yield { start: 0, length: first };
    },
    holes() {
      return holes ??= holesOf(this.runs(), size);
    },
  };
}

/** The bytes of a hive's memory that are there, by cell index. */
export type HiveSpace = Pick<HiveImage, 'size' | 'fill' | 'runs'>;

/** A hive's address space as cells are named in it: stable bins from 0 on, volatile ones from 0x80000000 on. */
export function hiveSpace({ stable, volatile }: Pick<Hive, 'stable' | 'volatile'>): HiveSpace {
  const parts = [{ start: 0, storage: stable }, { start: VOLATILE_BIT, storage: volatile }].filter(({ storage }) => storage.length > 0);
  const size = parts.reduce((end, { start, storage }) => Math.max(end, start + storage.length), 0);
  return {
    size,
    fill(offset, target) {
      let missing = target.length;
      target.fill(0);
      for (const { start, storage } of parts) {
        const from = Math.max(offset, start);
        const end = Math.min(offset + target.length, start + storage.length);
        if (from >= end) continue;
        missing -= end - from - storage.fill(from - start, target.subarray(from - offset, end - offset));
      }
      return missing;
    },
    * runs() {
      for (const { start, storage } of parts) {
        for (const run of storage.runs()) yield { start: start + run.start, length: run.length };
      }
    },
  };
}
