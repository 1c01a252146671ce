import { textTime } from '../../src/bytes/filetime.js';
import { hex } from '../../src/bytes/hex.js';
import type { Process } from '../../src/windows/process.js';
import { STATES, threadAt, WAIT_REASONS, type Thread } from '../../src/windows/thread.js';
import type { Windows } from '../../src/windows/windows.js';
import type { Table } from '../../src/vfs/column.js';
import { stage, type TimelineEvent } from '../stage.js';

interface ThreadRow {
  readonly process: Process;
  readonly thread: Thread;
  /** Its place among the process's threads. */
  readonly index: number;
  /** `scan`: the pool scan alone found it: it has ended, or was hidden. */
  readonly source: 'list' | 'scan';
}

const THREAD: Table<ThreadRow> = {
  name: 'thread',
  doc: 'The threads of all processes.',
  heading: '',
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: (r) => r.process.pid, doc: 'process id' },
    { name: 'tid', csv: 'TID', kind: 'decimal', value: (r) => r.thread.tid, doc: 'thread id' },
    { name: 'ethread', csv: 'ETHREAD', kind: 'address', value: (r) => r.thread.address, doc: 'address of the ETHREAD' },
    { name: 'state', csv: 'State', kind: 'text', value: (r) => STATES[r.thread.state] ?? String(r.thread.state), doc: 'scheduler state' },
    { name: 'wait_reason', csv: 'WaitReason', kind: 'text', value: (r) => WAIT_REASONS[r.thread.waitReason] ?? String(r.thread.waitReason), doc: 'what it waits for' },
    { name: 'created', csv: 'CreateTime', kind: 'time', value: (r) => r.thread.created, doc: 'when it was created' },
    { name: 'exited', csv: 'ExitTime', kind: 'time', value: (r) => r.thread.exited, doc: 'when it ended' },
    { name: 'running', csv: 'Running', kind: 'flag', value: (r) => r.thread.running, doc: 'on a processor' },
    { name: 'base_priority', csv: 'BasePriority', kind: 'decimal', value: (r) => r.thread.basePriority, doc: 'base priority' },
    { name: 'priority', csv: 'Priority', kind: 'decimal', value: (r) => r.thread.priority, doc: 'priority' },
    { name: 'exit_status', csv: 'ExitStatus', kind: 'hex', value: (r) => r.thread.exitStatus >>> 0, doc: 'exit status; 0x103 while it runs' },
    { name: 'start_address', csv: 'StartAddress', kind: 'address', value: (r) => r.thread.startAddress, doc: 'where the kernel started it' },
    { name: 'win32_start_address', csv: 'Win32StartAddress', kind: 'address', value: (r) => r.thread.win32StartAddress, doc: 'where its own code begins' },
    { name: 'ip', csv: 'IP', kind: 'address', value: (r) => r.thread.instructionPointer, doc: 'instruction pointer in user mode' },
    { name: 'sp', csv: 'SP', kind: 'address', value: (r) => r.thread.stackPointer, doc: 'stack pointer in user mode' },
    { name: 'teb', csv: 'TEB', kind: 'address', value: (r) => r.thread.teb, doc: 'address of the TEB' },
    { name: 'user_stack_base', csv: 'StackBaseUser', kind: 'address', value: (r) => r.thread.userStackBase, doc: 'end of the user stack' },
    { name: 'user_stack_limit', csv: 'StackLimitUser', kind: 'address', value: (r) => r.thread.userStackLimit, doc: 'lowest byte of the user stack' },
    { name: 'kernel_stack_base', csv: 'StackBaseKernel', kind: 'address', value: (r) => r.thread.kernelStackBase, doc: 'end of the kernel stack' },
    { name: 'kernel_stack_limit', csv: 'StackLimitKernel', kind: 'address', value: (r) => r.thread.kernelStackLimit, doc: 'lowest byte of the kernel stack' },
    { name: 'trap_frame', csv: 'TrapFrame', kind: 'address', value: (r) => r.thread.trapFrame, doc: 'address of the trap frame' },
    { name: 'impersonation_token', csv: 'ImpersonationToken', kind: 'address', value: (r) => r.thread.impersonationToken, doc: 'token it impersonates with' },
    { name: 'source', kind: 'text', value: (r) => r.source, doc: 'list of its process, or scan: found by the pool scan alone' },
  ],
};

function* events({ process, thread }: ThreadRow): Generator<TimelineEvent> {
  const event = { pid: process.pid, value32: thread.tid, value64: thread.address, text: `TID: ${thread.tid}` };
  yield { ...event, time: thread.exited, action: 'DEL' };
  yield { ...event, time: thread.created, action: 'CRE' };
}

function description({ thread: t }: ThreadRow): string {
  return `state:[${t.state} ${STATES[t.state] ?? ''}] wait:[${t.waitReason} ${WAIT_REASONS[t.waitReason] ?? ''}] status:[${hex(t.exitStatus >>> 0)}] `
    + `prio:[${t.basePriority} ${t.priority}] start-addr:[${hex(t.startAddress)} ${hex(t.win32StartAddress)}] impersonation:[${hex(t.impersonationToken)}] `
    + `start:[${textTime(t.created).trim()}]${t.exited === undefined ? '' : ` exit:[${textTime(t.exited).trim()}]`}`;
}

export const threadStage = stage<ThreadRow>({
  name: 'thread',
  table: THREAD,
  waitsForScan: true,
  csv: 'threads',
  timeline: { type: 'THREAD', file: 'thread', events },
  json: { file: 'general', line: (row) => ({
    type: 'thread', pid: row.process.pid, proc: row.process.name, i: row.index, obj: hex(row.thread.address, 16), addr: hex(row.thread.kernelStackBase),
    addr2: hex(row.thread.kernelStackLimit), hex: hex(row.thread.tid), desc: description(row),
  }) },
  * rows(windows, { step }) {
    const processes = windows.processes();
    const listed = new Set<bigint>();
    for (const [done, process] of processes.entries()) {
      step(done, processes.length);
      for (const [index, thread] of process.threads().entries()) {
        listed.add(thread.address);
        yield { process, thread, index, source: 'list' };
      }
    }
    yield* scannedThreads(windows, listed);
  },
});

/** The threads that only the pool scan found, of processes that are known. */
function* scannedThreads(windows: Windows, listed: ReadonlySet<bigint>): Generator<ThreadRow> {
  const { kernel, anomalies } = windows;
  const byAddress = new Map(windows.processes().map((process) => [process.address, process]));
  const counts = new Map<bigint, number>();
  for (const address of windows.scan?.threads ?? []) {
    if (listed.has(address)) continue;
    const found = anomalies.attempt('threads of the pool scan', () => threadAt(kernel, address, (eprocess) => byAddress.get(eprocess)));
    if (found === undefined) continue;
    const index = counts.get(found.process.address) ?? found.process.threads().length;
    counts.set(found.process.address, index + 1);
    yield { ...found, index, source: 'scan' };
  }
}
