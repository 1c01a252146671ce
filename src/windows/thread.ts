import { isFiletime } from '../bytes/filetime.js';
import { FormatError } from '../bytes/errors.js';
import { walk } from '../bytes/walk.js';
import { big, fastRef, list, number, optional, place, struct, type RecordOf } from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import type { Process } from './process.js';

const HEAD = struct('_EPROCESS', { threads: list('ThreadListHead'), place: place('ThreadListHead') });
const THREAD = struct('_ETHREAD', {
  links: list('ThreadListEntry'),
  process: big('Tcb.Process'),
  pid: number('Cid.UniqueProcess'),
  tid: number('Cid.UniqueThread'),
  state: number('Tcb.State'),
  waitReason: number('Tcb.WaitReason'),
  running: optional(number('Tcb.Running')),
  basePriority: number('Tcb.BasePriority'),
  priority: number('Tcb.Priority'),
  suspendCount: number('Tcb.SuspendCount'),
  exitStatus: number('ExitStatus'),
  startAddress: big('StartAddress'),
  win32StartAddress: big('Win32StartAddress'),
  teb: big('Tcb.Teb'),
  stackBase: big('Tcb.StackBase'),
  stackLimit: big('Tcb.StackLimit'),
  trapFrame: big('Tcb.TrapFrame'),
  created: big('CreateTime'),
  exited: big('ExitTime'),
  impersonating: optional(number('ActiveImpersonationInfo')),
  impersonation: optional(fastRef('ClientSecurity.ImpersonationToken')),
});
const TEB = struct('_TEB', { stackBase: big('NtTib.StackBase'), stackLimit: big('NtTib.StackLimit') });
/** The names of the two registers by architecture; those that a build lacks are undefined. */
const TRAP_FRAME = struct('_KTRAP_FRAME', {
  rip: optional(big('Rip')), rsp: optional(big('Rsp')),
  eip: optional(big('Eip')), esp: optional(big('HardwareEsp')),
  pc: optional(big('Pc')), sp: optional(big('Sp')),
});

const MAX_THREADS = 1 << 17;

/** `_KTHREAD.State` (KTHREAD_STATE, wdm.h and symbols). */
export const STATES: readonly string[] = [
  'Initialized', 'Ready', 'Running', 'Standby', 'Terminated', 'Waiting', 'Transition', 'DeferredReady', 'GateWait', 'WaitingForProcessInSwap',
];

/** `_KTHREAD.WaitReason` (KWAIT_REASON, wdm.h; the last ones from symbols). */
export const WAIT_REASONS: readonly string[] = [
  'Executive', 'FreePage', 'PageIn', 'PoolAllocation', 'DelayExecution', 'Suspended', 'UserRequest', 'WrExecutive', 'WrFreePage', 'WrPageIn',
  'WrPoolAllocation', 'WrDelayExecution', 'WrSuspended', 'WrUserRequest', 'WrEventPair', 'WrQueue', 'WrLpcReceive', 'WrLpcReply',
  'WrVirtualMemory', 'WrPageOut', 'WrRendezvous', 'WrKeyedEvent', 'WrTerminated', 'WrProcessInSwap', 'WrCpuRateControl', 'WrCalloutStack',
  'WrKernel', 'WrResource', 'WrPushLock', 'WrMutex', 'WrQuantumEnd', 'WrDispatchInt', 'WrPreempted', 'WrYieldExecution', 'WrFastMutex',
  'WrGuardedMutex', 'WrRundown', 'WrAlertByThreadId', 'WrDeferredPreempt', 'WrPhysicalFault', 'WrIoRing', 'WrMdlCache', 'WrRcu',
];

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
  /** NTSTATUS, unsigned. */
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
  /** Address of the token that it impersonates with; 0n when it does not. */
  readonly impersonationToken: bigint;
  readonly suspendCount: number;
  readonly created: bigint;
  /** Undefined while it runs. */
  readonly exited: bigint | undefined;
}

