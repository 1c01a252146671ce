import type { ImageLayout } from './layout.js';
import type { UnwindInfo } from './unwind-info.js';
import type { RuntimeFunction } from './unwind.js';

/** What the rest of an epilog does before it returns, in its order. */
export type EpilogStep =
  | { readonly kind: 'add'; readonly bytes: number }
  /** The stack pointer becomes the frame register and so many bytes. */
  | { readonly kind: 'frame'; readonly bytes: number }
  | { readonly kind: 'pop'; readonly register: number };

/** The longest epilog: an addition, fifteen pops and a return. */
const LONGEST = 48;

/**
 * What is left of an epilog at `rva`; undefined when that is in none. The instructions that an epilog may have are few ("x64 prolog and
 * epilog", learn.microsoft.com), so that these bytes tell: `add rsp` or `lea rsp` once, pops, and a return or a jump out of the function.
 */
export function epilogAt(image: ImageLayout, entry: RuntimeFunction, info: UnwindInfo, rva: number): readonly EpilogStep[] | undefined {
  if (info.epilogs !== undefined && !marked(info.epilogs, entry, rva)) return undefined;
  const code = image.bytes(rva, Math.min(LONGEST, entry.end - rva));
  if (code === undefined) return undefined;
  const steps: EpilogStep[] = [];
  let at = 0;
  const moved = info.version === 1 ? stackMove(code, info.frameRegister) : undefined;
  if (moved !== undefined) {
    steps.push(moved.step);
    at = moved.length;
  }
  for (;;) {
    const rex = code[at] !== undefined && (code[at]! & 0xf0) === 0x40 ? code[at]! : undefined;
    const op = code[at + (rex === undefined ? 0 : 1)];
    if (op === undefined || op < 0x58 || op > 0x5f || (rex !== undefined && (rex & 0x06) !== 0)) break;
    steps.push({ kind: 'pop', register: op - 0x58 + (rex !== undefined && (rex & 1) === 1 ? 8 : 0) });
    at += rex === undefined ? 1 : 2;
  }
  return ends(code, at, entry, rva) ? steps : undefined;
}

function marked({ size, offsets }: NonNullable<UnwindInfo['epilogs']>, { end }: RuntimeFunction, rva: number): boolean {
  return offsets.some((offset) => rva >= end - offset && rva < end - offset + size);
}

/** `add rsp, n` or `lea rsp, [frame register + n]`. */
function stackMove(code: Buffer, frameRegister: number): { readonly step: EpilogStep; readonly length: number } | undefined {
  if (code.length < 4) return undefined;
  const [rex, op, modrm] = [code[0]!, code[1]!, code[2]!];
  if (rex === 0x48 && op === 0x83 && modrm === 0xc4) return { step: { kind: 'add', bytes: code.readInt8(3) }, length: 4 };
  if (rex === 0x48 && op === 0x81 && modrm === 0xc4 && code.length >= 7) return { step: { kind: 'add', bytes: code.readInt32LE(3) }, length: 7 };
  if ((rex & 0xfe) !== 0x48 || op !== 0x8d || frameRegister === 0 || (modrm & 0x38) !== 0x20) return undefined;
  if ((modrm & 7) + (rex & 1) * 8 !== frameRegister) return undefined;
  // R12 as the base takes one byte more.
  const at = (modrm & 7) === 4 ? 4 : 3;
  switch (modrm >> 6) {
    case 0: return { step: { kind: 'frame', bytes: 0 }, length: at };
    case 1: return code.length > at ? { step: { kind: 'frame', bytes: code.readInt8(at) }, length: at + 1 } : undefined;
    case 2: return code.length >= at + 4 ? { step: { kind: 'frame', bytes: code.readInt32LE(at) }, length: at + 4 } : undefined;
    default: return undefined;
  }
}

/** A return, or a jump that leaves the function. */
function ends(code: Buffer, at: number, { begin, end }: RuntimeFunction, rva: number): boolean {
  const [first, second, third] = [code[at], code[at + 1], code[at + 2]];
  if (first === 0xc3 || (first === 0xf3 && second === 0xc3)) return true;
  if (first === 0xff && second === 0x25) return true;
  if (first !== undefined && (first & 0xf8) === 0x48 && second === 0xff && third !== undefined && (third & 0x38) === 0x20) return true;
  const length = first === 0xeb ? 2 : first === 0xe9 ? 5 : 0;
  if (length === 0 || at + length > code.length) return false;
  const target = rva + at + length + (length === 2 ? code.readInt8(at + 1) : code.readInt32LE(at + 1));
  return target < begin || target >= end || target === begin;
}
