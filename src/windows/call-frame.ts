import type { CodePlace } from './code-places.js';

/**
 * How a frame was found: `context`: saved registers; `unwind`: by the unwind data of the frame before; `leaf`: on top of the stack, as a function
 * without unwind data leaves it; `ebp`: by the chain of frame pointers of 32-bit code; `scan`: the next word on the stack that a call could
 * return to.
 */
export type FrameSource = 'context' | 'unwind' | 'leaf' | 'ebp' | 'scan';

/** A frame of a call stack, the innermost first. */
export interface CallFrame extends CodePlace {
  readonly ip: bigint;
  /** The stack pointer there. */
  readonly sp: bigint;
  readonly source: FrameSource;
  /** False from the first frame on that was guessed: it and those behind it may be remains of older calls. */
  readonly sure: boolean;
  /** Of 32-bit code. */
  readonly is32: boolean;
}

export interface CallStack {
  readonly frames: readonly CallFrame[];
  /** Why it ends where it does, a clause. */
  readonly end: string;
}

/** A frame before it is named. */
export interface BareFrame {
  readonly ip: bigint;
  readonly sp: bigint;
  readonly source: FrameSource;
  readonly sure: boolean;
}

export interface BareStack {
  readonly frames: readonly BareFrame[];
  readonly end: string;
}

export const MAX_FRAMES = 256;
/** A thread's outermost frame returns to nowhere. */
export const COMPLETE = 'complete';
