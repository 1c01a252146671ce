import { AddressSpace, type PagedMemory } from '../paging/address-space.js';
import type { PagingMode } from '../paging/mode.js';
import { SOFTWARE_PTE } from '../paging/pte.js';
import { codeViewRecord } from '../pe/header.js';
import { bundledProfile } from '../profile/bundled.js';
import type { Profile } from '../profile/profile.js';
import { EPROCESS } from './process-list.js';
import { Reader } from '../profile/struct.js';

/** A kernel whose own headers are gone, known by what else names it. */
export interface RecoveredKernel {
  readonly base: bigint;
  /** SizeOfImage in bytes, by the symbols around the image; an upper bound where those are gone too. */
  readonly size: number;
  readonly symbolFile: string;
  readonly symbolPath: string;
}

const BLOCK = 1 << 20;
const PAGE = 4096;
const RECORD = Buffer.from('RSDS', 'latin1');
const KERNEL_SYMBOLS = /^nt(krnlmp|oskrnl|krnlpa|krpamp|krla57)\.pdb$/i;
const SYSTEM_NAME = Buffer.from('System\0\0\0', 'latin1');
const LONGEST_IMAGE = 0x200_0000;
/** Occurrences looked into; files and text in memory hold both words too. */
const MAX_RECORDS = 64;
const MAX_SYSTEMS = 4096;

/**
 * Finds the kernel where its header page or export directory is not in the image: the CodeView record of its symbol file, anywhere
 * in physical memory, names the build; System's place on the active list, whose head is a symbol of that build, gives the base.
 * Two passes over the image, so only when nothing else led to a kernel.
 *
 * @param tables address spaces that may be a process's, most promising first
 */
export function recoverKernel(memory: PagedMemory, mode: PagingMode, tables: readonly number[]): RecoveredKernel | undefined {
  for (const { symbolFile, symbolPath } of kernelRecords(memory)) {
    const profile = bundledProfile(symbolFile);
    if (profile === undefined) continue;
    for (const base of basesBySystem(memory, profile, mode)) {
      const size = imageSize(memory, mode, tables, profile, base);
      if (size !== undefined) return { base, size, symbolFile, symbolPath };
    }
  }
  return undefined;
}

/** CodeView records that name a kernel's symbol file, each build once. */
function* kernelRecords(memory: PagedMemory): Generator<{ symbolFile: string; symbolPath: string }> {
  const seen = new Set<string>();
  for (const at of occurrences(memory, RECORD, MAX_RECORDS * 1024)) {
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

/** Where the kernel would begin, by each thing in memory that looks like System: its list entry's neighbour is PsActiveProcessHead. */
function* basesBySystem(memory: PagedMemory, profile: Profile, mode: PagingMode): Generator<bigint> {
  const head = profile.symbol('PsActiveProcessHead');
  const reader = new Reader(EPROCESS, profile);
  const nameOffset = reader.offset('name');
  if (head === undefined || nameOffset === undefined) return;
  let looked = 0;
  for (const at of occurrences(memory, SYSTEM_NAME, MAX_SYSTEMS * 16)) {
    const start = at - nameOffset;
    if (start < 0 || start % 8 !== 0) continue;
    const bytes = memory.read(start, reader.size);
    const record = bytes === undefined ? undefined : reader.decode(bytes, 0n);
    if (record === undefined || record.pid !== 4 || record.ppid !== 0) continue;
    for (const entry of [record.links.blink, record.links.flink]) {
      const base = entry - BigInt(head);
      if (base >= mode.kernelStart && base % BigInt(PAGE) === 0n) yield base;
    }
    looked += 1;
    if (looked >= MAX_SYSTEMS) return;
  }
}

/** The size of the image, when one of the tables maps the head of the active list and it leads back to itself; undefined when none does. */
function imageSize(memory: PagedMemory, mode: PagingMode, tables: readonly number[], profile: Profile, base: bigint): number | undefined {
  const head = base + BigInt(profile.symbol('PsActiveProcessHead') ?? 0);
  const pointer = (space: AddressSpace, address: bigint): bigint | undefined => space.read(address, 8)?.readBigUInt64LE(0);
  for (const dtb of tables) {
    const space = new AddressSpace(memory, mode, dtb, SOFTWARE_PTE);
    const first = pointer(space, head);
    if (first === undefined || pointer(space, first + BigInt(mode.pointerSize)) !== head) continue;
    const variable = profile.symbol('PsNtosImageEnd');
    const end = variable === undefined ? undefined : pointer(space, base + BigInt(variable));
    const size = end === undefined ? 0 : Number(end - base);
    return size > 0 && size <= LONGEST_IMAGE ? size : LONGEST_IMAGE;
  }
  return undefined;
}

/** Physical addresses where the bytes stand, ascending, those across a block's edge included. */
function* occurrences(memory: PagedMemory, wanted: Buffer, most: number): Generator<number> {
  const block = Buffer.allocUnsafe(BLOCK + wanted.length - 1);
  let found = 0;
  for (const run of memory.runs(0, memory.size)) {
    for (let at = run.start; at < run.start + run.length; at += BLOCK) {
      const length = Math.min(block.length, run.start + run.length - at);
      const view = block.subarray(0, length);
      memory.fill(at, view);
      for (let hit = view.indexOf(wanted); hit >= 0 && hit < BLOCK; hit = view.indexOf(wanted, hit + 1)) {
        yield at + hit;
        found += 1;
        if (found >= most) return;
      }
    }
  }
}
