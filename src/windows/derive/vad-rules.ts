import type { StructFact } from '../../profile/profile.js';
import type { Sample } from './evidence.js';
import type { ProcessContext } from './process-context.js';
import type { FieldRule, Verdict } from './rule.js';
import { EPROCESS_WINDOW } from './system.js';

/** A form of VAD nodes: offsets in bytes. Windows' symbols of the builds named. */
export interface VadForm {
  readonly name: string;
  readonly pointerSize: 4 | 8;
  readonly left: number;
  readonly right: number;
  readonly parent: number;
  readonly startVpn: number;
  readonly endVpn: number;
  /** Bytes of a page number. */
  readonly vpnBytes: 4 | 8;
  /** Where one byte more of each page number lies. */
  readonly high: number | undefined;
  /** `u.VadFlags`, and `u1.VadFlags1` where the commit charge moved there. */
  readonly flags: number;
  readonly flags1: number | undefined;
  /** From the member VadRoot to the pointer to the first node. */
  readonly root: number;
  /** Windows' names of the links. */
  readonly links: readonly [left: string, right: string];
  /** `_MMVAD_SHORT` and `_MMVAD`: sizes, and the long part's members. */
  readonly shortSize: number;
  readonly longSize: number;
  readonly subsection: number;
  readonly firstPrototype: number;
  /** The member `subsection` is a `_CONTROL_AREA` itself (before Vista). */
  readonly direct: boolean;
}

export const VAD_FORMS: readonly VadForm[] = [
  { name: 'Windows 8.1 and later', pointerSize: 8, left: 0, right: 8, parent: 0x10, startVpn: 0x18, endVpn: 0x1c, vpnBytes: 4, high: 0x20,
    flags: 0x30, flags1: 0x34, root: 0, links: ['VadNode.Left', 'VadNode.Right'], shortSize: 0x40, longSize: 0x88, subsection: 0x48, firstPrototype: 0x50, direct: false },
  { name: 'Windows 8.1 and later', pointerSize: 4, left: 0, right: 4, parent: 8, startVpn: 0xc, endVpn: 0x10, vpnBytes: 4, high: undefined,
    flags: 0x1c, flags1: 0x20, root: 0, links: ['VadNode.Left', 'VadNode.Right'], shortSize: 0x28, longSize: 0x4c, subsection: 0x2c, firstPrototype: 0x30, direct: false },
  { name: 'Windows 8', pointerSize: 8, left: 8, right: 0x10, parent: 0, startVpn: 0x18, endVpn: 0x1c, vpnBytes: 4, high: undefined,
    flags: 0x28, flags1: 0x2c, root: 0x10, links: ['VadNode.LeftChild', 'VadNode.RightChild'], shortSize: 0x40, longSize: 0x80, subsection: 0x48, firstPrototype: 0x50, direct: false },
  { name: 'Windows 8', pointerSize: 4, left: 4, right: 8, parent: 0, startVpn: 0xc, endVpn: 0x10, vpnBytes: 4, high: undefined,
    flags: 0x18, flags1: 0x1c, root: 8, links: ['VadNode.LeftChild', 'VadNode.RightChild'], shortSize: 0x28, longSize: 0x48, subsection: 0x2c, firstPrototype: 0x30, direct: false },
  { name: 'Windows Vista to 7', pointerSize: 8, left: 8, right: 0x10, parent: 0, startVpn: 0x18, endVpn: 0x20, vpnBytes: 8, high: undefined,
    flags: 0x28, flags1: undefined, root: 0x10, links: ['LeftChild', 'RightChild'], shortSize: 0x40, longSize: 0x78, subsection: 0x48, firstPrototype: 0x50, direct: false },
  { name: 'Windows Vista to 7', pointerSize: 4, left: 4, right: 8, parent: 0, startVpn: 0xc, endVpn: 0x10, vpnBytes: 4, high: undefined,
    flags: 0x14, flags1: undefined, root: 8, links: ['LeftChild', 'RightChild'], shortSize: 0x20, longSize: 0x3c, subsection: 0x24, firstPrototype: 0x28, direct: false },
  { name: 'Windows Server 2003', pointerSize: 8, left: 8, right: 0x10, parent: 0, startVpn: 0x18, endVpn: 0x20, vpnBytes: 8, high: undefined,
    flags: 0x28, flags1: undefined, root: 0x10, links: ['LeftChild', 'RightChild'], shortSize: 0x30, longSize: 0x50, subsection: 0x30, firstPrototype: 0x38, direct: true },
  { name: 'Windows Server 2003', pointerSize: 4, left: 4, right: 8, parent: 0, startVpn: 0xc, endVpn: 0x10, vpnBytes: 4, high: undefined,
    flags: 0x14, flags1: undefined, root: 8, links: ['LeftChild', 'RightChild'], shortSize: 0x18, longSize: 0x28, subsection: 0x18, firstPrototype: 0x1c, direct: true },
  { name: 'Windows XP', pointerSize: 4, left: 0xc, right: 0x10, parent: 8, startVpn: 0, endVpn: 4, vpnBytes: 4, high: undefined,
    flags: 0x14, flags1: undefined, root: 0, links: ['LeftChild', 'RightChild'], shortSize: 0x18, longSize: 0x28, subsection: 0x18, firstPrototype: 0x1c, direct: true },
];

