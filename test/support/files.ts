import type { SyntheticKernel } from './kernel-image.js';
import type { Objects } from './objects.js';
import { PAGE } from './physical.js';
import { PTE } from './tables.js';
import { transitionPte } from './software-pte.js';

/** A mapped file: its prototype PTEs and the structures that lead there. */
export interface SyntheticSection {
  readonly fileObject: bigint;
  readonly controlArea: bigint;
  readonly subsection: bigint;
  /** Address of the first prototype PTE. */
  readonly prototypes: bigint;
  /** Physical address of each page that has a frame. */
  readonly frames: ReadonlyMap<number, number>;
}

/**
 * Makes a FILE_OBJECT with its section: CONTROL_AREA, SUBSECTION right behind, SEGMENT, prototype PTEs.
 *
 * @param path as the FILE_OBJECT names it: `\Windows\System32\ntdll.dll`
 * @param bytes content from the first page on; pages of zeros only have no frame
 * @param transition these pages' prototype PTEs are in transition, the others valid
 */
export function mappedFile(
  kernel: SyntheticKernel, objects: Objects, path: string, pages: number, bytes: Uint8Array, image: boolean, transition: ReadonlySet<number> = new Set(),
): SyntheticSection {
  const file = objects.create('File', '_FILE_OBJECT');
  file.set('Type', 5).set('Size', kernel.profile.sizeOf('_FILE_OBJECT')!).set('ReadAccess', 1).set('SharedRead', 1);
  kernel.text(file, 'FileName', path);
  const { entryBytes } = kernel.space.rules;
  const prototypes = kernel.paged.alloc(pages * entryBytes, 'MmSt');
  const frames = new Map<number, number>();
  for (let page = 0; page < pages; page += 1) {
    const content = bytes.subarray(page * PAGE, (page + 1) * PAGE);
    if (!content.some((byte) => byte !== 0)) continue;
    const physical = kernel.physical.alloc();
    kernel.physical.bytes.set(content, physical);
    frames.set(page, physical);
    const pte = transition.has(page) ? transitionPte(kernel.rules, physical, 1)
      : kernel.space.rules.encode(BigInt(physical), PTE.present | PTE.accessed, 'page', kernel.space.rules.shifts.length - 1);
    const at = prototypes + BigInt(page * entryBytes);
    if (entryBytes === 8) kernel.space.setU64(at, pte);
    else kernel.space.setU32(at, Number(pte));
  }
  const area = kernel.nonpaged.struct('_CONTROL_AREA', image ? 'MmCi' : 'MmCa', kernel.profile.sizeOf('_SUBSECTION'));
  const segment = kernel.paged.struct('_SEGMENT', 'MmSm');
  const subsection = kernel.view('_SUBSECTION', area.address + BigInt(kernel.profile.sizeOf('_CONTROL_AREA')!));
  area.set('Segment', segment.address).set('NumberOfMappedViews', 1)
    .set('u.LongFlags', 0x80 | (image ? 0x20 : 0));
  // A counted reference since Vista.
  const counted = area.has('FilePointer.Value');
  area.set(counted ? 'FilePointer.Value' : 'FilePointer', counted ? file.address | (kernel.profile.pointerSize === 8 ? 0xfn : 0x7n) : file.address);
  segment.set('ControlArea', area.address).set('TotalNumberOfPtes', pages).set('SizeOfSegment', pages * PAGE).set('PrototypePte', prototypes);
  subsection.set('ControlArea', area.address).set('SubsectionBase', prototypes).set('PtesInSubsection', pages).set('NumberOfFullSectors', pages * 8);
  if (kernel.profile.sizeOf('_SECTION_OBJECT_POINTERS') !== undefined) {
    const pointers = kernel.nonpaged.struct('_SECTION_OBJECT_POINTERS', 'MmSo');
    pointers.set(image ? 'ImageSectionObject' : 'DataSectionObject', area.address);
    file.set('SectionObjectPointer', pointers.address);
  }
  return { fileObject: file.address, controlArea: area.address, subsection: subsection.address, prototypes, frames };
}
