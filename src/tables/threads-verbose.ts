import { hex } from '../bytes/hex.js';
import type { Cell, Column, Table } from '../vfs/column.js';
import { codePlaces, placeText } from '../windows/code-places.js';
import type { Process } from '../windows/process.js';
import { threadDetail, type ThreadDetail } from '../windows/thread-detail.js';
import { threadMarks } from '../windows/thread-marks.js';
import type { FoundThread } from '../windows/thread-sources.js';
import { STATES, type Thread } from '../windows/thread.js';

/** A thread with what is read of it alone. */
export interface ThreadVerboseRow extends FoundThread {
  readonly process: Process;
  /** Undefined when its `_ETHREAD` is not in the image. */
  readonly detail: ThreadDetail | undefined;
}

/** The rows of threads. */
export function* threadVerboseRows(process: Process, threads: Iterable<FoundThread>): Generator<ThreadVerboseRow> {
  for (const found of threads) yield { ...found, process, detail: process.anomalies.attempt(`${process.where} threads`, () => threadDetail(process, found.thread)) };
}

/** Where a thread began, by module and function; undefined for zero. */
export function startText(process: Process, start: bigint): string | undefined {
  return start === 0n ? undefined : placeText(start, codePlaces(process).describe(start));
}

/** The marks of a thread, with commas. */
export function marksText({ process, thread, source, detail }: ThreadVerboseRow): string {
  return threadMarks(process, thread, source, detail).join(',');
}

const left = (width: number, show?: Cell<ThreadVerboseRow>['show']): Cell<ThreadVerboseRow> => ({ width, align: 'left', ...(show === undefined ? {} : { show }) });
const right = (width: number): Cell<ThreadVerboseRow> => ({ width, align: 'right' });

function start(name: string, csv: string, of: (thread: Thread) => bigint, doc: string): Column<ThreadVerboseRow> {
  return { name, csv, kind: 'text', value: ({ process, thread }) => startText(process, of(thread)), text: left(40), doc };
}

function detailed(name: string, csv: string, kind: 'decimal' | 'hex' | 'address', value: (detail: ThreadDetail) => bigint | number | undefined, doc: string): Column<ThreadVerboseRow> {
  return { name, csv, kind, value: ({ detail }) => detail && value(detail), doc };
}

const DEBUG_REGISTERS = ['dr0', 'dr1', 'dr2', 'dr3', 'dr6', 'dr7'] as const;

/** What `threads.txt` has no room for: what is suspicious, where threads began by name, their debug registers. */
export const THREADS_VERBOSE: Table<ThreadVerboseRow> = {
  name: 'threads-v',
  doc: 'The threads of a process by what is notable of them: suspended, hidden, orphaned, begun in memory that no image backs; where they began by module and function; debug registers.',
  heading: '   #     TID          ETHREAD Source State                  Marks                            Win32Start                               Start                                    Name',
  index: 4,
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ thread }) => thread.pid, doc: 'the process' },
    { name: 'tid', csv: 'TID', kind: 'decimal', value: ({ thread }) => thread.tid, text: right(7), doc: 'the thread' },
    { name: 'ethread', csv: 'ETHREAD', kind: 'address', value: ({ thread }) => thread.address, text: right(16), doc: 'address of the thread object' },
    { name: 'source', csv: 'Source', kind: 'text', value: ({ source }) => source, text: left(6), doc: 'list: of its process; cid: PspCidTable alone knows it; scan: the pool scan alone' },
    { name: 'state', csv: 'State', kind: 'text', value: ({ thread: { state } }) => STATES[state] ?? String(state), text: left(22), doc: 'what it does' },
    {
      name: 'marks', csv: 'Marks', kind: 'text', value: (row) => marksText(row) || undefined, text: left(32),
      doc: 'suspended, frozen, hidden, process-ended, orphan, no-vad, private, mapped, rwx, injected-module, unlinked-module, impersonating, hidden-from-debugger, debug-registers',
    },
    start('win32_start', 'Win32Start', ({ win32StartAddress }) => win32StartAddress, 'where its own work began, by module and function'),
    start('start', 'Start', ({ startAddress }) => startAddress, 'where the kernel started it, by module and function'),
    { name: 'name', csv: 'Name', kind: 'text', value: ({ thread }) => thread.name, text: left(0, ({ thread }) => thread.name ?? ''), doc: 'as it was given by SetThreadDescription' },
    { name: 'suspend_count', csv: 'SuspendCount', kind: 'decimal', value: ({ thread }) => thread.suspendCount, doc: 'how often it is suspended' },
    { name: 'affinity', csv: 'Affinity', kind: 'text', value: ({ detail }) => affinityText(detail), doc: 'processors that it may run on: a mask a processor group, hex' },
    detailed('ideal_processor', 'IdealProcessor', 'decimal', ({ idealProcessor }) => idealProcessor, 'the processor that it is scheduled on first'),
    detailed('system_call', 'SystemCall', 'hex', ({ systemCall }) => systemCall, 'number of its last system call'),
    detailed('context_switches', 'ContextSwitches', 'decimal', ({ contextSwitches }) => contextSwitches, 'how often it came onto a processor'),
    detailed('kernel_time', 'KernelTime', 'decimal', ({ kernelTime }) => kernelTime, 'clock ticks in kernel mode'),
    detailed('user_time', 'UserTime', 'decimal', ({ userTime }) => userTime, 'clock ticks in user mode'),
    detailed('service_tag', 'ServiceTag', 'hex', ({ serviceTag }) => serviceTag, 'the service that it works for, in a process of several (SubProcessTag)'),
    detailed('last_error', 'LastError', 'hex', ({ lastError }) => lastError, 'the error of its last failed call'),
    { name: 'debug_active', csv: 'DebugActive', kind: 'flag', value: ({ detail }) => detail?.debug.active, doc: 'its debug registers are loaded when it runs' },
    ...DEBUG_REGISTERS.map((name, i) => detailed(name, name.toUpperCase(), 'address', ({ debug }) => debug.values?.[i], `debug register ${name.slice(2)}; absent when they are not active`)),
  ],
};

/** Masks in hex, a group each; undefined when they are not known. */
export function affinityText(detail: ThreadDetail | undefined): string | undefined {
  return detail?.affinity?.map((mask) => hex(mask)).join(':');
}