/** Bits of `_MMVAD_FLAGS`: first bits. `type` undefined: ImageMap at `image` instead. */
export interface FlagsForm {
  readonly name: string;
  /** Bytes of the flags. */
  readonly bytes: 4 | 8;
  /** The forms of nodes that have their commit charge in the flags too. */
  readonly old: boolean;
  readonly protection: number;
  readonly type: number | undefined;
  readonly image: number | undefined;
  readonly private: number;
  readonly commit: number | undefined;
  readonly memCommit: number | undefined;
}

export const FLAGS_FORMS: readonly FlagsForm[] = [
  { name: 'Windows 10 1903 to 22H2', bytes: 4, old: false, protection: 7, type: 4, image: undefined, private: 20, commit: undefined, memCommit: undefined },
  { name: 'Windows 11', bytes: 4, old: false, protection: 7, type: 4, image: undefined, private: 21, commit: undefined, memCommit: undefined },
  { name: 'Windows 10 1803 and 1809', bytes: 4, old: false, protection: 3, type: 0, image: undefined, private: 14, commit: undefined, memCommit: undefined },
  { name: 'Windows 8 to 10 1709', bytes: 4, old: false, protection: 3, type: 0, image: undefined, private: 15, commit: undefined, memCommit: undefined },
  { name: 'Windows Server 2003 to 7, 64 bits', bytes: 8, old: true, protection: 56, type: 52, image: undefined, private: 63, commit: 51, memCommit: 55 },
  { name: 'Windows Server 2003 SP1 to 7, 32 bits', bytes: 4, old: true, protection: 24, type: 20, image: undefined, private: 31, commit: 19, memCommit: 23 },
  { name: 'Windows XP', bytes: 4, old: true, protection: 24, type: undefined, image: 20, private: 31, commit: 19, memCommit: 30 },
];

/** A search in a balanced tree of a process needs no more steps. */
const MAX_DEPTH = 40;
const EXECUTE_WRITECOPY = 7;
/** Executable too in XP. */
const READWRITE = [4, 6];
const IMAGE_MAP = 2;

/** The low bits of a parent's address keep the balance (`_MMADDRESS_NODE.u1.Balance`). */
const BALANCE = ~3n;

/** A node as a form reads it. */
export interface VadNode {
  readonly address: bigint;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly left: bigint;
  readonly right: bigint;
  readonly parent: bigint;
}

/** Reads a node; undefined when its bytes are not in the image or are no node of this form. */
export function vadNode(context: ProcessContext, form: VadForm, address: bigint): VadNode | undefined {
  const { look } = context;
  if (!look.isKernel(address) || address % BigInt(look.pointerSize) !== 0n) return undefined;
  const bytes = look.space.read(address, form.flags + 8);
  if (bytes === undefined) return undefined;
  const start = pageNumber(bytes, form, form.startVpn, 0);
  const end = pageNumber(bytes, form, form.endVpn, 1);
  if (start > end || end >= 2 ** 45) return undefined;
  const [left, right] = [look.word(bytes, form.left), look.word(bytes, form.right)];
  if (![left, right].every((child) => child === 0n || look.isKernel(child))) return undefined;
  return { address, bytes, start, end, left, right, parent: look.word(bytes, form.parent) & BALANCE };
}

