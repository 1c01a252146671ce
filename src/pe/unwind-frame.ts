import { FormatError } from '../bytes/errors.js';
import type { ImageLayout } from './layout.js';
import { epilogAt, type EpilogStep } from './unwind-epilog.js';
import { unwindInfo, type UnwindCode, type UnwindInfo } from './unwind-info.js';
import type { ExceptionTable, RuntimeFunction } from './unwind.js';

/** Where code stands, and the general registers as far as they are known. */
export interface Registers {
  readonly ip: bigint;
  readonly sp: bigint;
  /** By x64 number; the stack pointer's own place is not used. */
  readonly general: readonly (bigint | undefined)[];
}

/** An x64 image whose functions are undone. */
export interface UnwindImage {
  readonly base: bigint;
  readonly layout: ImageLayout;
  readonly functions: ExceptionTable;
}

/** A step to the caller; `what` is missing for it when it cannot be done. */
export type Unwound =
  | {
    readonly kind: 'caller';
    readonly registers: Registers;
    /** The instruction pointer is where an interrupt came, not behind a call. */
    readonly exact: boolean;
  }
  | { readonly kind: 'stuck'; readonly what: string };

/** Reads a word of the stack; undefined when it is not in the image. */
export type ReadWord = (address: bigint) => bigint | undefined;

export const REGISTERS = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const;
/** As Windows' own unwinder (UNWIND_CHAIN_LIMIT). */
const MAX_CHAIN = 32;
const WORD = 8n;
/** RIP, CS, EFLAGS, RSP, SS: where RSP lies among what the processor pushed. */
const PUSHED_SP = 24n;

/** What changes while a frame is undone. */
class Frame {
  readonly general: (bigint | undefined)[];
  sp: bigint;
  /** Set by a machine frame; else the word at the stack pointer is the return address. */
  interrupted: { readonly ip: bigint | undefined; readonly sp: bigint | undefined } | undefined;

  constructor({ sp, general }: Registers, private readonly word: ReadWord) {
    this.sp = sp;
    this.general = [...general];
  }

  pop(register: number): void {
    this.general[register] = this.word(this.sp);
    this.sp += WORD;
  }

  undo(code: UnwindCode, info: UnwindInfo, base: bigint): string | undefined {
    switch (code.kind) {
      case 'push': this.pop(code.register); return undefined;
      case 'allocate': this.sp += BigInt(code.bytes); return undefined;
      case 'save': this.general[code.register] = this.word(base + BigInt(code.at)); return undefined;
      case 'save-xmm': return undefined;
      case 'set-frame': {
        const value = this.general[info.frameRegister];
        if (value === undefined) return unknownRegister(info.frameRegister);
        this.sp = value - BigInt(info.frameOffset);
        return undefined;
      }
      case 'machine-frame': {
        const at = this.sp + (code.errorCode ? WORD : 0n);
        this.interrupted = { ip: this.word(at), sp: this.word(at + PUSHED_SP) };
        return undefined;
      }
    }
  }

  returned(): Unwound {
    const ip = this.interrupted === undefined ? this.word(this.sp) : this.interrupted.ip;
    const sp = this.interrupted === undefined ? this.sp + WORD : this.interrupted.sp;
    if (ip === undefined || sp === undefined) return { kind: 'stuck', what: `the stack at 0x${this.sp.toString(16)} is not in the image` };
    return { kind: 'caller', registers: { ip, sp, general: this.general }, exact: this.interrupted !== undefined };
  }
}

function unknownRegister(register: number): string {
  return `the frame register ${REGISTERS[register] ?? ''} is not known`;
}

/** The caller of a function that neither calls nor moves the stack pointer: the return address is on top of the stack. */
export function unwindLeaf(registers: Registers, word: ReadWord): Unwound {
  return new Frame(registers, word).returned();
}

/**
 * Undoes a function's prolog (or what is left of its epilog) as RtlVirtualUnwind does, and with it the call.
 * @param entry the function, or part of one, that holds the instruction pointer
 * @param exact the instruction pointer is where the code stood, not where a call returns to, so that it may be in an epilog
 * @throws FormatError when the unwind information contradicts itself
 */
export function unwindFrame({ base, layout }: UnwindImage, entry: RuntimeFunction, registers: Registers, word: ReadWord, exact: boolean): Unwound {
  const rva = Number(registers.ip - base);
  const info = unwindInfo(layout, entry);
  if (info === undefined) return { kind: 'stuck', what: `the unwind information of the function at 0x${(base + BigInt(entry.begin)).toString(16)} is not in the image` };
  const frame = new Frame(registers, word);
  const left = exact ? epilogAt(layout, entry, info, rva) : undefined;
  if (left !== undefined) return finishEpilog(frame, left, info);

  const offset = rva - entry.begin;
  let frameBase = registers.sp;
  if (info.frameRegister !== 0) {
    const set = info.codes.find(({ kind }) => kind === 'set-frame');
    if (offset >= info.prologSize || info.chained !== undefined || (set !== undefined && offset >= set.after)) {
      const value = registers.general[info.frameRegister];
      if (value === undefined) return { kind: 'stuck', what: unknownRegister(info.frameRegister) };
      frameBase = value - BigInt(info.frameOffset);
    }
  }
  let part: UnwindInfo = info;
  // Of the function's further parts the prolog is done, wherever the instruction pointer is.
  let reached = offset;
  for (let depth = 0; ; depth += 1) {
    for (const code of part.codes) {
      if (code.after > reached) continue;
      const what = frame.undo(code, part, frameBase);
      if (what !== undefined) return { kind: 'stuck', what };
    }
    if (part.chained === undefined) return frame.returned();
    if (depth === MAX_CHAIN) throw new FormatError('unwind information is chained without end', base + BigInt(entry.begin));
    const next = unwindInfo(layout, part.chained);
    if (next === undefined) return { kind: 'stuck', what: 'the unwind information that another is chained to is not in the image' };
    part = next;
    reached = Infinity;
  }
}

function finishEpilog(frame: Frame, steps: readonly EpilogStep[], info: UnwindInfo): Unwound {
  for (const step of steps) {
    if (step.kind === 'pop') frame.pop(step.register);
    else if (step.kind === 'add') frame.sp += BigInt(step.bytes);
    else {
      const value = frame.general[info.frameRegister];
      if (value === undefined) return { kind: 'stuck', what: unknownRegister(info.frameRegister) };
      frame.sp = value + BigInt(step.bytes);
    }
  }
  return frame.returned();
}

/** The function that a part belongs to in the end: itself where it is no further part. Undefined when what says it is not in the image. @throws FormatError */
export function primaryFunction(layout: ImageLayout, entry: RuntimeFunction): RuntimeFunction | undefined {
  let part = entry;
  for (let depth = 0; depth <= MAX_CHAIN; depth += 1) {
    const info = unwindInfo(layout, part);
    if (info === undefined) return undefined;
    if (info.chained === undefined) return part;
    part = info.chained;
  }
  throw new FormatError(`unwind information of the function at 0x${entry.begin.toString(16)} is chained without end`);
}
