import { textTime } from '../bytes/filetime.js';
import { hex } from '../bytes/hex.js';
import type { Cell, Column, Table } from '../vfs/column.js';
import type { FoundThread } from '../windows/thread-sources.js';
import { STATES, WAIT_REASONS, type Thread } from '../windows/thread.js';

/** A thread, as its table shows it. */
export type ThreadRow = FoundThread;

const right = (width: number, lead?: string): Cell<ThreadRow> => ({ width, align: 'right', ...(lead === undefined ? {} : { lead }) });

/** An address without leading zeros; in the text, one that is not known shows as 0, as zero does. */
function address(name: string, csv: string, value: (thread: Thread) => bigint | undefined, doc: string, lead?: string): Column<ThreadRow> {
  return { ...unseen(name, csv, value, doc), text: { ...right(16, lead), show: ({ thread }) => hex(value(thread) ?? 0n) } };
}

/** An address that the text does not show. */
function unseen(name: string, csv: string, value: (thread: Thread) => bigint | undefined, doc: string): Column<ThreadRow> {
  return { name, csv, kind: 'address', value: ({ thread }) => value(thread), doc };
}

/** The threads of processes. */
export const THREADS: Table<ThreadRow> = {
  name: 'thread',
  doc: 'The threads of processes: what each does or waits for, where it began and where it stands.',
  heading: '   #    PID     TID          ETHREAD Status     WaitReason           Prio      ExitSt     StartAddress Win32StartAddress  '
    + 'InstructionPtr                 TEB          StackBase           StackPtr         StackLimit CreateTime                 ExitTime',
  index: 4,
  textOrder: [
    'pid', 'tid', 'ethread', 'state', 'wait_reason', 'running', 'base_priority', 'priority', 'exit_status', 'start_address', 'win32_start_address',
    'ip', 'teb', 'user_stack_base', 'sp', 'user_stack_limit', 'created', 'exited',
  ],
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ thread }) => thread.pid, text: right(6), doc: 'the process' },
    { name: 'tid', csv: 'TID', kind: 'decimal', value: ({ thread }) => thread.tid, text: right(7), doc: 'the thread' },
    { name: 'ethread', csv: 'ETHREAD', kind: 'address', value: ({ thread }) => thread.address, text: right(16), doc: 'address of the thread object' },
    {
      name: 'state', csv: 'State', kind: 'text', value: ({ thread: { state } }) => STATES[state] ?? String(state),
      text: { width: 9, align: 'left', show: ({ thread: { state } }) => `${state} ${STATES[state] ?? ''}` }, doc: 'what it does',
    },
    {
      name: 'wait_reason', csv: 'WaitReason', kind: 'text', value: ({ thread: { waitReason } }) => WAIT_REASONS[waitReason] ?? String(waitReason),
      text: { width: 21, align: 'left', show: ({ thread: { waitReason } }) => `${String(waitReason).padStart(2)} ${WAIT_REASONS[waitReason] ?? ''}` },
      doc: 'what it waits for, or waited for last',
    },
    { name: 'created', csv: 'CreateTime', kind: 'time', value: ({ thread }) => thread.created, text: { lead: ' [', width: 23, align: 'right' }, doc: 'when it was created' },
    {
      name: 'exited', csv: 'ExitTime', kind: 'time', value: ({ thread }) => thread.exited,
      text: { lead: ' :: ', width: 24, align: 'right', show: ({ thread }) => `${textTime(thread.exited)}]` }, doc: 'when it ended',
    },
    { name: 'running', csv: 'Running', kind: 'flag', value: ({ thread }) => thread.running, text: right(1), doc: 'on a processor at the capture' },
    { name: 'base_priority', csv: 'BasePriority', kind: 'hex', value: ({ thread }) => thread.basePriority, text: right(2), doc: 'base priority' },
    { name: 'priority', csv: 'Priority', kind: 'hex', value: ({ thread }) => thread.priority, text: right(2), doc: 'current priority' },
    { name: 'exit_status', csv: 'ExitStatus', kind: 'hex', value: ({ thread }) => thread.exitStatus, text: right(8), doc: 'NTSTATUS; 0x103 while it runs' },
    address('start_address', 'StartAddress', ({ startAddress }) => startAddress, 'where the kernel started it'),
    address('win32_start_address', 'Win32StartAddress', ({ win32StartAddress }) => win32StartAddress, 'where its own work began'),
    address('ip', 'IP', ({ instructionPointer }) => instructionPointer, 'where it entered the kernel'),
    address('sp', 'SP', ({ stackPointer }) => stackPointer, 'its stack pointer there', ' > '),
    address('teb', 'TEB', ({ teb }) => teb, 'thread environment block', ' -- '),
    address('user_stack_base', 'StackBaseUser', ({ userStackBase }) => userStackBase, 'end of the user stack', ' : '),
    address('user_stack_limit', 'StackLimitUser', ({ userStackLimit }) => userStackLimit, 'lowest committed byte of the user stack', ' > '),
    unseen('kernel_stack_base', 'StackBaseKernel', ({ kernelStackBase }) => kernelStackBase, 'end of the kernel stack'),
    unseen('kernel_stack_limit', 'StackLimitKernel', ({ kernelStackLimit }) => kernelStackLimit, 'lowest byte of the kernel stack'),
    unseen('trap_frame', 'TrapFrame', ({ trapFrame }) => trapFrame, 'address of the trap frame'),
    unseen('impersonation_token', 'ImpersonationToken', ({ impersonationToken }) => impersonationToken, 'the token that it impersonates with; 0 when it does not'),
    { name: 'suspend_count', kind: 'decimal', value: ({ thread }) => thread.suspendCount, doc: 'how often it is suspended' },
    { name: 'name', kind: 'text', value: ({ thread }) => thread.name, doc: 'as it was given by SetThreadDescription' },
    { name: 'source', kind: 'text', value: ({ source }) => source, doc: 'list: of its process; cid: PspCidTable alone knows it, it is hidden; scan: found by the pool scan alone' },
  ],
};
