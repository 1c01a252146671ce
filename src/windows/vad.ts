import { walk } from '../bytes/walk.js';
import { big, number, optional, place, struct, type RecordOf } from '../profile/struct.js';
import { controlAreaAt, controlAreaOf, type ControlArea } from './control-area.js';
import type { Kernel } from './kernel.js';
import { poolTag } from './pool.js';
import type { Process } from './process.js';
import { vadUses, type VadUse } from './vad-use.js';

export type { VadUse } from './vad-use.js';

/** A virtual address descriptor. Corresponds to `_MMVAD` / `_MMVAD_SHORT`. */
export interface Vad {
  readonly address: bigint;
  /** First and last byte. */
  readonly start: bigint;
  readonly end: bigint;
  /** CommitCharge in pages. */
  readonly commit: number;
  readonly memCommit: boolean;
  /** `_MMVAD_FLAGS.Protection`, 0 to 31; see PROTECTIONS. */
  readonly protection: number;
  /** `_MMVAD_FLAGS.VadType`: 0 none, 1 device physical memory, 2 image map, 3 AWE, 4 write watch, 5 large pages, 6 rotate physical, 7 large page section. */
  readonly type: number;
  readonly private: boolean;
  readonly image: boolean;
  /** Where the prototype PTEs of [start, end] begin, in kernel memory. */
  readonly firstPrototype: bigint | undefined;
  readonly lastPrototype: bigint | undefined;
  readonly controlArea: bigint | undefined;
  /** The part of the file that it begins in, where the build says it (since Vista). */
  readonly subsection: bigint | undefined;
  readonly fileObject: bigint | undefined;
  /** FILE_OBJECT.FileName: `\Windows\System32\ntdll.dll`. */
  readonly file: string | undefined;
  /** Backed by a section without a file (page file). */
  readonly pagefile: boolean;
  /** What it holds, as far as known: `HEAP-01`, `TEB-0464`, `STACK-0464`. Found when first asked for, from the process's own memory. */
  readonly what: VadUse | undefined;
}

/** The protections by value, as `MmProtectToValue` maps them to PAGE_* (winnt.h): the low three bits; the upper two modify. */
export const PROTECTIONS = [
  'PAGE_NOACCESS', 'PAGE_READONLY', 'PAGE_EXECUTE', 'PAGE_EXECUTE_READ',
  'PAGE_READWRITE', 'PAGE_WRITECOPY', 'PAGE_EXECUTE_READWRITE', 'PAGE_EXECUTE_WRITECOPY',
] as const;
const MODIFIERS = ['', 'PAGE_NOCACHE', 'PAGE_GUARD', 'PAGE_WRITECOMBINE'] as const;
const IMAGE_MAP = 2;

/** The name of a protection: `PAGE_READWRITE`, `PAGE_READWRITE | PAGE_GUARD`. */
export function protectionName(protection: number): string {
  const modifier = MODIFIERS[(protection >> 3) & 3] ?? '';
  const name = PROTECTIONS[protection & 7] ?? '';
  // The guarded and write-combined forms of "no access" are no access: MM_DECOMMIT and MM_NOACCESS.
  return modifier === '' || (protection & 7) === 0 ? name : `${name} | ${modifier}`;
}

/** Whether the protection of its pages, as they were allocated, allows this. */
export function isExecutable({ protection }: Pick<Vad, 'protection'>): boolean { return [2, 3, 6, 7].includes(protection & 7); }

/**
 * Names differ between XP to 7 (children in the node itself: `_MMVAD`, `_MMADDRESS_NODE`), 8.0 (`_MM_AVL_NODE`) and 8.1 and later
 * (`_RTL_BALANCED_NODE`), and with them the place of the flags.
 */
const SHORT = struct('_MMVAD_SHORT', {
  left: optional(big('VadNode.Left')),
  right: optional(big('VadNode.Right')),
  left8: optional(big('VadNode.LeftChild')),
  right8: optional(big('VadNode.RightChild')),
  left7: optional(big('LeftChild')),
  right7: optional(big('RightChild')),
  node: optional(place('VadNode')),
  startVpn: number('StartingVpn'),
  endVpn: number('EndingVpn'),
  startHigh: optional(number('StartingVpnHigh')),
  endHigh: optional(number('EndingVpnHigh')),
  // With 57-bit addresses, where the layout says it.
  startHigher: optional(number('u5.StartingVpnHigher')),
  endHigher: optional(number('u5.EndingVpnHigher')),
  protection: number('u.VadFlags.Protection'),
  type: optional(number('u.VadFlags.VadType')),
  // XP and the first 2003: a bit each where later builds have VadType.
  physical: optional(number('u.VadFlags.PhysicalMapping')),
  imageMap: optional(number('u.VadFlags.ImageMap')),
  userPages: optional(number('u.VadFlags.UserPhysicalPages')),
  writeWatch: optional(number('u.VadFlags.WriteWatch')),
  largePages: optional(number('u.VadFlags.LargePages')),
  private: optional(number('u.VadFlags.PrivateMemory')),
  private1: optional(number('u1.VadFlags1.PrivateMemory')),
  commit: optional(number('u.VadFlags.CommitCharge')),
  commit1: optional(number('u1.VadFlags1.CommitCharge')),
  // 11 24H2: the whole word.
  commitWord: optional(number('CommitCharge')),
  commitHigh: optional(number('CommitChargeHigh')),
  memCommit: optional(number('u.VadFlags.MemCommit')),
  memCommit1: optional(number('u1.VadFlags1.MemCommit')),
});

