import { FormatError } from '../bytes/errors.js';
import { walk } from '../bytes/walk.js';
import { big, number, struct } from '../profile/struct.js';
import type { Kernel } from './kernel.js';

const SUBSECTION = struct('_SUBSECTION', {
  controlArea: big('ControlArea'),
  prototypes: big('SubsectionBase'),
  next: big('NextSubsection'),
  pages: number('PtesInSubsection'),
  sector: number('StartingSector'),
});

/** No file has more parts; a loop of distinct fakes ends here. */
const MAX_SUBSECTIONS = 65_536;
/** Behind the least size of a control area the first subsection begins no later: a `_LARGE_CONTROL_AREA` (before Vista) is larger, and derived layouts know only the least. */
const BEHIND = 0x60;

/** A part of a mapped file as it is written down. Corresponds to `_SUBSECTION`. */
export interface SubsectionLink {
  readonly address: bigint;
  /** SubsectionBase: address of its prototype PTEs; 0n where they were given back, or never made. */
  readonly prototypes: bigint;
  /** PtesInSubsection. */
  readonly pages: number;
  /** StartingSector, in the units of its file's kind. */
  readonly sector: number;
}

/**
 * The parts of a file from one of them on, in their chain's order; ends where one is not in the image.
 * @param where the place named in anomalies
 * @throws FormatError at a part of another control area
 */
export function subsectionChain(kernel: Kernel, controlArea: bigint, first: bigint, where: string): Iterable<SubsectionLink> {
  return walk([first], (address) => address, (address) => {
    const record = kernel.isKernelAddress(address) && address % BigInt(kernel.pointerSize) === 0n ? kernel.read(SUBSECTION, address) : undefined;
    if (record === undefined) return undefined;
    if (record.controlArea !== controlArea) throw new FormatError('a subsection belongs to another control area', address);
    const { prototypes, pages, sector, next } = record;
    return { value: { address, prototypes, pages, sector }, next: next === 0n ? [] : [next] };
  }, { where, cap: MAX_SUBSECTIONS, anomalies: kernel.anomalies });
}

/** The first part of a control area: it lies right behind it, and begins with its address. */
export function firstSubsection(kernel: Kernel, controlArea: bigint): bigint | undefined {
  const behind = controlArea + BigInt(kernel.profile.sizeOf('_CONTROL_AREA') ?? 0);
  for (let at = 0; at <= BEHIND; at += kernel.pointerSize) {
    const address = behind + BigInt(at);
    if (kernel.pointer(address) === controlArea) return address;
  }
  return undefined;
}

/** Whether the layouts say what a part of a file is. */
export function knowsSubsections(kernel: Kernel): boolean {
  return kernel.profile.sizeOf(SUBSECTION.name) !== undefined;
}
