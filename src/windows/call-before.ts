import type { Memory } from '../bytes/memory.js';

/** The longest call: `41 FF 94 24` and four bytes, of which the prefix does not matter here. */
const LONGEST = 7;
const CALL_NEAR = 0xe8;

/** Bytes of `FF /2` with its operand, as its second byte and a third for R12 and RSP tell; undefined when it is another instruction. */
function indirectLength(modrm: number, sib: number): number | undefined {
  if ((modrm & 0x38) !== 0x10) return undefined;
  const mod = modrm >> 6;
  const rm = modrm & 7;
  if (mod === 3) return 2;
  const withSib = rm === 4 ? 1 : 0;
  const displacement = mod === 1 ? 1 : mod === 2 || (mod === 0 && (rm === 5 || (withSib === 1 && (sib & 7) === 5))) ? 4 : 0;
  return 2 + withSib + displacement;
}

/** Whether a call ends right before an address, so that it may be one that a call returns to; undefined when those bytes are not in the image. */
export function isBehindCall(memory: Memory<bigint>, address: bigint): boolean | undefined {
  if (address < BigInt(LONGEST)) return false;
  const bytes = memory.read(address - BigInt(LONGEST), LONGEST);
  if (bytes === undefined) return undefined;
  if (bytes[LONGEST - 5] === CALL_NEAR) return true;
  for (let length = 2; length <= LONGEST; length += 1) {
    const at = LONGEST - length;
    if (bytes[at] === 0xff && indirectLength(bytes[at + 1]!, bytes[at + 2] ?? 0) === length) return true;
  }
  return false;
}
