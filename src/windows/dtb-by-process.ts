import { wordAt } from '../bytes/word.js';
import { AddressSpace, type PagedMemory } from '../paging/address-space.js';
import type { PagingMode } from '../paging/mode.js';
import { SOFTWARE_PTE } from '../paging/pte.js';
import type { DtbCandidate } from './dtb.js';
import { occurrences } from './occurrences.js';

const PAGE = 4096;
/** `_EPROCESS.ImageFileName` of processes that every Windows has, zeros included. */
const NAMES: readonly Buffer[] = ['System\0\0\0', 'smss.exe\0', 'csrss.exe\0'].map((name) => Buffer.from(name, 'latin1'));
/** The members that count lie no farther before and behind the name, in any build from XP to 11. */
const BEFORE = 0x800;
const BEHIND = 0x200;
/** Occurrences looked into; files and text in memory hold the names too. */
const MAX_OCCURRENCES = 4096;
const MAX_TABLES = 16;
/** Values tried as a table in each mode: a forged image holds any number of plausible ones. */
const MAX_TRIALS = 4096;

/**
 * Tables by what a process object says itself, where no table names itself: near the name stands a value that, taken as
 * `DirectoryTableBase`, maps a list entry near it such that its neighbour points back to where the entry lies in physical memory. Needs
 * no layout. Another pass over the image, so last.
 */
export function* processTables(memory: PagedMemory, modes: readonly PagingMode[]): Generator<DtbCandidate> {
  const seen = new Set<string>();
  const trials = new Map<PagingMode, number>();
  const bytes = Buffer.alloc(BEFORE + BEHIND);
  for (const at of occurrences(memory, NAMES, MAX_OCCURRENCES)) {
    const start = Math.max(0, at - (at % 8) - BEFORE);
    memory.fill(start, bytes);
    for (const mode of modes) {
      for (const dtb of tablesIn(memory, mode, bytes)) {
        const tried = trials.get(mode) ?? 0;
        if (tried >= MAX_TRIALS) break;
        trials.set(mode, tried + 1);
        const key = `${mode.name} ${dtb}`;
        if (seen.has(key) || !mapsAnEntry(new AddressSpace(memory, mode, dtb, SOFTWARE_PTE), bytes, start)) continue;
        seen.add(key);
        const name = bytes.toString('latin1', at - start, bytes.indexOf(0, at - start));
        yield { dtb, mode, how: `process object ${name} at 0x${at.toString(16)}, whose list neighbour points back to it`, hint: undefined };
        if (seen.size >= MAX_TABLES) return;
      }
    }
  }
}

/** Values in the bytes that may be the address of a top-level table, each once. */
function* tablesIn(memory: PagedMemory, mode: PagingMode, bytes: Buffer): Generator<number> {
  const seen = new Set<number>();
  for (let at = 0; at + mode.pointerSize <= bytes.length; at += mode.pointerSize) {
    const dtb = Number(wordAt(bytes, at, mode.pointerSize));
    if (dtb === 0 || dtb >= memory.size || dtb % mode.tableAlign !== 0 || seen.has(dtb)) continue;
    seen.add(dtb);
    if (hasKernelHalf(memory, mode, dtb)) yield dtb;
  }
}

/** Whether an entry of the upper half is valid and leads to a frame of the image. */
function hasKernelHalf(memory: PagedMemory, { levels, entryBytes, frameHigh }: PagingMode, dtb: number): boolean {
  const { bits, present } = levels[0]!;
  const table = memory.read(dtb, 2 ** bits * entryBytes);
  for (let at = (table?.length ?? 0) / 2; table !== undefined && at < table.length; at += entryBytes) {
    const low = table.readUInt32LE(at);
    const high = entryBytes === 8 ? table.readUInt32LE(at + 4) : 0;
    if ((low & present) === present && ((high & frameHigh) * 0x10_0000 + (low >>> 12)) * PAGE < memory.size) return true;
  }
  return false;
}

/** Whether a list entry in the bytes at physical `start` has a neighbour that points back to it. */
function mapsAnEntry(space: AddressSpace, bytes: Buffer, start: number): boolean {
  const { mode } = space;
  for (let at = 0; at + 2 * mode.pointerSize <= bytes.length; at += mode.pointerSize) {
    const flink = wordAt(bytes, at, mode.pointerSize);
    if (flink < mode.kernelStart || flink > mode.lastAddress) continue;
    const neighbour = space.read(flink, 2 * mode.pointerSize);
    if (neighbour === undefined) continue;
    if (space.translate(wordAt(neighbour, mode.pointerSize, mode.pointerSize)) === start + at) return true;
  }
  return false;
}