const LONG = struct('_MMVAD', {
  subsection: optional(big('Subsection')),
  // XP and 2003.
  controlArea: optional(big('ControlArea')),
  firstPrototype: big('FirstPrototypePte'),
  lastPrototype: big('LastContiguousPte'),
});

/** No process of a real machine has as many; a hostile tree ends here. */
const MAX_VADS = 200_000;

type ShortRecord = RecordOf<typeof SHORT>;

/**
 * The VADs of a process, ascending by start. Reads kernel memory only.
 * @throws FormatError when the profile does not know the structures
 */
export function vads(process: Process): readonly Vad[] {
  const { kernel, facts, anomalies } = process;
  const root = facts.vadRoot === undefined ? undefined : rootNode(kernel, facts.vadRoot);
  if (root === undefined || root === 0n) return [];
  const list: Vad[] = [];
  let uses: ReadonlyMap<bigint, VadUse> | undefined;
  const use = (start: bigint): VadUse | undefined => (
    uses ??= anomalies.attempt(`${process.where} VADs`, () => vadUses(process, (address) => vadAt(list, address))) ?? new Map()
  ).get(start);
  const nodes = walk([root], (node) => node, (node) => visit(kernel, node, node === root), {
    where: `${process.where} VAD tree`, cap: MAX_VADS, anomalies,
  });
  for (const node of nodes) {
    const vad = describe(kernel, node, use);
    if (vad === undefined) anomalies.add(`${process.where} VAD tree`, 'a node has no plausible range', node.address);
    else list.push(vad);
  }
  return list.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
}

/**
 * The first real node. 2003 to 8.0 keep a sentinel in the process, in an `_MM_AVL_TABLE`, whose right child it is; XP keeps a pointer,
 * 8.1 and later an `_RTL_AVL_TREE`, which is one too.
 */
function rootNode(kernel: Kernel, vadRoot: bigint): bigint | undefined {
  const { profile } = kernel;
  const start = profile.field('_EPROCESS', 'VadRoot')?.offset ?? 0;
  const right = profile.field('_EPROCESS', 'VadRoot.BalancedRoot.RightChild');
  if (right !== undefined) return kernel.pointer(vadRoot + BigInt(right.offset - start));
  const sentinel = profile.field('_EPROCESS', 'VadRoot.BalancedRoot');
  return sentinel === undefined ? kernel.pointer(vadRoot) : avlChildren(kernel, vadRoot + BigInt(sentinel.offset - start))?.[1];
}

/** The children of an `_MM_AVL_NODE` (8.0), which no public table has: they follow the parent's pointer, whose low bits are the balance. */
function avlChildren(kernel: Kernel, node: bigint): readonly [left: bigint, right: bigint] | undefined {
  const size = kernel.pointerSize;
  const bytes = kernel.memory.read(node + BigInt(size), 2 * size);
  if (bytes === undefined) return undefined;
  return size === 8 ? [bytes.readBigUInt64LE(0), bytes.readBigUInt64LE(8)] : [BigInt(bytes.readUInt32LE(0)), BigInt(bytes.readUInt32LE(4))];
}

/** A node of the tree as it was read, and the tag of its pool block. */
interface VadNode {
  readonly address: bigint;
  readonly record: ShortRecord;
  readonly tag: string | undefined;
}

function visit(kernel: Kernel, address: bigint, isRoot: boolean): { value: VadNode; next: bigint[] } | undefined {
  if (!kernel.isKernelAddress(address) || address % BigInt(kernel.pointerSize) !== 0n) return undefined;
  const record = kernel.read(SHORT, address);
  if (record === undefined) return undefined;
  const tag = poolTag(kernel, address);
  // Something else than a VAD: its "children" lead nowhere good.
  if (!isRoot && tag !== undefined && !VAD_TAG.test(tag) && rangeOf(record) === undefined) return undefined;
  return { value: { address, record, tag }, next: children(kernel, record).filter((child) => child !== 0n) };
}

