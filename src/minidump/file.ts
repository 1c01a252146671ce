import type { Memory } from '../bytes/memory.js';
import type { DumpRange } from './dump.js';
import { fileOffsets, lastIndex, STREAMS } from './head.js';

/** A dump by offset: its head, then its memory, read where it lies. */
export interface DumpFile {
  /** Bytes. */
  readonly size: number;
  /** Fills `target` from `offset` on, never past the end; @returns how many bytes were not in the image */
  fill(offset: number, target: Uint8Array): number;
}

/** The memory ranges that a head of `dumpHead` ends with. */
export function rangesOf(head: Buffer): readonly DumpRange[] {
  const directory = head.readUInt32LE(12);
  const streams = head.readUInt32LE(8);
  for (let at = directory; at < directory + streams * 12; at += 12) {
    if (head.readUInt32LE(at) !== STREAMS.memory64List) continue;
    const rva = head.readUInt32LE(at + 8);
    return Array.from({ length: Number(head.readBigUInt64LE(rva)) }, (_, i) => ({
      start: head.readBigUInt64LE(rva + 16 + i * 16), length: Number(head.readBigUInt64LE(rva + 24 + i * 16)),
    }));
  }
  return [];
}

/**
 * The dump that a head begins.
 * @param owner whose memory it is; asked for it at each read, since a process gives its own up while it is not in use
 */
export function dumpFile(head: Buffer, owner: { readonly memory: Memory<bigint> }): DumpFile {
  const ranges = rangesOf(head);
  const offsets = fileOffsets(ranges, head.length);
  const size = ranges.reduce((sum, { length }) => sum + length, head.length);
  return {
    size,
    fill(offset, target) {
      const { memory } = owner;
      let missing = 0;
      let done = Math.max(0, Math.min(target.length, head.length - offset));
      target.set(head.subarray(offset, offset + done));
      for (let i = lastIndex(offsets.length, (at) => offsets[at]! <= offset + done); done < target.length && i < ranges.length; i += 1) {
        const range = ranges[i];
        const at = offsets[i];
        if (range === undefined || at === undefined) break;
        const skip = offset + done - at;
        const part = target.subarray(done, Math.min(target.length, done + range.length - skip));
        missing += memory.fill(range.start + BigInt(skip), part);
        done += part.length;
      }
      return missing;
    },
  };
}
