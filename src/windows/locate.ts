import type { Image } from '../image/image.js';
import { AddressSpace, type PagedMemory } from '../paging/address-space.js';
import { MODES, type PagingMode } from '../paging/mode.js';
import { SOFTWARE_PTE } from '../paging/pte.js';
import type { Diagnosis } from './diagnosis.js';
import { dtbCandidates, startBlocks, type DtbCandidate } from './dtb.js';
import { findKernel, kernelAt, KernelSearch, type KernelImage } from './find-kernel.js';
import { kernelsAround } from './kernel-around.js';
import type { OpenOptions, Overrides } from './options.js';
import { recoverKernel } from './recover-kernel.js';

/** A table that maps a kernel. */
export interface Located {
  readonly dtb: number;
  readonly mode: PagingMode;
  readonly how: string;
  readonly image: KernelImage;
  /** What this way of finding it costs, one sentence. */
  readonly degraded?: string;
}

/** Candidates looked into; each costs a walk over its kernel half. */
const MAX_CANDIDATES = 64;

/**
 * Tables that map a kernel, the surest first. What was refused on the way is written into the diagnosis; whoever takes or refuses
 * a located one writes that himself.
 */
export function* locations(image: Image, diagnosis: Diagnosis, { overrides = {}, search: whole = true, onProgress }: OpenOptions): Generator<Located> {
  const modes = overrides.arch === undefined ? MODES : MODES.filter(({ name }) => name === overrides.arch);
  const search = new KernelSearch(image.memory.size);
  const memory = onProgress === undefined ? image.memory : observed(image.memory, onProgress);
  const tables: DtbCandidate[] = [];
  for (const candidate of candidates(image, memory, modes, overrides, whole)) {
    const { dtb, how, hint, mode } = candidate;
    const space = new AddressSpace(image.memory, mode, dtb, SOFTWARE_PTE);
    const found = overrides.kernelBase === undefined ? findKernel(space, hint, search) : kernelAt(space, overrides.kernelBase);
    if (found !== undefined) yield { dtb, mode, how, image: found };
    else {
      const why = overrides.kernelBase === undefined ? 'no kernel image is mapped in its kernel half' : `no kernel image begins at 0x${overrides.kernelBase.toString(16)}`;
      diagnosis.dtbs.push({ dtb, mode: mode.name, how, taken: false, why });
    }
    tables.push(candidate);
    if (tables.length >= MAX_CANDIDATES) break;
  }
  if (tables.length === 0 || !whole) return;
  for (const mode of modes) {
    const own = tables.filter((table) => table.mode === mode).map(({ dtb }) => dtb);
    const recovered = own.length === 0 ? undefined : recoverKernel(memory, mode, own);
    if (recovered === undefined) continue;
    const { dtb, image: found } = recovered;
    yield {
      dtb, mode, how: 'System, by name and PID', image: found,
      degraded: 'the kernel\'s image cannot be read through the page tables: it was recognised by its symbol record and by System\'s place on the active list; what its variables lead to may be missing',
    };
  }
  for (const { table: { dtb, mode }, image: found, header } of kernelsAround(image.memory, tables)) {
    yield {
      dtb, mode, how: 'System, by name and PID', image: found,
      degraded: header ? 'no image is named like a kernel: the one that holds the head of the process list is taken'
        : 'the kernel\'s image cannot be recognised: System and its neighbours were found by what they are, and the base is that of the region around the list\'s head',
    };
  }
}

function* candidates(image: Image, memory: PagedMemory, modes: readonly PagingMode[], { dtb }: Overrides, whole: boolean): Generator<DtbCandidate> {
  if (dtb !== undefined) {
    for (const mode of modes) yield { dtb: mode.tableOf(dtb), how: `asked for, as ${mode.name}`, hint: undefined, mode };
    return;
  }
  const { hints } = image;
  if (hints?.dtb !== undefined) {
    for (const mode of modes) yield { dtb: mode.tableOf(hints.dtb), how: `the ${image.format} format names it`, hint: hints.kernel, mode };
  }
  yield* whole ? dtbCandidates(memory, modes) : startBlocks(memory, modes);
}

/** The same memory, which tells how far a pass over it is. */
function observed(memory: PagedMemory, tell: (percent: number) => void): PagedMemory {
  let told = -1;
  return {
    size: memory.size,
    read: (address, length) => memory.read(address, length),
    page: (frame) => memory.page(frame),
    runs: (start, end) => memory.runs(start, end),
    fill(address, target) {
      const percent = Math.floor((address / memory.size) * 100);
      if (percent > told && target.length > 0x10000) {
        told = percent;
        tell(percent);
      }
      return memory.fill(address, target);
    },
  };
}
