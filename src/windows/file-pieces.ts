/** Where a stretch of a file's bytes was found: its data section, the system cache, its image section. */
export type FileSource = 'data' | 'cache' | 'image';

const SOURCES: readonly FileSource[] = ['data', 'cache', 'image'];
/** In a piece's kind, beside the source: the bytes are in a page file. */
const PAGED_OUT = 4;
/** Page files are numbered by four bits, their pages by 32. */
const PAGE_FILE = 2 ** 32;

/** Bytes [start, end) of a file. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly source: FileSource;
  /** Physical address of the first byte; undefined when it is paged out. */
  readonly physical: number | undefined;
  /** The page of the page file that holds it; then the piece is of one page at most. */
  readonly pagedOut: { readonly number: number; readonly offset: number } | undefined;
}

/** Stretches of a file, ascending and never overlapping. A large file has millions: they are kept as plain numbers. */
export class Pieces {
  #starts = new Float64Array(16);
  #ends = new Float64Array(16);
  #places = new Float64Array(16);
  #kinds = new Uint8Array(16);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** One past the last byte. */
  get end(): number {
    return this.#length === 0 ? 0 : this.#ends[this.#length - 1]!;
  }

  /** Adds bytes in memory; what begins before the end of the piece before is cut off. */
  add(start: number, end: number, source: FileSource, physical: number): void {
    const from = Math.max(start, this.end);
    if (end > from) this.#push(from, end, SOURCES.indexOf(source), physical + (from - start));
  }

  /** Adds (a part of) a page that is in a page file. Whoever reads it takes the page's bytes from the piece's start on. */
  addPagedOut(start: number, end: number, source: FileSource, number: number, offset: number): void {
    if (start >= this.end && end > start) this.#push(start, end, SOURCES.indexOf(source) | PAGED_OUT, number * PAGE_FILE + offset);
  }

  at(index: number): Piece {
    const kind = this.#kinds[index]!;
    const place = this.#places[index]!;
    const paged = (kind & PAGED_OUT) !== 0;
    return {
      start: this.#starts[index]!, end: this.#ends[index]!, source: SOURCES[kind & 3]!,
      physical: paged ? undefined : place,
      pagedOut: paged ? { number: Math.floor(place / PAGE_FILE), offset: place % PAGE_FILE } : undefined,
    };
  }

  /** Index of the first piece that ends after `offset`. */
  find(offset: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]! > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  * [Symbol.iterator](): Generator<Piece> {
    for (let index = 0; index < this.#length; index += 1) yield this.at(index);
  }

  /** These pieces, and of `lower` what lies where these have nothing. */
  over(lower: Pieces): Pieces {
    if (lower.length === 0) return this;
    if (this.#length === 0) return lower;
    const both = new Pieces();
    let next = 0;
    for (const piece of lower) {
      let from = piece.start;
      while (from < piece.end) {
        while (next < this.#length && this.#starts[next]! <= from) both.#copy(this, next++);
        from = Math.max(from, Math.min(both.end, piece.end));
        const to = next < this.#length ? Math.min(piece.end, this.#starts[next]!) : piece.end;
        // Of a page in a page file only what begins where the page begins can be told.
        if (to > from && piece.physical !== undefined) both.add(from, to, piece.source, piece.physical + (from - piece.start));
        else if (to > from && from === piece.start && piece.pagedOut !== undefined) both.addPagedOut(from, to, piece.source, piece.pagedOut.number, piece.pagedOut.offset);
        from = Math.max(to, from);
        if (next >= this.#length || this.#starts[next]! >= piece.end) break;
      }
    }
    while (next < this.#length) both.#copy(this, next++);
    return both;
  }

  #copy(other: Pieces, index: number): void {
    this.#push(other.#starts[index]!, other.#ends[index]!, other.#kinds[index]!, other.#places[index]!);
  }

  #push(start: number, end: number, kind: number, place: number): void {
    const last = this.#length - 1;
    // Frames in a row are one piece.
    if (last >= 0 && kind < PAGED_OUT && this.#kinds[last] === kind && this.#ends[last] === start && this.#places[last]! + (start - this.#starts[last]!) === place) {
      this.#ends[last] = end;
      return;
    }
    if (this.#length === this.#starts.length) this.#grow();
    this.#starts[this.#length] = start;
    this.#ends[this.#length] = end;
    this.#kinds[this.#length] = kind;
    this.#places[this.#length] = place;
    this.#length += 1;
  }

  #grow(): void {
    const larger = (old: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const made = new Float64Array(old.length * 2);
      made.set(old);
      return made;
    };
    this.#starts = larger(this.#starts);
    this.#ends = larger(this.#ends);
    this.#places = larger(this.#places);
    const kinds = new Uint8Array(this.#kinds.length * 2);
    kinds.set(this.#kinds);
    this.#kinds = kinds;
  }
}
