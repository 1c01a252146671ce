import { isFiletime } from '../bytes/filetime.js';
import { FormatError } from '../bytes/errors.js';
import { walk } from '../bytes/walk.js';
import { big, fastRef, ifKnown, list, number, optional, place, struct, type RecordOf } from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import type { Process } from './process.js';

const HEAD = struct('_EPROCESS', { threads: list('ThreadListHead'), place: place('ThreadListHead') });
/** Members beyond the list and the identifier may be unknown, where layouts were derived from the image or are another architecture's: zero then. */
const THREAD = struct('_ETHREAD', {
  links: list('ThreadListEntry'),
  process: ifKnown(big('Tcb.Process')),
  // XP and 2003; 32-bit XP has no Tcb.Process.
  threadsProcess: ifKnown(big('ThreadsProcess')),
  pid: ifKnown(number('Cid.UniqueProcess')),
  tid: number('Cid.UniqueThread'),
  state: ifKnown(number('Tcb.State')),
  waitReason: ifKnown(number('Tcb.WaitReason')),
  running: optional(number('Tcb.Running')),
  basePriority: ifKnown(number('Tcb.BasePriority')),
  priority: ifKnown(number('Tcb.Priority')),
  suspendCount: ifKnown(number('Tcb.SuspendCount')),
  exitStatus: ifKnown(number('ExitStatus')),
  startAddress: ifKnown(big('StartAddress')),
  win32StartAddress: ifKnown(big('Win32StartAddress')),
  teb: ifKnown(big('Tcb.Teb')),
  stackBase: ifKnown(big('Tcb.StackBase')),
  stackLimit: ifKnown(big('Tcb.StackLimit')),
  kernelStack: ifKnown(big('Tcb.KernelStack')),
  initialStack: ifKnown(big('Tcb.InitialStack')),
  trapFrame: ifKnown(big('Tcb.TrapFrame')),
  created: ifKnown(big('CreateTime')),
  exited: ifKnown(big('ExitTime')),
  impersonating: optional(number('ActiveImpersonationInfo')),
  impersonation: optional(fastRef('ClientSecurity.ImpersonationToken')),
  // XP and 2003: a pointer to _PS_IMPERSONATION_INFORMATION, whose first member is the token.
  impersonationInfo: optional(place('ImpersonationInfo')),
  // Since Windows 10 1607: a `_UNICODE_STRING` of its own.
  name: optional(big('ThreadName')),
});
/** As `_ETHREAD` of THREAD, what tells its process alone. */
const OWNER = struct('_ETHREAD', { process: ifKnown(big('Tcb.Process')), threadsProcess: ifKnown(big('ThreadsProcess')) });
const NAME = struct('_UNICODE_STRING', { length: number('Length'), maximumLength: number('MaximumLength'), buffer: big('Buffer') });
const TEB = struct('_TEB', { stackBase: big('NtTib.StackBase'), stackLimit: big('NtTib.StackLimit') });
/** The names of the two registers by architecture; those that a build lacks are undefined. */
const TRAP_FRAME = struct('_KTRAP_FRAME', {
  rip: optional(big('Rip')), rsp: optional(big('Rsp')),
  eip: optional(big('Eip')), esp: optional(big('HardwareEsp')),
  pc: optional(big('Pc')), sp: optional(big('Sp')),
});

const MAX_THREADS = 1 << 17;
/** No thread begins after the year 3400; a time moved up by three bits is later than that since 1829. */
const LATEST = 1n << 59n;

/** `_KTHREAD.State` (KTHREAD_STATE, wdm.h and symbols). */
export const STATES: readonly string[] = [
  'Initialized', 'Ready', 'Running', 'Standby', 'Terminated', 'Waiting', 'Transition', 'DeferredReady', 'GateWait', 'WaitingForProcessInSwap',
];

const RUNNING = 2;

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
  /** Where its kernel stack pointer was when it last gave up the processor. */
  readonly kernelStack: bigint;
  /** Where its kernel stack begins, below what the stack's end is reserved for. */
  readonly initialStack: bigint;
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
  /** As SetThreadDescription gave it; undefined when it has none, on builds before 10.0.14393, and when it is not in the image. Read when first asked for. */
  readonly name: string | undefined;
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
  const process = record === undefined ? undefined : owner(processOf(record) ?? 0n);
  return record === undefined || process === undefined ? undefined : { process, thread: threadOf(process, address, record) };
}

