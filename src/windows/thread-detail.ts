import { wordAt } from '../bytes/word.js';
import { big, number, optional, place, struct } from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import type { Process } from './process.js';
import type { Thread } from './thread.js';
import { TRAP_FRAME } from './thread-registers.js';

/** What is asked of single threads. Members that a build lacks are undefined. */
const DETAIL = struct('_ETHREAD', {
  affinity: optional(place('Tcb.Affinity')),
  idealProcessor: optional(number('Tcb.IdealProcessor')),
  nextProcessor: optional(number('Tcb.NextProcessor')),
  systemCall: optional(number('Tcb.SystemCallNumber')),
  contextSwitches: optional(number('Tcb.ContextSwitches')),
  kernelTime: optional(number('Tcb.KernelTime')),
  userTime: optional(number('Tcb.UserTime')),
  waitMode: optional(number('Tcb.WaitMode')),
  waitIrql: optional(number('Tcb.WaitIrql')),
  previousMode: optional(number('Tcb.PreviousMode')),
  freezeCount: optional(number('Tcb.FreezeCount')),
  win32Thread: optional(big('Tcb.Win32Thread')),
  debugActive: optional(number('Tcb.Header.DebugActive')),
  // Until Windows 7 of 32 bits.
  oldDebugActive: optional(number('Tcb.DebugActive')),
  flags: optional(number('CrossThreadFlags')),
  ioPriority: optional(number('ThreadIoPriority')),
  pagePriority: optional(number('ThreadPagePriority')),
  impersonationLevel: optional(number('ClientSecurity.ImpersonationLevel')),
});
const TEB = struct('_TEB', {
  lastError: optional(number('LastErrorValue')), serviceTag: optional(big('SubProcessTag')), allocation: optional(big('DeallocationStack')),
  exceptions: optional(big('NtTib.ExceptionList')),
});
/** Processor groups of a `_KAFFINITY_EX`; Windows knows 32. */
const MAX_GROUPS = 64;

/** CrossThreadFlags by bit (PS_CROSS_THREAD_FLAGS): those that mean the same since Windows XP. */
const FLAGS: readonly string[] = ['terminated', '', 'hide-from-debugger', 'impersonating', '', 'no-hard-errors', 'break-on-termination'];
const HIDE_FROM_DEBUGGER = 1 << 2;

/** The x64 and x86 debug registers of a thread. */
export interface DebugRegisters {
  /** Whether they are loaded when the thread runs (`_DISPATCHER_HEADER.DebugActive`); undefined where the build does not say it. */
  readonly active: boolean | undefined;
  /** DR0 to DR3, DR6, DR7 as its trap frame has them; undefined when there is no frame, or when they are not active: the frame has no such values then. */
  readonly values: readonly [dr0: bigint, dr1: bigint, dr2: bigint, dr3: bigint, dr6: bigint, dr7: bigint] | undefined;
}

/** What is known of one thread beyond `Thread`. Undefined: the build or the image does not say it. */
export interface ThreadDetail {
  /** Processors that it may run on: a mask a processor group. */
  readonly affinity: readonly bigint[] | undefined;
  readonly idealProcessor: number | undefined;
  readonly nextProcessor: number | undefined;
  /** The last system call; its service table in bits 12 and 13. */
  readonly systemCall: number | undefined;
  readonly contextSwitches: number | undefined;
  /** Clock ticks (15.6 ms, as a rule). */
  readonly kernelTime: number | undefined;
  readonly userTime: number | undefined;
  /** `KernelMode` 0, `UserMode` 1. */
  readonly waitMode: number | undefined;
  readonly waitIrql: number | undefined;
  readonly previousMode: number | undefined;
  readonly freezeCount: number | undefined;
  /** win32k's own object of a thread with windows. */
  readonly win32Thread: bigint | undefined;
  /** CrossThreadFlags by name. */
  readonly flags: readonly string[];
  readonly hiddenFromDebugger: boolean;
  readonly ioPriority: number | undefined;
  readonly pagePriority: number | undefined;
  /** SECURITY_IMPERSONATION_LEVEL of what it impersonates. */
  readonly impersonationLevel: number | undefined;
  readonly debug: DebugRegisters;
  /** GetLastError's value. */
  readonly lastError: number | undefined;
  /** Which service of the process it works for (`SubProcessTag`). */
  readonly serviceTag: bigint | undefined;
  /** Lowest byte of the user stack's allocation. */
  readonly stackAllocation: bigint | undefined;
  /** Of a WoW64 thread. */
  readonly teb32: bigint | undefined;
}