function pageNumber(bytes: Buffer, { vpnBytes, high }: VadForm, at: number, which: 0 | 1): number {
  if (vpnBytes === 8) return bytes.readUInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at);
  return bytes.readUInt32LE(at) + (high === undefined ? 0 : bytes[high + which]! * 2 ** 32);
}

/** The node that holds a page number, by the tree's order; undefined when none does or the way to it is not in the image. */
export function vadOf(context: ProcessContext, form: VadForm, root: bigint, vpn: number): VadNode | undefined {
  let at = root;
  for (let depth = 0; depth < MAX_DEPTH && at !== 0n; depth += 1) {
    const node = vadNode(context, form, at);
    if (node === undefined) return undefined;
    if (vpn < node.start) at = node.left;
    else if (vpn > node.end) at = node.right;
    else return node;
  }
  return undefined;
}

/** Whether a node of the tree holds a page number; undefined when the way to it is not in the image. */
function holds(context: ProcessContext, form: VadForm, root: VadNode, vpn: number): boolean | undefined {
  let node: VadNode | undefined = root;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    if (node === undefined) return undefined;
    const next: bigint = vpn < node.start ? node.left : vpn > node.end ? node.right : -1n;
    if (next === -1n) return true;
    if (next === 0n) return false;
    const child = vadNode(context, form, next);
    if (child === undefined && context.look.space.translate(next) !== undefined) return false;
    // A node knows its parent, and lies on its own side of it: the links of a list do not.
    if (child !== undefined && (child.parent !== node.address || (next === node.left ? child.end >= node.start : child.start <= node.end))) return false;
    node = child;
  }
  return false;
}

/** The rule for VadRoot under one form: the tree, searched by its own order, holds the PEB and the image. */
export function vadRootRule(form: VadForm): FieldRule<ProcessContext> {
  return {
    struct: '_EPROCESS', path: 'VadRoot', type: form.root === 0 ? '*void' : '_MM_AVL_TABLE',
    copies: 'VadHint behind it points into the same tree',
    range: (context) => (form.pointerSize !== context.look.pointerSize || context.offset('Peb') === undefined ? undefined
      : [context.list.linksOffset, EPROCESS_WINDOW - 16 - form.root]),
    how: `a sorted tree of ranges (form of ${form.name}) that holds the PEB and the image's base`,
    test: (sample, offset, context) => rootVerdict(sample, offset, context, form),
  };
}

function rootVerdict(sample: Sample, offset: number, context: ProcessContext, form: VadForm): Verdict {
  const { look } = context;
  const at = offset + form.root;
  if (at + 8 > sample.length || look.zeroAt(sample, at)) return 'silent';
  if (!look.kernelAt(sample, at)) return 'no';
  const peb = context.peb(sample);
  if (peb?.lists !== true) return 'silent';
  const root = vadNode(context, form, look.word(sample.bytes, at));
  if (root === undefined) return look.space.translate(look.word(sample.bytes, at)) === undefined ? 'silent' : 'no';
  // The first node has no parent, or the table's own head (a hint that points into the tree has one).
  if (root.parent !== 0n && root.parent !== sample.address + BigInt(offset)) return 'no';
  const held = [peb.address, peb.imageBase].map((address) => holds(context, form, root, Number(address >> 12n)));
  if (held.includes(undefined)) return 'silent';
  // No one node holds both: that would be anything with two numbers far apart.
  const nodes = [peb.address, peb.imageBase].map((address) => vadOf(context, form, root.address, Number(address >> 12n))?.address);
  return held.every(Boolean) && nodes[0] !== nodes[1] ? 'yes' : 'no';
}

