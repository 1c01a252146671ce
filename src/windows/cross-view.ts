import { walk } from '../bytes/walk.js';
import { big, list, nonZero, optional, place, struct } from '../profile/struct.js';
import { cidProcesses, cidThreads, handleTableProcesses } from './handle-table.js';
import { handleProcesses } from './handle.js';
import type { Kernel } from './kernel.js';
import { listedProcesses, plausibleProcess, processFacts } from './process-list.js';
import type { Process, ProcessFacts } from './process.js';
import type { Windows } from './windows.js';

const SESSION = struct('_EPROCESS', { session: nonZero('Session'), links: list('SessionProcessLinks') });
const SESSION_SPACE = struct('_MM_SESSION_SPACE', { head: place('ProcessList'), processes: list('ProcessList') });
const THREAD = struct('_ETHREAD', { process: optional(big('Tcb.Process')), threadsProcess: optional(big('ThreadsProcess')) });

const MAX_SESSION_PROCESSES = 65_536;
const CSRSS = 'csrss.exe';

/** Where a process may be known from, each by other structures than the others. */
export type View =
  /** PsActiveProcessHead, the list that tools and the task manager show. */
  | 'list'
  /** Pool blocks of process objects. */
  | 'scan'
  /** PspCidTable, which gives out PIDs. */
  | 'cid'
  /** Threads of PspCidTable and of the pool scan name their process. */
  | 'threads'
  /** Another process holds a handle to it. */
  | 'handles'
  /** The list of the processes of its session. */
  | 'session'
  /** csrss.exe, which is told of each process of its session, holds a handle to it. */
  | 'csrss'
  /** The list of all handle tables names their owners. */
  | 'tables';

export const VIEWS: readonly View[] = ['list', 'scan', 'cid', 'threads', 'handles', 'session', 'csrss', 'tables'];

/** A process with where it is known from. */
export interface SeenProcess {
  readonly facts: ProcessFacts;
  /** Undefined where the view was not taken: its source is not in the image, the scan has not run, or it knows no process of this kind. */
  readonly views: Readonly<Record<View, boolean | undefined>>;
  /** It has not ended, and the active list or PspCidTable, which know all that run, do not know it. */
  readonly hidden: boolean;
}

/** All processes that any view knows, ascending by PID, then creation time. Reads all handle tables. */
export function crossView(windows: Windows): readonly SeenProcess[] {
  const { kernel, anomalies, scan } = windows;
  const known = windows.processes();
  const taken = (where: string, addresses: () => Iterable<bigint>): ReadonlySet<bigint> | undefined => {
    const found = anomalies.attempt(where, () => new Set(addresses()));
    // System is always there: a view that knows nobody was not taken.
    return found === undefined || found.size === 0 ? undefined : found;
  };
  const held = new Map(known.map((process) => [process, anomalies.attempt(`${process.where} handles`, () => handleProcesses(process)) ?? []]));
  const views: Readonly<Record<View, ReadonlySet<bigint> | undefined>> = {
    list: taken('active process list', () => listedProcesses(kernel)),
    scan: scan && new Set(scan.processes),
    cid: taken('PspCidTable', () => cidProcesses(kernel)),
    threads: taken('threads', () => threadOwners(kernel, scan?.threads ?? [])),
    handles: taken('handles', () => heldByOthers(held)),
    session: taken('session process lists', () => sessionProcesses(kernel, known)),
    csrss: taken('csrss.exe handles', () => [...held].flatMap(([process, addresses]) => (isCsrss(process) ? addresses : []))),
    tables: taken('handle table list', () => handleTableProcesses(kernel)),
  };
  const addresses = new Set([...known.map(({ address }) => address), ...Object.values(views).flatMap((view) => [...view ?? []])]);
  const seen: SeenProcess[] = [];
  for (const address of addresses) {
    const facts = kernel.isKernelAddress(address) ? anomalies.attempt('processes', () => processFacts(kernel, address)) : undefined;
    if (facts === undefined || !plausibleProcess(kernel, facts, true)) continue;
    seen.push(seenProcess(facts, views));
  }
  return seen.sort((a, b) => a.facts.pid - b.facts.pid || order(a.facts.created ?? 0n, b.facts.created ?? 0n) || order(a.facts.address, b.facts.address));
}

function seenProcess(facts: ProcessFacts, sets: Readonly<Record<View, ReadonlySet<bigint> | undefined>>): SeenProcess {
  const has = (view: View): boolean | undefined => sets[view]?.has(facts.address);
  const views: Record<View, boolean | undefined> = {
    list: has('list'), scan: has('scan'), cid: has('cid'), threads: has('threads'), handles: has('handles'),
    session: has('session') === true || facts.sessionId !== undefined ? has('session') : undefined,
    csrss: has('csrss') === true || isTold(facts) ? has('csrss') : undefined,
    tables: has('tables'),
  };
  return { facts, views, hidden: facts.exited === undefined && (views.list === false || views.cid === false) };
}

/** csrss.exe is told of the processes of its session that begin after it; neither of itself nor of those that made it. */
function isTold({ sessionId, shortName }: ProcessFacts): boolean {
  return sessionId !== undefined && shortName.toLowerCase() !== CSRSS;
}

function isCsrss({ facts }: Process): boolean {
  return facts.shortName.toLowerCase() === CSRSS;
}

function* heldByOthers(held: ReadonlyMap<Process, readonly bigint[]>): Generator<bigint> {
  for (const [{ address }, addresses] of held) for (const other of addresses) if (other !== address) yield other;
}

/** The processes that threads name as theirs. */
function* threadOwners(kernel: Kernel, scanned: readonly bigint[]): Generator<bigint> {
  for (const thread of new Set([...cidThreads(kernel), ...scanned])) {
    const record = kernel.read(THREAD, thread);
    const owner = record?.process ?? record?.threadsProcess;
    if (owner !== undefined && kernel.isKernelAddress(owner)) yield owner;
  }
}

/** The processes on the lists of the sessions that any process names. */
function* sessionProcesses(kernel: Kernel, processes: readonly Process[]): Generator<bigint> {
  const { profile } = kernel;
  // Symbols since 11 24H2 lack the session's structure.
  if (profile.field('_MM_SESSION_SPACE', 'ProcessList') === undefined || profile.field('_EPROCESS', 'SessionProcessLinks') === undefined) return;
  const offset = BigInt(kernel.reader(SESSION).offset('links') ?? 0);
  const sessions = new Set(processes.map(({ address }) => kernel.read(SESSION, address)?.session));
  for (const session of sessions) {
    const space = session === undefined || !kernel.isKernelAddress(session) ? undefined : kernel.read(SESSION_SPACE, session);
    if (space === undefined || !kernel.isKernelAddress(space.processes.flink)) continue;
    yield* walk([space.processes.flink], (link) => link, (link) => {
      const record = kernel.isKernelAddress(link) ? kernel.read(SESSION, link - offset) : undefined;
      return record === undefined ? undefined : { value: link - offset, next: [record.links.flink] };
    }, { where: 'session process lists', cap: MAX_SESSION_PROCESSES, anomalies: kernel.anomalies }, (link) => link === space.head);
  }
}

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
