import { AddressSpace, type PagedMemory } from '../paging/address-space.js';
import { SOFTWARE_PTE } from '../paging/pte.js';
import { codeView, exportDirectory, peHeader } from '../pe/header.js';
import { Look } from './derive/evidence.js';
import { findActiveList } from './derive/system.js';
import type { DtbCandidate } from './dtb.js';
import type { KernelImage } from './find-kernel.js';

/** Tables looked through for System; each may cost a pass over what its kernel half maps. */
const MAX_TABLES = 4;
const PAGE = 0x1000n;
/** The kernel's variables lie no farther than this above its base. */
const IMAGE_REACH = 0x200_0000n;

/** A kernel that System led to. */
export interface KernelAround {
  readonly table: DtbCandidate;
  readonly image: KernelImage;
  /** Whether the image's header is in memory; else base and size are those of a region around the list's head. */
  readonly header: boolean;
}

/**
 * The kernel where no image is named like one: System and its neighbours are found by what they are, and the image that holds the head of
 * their list is the kernel's, whatever it is called.
 */
export function* kernelsAround(memory: PagedMemory, tables: readonly DtbCandidate[]): Generator<KernelAround> {
  for (const table of tables.slice(0, MAX_TABLES)) {
    const space = new AddressSpace(memory, table.mode, table.dtb, SOFTWARE_PTE);
    const list = findActiveList(new Look({ physical: memory, space }));
    if (list?.head === undefined) continue;
    const { head, system } = list;
    const found = imageAround(space, head);
    const image = found ?? region(space, head);
    yield { table, header: found !== undefined, image: { ...image, system } };
  }
}

/** The image that holds an address: the first header below it whose size reaches it. */
function imageAround(space: AddressSpace, inside: bigint): KernelImage | undefined {
  const { mode } = space;
  const lowest = inside - IMAGE_REACH < mode.kernelStart ? mode.kernelStart : inside - IMAGE_REACH;
  for (let base = inside - (inside % PAGE); base >= lowest; base -= PAGE) {
    if (space.read(base, 2)?.readUInt16LE(0) !== 0x5a4d) continue;
    const header = peHeader(space, base);
    if (header === undefined || header.machine !== mode.machine || base + BigInt(header.sizeOfImage) <= inside) continue;
    const exports = exportDirectory(space, base, header);
    const view = codeView(space, base, header);
    return {
      base, size: header.sizeOfImage, name: 'a kernel without a name, known by System\'s list', machine: header.machine, timestamp: header.timestamp,
      symbolFile: view === undefined ? undefined : `${view.guid}-${view.age}`, symbolPath: view?.path, system: undefined, exported: (name) => exports?.find(name),
    };
  }
  return undefined;
}

function region({ mode }: AddressSpace, head: bigint): KernelImage {
  const half = IMAGE_REACH / 2n;
  return {
    base: head - (head % half), size: Number(IMAGE_REACH), name: 'a kernel without a header', machine: mode.machine, timestamp: undefined,
    symbolFile: undefined, symbolPath: undefined, system: undefined, exported: () => undefined,
  };
}
