import { walk } from '../bytes/walk.js';
import { big, number, optional, struct, type RecordOf } from '../profile/struct.js';
import { controlAreaOf } from './control-area.js';
import type { Kernel } from './kernel.js';
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
export function isWritable({ protection }: Pick<Vad, 'protection'>): boolean { return (protection & 7) >= 4; }
export function isExecutable({ protection }: Pick<Vad, 'protection'>): boolean { return [2, 3, 6, 7].includes(protection & 7); }

/** Names differ between Windows 7 (children in the node itself), 8.0 (`_MM_AVL_NODE`) and 8.1 and later. */
const SHORT = struct('_MMVAD_SHORT', {
  left: optional(big('VadNode.Left')),
  right: optional(big('VadNode.Right')),
  left8: optional(big('VadNode.LeftChild')),
  right8: optional(big('VadNode.RightChild')),
  left7: optional(big('LeftChild')),
  right7: optional(big('RightChild')),
  startVpn: number('StartingVpn'),
  endVpn: number('EndingVpn'),
  startHigh: optional(number('StartingVpnHigh')),
  endHigh: optional(number('EndingVpnHigh')),
  protection: number('u.VadFlags.Protection'),
  type: number('u.VadFlags.VadType'),
  private: optional(number('u.VadFlags.PrivateMemory')),
  private1: optional(number('u1.VadFlags1.PrivateMemory')),
  commit: optional(number('u.VadFlags.CommitCharge')),
  commit1: optional(number('u1.VadFlags1.CommitCharge')),
  commitHigh: optional(number('CommitChargeHigh')),
  memCommit: optional(number('u.VadFlags.MemCommit')),
  memCommit1: optional(number('u1.VadFlags1.MemCommit')),
});

const LONG = struct('_MMVAD', {
  subsection: big('Subsection'),
  firstPrototype: big('FirstPrototypePte'),
  lastPrototype: big('LastContiguousPte'),
});

/** No process of a real machine has as many; a hostile tree ends here. */
const MAX_VADS = 200_000;
const COMMIT_HIGH = 2 ** 31;

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
  const use = (start: bigint): VadUse | undefined => (uses ??= vadUses(process, (address) => vadAt(list, address))).get(start);
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

/** The first real node. Windows 7 and 8.0 keep a sentinel in the process whose right child it is. */
function rootNode(kernel: Kernel, vadRoot: bigint): bigint | undefined {
  const field = kernel.profile.field('_EPROCESS', 'VadRoot.BalancedRoot.RightChild');
  const start = kernel.profile.field('_EPROCESS', 'VadRoot');
  return kernel.pointer(vadRoot + BigInt(field === undefined || start === undefined ? 0 : field.offset - start.offset));
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
  const children = [record.left ?? record.left8 ?? record.left7, record.right ?? record.right8 ?? record.right7];
  return {
    value: { address, record, tag },
    next: children.filter((child): child is bigint => child !== undefined && child !== 0n),
  };
}

const VAD_TAG = /^Vad[SFlm ]$/;

/** The tag of the pool block that begins right before an address; undefined when absent. */
function poolTag(kernel: Kernel, address: bigint): string | undefined {
  const size = kernel.profile.sizeOf('_POOL_HEADER');
  const field = kernel.profile.field('_POOL_HEADER', 'PoolTag');
  if (size === undefined || field === undefined) return undefined;
  return kernel.memory.read(address - BigInt(size - field.offset), 4)?.toString('latin1');
}

/** First and last page number; undefined when they contradict each other. */
function rangeOf(record: ShortRecord): readonly [start: number, end: number] | undefined {
  const start = record.startVpn + (record.startHigh ?? 0) * 2 ** 32;
  const end = record.endVpn + (record.endHigh ?? 0) * 2 ** 32;
  return start <= end && end < 2 ** 45 ? [start, end] : undefined;
}

function describe(kernel: Kernel, { address, record, tag }: VadNode, use: (start: bigint) => VadUse | undefined): Vad | undefined {
  const range = rangeOf(record);
  if (range === undefined) return undefined;
  const start = BigInt(range[0]) << 12n;
  const isPrivate = (record.private ?? record.private1) === 1;
  const long = longPart(kernel, address, tag, isPrivate);
  const area = long?.area;
  return {
    address,
    start,
    end: ((BigInt(range[1]) + 1n) << 12n) - 1n,
    commit: (record.commit1 ?? record.commit ?? 0) + (record.commit1 === undefined ? 0 : (record.commitHigh ?? 0) * COMMIT_HIGH),
    memCommit: (record.memCommit1 ?? record.memCommit) === 1,
    protection: record.protection,
    type: record.type,
    private: isPrivate,
    image: record.type === IMAGE_MAP,
    firstPrototype: long?.record.firstPrototype,
    lastPrototype: long?.record.lastPrototype,
    controlArea: area?.address,
    fileObject: area?.fileObject,
    file: area?.file,
    pagefile: area !== undefined && area.fileObject === undefined,
    get what() { return use(start); },
  };
}

/** The part that only `_MMVAD` has: by the block's tag, and where that says nothing by a subsection that holds together. */
function longPart(kernel: Kernel, address: bigint, tag: string | undefined, isPrivate: boolean) {
  if (tag === 'VadS' || tag === 'VadF' || (isPrivate && (tag === undefined || !VAD_TAG.test(tag)))) return undefined;
  const record = kernel.read(LONG, address);
  if (record === undefined || !kernel.isKernelAddress(record.subsection)) return undefined;
  const area = controlAreaOf(kernel, record.subsection);
  if (area === undefined) return undefined;
  const { firstPrototype, lastPrototype } = record;
  const hasPrototypes = kernel.isKernelAddress(firstPrototype) && lastPrototype >= firstPrototype;
  return {
    area,
    record: { firstPrototype: hasPrototypes ? firstPrototype : undefined, lastPrototype: hasPrototypes ? lastPrototype : undefined },
  };
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