function children(kernel: Kernel, record: ShortRecord): readonly bigint[] {
  const [left, right] = [record.left ?? record.left8 ?? record.left7, record.right ?? record.right8 ?? record.right7];
  if (left !== undefined && right !== undefined) return [left, right];
  return (record.node === undefined ? undefined : avlChildren(kernel, record.node)) ?? [];
}

const VAD_TAG = /^Vad[SFlm ]$/;


/** First and last page number; undefined when they contradict each other. */
function rangeOf(record: ShortRecord): readonly [start: number, end: number] | undefined {
  const start = record.startVpn + (record.startHigh ?? 0) * 2 ** 32 + (record.startHigher ?? 0) * 2 ** 40;
  const end = record.endVpn + (record.endHigh ?? 0) * 2 ** 32 + (record.endHigher ?? record.startHigher ?? 0) * 2 ** 40;
  return start <= end && end < 2 ** 45 ? [start, end] : undefined;
}

function describe(kernel: Kernel, { address, record, tag }: VadNode, use: (start: bigint) => VadUse | undefined): Vad | undefined {
  const range = rangeOf(record);
  if (range === undefined) return undefined;
  const start = BigInt(range[0]) << 12n;
  const type = typeOf(record);
  const isPrivate = (record.private ?? record.private1) === 1;
  const long = longPart(kernel, address, tag, isPrivate);
  const area = long?.area;
  return {
    address,
    start,
    end: ((BigInt(range[1]) + 1n) << 12n) - 1n,
    commit: commitOf(record),
    memCommit: (record.memCommit1 ?? record.memCommit) === 1,
    protection: record.protection,
    type,
    private: isPrivate,
    image: type === IMAGE_MAP,
    firstPrototype: long?.record.firstPrototype,
    lastPrototype: long?.record.lastPrototype,
    controlArea: area?.address,
    subsection: long?.subsection,
    fileObject: area?.fileObject,
    file: area?.file,
    pagefile: area !== undefined && area.fileObject === undefined,
    get what() { return use(start); },
  };
}

/** CommitCharge in pages. Where it has a part of its own for the upper bits, these begin above the lower ones. */
function commitOf({ commit, commit1, commitWord, commitHigh = 0 }: ShortRecord): number {
  if (commit1 !== undefined) return commit1 + commitHigh * 2 ** 31;
  return commitWord === undefined ? commit ?? 0 : commitWord + commitHigh * 2 ** 32;
}

/** The VadType, or what says the same on builds without. */
function typeOf({ type, physical, imageMap, userPages, writeWatch, largePages }: ShortRecord): number {
  if (type !== undefined) return type;
  const bits = [0, physical, imageMap, userPages, writeWatch, largePages];
  return Math.max(0, bits.indexOf(1));
}

/** The part that only `_MMVAD` has: by the block's tag, and where that says nothing by a subsection that holds together. */
function longPart(kernel: Kernel, address: bigint, tag: string | undefined, isPrivate: boolean) {
  if (tag === 'VadS' || tag === 'VadF' || (isPrivate && (tag === undefined || !VAD_TAG.test(tag)))) return undefined;
  const record = kernel.profile.sizeOf(LONG.name) === undefined ? undefined : kernel.read(LONG, address);
  const area = record === undefined ? undefined : areaOf(kernel, record);
  if (record === undefined || area === undefined) return undefined;
  const { firstPrototype, lastPrototype } = record;
  const hasPrototypes = kernel.isKernelAddress(firstPrototype) && lastPrototype >= firstPrototype;
  return {
    area, subsection: record.subsection,
    record: { firstPrototype: hasPrototypes ? firstPrototype : undefined, lastPrototype: hasPrototypes ? lastPrototype : undefined },
  };
}

function areaOf(kernel: Kernel, { subsection, controlArea }: RecordOf<typeof LONG>): ControlArea | undefined {
  if (subsection !== undefined) return controlAreaOf(kernel, subsection);
  return controlArea === undefined ? undefined : controlAreaAt(kernel, controlArea);
}

/** The VAD that holds an address; `list` ascending, as `Process.vads()`. */
export function vadAt(list: readonly Vad[], address: bigint): Vad | undefined {
  let low = 0;
  let high = list.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const vad = list[middle];
    if (vad === undefined) return undefined;
    if (address < vad.start) high = middle - 1;
    else if (address > vad.end) low = middle + 1;
    else return vad;
  }
  return undefined;
}