/** The process that a thread says it is of; undefined when the thread is not in the image or the layouts do not say it. */
export function threadOwner(kernel: Kernel, address: bigint): bigint | undefined {
  const record = kernel.read(OWNER, address);
  return record && processOf(record);
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
    if ((processOf(record) ?? process.address) !== process.address) throw new FormatError('a link of the thread list leads to no thread of this process', link);
    const next = record.links[direction];
    return { value: { thread: threadOf(process, link - offset, record), next }, next: [next] };
  }, { where: `${process.where} threads`, cap: MAX_THREADS, anomalies: kernel.anomalies }, (link) => link === head);
}

function threadOf(process: Process, address: bigint, record: RecordOf<typeof THREAD>): Thread {
  const { kernel } = process;
  const { tid, pid = process.pid, state = 0, running = Number(state === RUNNING), teb = 0n, stackBase = 0n, stackLimit = 0n, trapFrame = 0n, exited = 0n } = record;
  const user = teb === 0n || kernel.profile.sizeOf('_TEB') === undefined ? undefined : kernel.reader(TEB).read(process.memory, teb);
  const stacks = [[stackLimit, stackBase], ...(user === undefined ? [] : [[user.stackLimit, user.stackBase]])] as const;
  const registers = trappedRegisters(kernel, trapFrame);
  const leads = registers !== undefined && stacks.some(([limit = 0n, base = 0n]) => registers.stack >= limit && registers.stack <= base);
  return {
    address, tid, pid, state, waitReason: record.waitReason ?? 0, running: running === 1,
    basePriority: record.basePriority ?? 0, priority: record.priority ?? 0,
    exitStatus: (record.exitStatus ?? 0) >>> 0,
    startAddress: record.startAddress ?? 0n, win32StartAddress: record.win32StartAddress ?? 0n, teb,
    kernelStackBase: stackBase, kernelStackLimit: stackLimit, kernelStack: record.kernelStack ?? 0n, initialStack: record.initialStack ?? 0n,
    userStackBase: user?.stackBase, userStackLimit: user?.stackLimit,
    instructionPointer: leads ? registers.instruction : undefined, stackPointer: leads ? registers.stack : undefined,
    trapFrame,
    impersonationToken: record.impersonating === 0 ? 0n : impersonationToken(kernel, record),
    suspendCount: record.suspendCount ?? 0, created: threadCreated(record),
    get name() { return record.name === undefined || record.name === 0n ? undefined : threadName(kernel, record.name); },
    // While a thread lives, links lie in the place of its exit time, which are no time that a calendar can name.
    exited: isFiletime(exited) ? exited : undefined,
  };
}

/** The longest name that the kernel takes is far shorter; more is no name. */
const MAX_NAME = 0x1000;

function threadName(kernel: Kernel, address: bigint): string | undefined {
  if (!kernel.isKernelAddress(address)) return undefined;
  const string = kernel.profile.sizeOf(NAME.name) === undefined ? undefined : kernel.read(NAME, address);
  return string === undefined || string.length > MAX_NAME || string.length > string.maximumLength || string.length === 0 ? undefined : kernel.text(string);
}

/** The thread's process; undefined where the layouts do not say it. */
function processOf({ process, threadsProcess }: Pick<RecordOf<typeof THREAD>, 'process' | 'threadsProcess'>): bigint | undefined {
  return process ?? threadsProcess;
}

/** A thread's creation time: XP and 2003, which have ThreadsProcess, keep counts in the low three bits and the time above them. */
export function threadCreated({ created = 0n, threadsProcess }: { readonly created: bigint | undefined; readonly threadsProcess: bigint | undefined }): bigint {
  return threadsProcess !== undefined && created > LATEST ? created >> 3n : created;
}

function impersonationToken(kernel: Kernel, { impersonation, impersonationInfo }: RecordOf<typeof THREAD>): bigint {
  if (impersonation !== undefined || impersonationInfo === undefined) return impersonation ?? 0n;
  const information = kernel.pointer(impersonationInfo);
  return information === undefined || !kernel.isKernelAddress(information) ? 0n : kernel.pointer(information) ?? 0n;
}

/** Where the thread was when it entered the kernel: x64, x86 or ARM64. Layouts of another architecture do not tell. */
function trappedRegisters(kernel: Kernel, trapFrame: bigint): { readonly instruction: bigint; readonly stack: bigint } | undefined {
  if (!kernel.isKernelAddress(trapFrame) || kernel.profile.sizeOf('_KTRAP_FRAME') === undefined) return undefined;
  const frame = kernel.read(TRAP_FRAME, trapFrame);
  const [instruction, stack] = kernel.mode.name === 'arm64' ? [frame?.pc, frame?.sp]
    : kernel.pointerSize === 8 ? [frame?.rip, frame?.rsp] : [frame?.eip, frame?.esp];
  return instruction === undefined || stack === undefined ? undefined : { instruction, stack };
}
