import { textTime } from '../../src/bytes/filetime.js';
import { hex } from '../../src/bytes/hex.js';
import type { Cell, Column, Table } from '../../src/vfs/column.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import type { Process } from '../../src/windows/process.js';
import { STATES, WAIT_REASONS, type Thread } from '../../src/windows/thread.js';

const right = (width: number, lead?: string): Cell<Thread> => ({ width, align: 'right', ...(lead === undefined ? {} : { lead }) });

/** An address without leading zeros; one that is not known shows as 0, as zero does. */
function address(name: string, csv: string, value: (thread: Thread) => bigint | undefined, doc: string, lead?: string): Column<Thread> {
  return { name, csv, kind: 'address', value, text: { ...right(16, lead), show: (thread) => hex(value(thread) ?? 0n) }, doc };
}

const plain = (name: string, csv: string, value: (thread: Thread) => bigint | undefined, doc: string): Column<Thread> =>
  ({ name, csv, kind: 'address', value, doc });

/** The threads of processes. */
export const threadsTable: Table<Thread> = {
  name: 'threads',
  doc: 'The threads of a process: what each does or waits for, where it began and where it stands.',
  heading: '   #    PID     TID          ETHREAD Status     WaitReason           Prio      ExitSt     StartAddress Win32StartAddress  '
    + 'InstructionPtr                 TEB          StackBase           StackPtr         StackLimit CreateTime                 ExitTime',
  index: 4,
  textOrder: [
    'pid', 'tid', 'ethread', 'state', 'wait_reason', 'running', 'base_priority', 'priority', 'exit_status', 'start_address', 'win32_start_address',
    'ip', 'teb', 'stack_base_user', 'sp', 'stack_limit_user', 'create_time', 'exit_time',
  ],
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ pid }) => pid, text: right(6), doc: 'Process.' },
    { name: 'tid', csv: 'TID', kind: 'decimal', value: ({ tid }) => tid, text: right(7), doc: 'Thread.' },
    { name: 'ethread', csv: 'ETHREAD', kind: 'address', value: (thread) => thread.address, text: right(16), doc: 'Address of the thread object.' },
    {
      name: 'state', csv: 'State', kind: 'text', value: ({ state }) => STATES[state] ?? String(state),
      text: { width: 9, align: 'left', show: ({ state }) => `${state} ${STATES[state] ?? ''}` }, doc: 'What it does.',
    },
    {
      name: 'wait_reason', csv: 'WaitReason', kind: 'text', value: ({ waitReason }) => WAIT_REASONS[waitReason] ?? String(waitReason),
      text: { width: 21, align: 'left', show: ({ waitReason }) => `${String(waitReason).padStart(2)} ${WAIT_REASONS[waitReason] ?? ''}` },
      doc: 'What it waits for, or waited for last.',
    },
    { name: 'create_time', csv: 'CreateTime', kind: 'time', value: ({ created }) => created, text: { lead: ' [', width: 23, align: 'right' }, doc: 'When it was created.' },
    {
      name: 'exit_time', csv: 'ExitTime', kind: 'time', value: ({ exited }) => exited,
      text: { lead: ' :: ', width: 24, align: 'right', show: ({ exited }) => `${textTime(exited)}]` }, doc: 'When it ended.',
    },
    { name: 'running', csv: 'Running', kind: 'flag', value: ({ running }) => running, text: right(1), doc: 'On a processor at the capture.' },
    { name: 'base_priority', csv: 'BasePriority', kind: 'hex', value: ({ basePriority }) => basePriority, text: right(2), doc: 'Base priority.' },
    { name: 'priority', csv: 'Priority', kind: 'hex', value: ({ priority }) => priority, text: right(2), doc: 'Current priority.' },
    { name: 'exit_status', csv: 'ExitStatus', kind: 'hex', value: ({ exitStatus }) => exitStatus, text: right(8), doc: 'NTSTATUS; 103 while it runs.' },
    address('start_address', 'StartAddress', ({ startAddress }) => startAddress, 'Where the kernel started it.'),
    address('win32_start_address', 'Win32StartAddress', ({ win32StartAddress }) => win32StartAddress, 'Where its own work began.'),
    address('ip', 'IP', ({ instructionPointer }) => instructionPointer, 'Where it entered the kernel.'),
    address('sp', 'SP', ({ stackPointer }) => stackPointer, 'Its stack pointer there.', ' > '),
    address('teb', 'TEB', ({ teb }) => teb, 'Thread environment block.', ' -- '),
    address('stack_base_user', 'StackBaseUser', ({ userStackBase }) => userStackBase, 'Highest address of the user stack.', ' : '),
    address('stack_limit_user', 'StackLimitUser', ({ userStackLimit }) => userStackLimit, 'Lowest committed address of the user stack.', ' > '),
    plain('stack_base_kernel', 'StackBaseKernel', ({ kernelStackBase }) => kernelStackBase, 'Highest address of the kernel stack.'),
    plain('stack_limit_kernel', 'StackLimitKernel', ({ kernelStackLimit }) => kernelStackLimit, 'Lowest address of the kernel stack.'),
    plain('trap_frame', 'TrapFrame', ({ trapFrame }) => trapFrame, 'Address of the trap frame.'),
    plain('impersonation_token', 'ImpersonationToken', ({ impersonationToken }) => impersonationToken, 'The token that it impersonates with.'),
  ],
};

/** `threads/` of a process. */
export function threadsDirectory(process: Process): Directory {
  return directory({ 'threads.txt': tableFile(threadsTable, () => process.threads(), { cost: 'slow' }) }, { doc: 'its threads' });
}
