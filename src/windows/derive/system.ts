import { Anomalies } from '../../bytes/anomaly.js';
import { walk } from '../../bytes/walk.js';
import type { Look, Sample } from './evidence.js';

/** The active list as it was found without a layout. */
export interface ActiveList {
  /** Address of System's `_EPROCESS`. */
  readonly system: bigint;
  readonly how: string;
  /** Offsets in `_EPROCESS`, in bytes. */
  readonly pidOffset: number;
  readonly linksOffset: number;
  /** Processes in the list's order, System first: as many as were asked for. */
  readonly processes: readonly bigint[];
  /** Entries whose neighbours both lead back to them. */
  readonly mutual: number;
  /** The entry that is no process: PsActiveProcessHead. */
  readonly head: bigint | undefined;
}

const SYSTEM_NAME = Buffer.from('System\0\0', 'latin1');
/** `_DISPATCHER_HEADER.Type` of a process (ProcessObject). */
const PROCESS_OBJECT = 3;
/** No `_EPROCESS` of any build is longer. */
export const EPROCESS_WINDOW = 0x1000;
/** Between PID and name, in either direction, in every build. */
const NAME_REACH = 0x600;
/** `_KPROCESS` is never longer: the PID lies behind it. */
const BASE_REACH = 0x600;
const MAX_PROCESSES = 4096;
const MAX_PID = 0x1000_0000;
const BLOCK = 1 << 20;
/** Places where the name stands that are looked into. */
const MAX_NAMES = 20_000;
/** Bytes of `_DISPATCHER_HEADER` and ProfileListHead before DirectoryTableBase, the same in every build since NT 4 (and checked here). */
const DTB_AFTER = { 4: 0x18, 8: 0x28 } as const;

/** Entries of lists that are followed in all: a hostile image names one System after the other. */
const MAX_ENTRIES = 200_000;

interface Budget {
  entries: number;
}

/** System and the active list: by the variable that the kernel exports, else by a search of what the kernel half maps. */
export function findActiveList(look: Look): ActiveList | undefined {
  const budget = { entries: MAX_ENTRIES };
  for (const { address, how } of named(look)) {
    const found = listFrom(look, address, how, budget);
    if (found !== undefined) return found;
    if (budget.entries <= 0) return undefined;
  }
  return undefined;
}

/** Addresses of System's `_EPROCESS`, the surest first. */
function* named(look: Look): Generator<{ address: bigint; how: string }> {
  const { image } = look;
  if (image?.system !== undefined) yield { address: image.system, how: 'as the kernel was found' };
  const rva = image?.exported('PsInitialSystemProcess');
  const exported = rva === undefined || image === undefined ? undefined : look.pointer(image.base + BigInt(rva));
  if (exported !== undefined && look.isKernel(exported)) yield { address: exported, how: 'export PsInitialSystemProcess' };
  for (const name of systemNames(look)) {
    const around = look.sample(name - BigInt(NAME_REACH), 2 * NAME_REACH);
    if (around === undefined) continue;
    for (let at = 0; at + 3 * look.pointerSize <= around.length; at += look.pointerSize) {
      if (!isSystemPid(look, around, at)) continue;
      const base = baseOf(look, around.address + BigInt(at));
      if (base !== undefined) yield { address: base, how: 'search: its name, PID 4 between the links of a list, its dispatcher header and page table' };
    }
  }
}

/** PID 4 and two kernel pointers behind it. */
function isSystemPid(look: Look, sample: Sample, at: number): boolean {
  return look.numberAt(sample, at) === 4 && look.kernelAt(sample, at + look.pointerSize) && look.kernelAt(sample, at + 2 * look.pointerSize);
}

/** Where the `_EPROCESS` around a PID begins: a process object whose page table maps it to where it lies. */
function baseOf(look: Look, pid: bigint): bigint | undefined {
  const align = 2n * BigInt(look.pointerSize);
  const first = pid & ~(align - 1n);
  const physical = look.space.translate(pid);
  for (let base = first; base > first - BigInt(BASE_REACH); base -= align) {
    const bytes = look.space.read(base, DTB_AFTER[look.pointerSize] + look.pointerSize);
    if (bytes === undefined || bytes[0] !== PROCESS_OBJECT) continue;
    const dtb = Number(look.word(bytes, DTB_AFTER[look.pointerSize]));
    if (!Number.isSafeInteger(dtb)) continue;
    const table = look.space.mode.tableOf(dtb);
    if (table > 0 && table < look.physical.size && look.spaceOf(table).translate(pid) === physical) return base;
  }
  return undefined;
}

