import { textTime } from '../../src/bytes/filetime.js';
import { hex } from '../../src/bytes/hex.js';
import { THREADS, type ThreadRow } from '../../src/tables/threads.js';
import type { Process } from '../../src/windows/process.js';
import { STATES, threadAt, WAIT_REASONS } from '../../src/windows/thread.js';
import type { Windows } from '../../src/windows/windows.js';
import { stage, type TimelineEvent } from '../stage.js';

interface ThreadOf extends ThreadRow {
  readonly process: Process;
  /** Its place among the process's threads. */
  readonly index: number;
}

function* events({ process, thread }: ThreadOf): Generator<TimelineEvent> {
  const event = { pid: process.pid, value32: thread.tid, value64: thread.address, text: `TID: ${thread.tid}` };
  yield { ...event, time: thread.exited, action: 'DEL' };
  yield { ...event, time: thread.created, action: 'CRE' };
}

function description({ thread: t }: ThreadRow): string {
  return `state:[${t.state} ${STATES[t.state] ?? ''}] wait:[${t.waitReason} ${WAIT_REASONS[t.waitReason] ?? ''}] status:[${hex(t.exitStatus)}] `
    + `prio:[${t.basePriority} ${t.priority}] start-addr:[${hex(t.startAddress)} ${hex(t.win32StartAddress)}] impersonation:[${hex(t.impersonationToken)}] `
    + `start:[${textTime(t.created).trim()}]${t.exited === undefined ? '' : ` exit:[${textTime(t.exited).trim()}]`}`;
}

export const threadStage = stage<ThreadOf>({
  name: 'thread',
  table: THREADS,
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
function* scannedThreads(windows: Windows, listed: ReadonlySet<bigint>): Generator<ThreadOf> {
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
