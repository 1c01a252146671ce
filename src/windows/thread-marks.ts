import { codePlaces } from './code-places.js';
import type { Process } from './process.js';
import type { ThreadSource } from './thread-sources.js';
import { STATES, WAIT_REASONS, type Thread } from './thread.js';
import type { ThreadDetail } from './thread-detail.js';
import { vadAt } from './vad.js';

/**
 * What is notable of a thread:
 * - `suspended`: by SuspendThread. · `frozen`: it waits as suspended ones do, with no count (a process that Windows has put to sleep).
 * - `hidden`: it lives, and its process's list does not name it. · `process-ended`: it lives, its process has ended.
 * - `orphan`: it began at an address of the kernel that no driver is at.
 * - `no-vad`: it began where its process has nothing. · `private`, `mapped`: it began in memory that no image backs. · `rwx`: which may be written and run.
 * - `injected-module`, `unlinked-module`: it began in such a module.
 * - `impersonating` · `hidden-from-debugger` · `debug-registers`: hardware breakpoints are set.
 */
export type ThreadMark = 'suspended' | 'frozen' | 'hidden' | 'process-ended' | 'orphan' | 'no-vad' | 'private' | 'mapped' | 'rwx' | 'injected-module'
  | 'unlinked-module' | 'impersonating' | 'hidden-from-debugger' | 'debug-registers';

const WAITING = STATES.indexOf('Waiting');
const TERMINATED = STATES.indexOf('Terminated');
const SUSPENDED: ReadonlySet<number> = new Set([WAIT_REASONS.indexOf('Suspended'), WAIT_REASONS.indexOf('WrSuspended')]);
/** `_MMVAD_FLAGS.Protection` of PAGE_EXECUTE_READWRITE. */
const READ_WRITE_EXECUTE = 6;

export function threadMarks(process: Process, thread: Thread, source: ThreadSource, detail: ThreadDetail | undefined): readonly ThreadMark[] {
  const marks = new Set<ThreadMark>();
  const alive = thread.exited === undefined && thread.state !== TERMINATED;
  if (thread.suspendCount > 0) marks.add('suspended');
  else if (alive && thread.state === WAITING && SUSPENDED.has(thread.waitReason)) marks.add('frozen');
  if (alive && source !== 'list') marks.add('hidden');
  if (alive && process.terminated) marks.add('process-ended');
  for (const mark of [thread.win32StartAddress, thread.startAddress].flatMap((start) => [...startMarks(process, start)])) marks.add(mark);
  if (thread.impersonationToken !== 0n) marks.add('impersonating');
  if (detail?.hiddenFromDebugger === true) marks.add('hidden-from-debugger');
  if (detail?.debug.active === true) marks.add('debug-registers');
  return [...marks];
}

function* startMarks(process: Process, start: bigint): Generator<ThreadMark> {
  if (start === 0n) return;
  if (process.kernel.isKernelAddress(start)) {
    if (codePlaces(process).moduleAt(start) === undefined) yield 'orphan';
    return;
  }
  const vads = process.vads();
  // Where a process has ended its memory is gone, which says nothing of its threads.
  if (process.terminated || vads.length === 0) return;
  const vad = vadAt(vads, start);
  if (vad === undefined) {
    yield 'no-vad';
    return;
  }
  if (!vad.image) yield vad.private ? 'private' : 'mapped';
  if ((vad.protection & 7) === READ_WRITE_EXECUTE) yield 'rwx';
  const kind = codePlaces(process).moduleAt(start)?.kind;
  if (kind === 'injected') yield 'injected-module';
  if (kind === 'not-linked') yield 'unlinked-module';
}
