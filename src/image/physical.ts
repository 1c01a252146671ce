import { closeSync, readSync } from 'node:fs';
import type { Run, SparseMemory } from '../bytes/memory.js';

/** A stretch of physical memory and where an image file holds it. Bytes; `start` and `length` are multiples of 4096 but for a file's ragged end. */
export interface FileRun {
  readonly start: number;
  readonly length: number;
  readonly offset: number;
}

const CHUNK = 16 * 1024;
/** 16 MiB a thread. */
const CACHED_CHUNKS = 1024;

/**
 * Physical memory as an image file holds it. Small reads come from a bounded cache of chunks and are views of it:
 * never written to. Large reads go straight to the file.
 */
export class PhysicalMemory implements SparseMemory<number> {
  /** Chunks used since the generation began, and those of the generation before. */
  #chunks = new Map<number, Buffer>();
  #older = new Map<number, Buffer>();
  /** The page table walker's view of a chunk. */
  readonly #words = new WeakMap<Buffer, Uint32Array>();
  /** One past the highest physical address, in bytes. */
  readonly size: number;

  /**
   * @param fd an open descriptor; `close` closes it
   * @param layout ascending by start, not overlapping
   */
  constructor(private readonly fd: number, readonly layout: readonly FileRun[]) {
    const last = layout.at(-1);
    this.size = last === undefined ? 0 : last.start + last.length;
  }

  close(): void {
    closeSync(this.fd);
  }

  read(address: number, length: number): Buffer | undefined {
    const run = this.#run(address);
    if (run === undefined) return undefined;
    const within = address - run.start;
    if (within + length > run.length) return this.#gather(address, length);
    const offset = run.offset + within;
    const inChunk = offset % CHUNK;
    if (inChunk + length <= CHUNK) {
      const chunk = this.#chunk((offset - inChunk) / CHUNK);
      return chunk.length < inChunk + length ? undefined : chunk.subarray(inChunk, inChunk + length);
    }
    const target = Buffer.allocUnsafe(length);
    return this.#direct(offset, target) === length ? target : undefined;
  }

  fill(address: number, target: Uint8Array): number {
    let missing = 0;
    let done = 0;
    while (done < target.length) {
      const run = this.#run(address + done);
      if (run === undefined) {
        const next = this.#nextStart(address + done);
        const step = Math.min(target.length - done, next - (address + done));
        target.fill(0, done, done + step);
        missing += step;
        done += step;
        continue;
      }
      const within = address + done - run.start;
      const step = Math.min(target.length - done, run.length - within);
      const part = target.subarray(done, done + step);
      const got = this.#copy(run.offset + within, part);
      if (got < step) {
        part.fill(0, got);
        missing += step - got;
      }
      done += step;
    }
    return missing;
  }

  * runs(start: number, end: number): Generator<Run<number>> {
    for (const run of this.layout) {
      const from = Math.max(start, run.start);
      const to = Math.min(end, run.start + run.length);
      if (to > from) yield { start: from, length: to - from };
    }
  }

  /** A page as 1024 little-endian words, for the page-table walker; undefined when it is not in the image. */
  page(frame: number): Uint32Array | undefined {
    const address = frame * 4096;
    const run = this.#run(address);
    if (run === undefined || address - run.start + 4096 > run.length) return undefined;
    const offset = run.offset + address - run.start;
    const inChunk = offset % CHUNK;
    if (inChunk % 4096 !== 0) {
      const copy = this.read(address, 4096);
      return copy === undefined ? undefined : new Uint32Array(Uint8Array.from(copy).buffer);
    }
    const chunk = this.#chunk((offset - inChunk) / CHUNK);
    if (chunk.length < inChunk + 4096) return undefined;
    let words = this.#words.get(chunk);
    if (words === undefined) {
      words = new Uint32Array(chunk.buffer, chunk.byteOffset, chunk.length >>> 2);
      this.#words.set(chunk, words);
    }
    return words.subarray(inChunk >>> 2, (inChunk >>> 2) + 1024);
  }

  #run(address: number): FileRun | undefined {
    const { layout } = this;
    let low = 0;
    let high = layout.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const run = layout[middle]!;
      if (address < run.start) high = middle - 1;
      else if (address >= run.start + run.length) low = middle + 1;
      else return run;
    }
    return undefined;
  }

  #nextStart(address: number): number {
    return this.layout.find((run) => run.start > address)?.start ?? Infinity;
  }

  #gather(address: number, length: number): Buffer | undefined {
    if (address + length > this.size) return undefined;
    const target = Buffer.allocUnsafe(length);
    return this.fill(address, target) === 0 ? target : undefined;
  }

  /** Small pieces through the cache, large ones from the file; returns the bytes got. */
  #copy(offset: number, target: Uint8Array): number {
    if (target.length > CHUNK) return this.#direct(offset, target);
    const inChunk = offset % CHUNK;
    const chunk = this.#chunk((offset - inChunk) / CHUNK);
    const first = chunk.subarray(inChunk, inChunk + target.length);
    target.set(first);
    if (first.length === target.length || chunk.length < CHUNK) return first.length;
    return first.length + this.#copy(offset + first.length, target.subarray(first.length));
  }

  #direct(offset: number, target: Uint8Array): number {
    let done = 0;
    while (done < target.length) {
      const got = readSync(this.fd, target, done, target.length - done, offset + done);
      if (got === 0) break;
      done += got;
    }
    return done;
  }

  /** Two generations instead of one list by use: taking an entry out of a map and putting it in again costs more than the read that it saves. */
  #chunk(index: number): Buffer {
    const known = this.#chunks.get(index);
    if (known !== undefined) return known;
    let chunk = this.#older.get(index);
    if (chunk === undefined) {
      const buffer = Buffer.allocUnsafeSlow(CHUNK);
      const got = this.#direct(index * CHUNK, buffer);
      chunk = got === CHUNK ? buffer : buffer.subarray(0, got);
    }
    if (this.#chunks.size >= CACHED_CHUNKS / 2) {
      this.#older = this.#chunks;
      this.#chunks = new Map();
    }
    this.#chunks.set(index, chunk);
    return chunk;
  }
}
