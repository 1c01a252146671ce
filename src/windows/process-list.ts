import { walk } from '../bytes/walk.js';
import { isFiletime } from '../bytes/filetime.js';
import {
  big, chars, fastRef, list, nonZero, number, optional, place, struct, unicode, type RecordOf,
} from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import { Process, type ProcessFacts, type ProcessSource } from './process.js';

export const EPROCESS = struct('_EPROCESS', {
  dtb: number('Pcb.DirectoryTableBase'),
  pid: number('UniqueProcessId'),
  links: list('ActiveProcessLinks'),
  name: chars('ImageFileName', 15),
  ppid: number('InheritedFromUniqueProcessId'),
  created: nonZero('CreateTime'),
  exited: optional(nonZero('ExitTime')),
  exitStatus: optional(number('ExitStatus')),
  peb: optional(nonZero('Peb')),
  userDtb: optional(number('Pcb.UserDirectoryTableBase')),
  // A pointer to _EWOW64PROCESS (10) or _WOW64_PROCESS (2003, Vista), which begin with the 32-bit PEB's; between them that PEB's own address.
  wow64: optional(nonZero('WoW64Process')),
  wow64Old: optional(nonZero('Wow64Process')),
  session: optional(nonZero('Session')),
  sectionBase: optional(big('SectionBaseAddress')),
  activeThreads: optional(number('ActiveThreads')),
  protection: optional(number('Protection.Level')),
  token: optional(fastRef('Token')),
  objectTable: optional(nonZero('ObjectTable')),
  vadRoot: optional(place('VadRoot')),
  audit: optional(nonZero('SeAuditProcessCreationInfo.ImageFileName')),
});
const SESSION_SPACE = struct('_MM_SESSION_SPACE', { id: number('SessionId') });
const TOKEN = struct('_TOKEN', { session: number('SessionId') });
const NAME_INFORMATION = struct('_OBJECT_NAME_INFORMATION', { name: unicode('Name') });

/** More processes than any machine runs; a loop of distinct fakes ends here. */
const MAX_PROCESSES = 65_536;
/** Longer than any path the kernel writes. */
const MAX_PATH_BYTES = 0x2000;
const MAX_PID = 0x1000_0000;
/** No machine that runs Windows has more memory than 256 TiB. */
const MAX_PHYSICAL = 2 ** 48;

/**
 * Reads a process; undefined when its bytes are not in the image.
 * @throws FormatError when the profile does not know `_EPROCESS`
 */
export function processFacts(kernel: Kernel, address: bigint): ProcessFacts | undefined {
  const record = kernel.read(EPROCESS, address);
  if (record === undefined) return undefined;
  const wow64 = record.wow64 ?? record.wow64Old;
  return {
    address,
    pid: record.pid,
    ppid: record.ppid,
    shortName: record.name,
    kernelPath: kernelPath(kernel, record.audit),
    created: record.created,
    exited: record.exited,
    dtb: record.dtb,
    userDtb: record.userDtb === undefined || record.userDtb < 0x1000 ? undefined : record.userDtb,
    peb: record.peb,
    peb32: wow64 === undefined ? undefined : peb32(kernel, wow64),
    wow64: wow64 !== undefined,
    sessionId: sessionId(kernel, record.session, record.token),
    sectionBase: record.sectionBase ?? 0n,
    exitStatus: record.exitStatus ?? 0,
    activeThreads: record.activeThreads,
    protection: record.protection,
    tokenAddress: record.token,
    objectTable: record.objectTable,
    vadRoot: record.vadRoot,
  };
}

/**
 * Whether the facts can be those of a process: what random bytes or another object do not show.
 * @param named a list of the kernel leads here: then its page table may lie in a part that the image lacks
 */
export function plausibleProcess(kernel: Kernel, facts: ProcessFacts, named: boolean): boolean {
  const table = kernel.mode.tableOf(facts.dtb);
  const end = named ? MAX_PHYSICAL : kernel.physical.size;
  return facts.pid > 0 && facts.pid < MAX_PID && facts.pid % 4 === 0
    && facts.ppid < MAX_PID && facts.ppid % 4 === 0
    && /^[\x20-\x7e\xa0-\xff]+$/.test(facts.shortName)
    && table > 0 && table < end
    && (facts.created === undefined ? facts.pid === 4 : isFiletime(facts.created))
    && (facts.exited === undefined || (isFiletime(facts.exited) && facts.exited >= (facts.created ?? 0n)));
}

/** Address of System's `_EPROCESS`: by PsInitialSystemProcess, else as the kernel was found. */
export function systemProcess(kernel: Kernel): bigint | undefined {
  const variable = kernel.symbol('PsInitialSystemProcess');
  return (variable === undefined ? undefined : kernel.pointer(variable)) ?? kernel.facts.system;
}

