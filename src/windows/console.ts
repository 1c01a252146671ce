import { big, ifKnown, struct } from '../profile/struct.js';
import { classicConsole, handlePid, symbolConsoles } from './console-classic.js';
import { findHistories, historyList, type CommandHistory } from './console-history.js';
import { findInformation, type ConsoleInformation } from './console-information.js';
import { CLASSIC_LAYOUTS, CONHOST_BUILD, CONTAINERS_BUILD, layoutOf, SPAN_ROW } from './console-layouts.js';
import { HostMemory } from './console-memory.js';
import { findScreens, type Screen } from './console-rows.js';
import type { Kernel } from './kernel.js';
import type { Process } from './process.js';
import { userHalves } from './wow64.js';

export type { Command, CommandHistory } from './console-history.js';
export type { Alias, ConsoleInformation, ConsoleProcess } from './console-information.js';
export type { Screen, ScreenRow } from './console-rows.js';

/** A console: a window's text, and what was typed there. */
export interface Console {
  /** Undefined when it was not found: histories and screens were, without it. */
  readonly information: ConsoleInformation | undefined;
  readonly histories: readonly CommandHistory[];
  /** The one that is shown first, where that is known. */
  readonly screens: readonly Screen[];
}

/** How it is known which process holds a process's console. */
export type HostSource = 'itself' | 'kernel' | 'parent' | 'session';

export interface ConsoleHost {
  readonly host: Process;
  readonly source: HostSource;
}

const HOST = /^(?:conhost|openconsole)\.exe$/i;
const EPROCESS = struct('_EPROCESS', { host: ifKnown(big('ConsoleHostProcess')), owner: ifKnown(big('OwnerProcessId')) });
const PEB = struct('_PEB', { parameters: big('ProcessParameters') });
const PARAMETERS = struct('_RTL_USER_PROCESS_PARAMETERS', { console: ifKnown(big('ConsoleHandle')) });
/** 8: a program's first conhost.exe is its child; before, it is csrss.exe's. */
const CHILD_BUILD = 9200;

/** Whether a process holds consoles for others. */
export function isConsoleHost({ name, kernel }: Process): boolean {
  return kernel.profile.build < CONHOST_BUILD ? /^csrss\.exe$/i.test(name) : HOST.test(name);
}

/**
 * The process that holds a process's console; undefined when it uses none. Quick.
 * @param processes all known ones
 */
export function consoleHost(process: Process, processes: readonly Process[]): ConsoleHost | undefined {
  const { kernel } = process;
  if (process.terminated) return undefined;
  if (isConsoleHost(process)) return { host: process, source: 'itself' };
  if (kernel.profile.build < CONHOST_BUILD) {
    const host = usesConsole(process) ? processes.find((one) => !one.terminated && isConsoleHost(one) && one.facts.sessionId === process.facts.sessionId) : undefined;
    return host && { host, source: 'session' };
  }
  const hosts = hostsOf(processes);
  if (hosts.length === 0) return undefined;
  const record = kernel.anomalies.attempt(process.where, () => kernel.read(EPROCESS, process.address));
  const said = record?.host ?? record?.owner;
  // The low bits are flags. OwnerProcessId is the parent's, where a process has no console.
  const byKernel = said === undefined ? undefined : hosts.find(({ pid }) => BigInt(pid) === (said & ~3n));
  if (byKernel !== undefined) return { host: byKernel, source: 'kernel' };
  const child = kernel.profile.build < CHILD_BUILD ? undefined
    : hosts.find(({ ppid, created = 0n }) => ppid === process.pid && created >= (process.created ?? 0n));
  return child && { host: child, source: 'parent' };
}

const hostLists = new WeakMap<readonly Process[], readonly Process[]>();

function hostsOf(processes: readonly Process[]): readonly Process[] {
  let hosts = hostLists.get(processes);
  if (hosts === undefined) hostLists.set(processes, hosts = processes.filter((one) => !one.terminated && isConsoleHost(one)));
  return hosts;
}

/** It has a handle to a console, by its parameters. */
function usesConsole(process: Process): boolean {
  const half = userHalves(process)[0];
  return process.anomalies.attempt(process.where, () => {
    const at = half?.read(PEB, half.peb)?.parameters;
    const handle = at === undefined || at === 0n ? undefined : half?.read(PARAMETERS, at)?.console;
    return handle !== undefined && handle !== 0n && handle < 0x1000_0000n;
  }) ?? false;
}

/** What a console host holds. Reads the image when it is first asked, and remembers while it is in use. */
export class HostConsoles {
  #consoles: readonly Console[] | undefined;

