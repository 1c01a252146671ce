import { hex } from '../../src/bytes/hex.js';
import type { PageKind, PageState } from '../../src/paging/pte.js';
import { vadFlags, vadType } from '../../src/tables/vads.js';
import type { Process } from '../../src/windows/process.js';
import { prototypeIn } from '../../src/windows/vad-prototype.js';
import type { Vad } from '../../src/windows/vad.js';

/** A page that the hardware maps. */
export interface MappedPage {
  readonly address: bigint;
  readonly physical: number;
  readonly writable: boolean;
  readonly executable: boolean;
}

const PAGE = 4096;
/** Findings of one kind in one VAD, so that one region does not bury the others. */
export const MAX_PER_VAD = 4;
const LETTERS: Readonly<Record<PageKind, string>> = {
  present: 'A', transition: 'T', prototype: 'P', pagefile: 'F', compressed: 'C', file: 'S', 'demand-zero': 'Z', unmapped: '-',
};

/** The executable pages of a VAD that are in memory. */
export function* executablePages(process: Process, vad: Vad): Generator<MappedPage> {
  for (const { start, pages, physical, writable, executable } of process.memory.mappings(vad.start, vad.end + 1n)) {
    if (!executable) continue;
    for (let page = 0; page < pages; page += 1) {
      yield { address: start + BigInt(page * PAGE), physical: physical + page * PAGE, writable, executable };
    }
  }
}

/** At most MAX_PER_VAD pages of a VAD that can be written and executed. */
export function* writableAndExecutable(process: Process, vad: Vad): Generator<MappedPage> {
  let found = 0;
  for (const { start, pages, physical, writable, executable } of process.memory.mappings(vad.start, vad.end + 1n)) {
    if (!executable || !writable) continue;
    for (let page = 0; page < pages; page += 1) {
      yield { address: start + BigInt(page * PAGE), physical: physical + page * PAGE, writable, executable };
      found += 1;
      if (found >= MAX_PER_VAD) return;
    }
  }
}

/** The physical address of the section's own page behind a page of a mapped section; undefined when it is not in the image. */
export function sectionPage(process: Process, vad: Vad, address: bigint): number | undefined {
  const physical = sectionState(process, vad, address)?.physical;
  return physical === undefined || physical >= process.kernel.physical.size ? undefined : physical;
}

function sectionState({ kernel }: Process, vad: Vad, address: bigint): PageState | undefined {
  const at = prototypeIn(kernel, [vad], address);
  return at === undefined ? undefined : kernel.memory.prototypePte(at);
}

/** One page as analysts know it: physical address, PTE, state, rights, VAD, and the section's page behind it. */
export function pageText(process: Process, vad: Vad, page: MappedPage): string {
  const own = process.memory.pte(page.address);
  const behind = sectionState(process, vad, page.address);
  return [
    hex(page.physical, 12), hex(own.pte, 16), LETTERS[own.kind], `r${page.writable ? 'w' : '-'}${page.executable ? 'x' : '-'}`, hex(vad.address, 16),
    hex(behind?.physical ?? 0, 12), hex(behind?.pte ?? 0n, 16), LETTERS[behind?.kind ?? 'unmapped'], (vadType(vad) ?? '').padEnd(5), vadFlags(vad), vad.file ?? '',
  ].join(' ').trimEnd();
}