/** Addresses in the kernel half where System's name stands, page frames looked at once each. */
function* systemNames(look: Look): Generator<bigint> {
  const { mode } = look.space;
  const seen = new Uint8Array(Math.ceil(look.physical.size / 4096));
  const block = Buffer.allocUnsafe(BLOCK);
  let budget = 2 * look.physical.size;
  let names = 0;
  for (const { start, pages, physical } of look.space.mappings(mode.kernelStart, mode.lastAddress + 1n)) {
    for (let done = 0; done < pages * 4096; done += BLOCK) {
      const length = Math.min(BLOCK, pages * 4096 - done);
      const frame = (physical + done) / 4096;
      if (seen[frame] === 1 && seen[frame + length / 4096 - 1] === 1) continue;
      seen.fill(1, frame, frame + length / 4096);
      budget -= length;
      if (budget < 0) return;
      const view = block.subarray(0, length);
      look.physical.fill(physical + done, view);
      for (let hit = view.indexOf(SYSTEM_NAME); hit >= 0; hit = view.indexOf(SYSTEM_NAME, hit + 1)) {
        if (hit % 4 !== 0) continue;
        names += 1;
        if (names > MAX_NAMES) return;
        yield start + BigInt(done + hit);
      }
    }
  }
}

/** The list around a process at `system`, by the place of PID and links that most neighbours agree on. */
function listFrom(look: Look, system: bigint, how: string, budget: Budget): ActiveList | undefined {
  const sample = look.sample(system, EPROCESS_WINDOW);
  if (sample === undefined || sample.bytes[0] !== PROCESS_OBJECT) return undefined;
  let best: ActiveList | undefined;
  for (let at = look.pointerSize; at + 3 * look.pointerSize <= sample.length; at += look.pointerSize) {
    if (!isSystemPid(look, sample, at) || budget.entries <= 0) continue;
    const list = follow(look, system, how, at, budget);
    if (list.mutual >= 3 && list.processes.length > (best?.processes.length ?? 2)) best = list;
  }
  return best;
}

interface Node {
  readonly process: bigint | undefined;
  readonly link: bigint;
  readonly mutual: boolean;
}

function follow(look: Look, system: bigint, how: string, pidOffset: number, budget: Budget): ActiveList {
  const pointer = look.pointerSize;
  const linksOffset = pidOffset + pointer;
  const start = system + BigInt(linksOffset);
  const visit = (link: bigint): { value: Node; next: bigint[] } | undefined => {
    const bytes = look.isKernel(link) ? look.space.read(link - BigInt(pointer), 3 * pointer) : undefined;
    if (bytes === undefined) return undefined;
    const [pid, flink, blink] = [look.word(bytes, 0), look.word(bytes, pointer), look.word(bytes, 2 * pointer)];
    const mutual = look.pointer(flink + BigInt(pointer)) === link && look.pointer(blink) === link;
    const address = link - BigInt(linksOffset);
    const isProcess = pid > 0n && pid < BigInt(MAX_PID) && pid % 4n === 0n && !look.inImage(link)
      && look.space.read(address, 1)?.[0] === PROCESS_OBJECT;
    // A node that is neither a process nor well linked leads nowhere good.
    const next = isProcess || mutual ? [flink, blink] : [];
    return { value: { process: isProcess ? address : undefined, link, mutual }, next };
  };
  const processes: bigint[] = [];
  let mutual = 0;
  let head: bigint | undefined;
  const nodes = walk([start], (link) => link, visit, { where: 'active process list', cap: MAX_PROCESSES, anomalies: new Anomalies() });
  for (const node of nodes) {
    budget.entries -= 1;
    if (node.process !== undefined) {
      processes.push(node.process);
      if (node.mutual) mutual += 1;
    } else if (node.mutual && head === undefined) {
      head = node.link;
    }
  }
  return { system, how, pidOffset, linksOffset, processes, mutual, head };
}
