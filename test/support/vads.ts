import { mappedFile, type SyntheticSection } from './files.js';
import type { SyntheticKernel } from './kernel-image.js';
import type { Objects } from './objects.js';
import type { View } from './layout.js';
import { PAGE } from './physical.js';
import { demandZeroPte, pagefilePte, prototypePte, transitionPte, vadPrototypePte } from './software-pte.js';
import { PTE, USER_CODE, USER_DATA, type Space } from './tables.js';

/** How a page of a VAD stands in the page tables. */
export type PageSpec =
  | { readonly kind: 'present' | 'transition'; readonly bytes?: Uint8Array }
  /** Of a file's VAD: through the prototype PTE that the PTE names, or that the VAD knows. */
  | { readonly kind: 'prototype' | 'vad-prototype' }
  | { readonly kind: 'pagefile'; readonly number: number; readonly offset: number }
  | { readonly kind: 'demand-zero' };

export interface VadSpec {
  readonly start: bigint;
  readonly pages: number;
  /** `_MMVAD_FLAGS.Protection`: 1 read-only, 3 execute-read, 4 read-write, 6 execute-read-write, 7 execute-write-copy. */
  readonly protection?: number;
  /** `_MMVAD_FLAGS.VadType`: 2 for images. */
  readonly type?: number;
  readonly commit?: number;
  readonly memCommit?: boolean;
  /** FILE_OBJECT.FileName; makes the VAD a long one with a section behind it. */
  readonly file?: string;
  /** What the pages hold, from the first on; pages of zeros only stay without a frame. */
  readonly bytes?: Uint8Array;
  /** These pages are written so instead, by index. */
  readonly states?: Readonly<Record<number, PageSpec>>;
}

export interface SyntheticVad {
  readonly spec: VadSpec;
  readonly address: bigint;
  readonly section: SyntheticSection | undefined;
}

/** Makes a process's VADs, their pages, and the balanced tree that holds them. */
export function writeVads(kernel: SyntheticKernel, objects: Objects, process: View, space: Space, specs: readonly VadSpec[]): SyntheticVad[] {
  const sorted = [...specs].sort((a, b) => (a.start < b.start ? -1 : 1));
  const vads = sorted.map((spec): SyntheticVad => {
    const section = spec.file === undefined ? undefined
      : mappedFile(kernel, objects, spec.file, spec.pages, spec.bytes ?? new Uint8Array(), spec.type === 2, transitionPrototypes(spec));
    writePages(kernel, space, spec, section);
    return { spec, address: writeVad(kernel, process.address, spec, section), section };
  });
  // 2003 to 8: a table whose sentinel has the root as its right child; XP: a bare pointer; since 8.1: a tree.
  const table = kernel.profile.field('_EPROCESS', 'VadRoot.BalancedRoot') !== undefined;
  const root = link(kernel, vads.map(({ address }) => address), table ? process.at('VadRoot') : 0n);
  if (table) setNode(kernel, kernel.view('_MM_AVL_TABLE', process.at('VadRoot')), 'BalancedRoot', undefined, undefined, root);
  if (table) process.set('VadRoot.NumberGenericTableElements', vads.length);
  else process.set(process.has('VadRoot.Root') ? 'VadRoot.Root' : 'VadRoot', root).setIfAny('VadCount', vads.length);
  return vads;
}

function writeVad(kernel: SyntheticKernel, process: bigint, spec: VadSpec, section: SyntheticSection | undefined): bigint {
  const { start, pages, protection = 4, type = 0, commit = 0, memCommit = false } = spec;
  const long = section !== undefined;
  const view = kernel.nonpaged.struct(long ? '_MMVAD' : '_MMVAD_SHORT', long ? 'Vad ' : 'VadS');
  const core = kernel.view('_MMVAD_SHORT', view.address);
  const first = start >> 12n;
  const last = first + BigInt(pages - 1);
  core.set('StartingVpn', core.has('StartingVpnHigh') ? first & 0xffff_ffffn : first);
  core.set('EndingVpn', core.has('EndingVpnHigh') ? last & 0xffff_ffffn : last);
  core.setIfAny('StartingVpnHigh', first >> 32n).setIfAny('EndingVpnHigh', last >> 32n);
  core.set('u.VadFlags.Protection', protection);
  // XP: a bit for each type; PrivateMemory has moved once.
  if (core.has('u.VadFlags.VadType')) core.set('u.VadFlags.VadType', type);
  else core.set('u.VadFlags.ImageMap', type === 2 ? 1 : 0);
  core.set(core.has('u.VadFlags.PrivateMemory') ? 'u.VadFlags.PrivateMemory' : 'u1.VadFlags1.PrivateMemory', long ? 0 : 1);
  const counts = ['u1.VadFlags1', 'u.VadFlags'].find((path) => core.has(`${path}.CommitCharge`));
  // A table without anonymous unions has the two as one member: 31 bits and one.
  if (counts === undefined) core.set('CommitCharge', commit + (memCommit ? 2 ** 31 : 0));
  else core.set(`${counts}.CommitCharge`, commit).set(`${counts}.MemCommit`, memCommit ? 1 : 0);
  if (section !== undefined) {
    const { entryBytes } = kernel.space.rules;
    if (view.has('Subsection')) view.set('Subsection', section.subsection);
    else view.set('ControlArea', section.controlArea);
    view.set('FirstPrototypePte', section.prototypes).set('LastContiguousPte', section.prototypes + BigInt((pages - 1) * entryBytes))
      .setIfAny('VadsProcess', process).listInitIfAny('ViewLinks');
  }
  return view.address;
}

