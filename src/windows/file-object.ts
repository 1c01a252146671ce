import { nonZero, number, optional, struct, unicode } from '../profile/struct.js';
import type { Kernel } from './kernel.js';

const FILE_OBJECT = struct('_FILE_OBJECT', {
  type: number('Type'),
  name: unicode('FileName'),
  device: nonZero('DeviceObject'),
  context: optional(nonZero('FsContext')),
  sections: nonZero('SectionObjectPointer'),
  deletePending: optional(number('DeletePending')),
});
const DEVICE_OBJECT = struct('_DEVICE_OBJECT', { type: number('DeviceType') });

/** IO_TYPE_FILE. */
const IO_TYPE_FILE = 5;
/** Bytes of a path of 32,767 characters, the most that the object manager allows. */
const MAX_NAME = 0xfffe;
/** FILE_DEVICE_CD_ROM, _CD_ROM_FILE_SYSTEM, _DISK, _DISK_FILE_SYSTEM, _NETWORK_FILE_SYSTEM, _VIRTUAL_DISK, _DFS, _DFS_FILE_SYSTEM. */
const STORAGE: ReadonlySet<number> = new Set([2, 3, 7, 8, 0x14, 0x24, 0x35, 0x36]);
/** The largest file of NTFS; of the sizes that a file system may claim, larger ones are none. */
export const MAX_FILE = 2 ** 44;

/** An open file. Corresponds to `_FILE_OBJECT`. */
export interface FileObject {
  readonly address: bigint;
  /** The path on its volume: `\Windows\System32\ntdll.dll`; empty when it has none, undefined when it is not in the image. */
  readonly name: string | undefined;
  readonly device: bigint | undefined;
  /** What the file system keeps of it: an `FSRTL_COMMON_FCB_HEADER` where it is a file on a disk or in the network. */
  readonly context: bigint | undefined;
  /** Address of the `_SECTION_OBJECT_POINTERS`. */
  readonly sections: bigint | undefined;
  /** It is deleted when its last handle is closed. */
  readonly deletePending: boolean;
}

/** The file object at an address; undefined when it is not in the image or is none. */
export function fileObject(kernel: Kernel, address: bigint): FileObject | undefined {
  if (!kernel.isKernelAddress(address)) return undefined;
  const record = kernel.read(FILE_OBJECT, address);
  if (record === undefined || record.type !== IO_TYPE_FILE) return undefined;
  const name = record.name.length % 2 === 0 && record.name.length <= MAX_NAME ? kernel.text(record.name) : undefined;
  return { address, name, device: record.device, context: record.context, sections: record.sections, deletePending: record.deletePending === 1 };
}

/** The last part of a file's path: `ntdll.dll`; undefined when its name is not in the image. */
export function baseName({ name }: Pick<FileObject, 'name'>): string | undefined {
  return name?.split('\\').at(-1);
}

/** Whether it is a file on a disk, a CD or in the network, so that its size and content are the file system's. */
export function isOnStorage(kernel: Kernel, { device, sections }: FileObject): boolean {
  // File systems set SectionObjectPointer of what can be cached or mapped, and of nothing else.
  if (sections !== undefined) return true;
  const type = device === undefined || !kernel.isKernelAddress(device) ? undefined : kernel.read(DEVICE_OBJECT, device)?.type;
  return type !== undefined && STORAGE.has(type);
}

/**
 * The size in bytes that the file system knows; undefined when that is not in the image or cannot be one. Corresponds to `FSRTL_COMMON_FCB_HEADER`
 * (ntifs.h), which symbols of kernels lack and all builds share: two words, four bytes, two pointers, AllocationSize, FileSize, ValidDataLength.
 */
export function fileSystemSize(kernel: Kernel, file: FileObject): bigint | undefined {
  const { context } = file;
  if (context === undefined || !kernel.isKernelAddress(context) || !isOnStorage(kernel, file)) return undefined;
  const sizes = kernel.memory.read(context + BigInt(8 + 2 * kernel.pointerSize), 16);
  if (sizes === undefined) return undefined;
  const [allocated, size] = [sizes.readBigUInt64LE(0), sizes.readBigUInt64LE(8)];
  return size <= allocated && size <= BigInt(MAX_FILE) ? size : undefined;
}
