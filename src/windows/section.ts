import { FormatError } from '../bytes/errors.js';
import type { Memory } from '../bytes/memory.js';
import { PteFormat } from '../paging/pte-format.js';
import { PAGEFILE, PRESENT, TRANSITION } from '../paging/pte.js';
import { peHeader } from '../pe/header.js';
import { big, number, struct } from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import { firstSubsection, subsectionChain, type SubsectionLink } from './subsection.js';

const CONTROL_AREA = struct('_CONTROL_AREA', { segment: big('Segment'), image: number('u.Flags.Image') });
const SEGMENT = struct('_SEGMENT', { controlArea: big('ControlArea'), size: big('SizeOfSegment') });
const PAGE = 4096;
/** Units of StartingSector: of an image file sectors of 512 bytes, of a data file 4 KiB (MMSECTOR_SHIFT, MM4K_SHIFT). */
const SECTOR = { image: 512, data: 4096 } as const;
/** Prototype PTEs looked at of one section: 64 GiB of file. */
const MAX_PTES = 1 << 24;
/** Prototype PTEs read at once, in bytes. */
const CHUNK = 0x1_0000;
/** Header pages of an image that are looked at for its section table. */
const HEADER_PAGES = 4;

/** A stretch of a section. Corresponds to `_SUBSECTION`. */
export interface Subsection {
  readonly address: bigint;
  /** Address of its prototype PTEs. */
  readonly prototypes: bigint;
  readonly pages: number;
  /** The bytes of the file that it may hold: its pages begin at `start`; what lies at or after `end` is not the file's. */
  readonly start: number;
  readonly end: number;
}

/** A mapped file's section. Corresponds to `_CONTROL_AREA`, `_SEGMENT` and the `_SUBSECTION`s that follow. */
export interface Section {
  readonly controlArea: bigint;
  readonly image: boolean;
  /** SizeOfSegment in bytes; undefined when the segment is not in the image. */
  readonly size: bigint | undefined;
  /** Ascending by place in the file. */
  readonly subsections: readonly Subsection[];
}

/** What a prototype PTE leads to. */
export interface SectionPage {
  /** Index in its subsection. */
  readonly page: number;
  /** Physical address; undefined when it has no frame. */
  readonly physical: number | undefined;
  /** The page of the page file; undefined when it is in none. */
  readonly pagefile: { readonly number: number; readonly offset: number } | undefined;
}

/**
 * The section of a control area; undefined when it is not in the image.
 * @param where the place named in anomalies
 * @throws FormatError when the address is none of a control area
 */
export function section(kernel: Kernel, controlArea: bigint, where: string): Section | undefined {
  if (!kernel.isKernelAddress(controlArea) || controlArea % BigInt(kernel.pointerSize) !== 0n) throw new FormatError('a section object pointer leads to no control area', controlArea);
  const area = kernel.read(CONTROL_AREA, controlArea);
  if (area === undefined) return undefined;
  if (!kernel.isKernelAddress(area.segment)) throw new FormatError('a control area has no segment', controlArea);
  const segment = kernel.read(SEGMENT, area.segment);
  // It is in paged pool and may be absent; when it is there it leads back.
  if (segment !== undefined && segment.controlArea !== controlArea) throw new FormatError('a segment belongs to another control area', area.segment);
  const image = area.image === 1;
  const first = firstSubsection(kernel, controlArea);
  const found = first === undefined ? [] : [...subsectionChain(kernel, controlArea, first, where)];
  return { controlArea, image, size: segment?.size, subsections: image ? imageExtents(kernel, found) : dataExtents(found) };
}

/** Those that have pages, by place in the file. */
function inFile(links: readonly SubsectionLink[]): SubsectionLink[] {
  return links.filter(({ pages, prototypes }) => pages > 0 && prototypes !== 0n).sort((a, b) => a.sector - b.sector);
}

/** Of a data file: all pages are the file's. Where two overlap, the first has it. */
function dataExtents(links: readonly SubsectionLink[]): Subsection[] {
  return inFile(links).map(({ address, prototypes, pages, sector }) => (
    { address, prototypes, pages, start: sector * SECTOR.data, end: sector * SECTOR.data + pages * PAGE }));
}

