import { VOLATILE_BIT, type Cells, type Content, type Storage } from './cells.js';
import { CellLayout, filled, type BinPlace } from './cell-layout.js';

/** Each cell begins with its size, negative while it is in use. */
const SIZE_FIELD = 4;

/** A bin of a hive. Corresponds to `_HBIN`. */
export interface Bin {
  /** The index that a cell at its start would have: the offset from the first bin, with bit 31 in volatile storage. */
  readonly index: number;
  /** Bytes, its header of 32 among them. */
  readonly size: number;
  /** The offset that the header says; the same as where the bin lies, unless the hive is damaged. */
  readonly fileOffset: number;
  /** The header's time, a FILETIME: of the first bin when the hive was written; zero in most others. */
  readonly written: bigint;
  /** What the header keeps in its last word (`Spare`; MemAlloc while in memory). */
  readonly spare: number;
  /** Its cells one after the other, in use and free. What follows a cell whose size makes no sense is left out. */
  cells(): Generator<Cell>;
}

/** A cell of a hive, in use or free. */
export interface Cell {
  readonly index: number;
  /** Bytes, the size field among them. */
  readonly size: number;
  readonly free: boolean;
  /** `nk`, `vk`, `sk`, `lf`, `lh`, `li`, `ri`, `db`; undefined for what has none (data, lists of values, class names), and for free cells that lost theirs. */
  readonly signature: string | undefined;
  /** What it holds, without the size field; zeros for what is not in the image. */
  content(): Content;
}

const SIGNATURES: ReadonlySet<string> = new Set(['nk', 'vk', 'sk', 'lf', 'lh', 'li', 'ri', 'db']);

/** The bins of a hive whose headers make sense, stable ones first. */
export function* bins({ stable, volatile }: Cells): Generator<Bin> {
  for (const [storage, base] of [[stable, 0], [volatile, VOLATILE_BIT]] as const) {
    const layout = new CellLayout(storage);
    for (const place of layout.bins) yield bin(layout, place, base);
  }
}

function bin(layout: CellLayout, { start, end, first, last }: BinPlace, base: number): Bin {
  const { bytes } = filled(layout.storage, start, 0x20);
  return {
    index: base + start, size: end - start, fileOffset: bytes.readUInt32LE(4), written: bytes.readBigUInt64LE(0x14), spare: bytes.readUInt32LE(0x1c),
    *cells() {
      for (let place = first; place < last; place += 1) yield cell(layout.storage, layout.starts[place] ?? 0, layout.sizes[place] ?? 0, base);
    },
  };
}

function cell(storage: Storage, start: number, field: number, base: number): Cell {
  const size = Math.abs(field);
  const text = filled(storage, start + SIZE_FIELD, 2).bytes.toString('latin1');
  return {
    index: base + start, size, free: field > 0, signature: SIGNATURES.has(text) ? text : undefined,
    content: () => filled(storage, start + SIZE_FIELD, size - SIZE_FIELD),
  };
}