/** The address of PsActiveProcessHead: by symbol, else the one entry around System that lies in the kernel's image. */
export function activeProcessHead(kernel: Kernel): bigint | undefined {
  const symbol = kernel.symbol('PsActiveProcessHead');
  if (symbol !== undefined) return symbol;
  const address = systemProcess(kernel);
  const record = address === undefined ? undefined : kernel.read(EPROCESS, address);
  if (record === undefined) return undefined;
  const end = kernel.base + BigInt(kernel.facts.size);
  return [record.links.blink, record.links.flink].find((entry) => entry >= kernel.base && entry < end);
}

/** Addresses of the processes on the active list, in its order; forward, and backward from the head where the forward way is broken. */
export function listedProcesses(kernel: Kernel): bigint[] {
  const head = activeProcessHead(kernel);
  const offset = kernel.reader(EPROCESS).offset('links');
  const system = systemProcess(kernel);
  const first = (head === undefined ? undefined : kernel.pointer(head))
    ?? (system === undefined || offset === undefined ? undefined : system + BigInt(offset));
  if (head === undefined || offset === undefined || first === undefined) {
    kernel.anomalies.add('active process list', 'neither its head nor System is in the image', head);
    return [];
  }
  const found: bigint[] = [];
  let closed = false;
  const follow = (entry: bigint, direction: 'flink' | 'blink', known: ReadonlySet<bigint>): void => {
    const steps = walk([entry], (node) => node, (node) => {
      const address = node - BigInt(offset);
      const record = kernel.read(EPROCESS, address);
      return record === undefined ? undefined : { value: address, next: known.has(address) ? [] : [record.links[direction]] };
    }, { where: 'active process list', cap: MAX_PROCESSES, anomalies: kernel.anomalies }, (node) => {
      const end = node === head;
      closed ||= end;
      return end;
    });
    for (const address of steps) if (!known.has(address)) found.push(address);
  };
  follow(first, 'flink', new Set());
  if (!closed) {
    kernel.anomalies.add('active process list', 'the list does not return to its head; followed backward too', head);
    const last = kernel.pointer(head + BigInt(kernel.pointerSize));
    if (last !== undefined) follow(last, 'blink', new Set(found));
  }
  return found;
}

/**
 * The processes at the given addresses, each once with all its sources, ascending by PID, then creation time.
 * @param found addresses by source; implausible ones of the list are anomalies, others are dropped
 */
export function processesAt(kernel: Kernel, found: readonly (readonly [ProcessSource, readonly bigint[]])[]): Process[] {
  const sources = new Map<bigint, Set<ProcessSource>>();
  for (const [source, addresses] of found) {
    for (const address of addresses) {
      const known = sources.get(address);
      if (known === undefined) sources.set(address, new Set([source]));
      else known.add(source);
    }
  }
  const processes: Process[] = [];
  for (const [address, from] of sources) {
    const facts = kernel.anomalies.attempt('processes', () => processFacts(kernel, address));
    if (facts === undefined) continue;
    if (!plausibleProcess(kernel, facts, from.size > 1 || !from.has('scan'))) {
      if (from.has('list')) kernel.anomalies.add('active process list', 'an entry is no plausible process', address);
      continue;
    }
    processes.push(new Process(kernel, facts, from));
  }
  return processes.sort((a, b) => a.pid - b.pid || Number((a.created ?? 0n) - (b.created ?? 0n)) || Number(a.address - b.address));
}

function kernelPath(kernel: Kernel, information: bigint | undefined): string {
  if (information === undefined || kernel.profile.sizeOf(NAME_INFORMATION.name) === undefined) return '';
  const name = kernel.read(NAME_INFORMATION, information)?.name;
  return name === undefined || name.length > MAX_PATH_BYTES ? '' : kernel.text(name) ?? '';
}

function peb32(kernel: Kernel, wow64: bigint): bigint | undefined {
  if (!kernel.isKernelAddress(wow64)) return wow64;
  const offset = kernel.profile.field('_EWOW64PROCESS', 'Peb')?.offset ?? 0;
  return kernel.pointer(wow64 + BigInt(offset)) || undefined;
}

/** By the process's session; where the build's symbols do not have that structure (11 24H2) by its token, whose session is the same. */
function sessionId(kernel: Kernel, session: bigint | undefined, token: bigint | undefined): number | undefined {
  if (session === undefined) return undefined;
  if (kernel.profile.field('_MM_SESSION_SPACE', 'SessionId') !== undefined) return kernel.read(SESSION_SPACE, session)?.id;
  const known = token !== undefined && kernel.profile.field('_TOKEN', 'SessionId') !== undefined;
  return known && kernel.isKernelAddress(token) ? kernel.read(TOKEN, token)?.session : undefined;
}

/** A record of `_EPROCESS`. */
export type EprocessRecord = RecordOf<typeof EPROCESS>;