/** Reads what is asked of a single thread; undefined when its `_ETHREAD` is not in the image. */
export function threadDetail(process: Process, thread: Thread): ThreadDetail | undefined {
  const { kernel, memory } = process;
  const record = kernel.read(DETAIL, thread.address);
  if (record === undefined) return undefined;
  const teb = thread.teb === 0n || kernel.profile.sizeOf(TEB.name) === undefined ? undefined : kernel.reader(TEB).read(memory, thread.teb);
  const { affinity, debugActive, oldDebugActive, flags, win32Thread } = record;
  return {
    ...record,
    affinity: affinity === undefined ? undefined : processors(kernel, affinity),
    win32Thread: win32Thread === 0n ? undefined : win32Thread,
    flags: FLAGS.filter((name, bit) => name !== '' && ((flags ?? 0) >>> bit & 1) === 1),
    hiddenFromDebugger: ((flags ?? 0) & HIDE_FROM_DEBUGGER) !== 0,
    debug: debugRegisters(kernel, thread, debugActive ?? oldDebugActive),
    lastError: teb?.lastError,
    serviceTag: teb?.serviceTag === 0n ? undefined : teb?.serviceTag,
    stackAllocation: teb?.allocation,
    teb32: process.facts.wow64 && teb?.exceptions !== 0n ? teb?.exceptions : undefined,
  };
}

/** The mask of each group: of a word, of a `_GROUP_AFFINITY` (a mask and its group), of a `_KAFFINITY_EX` that is pointed to. */
function processors(kernel: Kernel, address: bigint): readonly bigint[] | undefined {
  const { pointerSize, profile } = kernel;
  const field = profile.field('_ETHREAD', 'Tcb.Affinity');
  if (field?.type !== '*_KAFFINITY_EX') {
    const bytes = kernel.memory.read(address, pointerSize + 2);
    if (bytes === undefined) return undefined;
    const group = field?.type === '_GROUP_AFFINITY' ? bytes.readUInt16LE(pointerSize) : 0;
    return group >= MAX_GROUPS ? undefined : [...new Array<bigint>(group).fill(0n), wordAt(bytes, 0, pointerSize)];
  }
  const set = kernel.pointer(address);
  const head = set === undefined || !kernel.isKernelAddress(set) ? undefined : kernel.memory.read(set, 8);
  const count = Math.min(head?.readUInt16LE(0) ?? 0, MAX_GROUPS);
  const masks = set === undefined || count === 0 ? undefined : kernel.memory.read(set + 8n, count * pointerSize);
  return masks === undefined ? undefined : Array.from({ length: count }, (_, i) => wordAt(masks, i * pointerSize, pointerSize));
}

function debugRegisters(kernel: Kernel, { trapFrame }: Thread, debugActive: number | undefined): DebugRegisters {
  // Of x64 the lowest bit says it, the others are of other matters; of x86 each bit stands for a register.
  const active = debugActive === undefined ? undefined : kernel.pointerSize === 8 ? (debugActive & 1) === 1 : debugActive !== 0;
  if (active !== true || !kernel.isKernelAddress(trapFrame) || kernel.profile.sizeOf(TRAP_FRAME.name) === undefined) return { active, values: undefined };
  const frame = kernel.read(TRAP_FRAME, trapFrame);
  if (frame?.dr7 === undefined) return { active, values: undefined };
  const { dr0 = 0n, dr1 = 0n, dr2 = 0n, dr3 = 0n, dr6 = 0n, dr7 } = frame;
  return { active, values: [dr0, dr1, dr2, dr3, dr6, dr7] };
}
