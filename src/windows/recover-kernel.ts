import { wordAt } from '../bytes/word.js';
import { AddressSpace, type PagedMemory } from '../paging/address-space.js';
import type { PagingMode } from '../paging/mode.js';
import { SOFTWARE_PTE } from '../paging/pte.js';
import { codeViewRecord } from '../pe/header.js';
import { bundledProfile } from '../profile/bundled.js';
import type { Profile } from '../profile/profile.js';
import { Reader } from '../profile/struct.js';
import { KERNEL_SYMBOLS, type KernelImage } from './find-kernel.js';
import { occurrences } from './occurrences.js';
import { EPROCESS } from './process-list.js';

const PAGE = 4096;
const RECORD = Buffer.from('RSDS', 'latin1');
const SYSTEM_NAME = Buffer.from('System\0\0\0', 'latin1');
const LONGEST_IMAGE = 0x200_0000;
/** Occurrences looked into; files and text in memory hold both words too. */
const MAX_RECORDS = 64;
const MAX_SYSTEMS = 4096;

/**
 * Finds the kernel where its header page, export directory or the tables that map it are not in the image: the CodeView record of
 * its symbol file, anywhere in physical memory, names the build; System, by name and PID, is verified by its neighbours on the
 * active list, whose head is a symbol of that build and gives the base. Two passes over the image, so only when nothing else
 * led to a kernel.
 *
 * @param tables tables that may be a process's, most promising first
 * @returns the kernel and a table that maps System; its size by the symbols around it, an upper bound where those are gone too
 */
export function recoverKernel(memory: PagedMemory, mode: PagingMode, tables: readonly number[]): { dtb: number; image: KernelImage } | undefined {
  for (const { symbolFile, symbolPath } of kernelRecords(memory)) {
    const profile = bundledProfile(symbolFile);
    if (profile === undefined || profile.pointerSize !== mode.pointerSize) continue;
    for (const { dtb, system, base } of systems(memory, profile, mode, tables)) {
      const size = imageSize(new AddressSpace(memory, mode, dtb, SOFTWARE_PTE), profile, base);
      return { dtb, image: { base, size, name: symbolPath, machine: mode.machine, timestamp: undefined, symbolFile, symbolPath, system, exported: (name) => profile.symbol(name) } };
    }
  }
  return undefined;
}

/** CodeView records that name a kernel's symbol file, each build once. */
function* kernelRecords(memory: PagedMemory): Generator<{ symbolFile: string; symbolPath: string }> {
  const seen = new Set<string>();
  for (const at of occurrences(memory, [RECORD], MAX_RECORDS * 1024)) {
    const bytes = memory.read(at, 0x40);
    const record = bytes === undefined ? undefined : codeViewRecord(bytes);
    if (record === undefined || !KERNEL_SYMBOLS.test(record.path)) continue;
    const symbolFile = `${record.guid}-${record.age}`;
    if (seen.has(symbolFile)) continue;
    seen.add(symbolFile);
    yield { symbolFile, symbolPath: record.path };
    if (seen.size >= MAX_RECORDS) return;
  }
}

/** Each System in physical memory that a table maps where its neighbour on the active list says, and the kernel's base by the list's head. */
function* systems(
  memory: PagedMemory, profile: Profile, mode: PagingMode, tables: readonly number[],
): Generator<{ dtb: number; system: bigint; base: bigint }> {
  const head = profile.symbol('PsActiveProcessHead');
  const reader = new Reader(EPROCESS, profile);
  const nameOffset = reader.offset('name');
  const linksOffset = reader.offset('links');
  if (head === undefined || nameOffset === undefined || linksOffset === undefined) return;
  const spaces = tables.map((dtb) => new AddressSpace(memory, mode, dtb, SOFTWARE_PTE));
  let looked = 0;
  for (const at of occurrences(memory, [SYSTEM_NAME], MAX_SYSTEMS * 16)) {
    const start = at - nameOffset;
    if (start < 0 || start % 8 !== 0) continue;
    const bytes = memory.read(start, reader.size);
    const record = bytes === undefined ? undefined : reader.decode(bytes, 0n);
    if (record === undefined || record.pid !== 4 || record.ppid !== 0) continue;
    // System is the first on the list: the head is behind it. Its entry's address is what the next entry points back to.
    const base = record.links.blink - BigInt(head);
    if (base < mode.kernelStart || base % BigInt(PAGE) !== 0n) continue;
    for (const space of spaces) {
      const entry = pointer(space, record.links.flink + BigInt(mode.pointerSize));
      if (entry === undefined || space.translate(entry) !== start + linksOffset) continue;
      yield { dtb: space.dtb, system: entry - BigInt(linksOffset), base };
    }
    looked += 1;
    if (looked >= MAX_SYSTEMS) return;
  }
}

/** By PsNtosImageEnd, where it is mapped. */
function imageSize(space: AddressSpace, profile: Profile, base: bigint): number {
  const variable = profile.symbol('PsNtosImageEnd');
  const end = variable === undefined ? undefined : pointer(space, base + BigInt(variable));
  const size = end === undefined ? 0 : Number(end - base);
  return size > 0 && size <= LONGEST_IMAGE ? size : LONGEST_IMAGE;
}

function pointer(space: AddressSpace, address: bigint): bigint | undefined {
  const bytes = space.read(address, space.mode.pointerSize);
  return bytes === undefined ? undefined : wordAt(bytes, 0, space.mode.pointerSize);
}
