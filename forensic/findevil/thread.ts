import { exportDirectory, peHeader } from '../../src/pe/header.js';
import type { Module } from '../../src/windows/module.js';
import type { Process } from '../../src/windows/process.js';
import type { Thread } from '../../src/windows/thread.js';
import { readToken } from '../../src/windows/token.js';
import { vadAt, type Vad } from '../../src/windows/vad.js';
import { userProcesses, type Detector } from '../detector.js';
import { sectionPage } from './pages.js';

const SYSTEM = 'S-1-5-18';
/** No thread of a sound program begins in these. */
const NEVER_A_START = new Set(['kernel32.dll', 'kernelbase.dll', 'user32.dll', 'advapi32.dll']);
const LOADERS = ['LoadLibraryA', 'LoadLibraryW', 'LoadLibraryExA', 'LoadLibraryExW'];

/** What is asked of a process once, for all its threads. */
class Starts {
  readonly #copied = new Map<bigint, boolean>();
  readonly #exports = new Map<Module, ReturnType<typeof exportDirectory>>();
  readonly ntdll: Module | undefined;
  /** Where the kernel starts every user thread; undefined when ntdll's export directory is not in the image. */
  readonly userThreadStart: bigint | undefined;

  constructor(readonly process: Process) {
    this.ntdll = process.modules().find(({ name, wow64 }) => !wow64 && name.toLowerCase() === 'ntdll.dll');
    this.userThreadStart = this.ntdll === undefined ? undefined : this.exported(this.ntdll, 'RtlUserThreadStart');
  }

  moduleAt(address: bigint): Module | undefined {
    return this.process.modules().find(({ base, size }) => address >= base && address < base + BigInt(size));
  }

  exported(module: Module, name: string): bigint | undefined {
    const { memory, anomalies, where } = this.process;
    if (!this.#exports.has(module)) {
      this.#exports.set(module, anomalies.attempt(`${where} modules`, () => {
        const header = peHeader(memory, module.base);
        return header === undefined ? undefined : exportDirectory(memory, module.base, header);
      }));
    }
    const rva = this.#exports.get(module)?.find(name);
    return rva === undefined ? undefined : module.base + BigInt(rva);
  }

  /** The page of a mapped image is a private copy. */
  copied(vad: Vad, address: bigint): boolean {
    const page = address & ~0xfffn;
    let copied = this.#copied.get(page);
    if (copied === undefined) {
      const { kind, physical } = this.process.memory.pte(page);
      const behind = kind === 'present' ? sectionPage(this.process, vad, page) : undefined;
      copied = behind !== undefined && behind !== physical;
      this.#copied.set(page, copied);
    }
    return copied;
  }
}

/** What is wrong with a thread, worst first, and where. */
function suspicion(starts: Starts, thread: Thread): { readonly flags: readonly string[]; readonly address: bigint } | undefined {
  const { process } = starts;
  const flags: string[] = [];
  let address: bigint | undefined;
  const flag = (name: string, at: bigint): void => {
    if (!flags.includes(name)) flags.push(name);
    address ??= at;
  };
  const places = [thread.win32StartAddress, thread.startAddress].filter((at) => at !== 0n && !process.kernel.isKernelAddress(at));
  for (const at of places) {
    const vad = vadAt(process.vads(), at);
    if (vad !== undefined && !vad.image) flag('NO_IMAGE', at);
    else if (vad !== undefined && starts.copied(vad, at)) flag('PRIVATE_MEMORY', at);
  }
  const begin = thread.win32StartAddress;
  const module = begin === 0n ? undefined : starts.moduleAt(begin);
  if (module !== undefined && NEVER_A_START.has(module.name.toLowerCase())) {
    flag('BAD_MODULE', begin);
    if (LOADERS.some((name) => starts.exported(module, name) === begin)) flag('LOAD_LIBRARY', begin);
  }
  if (impersonatesSystem(process, thread)) flag('SYSTEM_IMPERSONATION', begin);
  const start = thread.startAddress;
  const { ntdll, userThreadStart } = starts;
  if (places.includes(start) && ntdll !== undefined) {
    const usual = userThreadStart === undefined ? start >= ntdll.base && start < ntdll.base + BigInt(ntdll.size) : start === userThreadStart;
    if (!usual) flag('NO_RTLUSERTHREADSTART', start);
  }
  return address === undefined ? undefined : { flags, address };
}

function impersonatesSystem(process: Process, { impersonationToken }: Thread): boolean {
  if (impersonationToken === 0n || process.token()?.wellKnown !== false) return false;
  return process.anomalies.attempt(`${process.where} threads`,
    () => readToken(process.kernel, impersonationToken, `${process.where} impersonation`))?.userSid === SYSTEM;
}

export const threadStart: Detector = {
  type: 'THREAD',
  severity: 0x7400,
  meaning: 'A thread began in memory that no image backs, in a private copy of an image, or otherwise than Windows begins threads.',
  * find(windows) {
    for (const process of userProcesses(windows)) {
      yield undefined;
      if (process.vads().length === 0) continue;
      const starts = new Starts(process);
      for (const thread of process.threads()) {
        if (thread.exited !== undefined) continue;
        const found = suspicion(starts, thread);
        if (found !== undefined) yield { process, address: found.address, description: `TID:${thread.tid} ${found.flags.join(' ')}` };
      }
    }
  },
};
