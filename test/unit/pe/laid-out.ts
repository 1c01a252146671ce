import type { Memory } from '../../../src/bytes/memory.js';
import { peImage, type PeSpec, type Piece } from '../../support/pe-image.js';

export const BASE = 0x7ff6_1230_0000n;
const PAGE = 0x1000;

/** Memory that holds one image at BASE, without the given pages. */
export interface LaidOut extends Memory<bigint> {
  readonly bytes: Buffer;
  /** Takes a page of the image out. */
  drop(page: number): void;
}

export function laidOut(spec: PeSpec, more: readonly Piece[] = []): LaidOut {
  const bytes = Buffer.alloc(Math.ceil(spec.sizeOfImage / PAGE) * PAGE);
  for (const { rva, bytes: piece } of [...peImage(spec), ...more]) bytes.set(piece, rva);
  const absent = new Set<number>();
  const read = (address: bigint, length: number): Buffer | undefined => {
    const at = Number(address - BASE);
    if (at < 0 || at + length > bytes.length) return undefined;
    for (let page = Math.floor(at / PAGE); page * PAGE < at + length; page += 1) if (absent.has(page)) return undefined;
    return Buffer.from(bytes.subarray(at, at + length));
  };
  return {
    bytes,
    drop: (page) => void absent.add(page),
    read,
    fill(address, target) {
      const got = read(address, target.length);
      target.fill(0);
      if (got !== undefined) target.set(got);
      return got === undefined ? target.length : 0;
    },
  };
}

/** Sets a data directory of a laid-out image: its index, offset and size. */
export function setDirectory(image: LaidOut, index: number, rva: number, size: number, is64 = true): void {
  const at = 0x80 + (is64 ? 0x88 : 0x78) + index * 8;
  image.bytes.writeUInt32LE(rva, at);
  image.bytes.writeUInt32LE(size, at + 4);
}