/** The threads of a process, by its thread list, ascending by TID. */
export function threads(process: Process): readonly Thread[] {
  const { kernel } = process;
  const head = kernel.read(HEAD, process.address);
  if (head === undefined) return [];
  const found = new Map<bigint, Thread>();
  // A list that is torn in one place is still whole from its other end.
  for (const direction of ['flink', 'blink'] as const) {
    const first = head.threads[direction];
    if (first === 0n) continue;
    let last = first;
    for (const step of threadList(process, first, direction, head.place)) {
      found.set(step.thread.address, step.thread);
      last = step.next;
    }
    if (last === head.place) break;
  }
  return [...found.values()].sort((a, b) => a.tid - b.tid);
}

/**
 * The thread at an address that no list may know, as the pool scan finds them; `owner` gives the process at an address.
 * Undefined when it is not in the image or its process is not known.
 */
export function threadAt(kernel: Kernel, address: bigint, owner: (eprocess: bigint) => Process | undefined): { readonly process: Process; readonly thread: Thread } | undefined {
  const record = kernel.read(THREAD, address);
  const process = record === undefined ? undefined : owner(record.process);
  return record === undefined || process === undefined ? undefined : { process, thread: threadOf(process, address, record) };
}

interface Step {
  readonly thread: Thread;
  /** The link that follows. */
  readonly next: bigint;
}

function threadList(process: Process, first: bigint, direction: 'flink' | 'blink', head: bigint): Iterable<Step> {
  const { kernel } = process;
  const offset = BigInt(kernel.reader(THREAD).offset('links') ?? 0);
  return walk([first], (link) => link, (link) => {
    if (!kernel.isKernelAddress(link)) throw new FormatError('a link of the thread list points outside the kernel', link);
    const record = kernel.read(THREAD, link - offset);
    if (record === undefined) return undefined;
    if (record.process !== process.address) throw new FormatError('a link of the thread list leads to no thread of this process', link);
    const next = record.links[direction];
    return { value: { thread: threadOf(process, link - offset, record), next }, next: [next] };
  }, { where: `${process.where} threads`, cap: MAX_THREADS, anomalies: kernel.anomalies }, (link) => link === head);
}

function threadOf(process: Process, address: bigint, record: RecordOf<typeof THREAD>): Thread {
  const { kernel } = process;
  const teb = record.teb === 0n ? undefined : kernel.reader(TEB).read(process.memory, record.teb);
  const stacks = [[record.stackLimit, record.stackBase], ...(teb === undefined ? [] : [[teb.stackLimit, teb.stackBase]])] as const;
  const registers = trappedRegisters(kernel, record.trapFrame);
  const leads = registers !== undefined && stacks.some(([limit = 0n, base = 0n]) => registers.stack >= limit && registers.stack <= base);
  return {
    address, tid: record.tid, pid: record.pid, state: record.state, waitReason: record.waitReason,
    running: record.running === 1, basePriority: record.basePriority, priority: record.priority,
    exitStatus: record.exitStatus >>> 0,
    startAddress: record.startAddress, win32StartAddress: record.win32StartAddress, teb: record.teb,
    kernelStackBase: record.stackBase, kernelStackLimit: record.stackLimit,
    userStackBase: teb?.stackBase, userStackLimit: teb?.stackLimit,
    instructionPointer: leads ? registers.instruction : undefined, stackPointer: leads ? registers.stack : undefined,
    trapFrame: record.trapFrame,
    impersonationToken: (record.impersonating === 0 ? undefined : record.impersonation) ?? 0n,
    suspendCount: record.suspendCount, created: record.created,
    // While a thread lives, links lie in the place of its exit time, which are no time that a calendar can name.
    exited: isFiletime(record.exited) ? record.exited : undefined,
  };
}

/** Where the thread was when it entered the kernel: x64, x86 or ARM64. */
function trappedRegisters(kernel: Kernel, trapFrame: bigint): { readonly instruction: bigint; readonly stack: bigint } | undefined {
  if (!kernel.isKernelAddress(trapFrame)) return undefined;
  const frame = kernel.read(TRAP_FRAME, trapFrame);
  const instruction = frame?.rip ?? frame?.eip ?? frame?.pc;
  const stack = frame?.rsp ?? frame?.esp ?? frame?.sp;
  return instruction === undefined || stack === undefined ? undefined : { instruction, stack };
}
