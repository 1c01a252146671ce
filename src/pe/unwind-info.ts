import { FormatError } from '../bytes/errors.js';
import type { ImageLayout } from './layout.js';
import { runtimeFunction, type RuntimeFunction } from './unwind.js';

/**
 * One act of a prolog, to be undone. `after`: the offset behind its instruction from the function's begin; registers by their x64
 * number (0 RAX, 1 RCX, 2 RDX, 3 RBX, 4 RSP, 5 RBP, 6 RSI, 7 RDI, 8 to 15 R8 to R15).
 */
export type UnwindCode = { readonly after: number } & (
  | { readonly kind: 'push'; readonly register: number }
  | { readonly kind: 'allocate'; readonly bytes: number }
  /** The frame register was set. */
  | { readonly kind: 'set-frame' }
  /** Saved at so many bytes above the frame's base. */
  | { readonly kind: 'save'; readonly register: number; readonly at: number }
  | { readonly kind: 'save-xmm'; readonly register: number; readonly at: number }
  /** An interrupt or exception pushed SS, RSP, EFLAGS, CS and RIP, and perhaps an error code. */
  | { readonly kind: 'machine-frame'; readonly errorCode: boolean }
);

/** Corresponds to `UNWIND_INFO`, versions 1 and 2 ("x64 exception handling", learn.microsoft.com). */
export interface UnwindInfo {
  readonly version: number;
  readonly prologSize: number;
  /** 0: the function has none. */
  readonly frameRegister: number;
  /** Bytes between the frame's base and what the frame register holds. */
  readonly frameOffset: number;
  /** In the order in which they are undone. */
  readonly codes: readonly UnwindCode[];
  /** Where the epilogs begin, as offsets back from the function's end, and the bytes of each; undefined in version 1, where the instructions tell. */
  readonly epilogs: { readonly size: number; readonly offsets: readonly number[] } | undefined;
  /** The function that this is a further part of. */
  readonly chained: RuntimeFunction | undefined;
}

const CHAINED = 4;
/** Entries that stand for others, one behind the other. */
const MAX_INDIRECT = 8;

/** UNWIND_OP_CODES (winnt.h). */
const OP = {
  push: 0, allocateLarge: 1, allocateSmall: 2, setFrame: 3, save: 4, saveFar: 5, epilog: 6, spare: 7, saveXmm: 8, saveXmmFar: 9, machineFrame: 10,
} as const;
/** Slots of two bytes that each takes; of `allocateLarge` the smaller form. */
const SLOTS: readonly number[] = [1, 2, 1, 1, 2, 3, 2, 3, 2, 3, 1];

/** @throws FormatError when the bytes are no unwind information; undefined when they are not in the image */
export function unwindInfo(image: ImageLayout, entry: RuntimeFunction): UnwindInfo | undefined {
  let { unwind } = entry;
  for (let step = 0; unwind % 2 === 1; step += 1) {
    if (step === MAX_INDIRECT) throw new FormatError(`the function at ${hexed(entry.begin)} stands for others without end`);
    const other = runtimeFunction(image, unwind - 1);
    if (other === undefined) return undefined;
    unwind = other.unwind;
  }
  const head = image.bytes(unwind, 4);
  if (head === undefined) return undefined;
  const version = head[0]! & 7;
  const flags = head[0]! >> 3;
  if (version !== 1 && version !== 2) throw new FormatError(`unwind information of version ${version} at ${hexed(unwind)}`);
  const count = head[2]!;
  const slots = image.bytes(unwind + 4, count * 2);
  if (slots === undefined) return undefined;
  const tail = unwind + 4 + (count + (count % 2)) * 2;
  const chained = (flags & CHAINED) === 0 ? undefined : runtimeFunction(image, tail);
  if ((flags & CHAINED) !== 0 && chained === undefined) return undefined;
  const marks = version === 2 ? epilogSlots(slots) : 0;
  return {
    version, prologSize: head[1]!, frameRegister: head[3]! & 0xf, frameOffset: (head[3]! >> 4) * 16,
    codes: [...codes(slots, marks + (marks % 2), unwind)],
    epilogs: version === 2 ? epilogs(slots, marks) : undefined,
    chained,
  };
}

function hexed(rva: number): string {
  return `0x${rva.toString(16)}`;
}

/** How many of the first slots mark epilogs. */
function epilogSlots(slots: Buffer): number {
  let marks = 0;
  while (marks * 2 < slots.length && (slots[marks * 2 + 1]! & 0xf) === OP.epilog) marks += 1;
  return marks;
}

/** The first mark has their size, and whether one is the function's end; the others an offset of twelve bits each, zero to fill up. */
function epilogs(slots: Buffer, marks: number): NonNullable<UnwindInfo['epilogs']> {
  if (marks === 0) return { size: 0, offsets: [] };
  const size = slots[0]!;
  const offsets = slots[1]! >> 4 & 1 ? [size] : [];
  for (let i = 1; i < marks; i += 1) {
    const offset = slots[i * 2]! | (slots[i * 2 + 1]! >> 4) << 8;
    if (offset !== 0) offsets.push(offset);
  }
  return { size, offsets };
}

function* codes(slots: Buffer, first: number, where: number): Generator<UnwindCode> {
  const count = slots.length / 2;
  let at = first;
  while (at < count) {
    const after = slots[at * 2]!;
    const op = slots[at * 2 + 1]! & 0xf;
    const info = slots[at * 2 + 1]! >> 4;
    const taken = (SLOTS[op] ?? 0) + (op === OP.allocateLarge && info !== 0 ? 1 : 0);
    if (taken === 0) throw new FormatError(`unwind code ${op} at ${hexed(where)}`);
    if (at + taken > count) throw new FormatError(`unwind codes at ${hexed(where)} go past their end`);
    const near = (): number => slots.readUInt16LE(at * 2 + 2);
    const far = (): number => slots.readUInt32LE(at * 2 + 2);
    switch (op) {
      case OP.push: yield { after, kind: 'push', register: info }; break;
      case OP.allocateLarge: yield { after, kind: 'allocate', bytes: info === 0 ? near() * 8 : far() }; break;
      case OP.allocateSmall: yield { after, kind: 'allocate', bytes: info * 8 + 8 }; break;
      case OP.setFrame: yield { after, kind: 'set-frame' }; break;
      case OP.save: yield { after, kind: 'save', register: info, at: near() * 8 }; break;
      case OP.saveFar: yield { after, kind: 'save', register: info, at: far() }; break;
      case OP.saveXmm: yield { after, kind: 'save-xmm', register: info, at: near() * 16 }; break;
      case OP.saveXmmFar: yield { after, kind: 'save-xmm', register: info, at: far() }; break;
      case OP.machineFrame: yield { after, kind: 'machine-frame', errorCode: info === 1 }; break;
      // 64-bit saves of XMM registers in old images, marks of epilogs elsewhere: nothing to undo.
      default: break;
    }
    at += taken;
  }
}
