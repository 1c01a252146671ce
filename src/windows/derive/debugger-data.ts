/**
 * Members of `KDDEBUGGER_DATA64` (wdbgexts.h of the Windows SDK) that hold addresses of kernel variables: offsets in bytes. The structure is
 * of 64-bit members on 32-bit systems too, and has only ever grown at its end.
 */
export const DEBUGGER_DATA: Readonly<Record<string, number>> = {
  PsLoadedModuleList: 0x48, PsActiveProcessHead: 0x50, PspCidTable: 0x58, ExpSystemResourcesList: 0x60, KeTimeIncrement: 0x78,
  KeBugCheckCallbackListHead: 0x80, KiBugCheckData: 0x88, IopErrorLogListHead: 0x90, ObpRootDirectoryObject: 0x98, ObpTypeObjectType: 0xa0,
  MmPfnDatabase: 0xc0, MmLowestPhysicalPage: 0xe8, MmHighestPhysicalPage: 0xf0, MmNonPagedPoolStart: 0x110, MmPagedPoolEnd: 0x128,
  PoolTrackTable: 0x1b8, MmHighestUserAddress: 0x1c8, MmSystemRangeStart: 0x1d0, MmUserProbeAddress: 0x1d8, NtBuildLab: 0x208,
  KiProcessorBlock: 0x218, MmUnloadedDrivers: 0x220, MmLastUnloadedDriver: 0x228, MmVerifierData: 0x248, CmNtCSDVersion: 0x268, MmPhysicalMemoryBlock: 0x270,
};

const TAG = Buffer.from('KDBG', 'latin1');
const OWNER_TAG = 0x4742_444b;
const OWNER_AT = 0x10;
/** `Header.Size`: from Windows 2000's on, with room for what is to come. */
const SMALLEST = 0x200;
const LARGEST = 0xa00;
const MASK = 0xffff_ffff_ffff_ffffn;
/** Bits of the table that tells quickly which words cannot be an encoded header. */
const FILTER_BITS = 20;
const FILTER_MASK = (1 << FILTER_BITS) - 1;

/** The kernel debugger's data block. */
export interface DebuggerData {
  /** Relative to the bytes that were searched. */
  readonly offset: number;
  /** `Header.Size` in bytes. */
  readonly size: number;
  /** How many bits the words were turned to be decoded; undefined when the block is not encoded. */
  readonly rotation: number | undefined;
  /** A member's value, by its offset; undefined beyond the block. */
  member(offset: number): bigint | undefined;
}

/**
 * Blocks in bytes of a kernel's image: those whose owner's tag and KernBase stand where they must, plain ones first, then encoded ones.
 *
 * Since Windows 8 the block is kept encoded, word by word: p = bswap(rol(c ^ KiWaitNever, KiWaitNever) ^ &KdpDataBlockEncoded) ^ KiWaitAlways.
 * In the difference of two words all unknowns but the rotation cancel out, and tag and KernBase are known: so the rotation is tried, and any
 * other word follows from its difference to KernBase.
 *
 * @param bytes of the image; its length a multiple of eight
 * @param base the kernel's base
 * @param ranges where in them blocks may begin, [start, end) in bytes
 */
export function* debuggerData(bytes: Buffer, base: bigint, ranges: readonly (readonly [number, number])[] = [[0, bytes.length]]): Generator<DebuggerData> {
  // 32-bit kernels keep addresses sign-extended, or not.
  const bases = base >> 32n === 0n ? [base, base | 0xffff_ffff_0000_0000n] : [base];
  for (const [start, end] of ranges) {
    const view = bytes.subarray(start, end);
    for (let at = view.indexOf(TAG); at >= 0; at = view.indexOf(TAG, at + 1)) {
      const offset = start + at - OWNER_AT;
      if (offset < 0 || offset % 8 !== 0 || offset + OWNER_AT + 16 > bytes.length) continue;
      const size = bytes.readUInt32LE(offset + OWNER_AT + 4);
      if (!isSize(size) || offset + size > bytes.length || !bases.includes(bytes.readBigUInt64LE(offset + OWNER_AT + 8))) continue;
      yield { offset, size, rotation: undefined, member: (member) => (member + 8 > size ? undefined : bytes.readBigUInt64LE(offset + member)) };
    }
  }
  if (base >> 32n !== 0n) yield* encoded(bytes, base, ranges);
}

function* encoded(bytes: Buffer, base: bigint, ranges: readonly (readonly [number, number])[]): Generator<DebuggerData> {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  const filter = new Uint8Array(1 << FILTER_BITS);
  const wanted = new Map<bigint, { readonly size: number; readonly rotation: number }>();
  for (let size = SMALLEST; size < LARGEST; size += 8) {
    const turned = swap((BigInt(size) << 32n | BigInt(OWNER_TAG)) ^ base);
    for (let rotation = 0; rotation < 64; rotation += 1) {
      const difference = rotate(turned, 64 - rotation);
      wanted.set(difference, { size, rotation });
      filter[Number(difference & BigInt(FILTER_MASK))] = 1;
    }
  }
  for (const [start, end] of ranges) {
    const stop = Math.min(end >>> 2, words.length - 4);
    for (let i = (start + OWNER_AT) >>> 2; i <= stop; i += 2) {
      const low = (words[i]! ^ words[i + 2]!) & FILTER_MASK;
      if (filter[low] === 0) continue;
      const block = decoded(bytes, i * 4 - OWNER_AT, base, wanted);
      if (block !== undefined) yield block;
    }
  }
}

type Turns = ReadonlyMap<bigint, { readonly size: number; readonly rotation: number }>;

/** The block at an offset, when the difference of its tag and KernBase is one of those that an encoding makes. */
function decoded(bytes: Buffer, offset: number, base: bigint, wanted: Turns): DebuggerData | undefined {
  const known = bytes.readBigUInt64LE(offset + OWNER_AT + 8);
  const match = wanted.get(bytes.readBigUInt64LE(offset + OWNER_AT) ^ known);
  if (match === undefined || offset + match.size > bytes.length) return undefined;
  const { size, rotation } = match;
  return {
    offset, size, rotation,
    member: (at) => (at + 8 > size ? undefined : swap(rotate(bytes.readBigUInt64LE(offset + at) ^ known, rotation)) ^ base),
  };
}

function isSize(size: number): boolean {
  return size >= SMALLEST && size < LARGEST && size % 8 === 0;
}

function rotate(value: bigint, left: number): bigint {
  const by = BigInt(left % 64);
  return ((value << by) | (value >> (64n - by))) & MASK;
}

function swap(value: bigint): bigint {
  let result = 0n;
  for (let i = 0n; i < 64n; i += 8n) result = (result << 8n) | ((value >> i) & 0xffn);
  return result;
}
