import { big, number, struct } from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import { objectManager, type ObjectManager } from './object.js';
import { poolGranule } from './pool.js';

const OBJECT_HEADER = struct('_OBJECT_HEADER', { pointers: big('PointerCount'), infoMask: number('InfoMask') });

/** Optional headers in the order of InfoMask's bits. The profile knows the size of those that it names; the others have never had another. */
const OPTIONAL: readonly (readonly [struct: string, size: number])[] = [
  ['_OBJECT_HEADER_CREATOR_INFO', 0x20], ['_OBJECT_HEADER_NAME_INFO', 0x20], ['_OBJECT_HEADER_HANDLE_INFO', 0x10],
  ['_OBJECT_HEADER_QUOTA_INFO', 0x20], ['_OBJECT_HEADER_PROCESS_INFO', 0x10], ['_OBJECT_HEADER_AUDIT_INFO', 0x10],
  ['_OBJECT_HEADER_EXTENDED_INFO', 0x10],
];
/** InfoMask's bit for a gap of unknown length before the optional headers. */
const PADDING = 0x80;
/** More optional headers than this no object has, padding included. */
const LONGEST = 0x100;
/** A count of references beyond this is no count (a handle may hold 0x7fff of them). */
const MOST_POINTERS = 0x1_0000_0000n;

/** Where an executive object may begin in a block, from its header's and its optional headers' own account. */
export interface ObjectPlaces {
  /**
   * Bodies in the block whose data begins at `data` and has `length` bytes, likeliest first.
   * @param type the object type's name: `Process`
   */
  bodies(data: bigint, length: number, type: string): Iterable<bigint>;
}

/** @throws FormatError when the build lacks what object headers need (before Windows 7) */
export function objectPlaces(kernel: Kernel): ObjectPlaces {
  const reader = kernel.reader(OBJECT_HEADER);
  const body = kernel.profile.need('_OBJECT_HEADER', 'Body').offset;
  const before = infoSizes(kernel);
  const manager = objectManager(kernel);
  const known = decodesTypes(kernel, manager) ? new Set([...manager.types.values()].map(({ name }) => name)) : new Set<string>();
  const granule = poolGranule(kernel);
  const maskAt = kernel.profile.need('_OBJECT_HEADER', 'InfoMask').offset;
  return {
    * bodies(data, length, type) {
      const bytes = firstBytes(kernel, data, Math.min(length, LONGEST + reader.size));
      for (let at = 0; at + body <= bytes.length && at <= LONGEST; at += granule / 2) {
        // One byte tells nearly all places apart; the rest is decoded.
        const infoMask = bytes[at + maskAt] ?? 0;
        const optional = before[infoMask & ~PADDING] ?? 0;
        if ((infoMask & PADDING) === 0 ? optional !== at : optional > at) continue;
        const address = data + BigInt(at);
        const header = reader.decode(bytes.subarray(at), address);
        if (header === undefined || header.pointers >= MOST_POINTERS) continue;
        const candidate = address + BigInt(body);
        // Where the type itself is not in the image, the body's own rule must do.
        if (!known.has(type) || manager.header(candidate)?.type?.name === type) yield candidate;
      }
    },
  };
}

/** The block's first bytes; where they run into a page that is absent, those of the first page. */
function firstBytes(kernel: Kernel, address: bigint, length: number): Buffer {
  const inPage = 0x1000 - Number(address & 0xfffn);
  return kernel.memory.read(address, length) ?? kernel.memory.read(address, Math.min(length, inPage)) ?? Buffer.alloc(0);
}

/** Bytes of optional headers by InfoMask: the kernel's own table when it is in the image and begins as it must, else from their sizes. */
function infoSizes(kernel: Kernel): readonly number[] {
  const sizes = OPTIONAL.map(([name, size]) => kernel.profile.sizeOf(name) ?? (size * kernel.pointerSize) / 8);
  const sums = Array.from({ length: 256 }, (_, mask) => sizes.reduce((sum, size, bit) => sum + ((mask >> bit) & 1) * size, 0));
  const symbol = kernel.symbol('ObpInfoMaskToOffset');
  const table = symbol === undefined ? undefined : kernel.memory.read(symbol, 256);
  return table !== undefined && [0, 1, 2, 3, 4, 8].every((mask) => table[mask] === sums[mask]) ? [...table] : sums;
}

/** Whether types can be told from headers in this image: System's header must say `Process`. */
function decodesTypes(kernel: Kernel, manager: ObjectManager): boolean {
  const symbol = kernel.symbol('PsInitialSystemProcess');
  const system = symbol === undefined ? undefined : kernel.pointer(symbol);
  return system !== undefined && kernel.isKernelAddress(system) && manager.header(system)?.type?.name === 'Process';
}
