import type { SyntheticKernel } from './kernel-image.js';
import type { View } from './layout.js';
import type { Machine } from './machine.js';
import { PAGE } from './physical.js';
import { pagefilePte, transitionPte } from './software-pte.js';
import { KERNEL_DATA, PTE } from './tables.js';

/** A page of a section: its bytes, in a frame that is mapped or in transition; a place in a page file; a prototype PTE as it is given; undefined: only the file has it. */
export type SectionPageSpec =
  | { readonly bytes: Uint8Array; readonly transition?: boolean }
  | { readonly pagefile: readonly [number: number, offset: number] }
  | { readonly pte: bigint }
  | undefined;

/** A subsection: where it begins in the file, in sectors (of 512 bytes for an image, 4096 else), and its pages. */
export interface PartSpec {
  readonly sector: number;
  readonly pages: readonly SectionPageSpec[];
}

export interface CacheSpec {
  readonly fileSize: bigint;
  readonly sectionSize: bigint;
  /** Pages of the views, by page of the file. */
  readonly pages: ReadonlyMap<number, Uint8Array>;
}

export interface CachedFileSpec {
  readonly path: string;
  readonly data?: readonly PartSpec[];
  readonly image?: readonly PartSpec[];
  readonly cache?: CacheSpec;
  /** What the file system says; undefined: nothing. */
  readonly size?: bigint;
  readonly deleted?: boolean;
}

export interface SyntheticSectionParts {
  readonly controlArea: View;
  readonly segment: View;
  readonly subsections: readonly View[];
}

/** A file in memory, and where its structures lie. */
export interface SyntheticFile {
  readonly file: View;
  readonly data: SyntheticSectionParts | undefined;
  readonly image: SyntheticSectionParts | undefined;
  readonly cache: View | undefined;
  /** By index of the view. */
  readonly vacbs: ReadonlyMap<number, View>;
}

const VIEW = 0x4_0000;
/** Where the views of caches lie, one behind the other, by pointer size. */
const VIEWS = { 4: 0xc200_0000n, 8: 0xffff_f980_0000_0000n } as const;
/** Pages of a file that are the same in all tests: `page(7)` says `page 7` all over. */
export function page(number: number): Buffer {
  return Buffer.alloc(PAGE, `page ${number} `);
}

const nextView = new WeakMap<SyntheticKernel, bigint>();

/** Writes a FILE_OBJECT and all that holds its content: sections, prototype PTEs, the cache's views, the file system's sizes. */
export function cachedFile({ kernel, objects }: Machine, spec: CachedFileSpec): SyntheticFile {
  const file = objects.create('File', '_FILE_OBJECT');
  file.set('Type', 5).set('Size', kernel.profile.sizeOf('_FILE_OBJECT')!).set('DeletePending', spec.deleted === true ? 1 : 0);
  kernel.text(file, 'FileName', spec.path);
  const pointers = kernel.nonpaged.struct('_SECTION_OBJECT_POINTERS', 'MmSo');
  file.set('SectionObjectPointer', pointers.address);
  if (spec.size !== undefined) file.set('FsContext', fileSystemHeader(kernel, spec.size));
  const data = spec.data && writeSection(kernel, file.address, spec.data, false);
  const image = spec.image && writeSection(kernel, file.address, spec.image, true);
  const cached = spec.cache && writeCache(kernel, spec.cache);
  pointers.set('DataSectionObject', data?.controlArea.address ?? 0n).set('ImageSectionObject', image?.controlArea.address ?? 0n)
    .set('SharedCacheMap', cached?.cache.address ?? 0n);
  return { file, data, image, cache: cached?.cache, vacbs: cached?.vacbs ?? new Map() };
}

/** FSRTL_COMMON_FCB_HEADER: AllocationSize, FileSize, ValidDataLength behind two pointers. */
function fileSystemHeader(kernel: SyntheticKernel, size: bigint): bigint {
  const sizes = 8n + 2n * BigInt(kernel.profile.pointerSize);
  const at = kernel.paged.alloc(Number(sizes) + 24, 'NtfF');
  const allocated = (size + 0xfffn) & ~0xfffn;
  [allocated, size, size].forEach((value, i) => kernel.space.setU64(at + sizes + BigInt(i * 8), value));
  return at;
}