  private constructor(readonly host: Process) {}

  static readonly #known = new WeakMap<Process, HostConsoles>();

  /** The same for all processes that use one host. */
  static of(host: Process): HostConsoles {
    let known = HostConsoles.#known.get(host);
    if (known === undefined) HostConsoles.#known.set(host, known = new HostConsoles(host));
    return known;
  }

  consoles(): readonly Console[] {
    this.host.kernel.recent.use(this);
    return this.#consoles ??= this.host.anomalies.attempt(`${this.host.where} console`, () => consolesIn(this.host)) ?? [];
  }

  /** The consoles that a process uses: all of a conhost.exe's, and of a csrss.exe's those that name it. */
  of(process: Process): readonly Console[] {
    const consoles = this.consoles();
    if (process === this.host || process.kernel.profile.build >= CONHOST_BUILD) return consoles;
    return consoles.filter(({ information }) => information?.processes.some(({ pid }) => pid === process.pid));
  }

  forget(): void {
    this.#consoles = undefined;
  }
}

function consolesIn(process: Process): readonly Console[] {
  const host = new HostMemory(process);
  const histories = findHistories(host);
  const { build } = process.kernel.profile;
  return build < CONTAINERS_BUILD ? olderConsoles(host, histories) : [containedConsole(host, histories)];
}

/** Since 1809 a host has one console. */
function containedConsole(host: HostMemory, found: readonly CommandHistory[]): Console {
  const known = new Map(found.map((history) => [history.link, history]));
  const heads = new Set<bigint>();
  const histories = new Set<CommandHistory>();
  for (const one of found) {
    if (histories.has(one)) continue;
    const list = historyList(host, one, known);
    for (const history of [one, ...list.histories]) histories.add(history);
    for (const head of list.heads) heads.add(head);
  }
  const information = findInformation(host, heads);
  return { information, histories: [...histories], screens: shownFirst(findScreens(host) ?? [], information) };
}

/** Up to 1803: the lists that histories are on have their heads in the consoles. */
function olderConsoles(host: HostMemory, histories: readonly CommandHistory[]): readonly Console[] {
  const layout = layoutOf(CLASSIC_LAYOUTS, host.process.kernel.profile.build, host.pointerSize);
  const rows = findScreens(host);
  const found = histories.map((history) => named(host, history));
  const known = new Map(found.map((history) => [history.link, history]));
  const left = new Set(found);
  const consoles = new Map<bigint, Console>();
  const enter = (head: bigint, own: readonly CommandHistory[], source: string): boolean => {
    const made = layout && classicConsole(host, head, layout, source);
    if (made === undefined) return false;
    const { information, screens } = made;
    if (!consoles.has(information.address)) consoles.set(information.address, { information, histories: own, screens: shownFirst(rows ?? screens, information) });
    return true;
  };
  for (const one of found) {
    if (!left.has(one)) continue;
    const list = historyList(host, one, known);
    if (list.heads.some((head) => enter(head, list.histories, 'by the list that its histories are on'))) for (const history of list.histories) left.delete(history);
  }
  if (layout !== undefined) for (const address of symbolConsoles(host)) enter(address + BigInt(layout.information.histories), [], 'by the symbol gConsoleInformation');
  if (left.size === 0 && consoles.size > 0) return [...consoles.values()];
  return [...consoles.values(), { information: undefined, histories: [...left], screens: consoles.size === 0 ? rows ?? [] : [] }];
}

/** With the process that its handle is of. */
function named(host: HostMemory, history: CommandHistory): CommandHistory {
  return history.handle === undefined ? history : { ...history, pid: handlePid(host, history.handle) };
}

function shownFirst(screens: readonly Screen[], information: ConsoleInformation | undefined): readonly Screen[] {
  const active = information?.activeScreen;
  return active === undefined ? screens : [...screens].sort((a, b) => Number(b.address === active) - Number(a.address === active));
}

/** What is not known of a build's consoles, as a sentence; undefined where all is published. */
export function consoleNote({ profile: { build } }: Kernel): string | undefined {
  if (build > 7601 && build < 10_240) return 'the layouts of this build are not public: those of Windows 7 are read where they hold together';
  if (build >= 10_240 && build < CONTAINERS_BUILD) return 'of this build only the layout of rows is public: histories are read where they are as in Windows 7';
  return build >= SPAN_ROW.build ? 'of this build no layout of the console itself is public: histories and rows are read where they hold together by themselves' : undefined;
}
