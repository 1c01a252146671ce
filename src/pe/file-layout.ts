import type { PeHeader, PeSection } from './header.js';

const PAGE = 0x1000;
/** The loader reads raw data from multiples of a disk sector, whatever the header says. */
const SECTOR = 0x200;
/** The largest FileAlignment: no more padding than this lies before a section. */
const MOST_PADDING = 0x10000;

/** Bytes of a file that are also in its image in memory. All in bytes. */
export interface FilePiece {
  /** Offset in the file. */
  readonly offset: number;
  /** Relative virtual address of the same bytes. */
  readonly rva: number;
  readonly length: number;
}

/** How an image's file is laid out, as far as its headers say and its image can hold. */
export interface FileLayout {
  /** Of the file, without what follows the last section (certificates, overlays): that is never mapped. */
  readonly size: number;
  /** Ascending by offset, never overlapping; what lies between is in no section, or not mapped. */
  readonly pieces: readonly FilePiece[];
  /** The sections that claim a place in the file where an image of this size has none: left out. */
  readonly misplaced: readonly PeSection[];
}

const up = (value: number, step: number): number => Math.ceil(value / step) * step;

/** Bytes that a section takes in memory (a section without VirtualSize has the size of its raw data), no more than `extent` leaves it. */
export function mappedSize({ rva, virtualSize, rawSize }: PeSection, extent: number): number {
  return Math.max(0, Math.min(virtualSize === 0 ? rawSize : virtualSize, extent - rva));
}

/**
 * Where the bytes of an image file are in its image: the headers, and of each section its raw data, which the loader maps by whole pages
 * (PE format, "Section Table"). Sections that claim the same bytes of the file: the first has them.
 *
 * @param extent bytes of the image that are mapped, from its base on; nothing past them is asked for
 */
export function fileLayout(header: PeHeader, extent: number): FileLayout {
  const { sections, sizeOfHeaders, headersEnd, sectionAlignment } = header;
  // Smaller than a page: the file is mapped as it is, and offsets are exact.
  const [sector, page] = sectionAlignment < PAGE ? [1, 1] : [SECTOR, PAGE];
  const firstRva = sections.reduce((least, { rva }) => Math.min(least, rva), extent);
  const headers = Math.min(Math.max(sizeOfHeaders, headersEnd), Math.max(firstRva, headersEnd), extent);
  const limit = up(extent, MOST_PADDING) + (sections.length + 1) * MOST_PADDING;
  const wanted: FilePiece[] = [];
  const misplaced: PeSection[] = [];
  let size = headers;
  for (const section of sections) {
    // Without raw data, or from the loader's view without a place for it.
    if (section.rawSize === 0 || section.rawOffset === 0) continue;
    const offset = Math.floor(section.rawOffset / sector) * sector;
    const end = section.rawOffset + section.rawSize;
    if (offset >= limit) {
      misplaced.push(section);
      continue;
    }
    const fileEnd = Math.min(end, limit);
    // Also what is not mapped keeps its place, so that the table stays true of the file.
    size = Math.max(size, fileEnd);
    const pages = Math.min(up(section.virtualSize === 0 ? section.rawSize : section.virtualSize, page), extent - section.rva);
    if (pages > 0) wanted.push({ offset, rva: section.rva, length: Math.min(fileEnd - offset, pages) });
  }
  wanted.sort((a, b) => a.offset - b.offset);
  const pieces: FilePiece[] = headers === 0 ? [] : [{ offset: 0, rva: 0, length: headers }];
  let taken = headers;
  for (const { offset, rva, length } of wanted) {
    const skip = Math.max(0, taken - offset);
    if (length <= skip) continue;
    pieces.push({ offset: offset + skip, rva: rva + skip, length: length - skip });
    taken = offset + length;
  }
  return { size, pieces, misplaced };
}