/** CONTROL_AREA, its SUBSECTIONs behind it, SEGMENT and prototype PTEs. */
function writeSection(kernel: SyntheticKernel, file: bigint, parts: readonly PartSpec[], image: boolean): SyntheticSectionParts {
  const { profile } = kernel;
  const size = profile.sizeOf('_SUBSECTION')!;
  const { entryBytes } = kernel.space.rules;
  const controlArea = kernel.nonpaged.struct('_CONTROL_AREA', image ? 'MmCi' : 'MmCa', parts.length * size);
  const segment = kernel.paged.struct('_SEGMENT', 'MmSm');
  const total = parts.reduce((sum, { pages }) => sum + pages.length, 0);
  const prototypes = kernel.paged.alloc(Math.max(total, 1) * entryBytes, 'MmSt');
  const counted = controlArea.has('FilePointer.Value');
  controlArea.set('Segment', segment.address).set('u.Flags.Image', image ? 1 : 0)
    .set(counted ? 'FilePointer.Value' : 'FilePointer', counted ? file | (profile.pointerSize === 8 ? 0xfn : 0x7n) : file);
  segment.set('ControlArea', controlArea.address).set('TotalNumberOfPtes', total).set('SizeOfSegment', total * PAGE);
  let done = 0;
  const subsections = parts.map(({ sector, pages }, i) => {
    const view = kernel.view('_SUBSECTION', controlArea.address + BigInt(profile.sizeOf('_CONTROL_AREA')! + i * size));
    view.set('ControlArea', controlArea.address).set('SubsectionBase', prototypes + BigInt(done * entryBytes)).set('PtesInSubsection', pages.length)
      .set('StartingSector', sector).set('NumberOfFullSectors', pages.length * (image ? 8 : 1)).set('NextSubsection', i + 1 < parts.length ? view.address + BigInt(size) : 0n);
    pages.forEach((spec, number) => {
      const at = prototypes + BigInt((done + number) * entryBytes);
      const pte = prototypePte(kernel, view.address, spec);
      if (entryBytes === 8) kernel.space.setU64(at, pte);
      else kernel.space.setU32(at, Number(pte));
    });
    done += pages.length;
    return view;
  });
  return { controlArea, segment, subsections };
}

/** The prototype PTE of a page; that of a page only the file has names its subsection. */
function prototypePte(kernel: SyntheticKernel, subsection: bigint, spec: SectionPageSpec): bigint {
  const { rules } = kernel.space;
  if (spec === undefined) return rules.entryBytes === 8 ? ((subsection & 0xffff_ffff_ffffn) << 16n) | PTE.prototype : PTE.prototype | (0x1234n << 12n);
  if ('pte' in spec) return spec.pte;
  if ('pagefile' in spec) return pagefilePte(kernel.rules, spec.pagefile[0], spec.pagefile[1], 4);
  const physical = frameWith(kernel, spec.bytes);
  return spec.transition === true ? transitionPte(kernel.rules, physical, 4)
    : rules.encode(BigInt(physical), PTE.present | PTE.writable | PTE.accessed, 'page', rules.shifts.length - 1);
}

function frameWith(kernel: SyntheticKernel, bytes: Uint8Array): number {
  const physical = kernel.physical.alloc();
  kernel.physical.bytes.set(bytes.subarray(0, PAGE), physical);
  return physical;
}

/** SHARED_CACHE_MAP, its views, and the array that leads to them: in the map itself, of one level, or of several. */
function writeCache(kernel: SyntheticKernel, { fileSize, sectionSize, pages }: CacheSpec): { readonly cache: View; readonly vacbs: Map<number, View> } {
  const { pointerSize } = kernel.profile;
  const cache = kernel.nonpaged.struct('_SHARED_CACHE_MAP', 'CcSc');
  cache.set('NodeTypeCode', 0x2ff).set('NodeByteSize', kernel.profile.sizeOf('_SHARED_CACHE_MAP')!);
  for (const [name, value] of [['FileSize', fileSize], ['SectionSize', sectionSize], ['ValidDataLength', fileSize]] as const) kernel.space.setU64(cache.at(name), value);
  const vacbs = new Map<number, View>();
  for (const [number, bytes] of pages) {
    const index = Math.floor((number * PAGE) / VIEW);
    let vacb = vacbs.get(index);
    if (vacb === undefined) {
      const base = nextView.get(kernel) ?? VIEWS[pointerSize];
      nextView.set(kernel, base + BigInt(VIEW));
      vacbs.set(index, vacb = kernel.nonpaged.struct('_VACB', 'CcVa').set('BaseAddress', base).set('SharedCacheMap', cache.address));
      kernel.space.setU64(vacb.at('Overlay.FileOffset'), BigInt(index * VIEW) | 1n);
    }
    kernel.space.map(vacb.get('BaseAddress') + BigInt((number * PAGE) % VIEW), frameWith(kernel, bytes), KERNEL_DATA);
  }
  const few = sectionSize <= 4n * BigInt(VIEW);
  let levels = 1;
  while (BigInt(VIEW) << BigInt(7 * levels) < sectionSize) levels += 1;
  const root = few ? cache.at('InitialVacbs') : kernel.nonpaged.alloc(128 * pointerSize, 'CcVp');
  cache.set('Vacbs', root);
  for (const [index, vacb] of vacbs) {
    let block = root;
    for (let level = levels - 1; level > 0; level -= 1) {
      const at = block + BigInt((Math.floor(index / 128 ** level) % 128) * pointerSize);
      let below = kernel.space.pointer(at);
      if (below === 0n) kernel.space.setPointer(at, below = kernel.nonpaged.alloc(128 * pointerSize, 'CcVp'));
      block = below;
    }
    kernel.space.setPointer(block + BigInt((index % 128) * pointerSize), vacb.address);
  }
  return { cache, vacbs };
}
