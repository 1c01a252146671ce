import { createHash } from 'node:crypto';
import { hex } from '../bytes/hex.js';
import type { Run } from '../bytes/memory.js';
import { nonZero, struct } from '../profile/struct.js';
import { fileObject, fileSystemSize, MAX_FILE, type FileObject } from './file-object.js';
import { Pieces, type FileSource, type Piece } from './file-pieces.js';
import type { Kernel } from './kernel.js';
import { prototypePages, section, type Section } from './section.js';
import { cacheViews, sharedCache, VIEW, type SharedCache } from './shared-cache.js';

const POINTERS = struct('_SECTION_OBJECT_POINTERS', {
  data: nonZero('DataSectionObject'),
  cache: nonZero('SharedCacheMap'),
  image: nonZero('ImageSectionObject'),
});

const PAGE = 4096;
/** Bytes of a file that are digested at once. */
const BLOCK = 1 << 20;
/** A file may be this much larger than memory, or than this many bytes, before its end is left out: holes cost those time who read the file. */
const LARGER_THAN_MEMORY = 4;
const SMALL = 1 << 26;
/** Gaps whose reason is remembered. */
const MAX_GAPS = 100_000;

/** Why bytes are missing: their page has no frame; its frame is not in the image; it is in a page file that is not there. */
export type FileGap = 'not in memory' | 'not in the image' | 'paged out';

/** Bytes [start, end) of a file, and where they are from. */
export interface FileRange {
  readonly start: number;
  readonly end: number;
  readonly source: FileSource | 'missing';
  /** Of missing ones. */
  readonly why: FileGap | undefined;
}

/** What the section object pointers of a file lead to, each undefined when there is none or it contradicts itself. */
interface Sections {
  readonly data: Section | undefined;
  readonly cache: SharedCache | undefined;
  readonly image: Section | undefined;
}

/**
 * The content of a file as memory holds it. Pages of the data section come first, then those that the cache alone still maps; the image section
 * fills what is left, since its pages may be relocated and patched. Properties are free but for `size`; the others look through the page tables once.
 */
export class FileContent {
  #sections: Sections | undefined;
  #pieces: Pieces | undefined;
  readonly #gone: { readonly start: number; end: number; readonly why: FileGap }[] = [];
  #size: number | undefined;
  #present: number | undefined;
  #sha256: string | undefined;

  /** @param digests what is known of files with the same sections, which need not be read again */
  constructor(readonly kernel: Kernel, readonly file: FileObject, private readonly digests: Map<string, string>) {}

  /** The place named in anomalies. */
  get where(): string {
    return `file ${this.file.name || hex(this.file.address, 16)}`;
  }

  /** Which sections it has: `D`ata, `C`ache, `I`mage, each a dash when it has none. */
  get flags(): string {
    const { data, cache, image } = this.#parts();
    return `${data === undefined ? '-' : 'D'}${cache === undefined ? '-' : 'C'}${image === undefined ? '-' : 'I'}`;
  }

  /** The size in bytes that somebody says and that can be: the cache manager, the file system, the data section; undefined when nobody does. */
  get claimed(): number | undefined {
    const { data, cache } = this.#parts();
    if (cache !== undefined) {
      if (cache.fileSize <= BigInt(MAX_FILE) && cache.fileSize <= cache.sectionSize) return Number(cache.fileSize);
      this.kernel.anomalies.add(this.where, `the cache says that it has 0x${hex(cache.fileSize)} bytes in a section of 0x${hex(cache.sectionSize)}`, cache.address);
    }
    const told = this.kernel.anomalies.attempt(this.where, () => fileSystemSize(this.kernel, this.file));
    if (told !== undefined) return Number(told);
    return data?.size !== undefined && data.size <= BigInt(MAX_FILE) ? Number(data.size) : undefined;
  }

  /** The size in bytes, as it is served. Of a file that is far larger than memory the end is left out from its last page in memory on. */
  get size(): number {
    return this.#size ??= this.#servedSize();
  }

  /** Bytes that are in the image, of `size`. */
  get present(): number {
    return this.#present ??= this.#countPresent();
  }

  get missing(): number {
    return this.size - this.present;
  }

  /** Every byte is there. */
  get complete(): boolean {
    return this.present === (this.claimed ?? this.size);
  }

  /** There is something to show. */
  get recoverable(): boolean {
    return this.present > 0;
  }

  /** How much it remembers. */
  get weight(): number {
    return this.#pieces?.length ?? 0;
  }

