import { nonZero, number, struct, unicode } from '../profile/struct.js';
import type { Kernel } from './kernel.js';

const FILE_OBJECT = struct('_FILE_OBJECT', {
  type: number('Type'),
  name: unicode('FileName'),
  device: nonZero('DeviceObject'),
  sections: nonZero('SectionObjectPointer'),
});

/** IO_TYPE_FILE. */
const IO_TYPE_FILE = 5;
/** Bytes of a path of 32,767 characters, the most that the object manager allows. */
const MAX_NAME = 0xfffe;

/** An open file. Corresponds to `_FILE_OBJECT`. */
export interface FileObject {
  readonly address: bigint;
  /** The path on its volume: `\Windows\System32\ntdll.dll`; empty when it has none, undefined when it is not in the image. */
  readonly name: string | undefined;
  readonly device: bigint | undefined;
  /** Address of the `_SECTION_OBJECT_POINTERS`. */
  readonly sections: bigint | undefined;
}

/** The file object at an address; undefined when it is not in the image or is none. */
export function fileObject(kernel: Kernel, address: bigint): FileObject | undefined {
  if (!kernel.isKernelAddress(address)) return undefined;
  const record = kernel.read(FILE_OBJECT, address);
  if (record === undefined || record.type !== IO_TYPE_FILE) return undefined;
  const name = record.name.length % 2 === 0 && record.name.length <= MAX_NAME ? kernel.text(record.name) : undefined;
  return { address, name, device: record.device, sections: record.sections };
}
