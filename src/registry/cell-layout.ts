import { BLOCK, type Storage } from './cells.js';

const BIN_HEADER = 0x20;
const HBIN = 0x6e69_6268;
const SMALLEST = 8;

/** Bytes of a bin that belong to no cell: behind a cell whose size makes no sense, or around what is not in the image. */
export interface Remnant {
  readonly start: number;
  readonly end: number;
}

/** A bin whose header makes sense, and which cells of the layout are its: places in `starts`, from `first` to before `last`. */
export interface BinPlace {
  readonly start: number;
  readonly end: number;
  readonly first: number;
  readonly last: number;
}

/**
 * Where the cells of a storage are, in use or not, by walking its bins from cell to cell. Offsets count from the first bin.
 * In files of Windows each bin is full of cells; a cell's size is negative while it is in use.
 */
export class CellLayout {
  /** Offsets of cells, ascending. */
  readonly starts: number[] = [];
  /** Their size fields. */
  readonly sizes: number[] = [];
  readonly remnants: Remnant[] = [];
  readonly bins: BinPlace[] = [];

  constructor(readonly storage: Storage) {
    for (let at = 0; at < storage.length;) at = this.#bin(at);
  }

  /** The cell around `offset` (its start or anything within): its place in `starts`. Undefined when there is none. */
  around(offset: number): number | undefined {
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.starts[middle] as number) <= offset) low = middle + 1;
      else high = middle;
    }
    const place = low - 1;
    return place >= 0 && offset < this.end(place) ? place : undefined;
  }

  /** Where a cell ends. */
  end(place: number): number {
    return (this.starts[place] as number) + Math.abs(this.sizes[place] as number);
  }

  /** Reads the bin at a block's start; answers where the next one may begin. */
  #bin(start: number): number {
    const head = bytesOf(this.storage, start, BIN_HEADER);
    const size = head === undefined || head.readUInt32LE(0) !== HBIN ? 0 : head.readUInt32LE(8);
    if (size < BLOCK || size % BLOCK !== 0 || start + size > this.storage.length) {
      const end = Math.min(start + BLOCK, this.storage.length);
      this.#remnant(start, end);
      return end;
    }
    const end = start + size;
    const first = this.starts.length;
    for (let at = start + BIN_HEADER; at < end;) {
      const stretch = this.storage.stretch(at);
      const field = stretch === undefined ? 0 : stretch.bytes.readInt32LE(at - stretch.start);
      const length = Math.abs(field);
      if (length < SMALLEST || length % 8 !== 0 || at + length > end) {
        this.#remnant(at, end);
        break;
      }
      this.starts.push(at);
      this.sizes.push(field);
      at += length;
    }
    this.bins.push({ start, end, first, last: this.starts.length });
    return end;
  }

  #remnant(start: number, end: number): void {
    const last = this.remnants.at(-1);
    if (last?.end === start) this.remnants[this.remnants.length - 1] = { start: last.start, end };
    else this.remnants.push({ start, end });
  }
}

/** Bytes of a storage across blocks; undefined when some are not in the image. Short ones only: the caller has bounded the length. */
export function bytesOf(storage: Storage, offset: number, length: number): Buffer | undefined {
  const { bytes, missing } = filled(storage, offset, length);
  return missing > 0 ? undefined : bytes;
}

/** As `bytesOf`, with zeros for what is not in the image. */
export function filled(storage: Storage, offset: number, length: number): { bytes: Buffer; missing: number } {
  const first = offset < storage.length ? storage.stretch(offset) : undefined;
  const from = first === undefined ? 0 : offset - first.start;
  if (first !== undefined && from + length <= first.bytes.length) return { bytes: first.bytes.subarray(from, from + length), missing: 0 };
  const bytes = Buffer.alloc(length);
  let missing = 0;
  for (let done = 0; done < length;) {
    const at = offset + done;
    const stretch = at < storage.length ? storage.stretch(at) : undefined;
    const skip = Math.min(BLOCK - at % BLOCK, length - done);
    if (stretch === undefined) missing += skip;
    else stretch.bytes.copy(bytes, done, at - stretch.start, at - stretch.start + skip);
    done += skip;
  }
  return { bytes, missing };
}
