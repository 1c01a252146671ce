import { big, fastRef, struct } from '../profile/struct.js';
import { fileObject } from './file-object.js';
import type { Kernel } from './kernel.js';

const SUBSECTION = struct('_SUBSECTION', { controlArea: big('ControlArea') });

const CONTROL_AREA = struct('_CONTROL_AREA', {
  segment: big('Segment'),
  file: fastRef('FilePointer'),
});

const SEGMENT = struct('_SEGMENT', { controlArea: big('ControlArea') });

/** What is mapped: a file's data, its image, or the page file. Corresponds to `_CONTROL_AREA`. */
export interface ControlArea {
  readonly address: bigint;
  /** Undefined when it is backed by the page file. */
  readonly fileObject: bigint | undefined;
  /** FILE_OBJECT.FileName; undefined when there is no file or its name is not in the image. */
  readonly file: string | undefined;
}

const known = new WeakMap<Kernel, Map<bigint, ControlArea | undefined>>();

/**
 * The control area of a subsection; undefined when its bytes are not in the image or contradict each other (so that no
 * subsection is where the caller looked).
 */
export function controlAreaOf(kernel: Kernel, subsection: bigint): ControlArea | undefined {
  if (!kernel.isKernelAddress(subsection) || subsection % BigInt(kernel.pointerSize) !== 0n) return undefined;
  const address = kernel.read(SUBSECTION, subsection)?.controlArea;
  return address === undefined ? undefined : controlAreaAt(kernel, address);
}

/** As `controlAreaOf`, by the control area's own address. */
export function controlAreaAt(kernel: Kernel, address: bigint): ControlArea | undefined {
  if (!kernel.isKernelAddress(address) || address % BigInt(kernel.pointerSize) !== 0n) return undefined;
  let areas = known.get(kernel);
  if (areas === undefined) known.set(kernel, areas = new Map());
  if (!areas.has(address)) areas.set(address, controlArea(kernel, address));
  return areas.get(address);
}

function controlArea(kernel: Kernel, address: bigint): ControlArea | undefined {
  const record = kernel.read(CONTROL_AREA, address);
  if (record === undefined || !kernel.isKernelAddress(record.segment)) return undefined;
  const segment = kernel.read(SEGMENT, record.segment);
  // The segment is paged pool and may be absent; when it is there it leads back.
  if (segment !== undefined && segment.controlArea !== address) return undefined;
  const file = record.file === undefined ? undefined : fileObject(kernel, record.file);
  return { address, fileObject: record.file, file: file?.name };
}
