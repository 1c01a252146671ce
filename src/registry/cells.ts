import { FormatError } from '../bytes/errors.js';

/** The index that names no cell (HCELL_NIL). */
export const NO_CELL = 0xffff_ffff;
/** Bins are made of blocks of this many bytes. */
export const BLOCK = 0x1000;
/** The bit of a cell's index that says that it lies in volatile storage. */
export const VOLATILE_BIT = 0x8000_0000;
/** Every cell begins with its size, negative while it is in use. */
const SIZE_FIELD = 4;

/** Bytes of a hive's bins that follow one another, all of them at hand. */
export interface Stretch {
  /** The offset of the first byte, counted from the first bin. */
  readonly start: number;
  readonly bytes: Buffer;
}

/** The bins of one storage of a hive, stable or volatile. Offsets count from the first bin. */
export interface Storage {
  /** Bytes. */
  readonly length: number;
  /** The stretch that holds `offset`; undefined when that byte is not in the image. It ends at a block's end or the storage's. */
  stretch(offset: number): Stretch | undefined;
  /** Where the bin that holds `offset` ends; undefined when its header is not in the image or contradicts itself. */
  binEnd(offset: number): number | undefined;
}

/** What a cell holds, as far as it is in the image: `missing` bytes of it are not, and read as zeros. */
export interface Content {
  readonly bytes: Buffer;
  readonly missing: number;
}

/** Storage without bins, as the volatile one of a hive file. */
export const NO_STORAGE: Storage = { length: 0, stretch: () => undefined, binEnd: () => undefined };

/** The cells of a hive, by index: bit 31 names the storage, the rest is the offset from its first bin. */
export class Cells {
  constructor(readonly stable: Storage, readonly volatile: Storage) {}

  /** False for a hive file, which has no volatile storage. */
  get hasVolatile(): boolean { return this.volatile !== NO_STORAGE; }

  storage(index: number): Storage {
    return index >= VOLATILE_BIT ? this.volatile : this.stable;
  }

  /**
   * The bytes of a cell in use, without its size field.
   * @returns undefined when some of them are not in the image
   * @throws FormatError when the index names no cell in use
   */
  read(index: number): Buffer | undefined {
    const storage = this.storage(index);
    const offset = index & 0x7fff_ffff;
    const stretch = this.#stretch(storage, index, offset);
    if (stretch === undefined) return undefined;
    const at = offset - stretch.start;
    const size = this.#size(storage, index, offset, stretch.bytes.readInt32LE(at));
    if (at + size <= stretch.bytes.length) return stretch.bytes.subarray(at + SIZE_FIELD, at + size);
    const { bytes, missing } = gather(storage, offset + SIZE_FIELD, size - SIZE_FIELD);
    return missing === 0 ? bytes : undefined;
  }

  /**
   * As `read`, with zeros for what is not in the image.
   * @returns undefined when not even the cell's size is in the image
   */
  content(index: number): Content | undefined {
    const storage = this.storage(index);
    const offset = index & 0x7fff_ffff;
    const size = this.size(index);
    return size === undefined ? undefined : gather(storage, offset + SIZE_FIELD, size - SIZE_FIELD);
  }

  /** The cell with its size field, as it lies in the bin; zeros for what is not in the image. */
  whole(index: number): Content | undefined {
    const size = this.size(index);
    return size === undefined ? undefined : gather(this.storage(index), index & 0x7fff_ffff, size);
  }

  /** Bytes of a cell in use, its size field included; undefined when that is not in the image. @throws FormatError as `read` */
  size(index: number): number | undefined {
    const storage = this.storage(index);
    const offset = index & 0x7fff_ffff;
    const stretch = this.#stretch(storage, index, offset);
    return stretch === undefined ? undefined
      : this.#size(storage, index, offset, stretch.bytes.readInt32LE(offset - stretch.start));
  }

  #stretch(storage: Storage, index: number, offset: number): Stretch | undefined {
    if ((offset & 7) !== 0 || offset + 8 > storage.length) throw new FormatError('a cell index leads out of the hive', index);
    return storage.stretch(offset);
  }

  /** A cell's size, checked: no larger than its bin allows. */
  #size(storage: Storage, index: number, offset: number, field: number): number {
    const size = -field;
    if (size < 8) throw new FormatError(field > 0 ? 'a cell that is referred to is free' : 'a cell has no size', index);
    // What stays in its block stays in its bin; only others need the bin's header.
    if ((offset & (BLOCK - 1)) + size > BLOCK) {
      const end = storage.binEnd(offset) ?? storage.length;
      if (offset + size > Math.min(end, storage.length)) throw new FormatError('a cell is larger than its bin', index);
    }
    return size;
  }
}

/** `length` bytes from `offset` on, with zeros for what is not in the image; no copy where they follow one another. The caller has bounded the length. */
function gather(storage: Storage, offset: number, length: number): Content {
  const whole = storage.stretch(offset);
  const from = whole === undefined ? 0 : offset - whole.start;
  if (whole !== undefined && from + length <= whole.bytes.length) return { bytes: whole.bytes.subarray(from, from + length), missing: 0 };
  const bytes = Buffer.alloc(length);
  let missing = 0;
  for (let done = 0; done < length;) {
    const stretch = storage.stretch(offset + done);
    if (stretch === undefined) {
      const skip = Math.min(BLOCK - ((offset + done) & (BLOCK - 1)), length - done);
      missing += skip;
      done += skip;
    } else {
      done += stretch.bytes.copy(bytes, done, offset + done - stretch.start);
    }
  }
  return { bytes, missing };
}
