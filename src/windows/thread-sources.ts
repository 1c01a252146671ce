import { cidThreads } from './handle-table.js';
import type { Kernel } from './kernel.js';
import type { Process } from './process.js';
import { threadAt, threadOwner, type Thread } from './thread.js';

/** How a thread was found: its process's own list, PspCidTable alone (it is hidden from the list), the pool scan alone (it has ended, or hides better). */
export type ThreadSource = 'list' | 'cid' | 'scan';

export interface FoundThread {
  readonly thread: Thread;
  readonly source: ThreadSource;
}

interface Candidate {
  readonly address: bigint;
  readonly source: ThreadSource;
}

/** What the pool scan found. */
const scanned = new WeakMap<Kernel, readonly bigint[]>();
/** All threads that PspCidTable and the scan know, by the process that they say they are of. */
const candidates = new WeakMap<Kernel, ReadonlyMap<bigint, readonly Candidate[]>>();

/** From now on the threads that the pool scan found are among those of their processes. */
export function joinThreads(kernel: Kernel, addresses: readonly bigint[]): void {
  scanned.set(kernel, addresses);
  candidates.delete(kernel);
}

/** All threads of a process, whoever knows them: those of its list ascending by TID, then the others ascending by TID. The first call of a kernel reads PspCidTable. */
export function allThreads(process: Process): readonly FoundThread[] {
  const { kernel } = process;
  const listed = process.threads();
  const known = new Set(listed.map(({ address }) => address));
  const others = (candidatesOf(kernel).get(process.address) ?? []).flatMap(({ address, source }): FoundThread[] => {
    const found = known.has(address) ? undefined : kernel.anomalies.attempt(`${process.where} threads`, () => threadAt(kernel, address, () => process));
    known.add(address);
    return found === undefined ? [] : [{ thread: found.thread, source }];
  });
  others.sort((a, b) => a.thread.tid - b.thread.tid);
  return [...listed.map((thread) => ({ thread, source: 'list' as const })), ...others];
}

function candidatesOf(kernel: Kernel): ReadonlyMap<bigint, readonly Candidate[]> {
  const known = candidates.get(kernel);
  if (known !== undefined) return known;
  const byProcess = new Map<bigint, Candidate[]>();
  const add = (source: ThreadSource, addresses: readonly bigint[]): void => {
    for (const address of addresses) {
      const owner = kernel.anomalies.attempt('threads', () => threadOwner(kernel, address));
      if (owner === undefined) continue;
      const list = byProcess.get(owner);
      if (list === undefined) byProcess.set(owner, [{ address, source }]);
      else list.push({ address, source });
    }
  };
  add('cid', kernel.anomalies.attempt('PspCidTable', () => cidThreads(kernel)) ?? []);
  add('scan', scanned.get(kernel) ?? []);
  candidates.set(kernel, byProcess);
  return byProcess;
}
