import type { SyntheticKernel } from './kernel-image.js';

const SIZE = 0x368;
/** Where `_KDDEBUGGER_DATA64` keeps the addresses of the kernel's variables (wdbgexts.h). */
const ADDRESSES: Readonly<Record<number, string>> = {
  0x48: 'PsLoadedModuleList', 0x50: 'PsActiveProcessHead', 0x58: 'PspCidTable', 0x60: 'ExpSystemResourcesList', 0x78: 'KeTimeIncrement',
  0x80: 'KeBugCheckCallbackListHead', 0x88: 'KiBugCheckData', 0x90: 'IopErrorLogListHead', 0x98: 'ObpRootDirectoryObject', 0xa0: 'ObpTypeObjectType',
  0xc0: 'MmPfnDatabase', 0x208: 'NtBuildLab', 0x218: 'KiProcessorBlock', 0x268: 'CmNtCSDVersion',
};
/** Bytes by Windows: XP, 2003, Vista, 7, 8, 10. */
const SIZES: readonly (readonly [build: number, size: number])[] = [[10_240, 0x368], [9200, 0x360], [7600, 0x340], [6000, 0x330], [3790, 0x318], [0, 0x290]];

/** How a kernel keeps what debuggers ask it: as it is, encoded as since Windows 8 on x64, or not at all. */
export type DebuggerData = 'plain' | 'encoded' | 'noise' | 'absent';

/**
 * Writes `KdDebuggerDataBlock`.
 * @param noise bytes from 0 to 255, for the block full of noise
 */
export function writeDebuggerData(kernel: SyntheticKernel, how: DebuggerData, noise: () => number): void {
  if (how === 'absent' || !kernel.has('KdDebuggerDataBlock')) return;
  const { pointerSize, build } = kernel.profile;
  const at = kernel.symbol('KdDebuggerDataBlock');
  const size = SIZES.find(([from]) => build >= from)![1];
  const block = Buffer.alloc(SIZE);
  // The list of blocks: with the links of the kernel's own width.
  const head = kernel.has('KdpDebuggerDataListHead') ? kernel.symbol('KdpDebuggerDataListHead') : at;
  for (const link of [0, 1]) {
    if (pointerSize === 8) block.writeBigUInt64LE(head, link * 8);
    else block.writeUInt32LE(Number(head), link * 4);
  }
  block.write('KDBG', 0x10, 'latin1');
  block.writeUInt32LE(size, 0x14);
  block.writeBigUInt64LE(BigInt.asUintN(64, BigInt.asIntN(pointerSize * 8, kernel.base)), 0x18);
  block.writeUInt16LE(kernel.space.rules.name === 'x86-pae' ? 1 : 0, 0x36);
  for (const [offset, name] of Object.entries(ADDRESSES)) if (kernel.has(name)) block.writeBigUInt64LE(kernel.symbol(name), Number(offset));
  if (how === 'noise') for (let i = 0x18; i < size; i += 1) block[i] = Math.floor(noise() * 256);
  kernel.space.write(at, (how === 'encoded' ? encoded(kernel, block) : block).subarray(0, size));
}

/** As KdEncodeDataBlock leaves it: each eight bytes turned, rotated and XORed with two random numbers and an address of the kernel's. */
function encoded(kernel: SyntheticKernel, block: Buffer): Buffer {
  const [never, always] = [0x3c5a_91e0_77b2_4d1dn, 0x8f1e_2d3c_4b5a_6978n];
  kernel.setVariable('KiWaitNever', never);
  kernel.setVariable('KiWaitAlways', always);
  const flag = kernel.has('KdpDataBlockEncoded') ? kernel.symbol('KdpDataBlockEncoded') : kernel.base;
  if (kernel.has('KdpDataBlockEncoded')) kernel.space.write(flag, Buffer.from([1]));
  const result = Buffer.alloc(block.length);
  for (let at = 0; at < block.length; at += 8) {
    const swapped = Buffer.alloc(8);
    swapped.writeBigUInt64LE(block.readBigUInt64LE(at) ^ always);
    result.writeBigUInt64LE(rotateRight(swapped.readBigUInt64BE() ^ flag, never & 0x3fn) ^ never, at);
  }
  return result;
}

function rotateRight(value: bigint, by: bigint): bigint {
  return BigInt.asUintN(64, (value >> by) | (value << (64n - by)));
}