  /** Fills `target` from `offset` on; what is not in the image, and what lies past the end, becomes zero. @returns how many of the file's bytes were missing */
  fill(offset: number, target: Uint8Array): number {
    const pieces = this.#found();
    const end = Math.min(offset + target.length, this.size);
    let missing = Math.max(0, end - offset);
    let done = offset;
    for (let index = pieces.find(offset); index < pieces.length && done < end; index += 1) {
      const piece = pieces.at(index);
      if (piece.start >= end) break;
      const [from, to] = [Math.max(piece.start, offset), Math.min(piece.end, end)];
      target.fill(0, done - offset, from - offset);
      missing -= to - from - this.#read(piece, from, target.subarray(from - offset, to - offset));
      done = to;
    }
    target.fill(0, Math.min(done - offset, target.length));
    return missing;
  }

  /** Where there is data, ascending. */
  * runs(): Generator<Run<number>> {
    for (const { start, end, source } of this.ranges()) if (source !== 'missing') yield { start, length: end - start };
  }

  /** The whole file from 0 to `size` by where its bytes are from. */
  * ranges(): Generator<FileRange> {
    let open: FileRange | undefined;
    for (const range of this.#rawRanges()) {
      if (open !== undefined && open.source === range.source && open.why === range.why) open = { ...open, end: range.end };
      else {
        if (open !== undefined) yield open;
        open = range;
      }
    }
    if (open !== undefined) yield open;
  }

  /** SHA-256 of the bytes as they are served, holes as zeros: 64 hex digits. Reads the whole file. */
  sha256(): string {
    const key = `${this.file.sections}:${this.size}`;
    return this.#sha256 ??= this.digests.get(key) ?? this.#digest(key);
  }

