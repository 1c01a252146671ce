import type { Process } from './process.js';

/** A thread. Corresponds to `_ETHREAD`. Times are FILETIMEs, addresses 0n when the field is zero. */
export interface Thread {
  readonly address: bigint;
  readonly tid: number;
  readonly pid: number;
  /** `_KTHREAD.State` and its name in STATES. */
  readonly state: number;
  /** `_KTHREAD.WaitReason` and its name in WAIT_REASONS. */
  readonly waitReason: number;
  readonly running: boolean;
  readonly basePriority: number;
  readonly priority: number;
  readonly exitStatus: number;
  readonly startAddress: bigint;
  readonly win32StartAddress: bigint;
  readonly teb: bigint;
  readonly kernelStackBase: bigint;
  readonly kernelStackLimit: bigint;
  /** From the TEB; undefined when the TEB cannot be read. */
  readonly userStackBase: bigint | undefined;
  readonly userStackLimit: bigint | undefined;
  /** From the trap frame, when it leads into a stack. */
  readonly instructionPointer: bigint | undefined;
  readonly stackPointer: bigint | undefined;
  readonly trapFrame: bigint;
  readonly impersonationToken: bigint;
  readonly suspendCount: number;
  readonly created: bigint;
  /** Undefined while it runs. */
  readonly exited: bigint | undefined;
}

/** The threads of a process, by its thread list, ascending by TID. */
export function threads(process: Process): readonly Thread[] {
  throw new Error(`not built: ${process.name}`);
}