/**
 * Of an image: a subsection is the headers or a section of the PE file, and has as many of the file's bytes as the section table says; without it
 * as many as fit before the next. Sections without bytes in the file begin at sector 0, as the headers do.
 */
function imageExtents(kernel: Kernel, links: readonly SubsectionLink[]): Subsection[] {
  const [header, ...others] = links;
  if (header === undefined) return [];
  const raw = rawSizes(kernel, header);
  const extents: Subsection[] = [];
  let [next, sectorAfter] = [Infinity, Infinity];
  for (const link of [header, ...inFile(others).filter(({ sector }) => sector !== 0)].reverse()) {
    const { address, prototypes, pages } = link;
    const sector = link === header ? 0 : link.sector;
    if (sector < sectorAfter) [next, sectorAfter] = [sectorAfter * SECTOR.image, sector];
    const start = sector * SECTOR.image;
    const size = raw === undefined ? Infinity : link === header ? raw.headers : raw.sections.get(start) ?? Infinity;
    extents.push({ address, prototypes, pages, start, end: Math.min(start + Math.min(size, pages * PAGE), next) });
  }
  return extents.reverse();
}

/** What the image's own header says: bytes of the headers, and of each section by its place in the file. Undefined when it is not in memory. */
function rawSizes(kernel: Kernel, header: SubsectionLink): { readonly headers: number; readonly sections: ReadonlyMap<number, number> } | undefined {
  const bytes = Buffer.alloc(Math.min(header.pages, HEADER_PAGES) * PAGE);
  let got = 0;
  for (const { page, physical } of prototypePages(kernel, header.prototypes, bytes.length / PAGE)) {
    if (physical === undefined || page * PAGE !== got) break;
    if (kernel.physical.fill(physical, bytes.subarray(got, got + PAGE)) > 0) break;
    got += PAGE;
  }
  const memory: Memory<bigint> = {
    read: (address, length) => (address >= 0n && address + BigInt(length) <= BigInt(got) ? bytes.subarray(Number(address), Number(address) + length) : undefined),
    fill: (_, target) => target.length,
  };
  const pe = peHeader(memory, 0n);
  if (pe === undefined) return undefined;
  // The loader rounds PointerToRawData down to a sector.
  return { headers: pe.sizeOfHeaders, sections: new Map(pe.sections.map(({ rawOffset, rawSize }) => [rawOffset - (rawOffset % SECTOR.image), rawSize])) };
}

const formats = new WeakMap<Kernel, PteFormat>();

/** The pages that prototype PTEs lead to, ascending, as far as the PTEs are in the image; those that lead to nothing in memory or a page file are left out. */
export function* prototypePages(kernel: Kernel, prototypes: bigint, pages: number): Generator<SectionPage> {
  let format = formats.get(kernel);
  if (format === undefined) formats.set(kernel, format = new PteFormat(kernel.mode, kernel.software));
  const { entryBytes } = kernel.mode;
  if (!kernel.isKernelAddress(prototypes) || prototypes % BigInt(entryBytes) !== 0n) return;
  const count = Math.min(pages, MAX_PTES);
  const end = prototypes + BigInt(count * entryBytes);
  for (const run of kernel.memory.runs(prototypes - (prototypes % 4096n), end)) {
    const from = run.start > prototypes ? run.start : prototypes;
    const to = run.start + BigInt(run.length) < end ? run.start + BigInt(run.length) : end;
    for (let at = from; at < to; at += BigInt(CHUNK)) {
      const length = Math.min(CHUNK, Number(to - at));
      const bytes = kernel.memory.read(at, length);
      if (bytes === undefined) continue;
      let page = Number(at - prototypes) / entryBytes;
      for (let i = 0; i + entryBytes <= length; i += entryBytes, page += 1) {
        const low = bytes.readUInt32LE(i);
        const high = entryBytes === 8 ? bytes.readUInt32LE(i + 4) : 0;
        const kind = format.sectionKind(low, high);
        if (kind === PRESENT || kind === TRANSITION) yield { page, physical: format.settledFrame(low, high) * PAGE, pagefile: undefined };
        else if (kind === PAGEFILE) yield { page, physical: undefined, pagefile: { number: format.pagefileNumber(low), offset: format.pagefileOffset(low, high) } };
      }
    }
  }
}