/** Parent, left child, right child: since 8.1, in 8, from 2003 to 7, in XP. */
const NODES = [
  ['VadNode.ParentValue', 'VadNode.Left', 'VadNode.Right'], ['VadNode.u1.Parent', 'VadNode.LeftChild', 'VadNode.RightChild'],
  ['u1.Parent', 'LeftChild', 'RightChild'], ['Parent', 'LeftChild', 'RightChild'],
  ['BalancedRoot.u1.Parent', 'BalancedRoot.LeftChild', 'BalancedRoot.RightChild'],
] as const;

/** Writes the links of a node, where given. No public table has the `_MM_AVL_NODE` of Windows 8: three pointers, the parent's first. */
function setNode(kernel: SyntheticKernel, view: View, embedded: string, ...links: readonly (bigint | undefined)[]): void {
  const paths = NODES.find((names) => names.every((name) => view.has(name)));
  links.forEach((link, i) => {
    if (link === undefined) return;
    if (paths === undefined) kernel.space.setPointer(view.at(embedded) + BigInt(i * kernel.profile.pointerSize), link);
    else view.set(paths[i]!, link);
  });
}

/** Links nodes in order into a balanced tree; its root. */
function link(kernel: SyntheticKernel, nodes: readonly bigint[], parent: bigint): bigint {
  const middle = nodes.length >> 1;
  const node = nodes[middle];
  if (node === undefined) return 0n;
  setNode(kernel, kernel.view('_MMVAD_SHORT', node), 'VadNode', parent, link(kernel, nodes.slice(0, middle), node), link(kernel, nodes.slice(middle + 1), node));
  return node;
}

function writePages(kernel: SyntheticKernel, space: Space, spec: VadSpec, section: SyntheticSection | undefined): void {
  const { rules, physical } = kernel;
  const protection = spec.protection ?? 4;
  const flags = pteFlags(protection);
  const frameWith = (bytes: Uint8Array): number => {
    const frame = physical.alloc();
    physical.bytes.set(bytes.subarray(0, PAGE), frame);
    return frame;
  };
  for (let page = 0; page < spec.pages; page += 1) {
    const at = spec.start + BigInt(page * PAGE);
    const state = spec.states?.[page];
    const content = spec.bytes?.subarray(page * PAGE, (page + 1) * PAGE) ?? new Uint8Array();
    const shared = section?.frames.get(page);
    switch (state?.kind) {
      case undefined:
        if (shared !== undefined) space.map(at, shared, flags & ~PTE.writable);
        else if (content.some((byte) => byte !== 0)) space.map(at, frameWith(content), flags);
        break;
      case 'present': space.map(at, frameWith(state.bytes ?? content), flags); break;
      case 'transition': space.setPte(at, transitionPte(rules, frameWith(state.bytes ?? content), protection)); break;
      case 'prototype': space.setPte(at, prototypePte(rules, (section?.prototypes ?? 0n) + BigInt(page * kernel.space.rules.entryBytes))); break;
      case 'vad-prototype': space.setPte(at, vadPrototypePte(rules, protection)); break;
      case 'pagefile': space.setPte(at, pagefilePte(rules, state.number, state.offset, protection)); break;
      case 'demand-zero': space.setPte(at, demandZeroPte(rules, protection)); break;
    }
  }
}

/** Every second page that lies behind a prototype PTE is in transition there. */
function transitionPrototypes({ states = {} }: VadSpec): Set<number> {
  return new Set(Object.entries(states).filter(([page, { kind }]) => kind === 'prototype' && Number(page) % 2 === 1).map(([page]) => Number(page)));
}

function pteFlags(protection: number): bigint {
  const executable = [2, 3, 6, 7].includes(protection & 7);
  const writable = [4, 5, 6, 7].includes(protection & 7);
  return executable ? USER_CODE | (writable ? PTE.writable : 0n) : writable ? USER_DATA : USER_DATA & ~PTE.writable;
}