  #parts(): Sections {
    if (this.#sections !== undefined) return this.#sections;
    const { kernel, where, file } = this;
    const read = <T>(address: bigint | undefined, reader: (address: bigint) => T | undefined): T | undefined =>
      (address === undefined ? undefined : kernel.anomalies.attempt(where, () => reader(address)));
    const record = read(file.sections, (address) => (kernel.isKernelAddress(address) ? kernel.read(POINTERS, address) : undefined));
    return this.#sections = {
      data: read(record?.data, (address) => section(kernel, address, where)),
      cache: read(record?.cache, (address) => sharedCache(kernel, address)),
      image: read(record?.image, (address) => section(kernel, address, where)),
    };
  }

  #found(): Pieces {
    if (this.#pieces !== undefined) return this.#pieces;
    const { data, cache, image } = this.#parts();
    let pieces = data === undefined ? new Pieces() : this.#ofSection(data, 'data');
    if (cache !== undefined) pieces = pieces.over(this.#ofCache(cache));
    if (image !== undefined) pieces = pieces.over(this.#ofSection(image, 'image'));
    return this.#pieces = pieces;
  }

  #ofSection({ subsections }: Section, source: FileSource): Pieces {
    const { kernel } = this;
    const pieces = new Pieces();
    for (const { start, end, prototypes, pages } of subsections) {
      for (const { page, physical, pagefile } of prototypePages(kernel, prototypes, Math.min(pages, Math.ceil((end - start) / PAGE)))) {
        const from = start + page * PAGE;
        const to = Math.min(from + PAGE, end);
        if (physical !== undefined) this.#addPresent(pieces, from, to, source, physical);
        else if (pagefile !== undefined) {
          if (kernel.memory.pagedOut?.has(pagefile.number, pagefile.offset) !== true) this.#lost(from, to, 'paged out');
          else pieces.addPagedOut(from, to, source, pagefile.number, pagefile.offset);
        }
      }
    }
    return pieces;
  }

  #ofCache(cache: SharedCache): Pieces {
    const { kernel } = this;
    const pieces = new Pieces();
    for (const { offset, base } of cacheViews(kernel, cache, this.where)) {
      for (const { start, pages, physical } of kernel.memory.mappings(base, base + BigInt(VIEW), true)) {
        const from = offset + Number(start - base);
        this.#addPresent(pieces, from, Math.min(from + pages * PAGE, offset + VIEW), 'cache', physical);
      }
    }
    return pieces;
  }

  /** Of pages with a frame only what the image holds of physical memory is there. */
  #addPresent(pieces: Pieces, start: number, end: number, source: FileSource, physical: number): void {
    let done = start;
    for (const run of this.kernel.physical.runs(physical, physical + (end - start))) {
      const from = start + (run.start - physical);
      if (from > done) this.#lost(done, from, 'not in the image');
      pieces.add(from, from + run.length, source, run.start);
      done = from + run.length;
    }
    if (done < end) this.#lost(done, end, 'not in the image');
  }

  #lost(start: number, end: number, why: FileGap): void {
    const last = this.#gone.at(-1);
    if (last !== undefined && last.why === why && last.end === start) last.end = end;
    else if (this.#gone.length < MAX_GAPS) this.#gone.push({ start, end, why });
  }

  #servedSize(): number {
    const { claimed } = this;
    const most = Math.max(LARGER_THAN_MEMORY * this.kernel.physical.size, SMALL);
    if (claimed !== undefined && claimed <= most) return claimed;
    const held = Math.min(this.#found().end, claimed ?? Infinity);
    const size = Math.min(held, most * LARGER_THAN_MEMORY);
    if (claimed !== undefined) this.kernel.anomalies.add(this.where, `it has 0x${hex(claimed)} bytes, far more than memory: it is shown up to 0x${hex(size)}, where the last of its pages ends`, this.file.address);
    return size;
  }

  #countPresent(): number {
    const { size } = this;
    let present = 0;
    for (const { start, end } of this.#found()) if (start < size) present += Math.min(end, size) - start;
    return present;
  }

  #read({ start, physical, pagedOut }: Piece, from: number, target: Uint8Array): number {
    if (physical !== undefined) return this.kernel.physical.fill(physical + (from - start), target);
    const page = pagedOut === undefined ? undefined : this.kernel.memory.pagedOut?.read(pagedOut.number, pagedOut.offset);
    if (page === undefined) {
      target.fill(0);
      return target.length;
    }
    target.set(page.subarray(from - start, from - start + target.length));
    return 0;
  }

  * #rawRanges(): Generator<FileRange> {
    const { size } = this;
    const pieces = this.#found();
    const gone = [...this.#gone].sort((a, b) => a.start - b.start);
    let next = 0;
    let done = 0;
    function* hole(to: number): Generator<FileRange> {
      while (done < to) {
        while (next < gone.length && gone[next]!.end <= done) next += 1;
        const known = gone[next];
        const inside = known !== undefined && known.start <= done;
        const end = Math.min(to, known === undefined ? to : inside ? known.end : known.start);
        yield { start: done, end, source: 'missing', why: inside ? known.why : 'not in memory' };
        done = end;
      }
    }
    for (const { start, end, source } of pieces) {
      if (start >= size) break;
      yield* hole(start);
      done = Math.min(end, size);
      yield { start, end: done, source, why: undefined };
    }
    yield* hole(size);
  }

  #digest(key: string): string {
    const hash = createHash('sha256');
    const block = Buffer.allocUnsafe(Math.min(BLOCK, this.size));
    for (let at = 0; at < this.size; at += BLOCK) {
      const part = block.subarray(0, Math.min(BLOCK, this.size - at));
      this.fill(at, part);
      hash.update(part);
    }
    const digest = hash.digest('hex');
    if (this.file.sections !== undefined && this.digests.size < MAX_DIGESTS) this.digests.set(key, digest);
    return digest;
  }
}

/** Digests remembered: the files of a large machine. */
const MAX_DIGESTS = 100_000;
/** Contents remembered, and the pieces of all of them. */
const MAX_CONTENTS = 256;
const MAX_PIECES = 2_000_000;

/** What is remembered of a kernel's files. */
interface Remembered {
  readonly contents: Map<bigint, FileContent>;
  readonly digests: Map<string, string>;
}

const remembered = new WeakMap<Kernel, Remembered>();

/** The content of the file object at an address; undefined when that is not in the image or is none. The last ones asked for are remembered. */
export function fileContent(kernel: Kernel, address: bigint): FileContent | undefined {
  let known = remembered.get(kernel);
  if (known === undefined) remembered.set(kernel, known = { contents: new Map(), digests: new Map() });
  const { contents, digests } = known;
  const again = contents.get(address);
  if (again !== undefined) {
    contents.delete(address);
    contents.set(address, again);
    return again;
  }
  const file = kernel.anomalies.attempt('files', () => fileObject(kernel, address));
  if (file === undefined) return undefined;
  const content = new FileContent(kernel, file, digests);
  contents.set(address, content);
  let weight = 0;
  for (const one of contents.values()) weight += one.weight;
  for (const [oldest, one] of contents) {
    if (oldest === address || (contents.size <= MAX_CONTENTS && weight <= MAX_PIECES)) break;
    contents.delete(oldest);
    weight -= one.weight;
  }
  return content;
}