/** How well bits fit: image mappings are executable copy-on-write, a PEB's pages private and writable. */
export function flagsScore(context: ProcessContext, form: VadForm, flags: FlagsForm, vadRoot: number): { yes: number; no: number } {
  let yes = 0;
  let no = 0;
  for (const sample of context.samples) {
    const peb = context.peb(sample);
    if (peb?.lists !== true || vadRoot + form.root + 8 > sample.length) continue;
    const root = context.look.word(sample.bytes, vadRoot + form.root);
    const image = vadOf(context, form, root, Number(peb.imageBase >> 12n));
    const own = vadOf(context, form, root, Number(peb.address >> 12n));
    for (const [node, protection, type, isPrivate] of [[image, [EXECUTE_WRITECOPY], IMAGE_MAP, 0], [own, READWRITE, 0, 1]] as const) {
      if (node === undefined) continue;
      const value = flags.bytes === 8 ? node.bytes.readBigUInt64LE(form.flags) : BigInt(node.bytes.readUInt32LE(form.flags));
      const bits = (first: number, count: number): number => Number((value >> BigInt(first)) & ((1n << BigInt(count)) - 1n));
      const typed = flags.type !== undefined ? bits(flags.type, 3) === type : bits(flags.image ?? 0, 1) === (type === IMAGE_MAP ? 1 : 0);
      if ((protection as readonly number[]).includes(bits(flags.protection, 5)) && typed && bits(flags.private, 1) === isPrivate) yes += 1;
      else no += 1;
    }
  }
  return { yes, no };
}

/** In how many processes the node of the image leads to a control area, whose segment leads back to it. */
export function longScore(context: ProcessContext, form: VadForm, vadRoot: number): number {
  const { look, samples } = context;
  return samples.filter((sample) => {
    const peb = context.peb(sample);
    if (peb?.lists !== true || vadRoot + form.root + 8 > sample.length) return false;
    const node = vadOf(context, form, look.word(sample.bytes, vadRoot + form.root), Number(peb.imageBase >> 12n));
    const member = node === undefined ? undefined : look.pointer(node.address + BigInt(form.subsection));
    // Corresponds to _SUBSECTION.ControlArea, _CONTROL_AREA.Segment and _SEGMENT.ControlArea: the first member of each.
    const area = form.direct || member === undefined ? member : look.pointer(member);
    const segment = area === undefined ? undefined : look.pointer(area);
    return segment !== undefined && area !== undefined && look.isKernel(area) && look.pointer(segment) === area;
  }).length;
}

/** The structures of a form as a profile has them. */
export function vadStructs(form: VadForm, flags: FlagsForm): Readonly<Record<string, StructFact>> {
  const pointer = form.pointerSize;
  const vpn = form.vpnBytes === 8 ? 'unsigned long long' : 'unsigned long';
  const integer = flags.bytes === 8 ? 'unsigned long long' : 'unsigned long';
  const high: StructFact[1] = form.high === undefined ? [] : [['StartingVpnHigh', form.high, 'unsigned char'], ['EndingVpnHigh', form.high + 1, 'unsigned char'], ['CommitChargeHigh', form.high + 2, 'unsigned char']];
  const flags1: StructFact[1] = form.flags1 === undefined ? [] : [['u1.VadFlags1', form.flags1, '_MMVAD_FLAGS1']];
  const short: StructFact[1] = [
    [form.links[0], form.left, '*void'], [form.links[1], form.right, '*void'],
    ['StartingVpn', form.startVpn, vpn], ['EndingVpn', form.endVpn, vpn], ...high,
    ['u.VadFlags', form.flags, '_MMVAD_FLAGS'], ...flags1,
  ];
  const bit = (name: string, first: number | undefined, count: number): StructFact[1] => (first === undefined ? [] : [[name, 0, `${integer}:${first},${count}`]]);
  return {
    _MMVAD_SHORT: [form.shortSize, short],
    _MMVAD: [form.longSize, [
      ...short,
      [form.direct ? 'ControlArea' : 'Subsection', form.subsection, form.direct ? '*_CONTROL_AREA' : '*_SUBSECTION'],
      ['FirstPrototypePte', form.firstPrototype, '*_MMPTE'], ['LastContiguousPte', form.firstPrototype + pointer, '*_MMPTE'],
    ]],
    _MMVAD_FLAGS: [flags.bytes, [
      ...bit('Protection', flags.protection, 5), ...bit('VadType', flags.type, 3), ...bit('ImageMap', flags.image, 1),
      ...bit('PrivateMemory', flags.private, 1), ...(flags.commit === undefined ? [] : bit('CommitCharge', 0, flags.commit)), ...bit('MemCommit', flags.memCommit, 1),
    ]],
    ...(form.flags1 === undefined ? {} : { _MMVAD_FLAGS1: [4, [['CommitCharge', 0, 'unsigned long:0,31'], ['MemCommit', 0, 'unsigned long:31,1']]] as const }),
  };
}

