import type { Architecture, Dump, DumpModule, DumpRange, DumpThread, DumpUnloadedModule, Registers } from '../minidump/dump.js';
import { codeView, peHeader } from '../pe/header.js';
import { versionInfo } from '../pe/version.js';
import { big, number, optional, struct } from '../profile/struct.js';
import { majorMinor } from './kernel-version.js';
import type { Kernel } from './kernel.js';
import type { Module } from './module.js';
import type { Process } from './process.js';
import { captureTime, systemFacts } from './system.js';
import type { Thread } from './thread.js';
import { unloadedModules } from './unloaded.js';
import { virtualQuery } from './virtual-query.js';

/** No process of a real machine has as many; together they are four megabytes of the dump's head. */
const MAX_RANGES = 1 << 18;
/** A hostile list's threads would make a context each. */
const MAX_THREADS = 1 << 13;
const MAX_STACK = 1 << 24;
/** `_KTRAP_FRAME.ExceptionActive` of a system call: the registers that calls may change are not in the frame. */
const SERVICE = 2;

const member = (path: string) => optional(big(path));
/** Where user mode was left. The names that CONTEXT has, where the frame has others. */
const FRAME = struct('_KTRAP_FRAME', {
  active: optional(number('ExceptionActive')),
  Rip: member('Rip'), Rsp: member('Rsp'), Rbp: member('Rbp'), Rbx: member('Rbx'), Rsi: member('Rsi'), Rdi: member('Rdi'),
  Rax: member('Rax'), Rcx: member('Rcx'), Rdx: member('Rdx'), R8: member('R8'), R9: member('R9'), R10: member('R10'), R11: member('R11'),
  Eip: member('Eip'), Esp: member('HardwareEsp'), Ebp: member('Ebp'), Ebx: member('Ebx'), Esi: member('Esi'), Edi: member('Edi'),
  Eax: member('Eax'), Ecx: member('Ecx'), Edx: member('Edx'),
  SegCs: member('SegCs'), SegSs: member('SegSs'), HardwareSegSs: member('HardwareSegSs'), EFlags: member('EFlags'),
  Pc: member('Pc'), Sp: member('Sp'), Fp: member('Fp'), Lr: member('Lr'), Cpsr: member('Spsr'),
});
const VOLATILE: ReadonlySet<string> = new Set(['Rax', 'Rcx', 'Rdx', 'R8', 'R9', 'R10', 'R11', 'Eax', 'Ecx', 'Edx']);

/** `_KUSER_SHARED_DATA.NtProductType`, in the same place since Windows 2000. */
const PRODUCT_TYPE = 0x264n;

/** Whether there is a user half to make a minidump of. */
export function hasDump(process: Process): boolean {
  return !process.terminated && process.facts.peb !== undefined;
}

/** What a minidump of a process holds. Takes long: reads modules, threads, VADs and page tables. */
export function processDump(process: Process): Dump {
  const { kernel } = process;
  const { build = kernel.profile.build, processors = 1 } = systemFacts(kernel, undefined, () => undefined);
  const [major, minor] = majorMinor(build).split('.').map(Number);
  const memory = [...ranges(process)];
  const threads = process.threads().slice(0, MAX_THREADS);
  return {
    architecture: architectureOf(kernel), processors,
    version: { major: major ?? 0, minor: minor ?? 0, build }, servicePack: servicePack(kernel), productType: productType(kernel),
    pid: process.pid, created: process.created ?? 0n, captured: captureTime(kernel) ?? 0n,
    threads: threads.map((thread) => threadOf(process, thread)),
    modules: process.modules().filter(({ kind }) => kind === 'ldr' || kind === 'not-linked').map((module) => moduleOf(process, module)),
    unloaded: unloadedModules(process).map(({ base, size, checksum = 0, timestamp = 0, name }): DumpUnloadedModule => ({ base, size, checksum, timestamp, name })),
    regions: virtualQuery(process),
    memory,
    comment: comment(process, memory),
  };
}

function architectureOf({ mode, pointerSize }: Kernel): Architecture {
  return mode.name === 'arm64' ? 'arm64' : pointerSize === 8 ? 'x64' : 'x86';
}

/** CmNtCSDVersion: the service pack's number in its second byte. */
function servicePack(kernel: Kernel): string {
  const address = kernel.symbol('CmNtCSDVersion');
  const pack = address === undefined ? 0 : (kernel.memory.read(address, 4)?.readUInt8(1) ?? 0);
  return pack === 0 || pack > 9 ? '' : `Service Pack ${pack}`;
}

function productType({ memory, mode }: Kernel): number {
  const type = memory.read(mode.sharedData + PRODUCT_TYPE, 4)?.readUInt32LE(0) ?? 0;
  return type <= 3 ? type : 0;
}

/** The user memory that is in the image. */
function* ranges(process: Process): Generator<DumpRange> {
  let count = 0;
  for (const run of process.memory.runs(0n, process.memory.mode.kernelStart)) {
    count += 1;
    if (count > MAX_RANGES) {
      process.anomalies.add(`${process.where} minidump`, `the memory stops after ${MAX_RANGES} ranges`, run.start);
      return;
    }
    yield run;
  }
}

function comment(process: Process, memory: readonly DumpRange[]): string {
  const bytes = memory.reduce((sum, { length }) => sum + length, 0);
  const registers = process.threads().filter(({ instructionPointer }) => instructionPointer !== undefined).length;
  return `Made by memlens from a memory image. Process ${process.pid} ${process.name}. ${bytes} bytes of its memory were in the image; the rest is not in this dump. `
    + `${registers} of ${process.threads().length} threads have registers, from their trap frames.`;
}

function threadOf(process: Process, thread: Thread & { readonly name?: string | undefined }): DumpThread {
  const { tid, suspendCount, priority, teb, exitStatus, created, exited = 0n, startAddress, win32StartAddress } = thread;
  return {
    tid, suspendCount, priority, teb, stack: stackOf(thread), registers: registersOf(process, thread), exitStatus, created, exited,
    startAddress: win32StartAddress === 0n ? startAddress : win32StartAddress, name: thread.name,
  };
}

/** From the stack pointer to the base; all of the stack where the pointer is not known. */
function stackOf({ userStackBase: base, userStackLimit: limit, stackPointer }: Thread): DumpRange | undefined {
  if (base === undefined || limit === undefined || base <= limit) return undefined;
  const start = stackPointer !== undefined && stackPointer >= limit && stackPointer < base ? stackPointer : limit;
  return base - start > BigInt(MAX_STACK) ? undefined : { start, length: Number(base - start) };
}

/** The user-mode registers, where the trap frame was made on the way from user mode. */
function registersOf({ kernel }: Process, { trapFrame, instructionPointer }: Thread): Registers | undefined {
  if (instructionPointer === undefined || kernel.isKernelAddress(instructionPointer)) return undefined;
  const frame = kernel.read(FRAME, trapFrame);
  if (frame === undefined) return undefined;
  const { active, HardwareSegSs, ...registers } = frame;
  const known = new Map<string, bigint>();
  for (const [name, value] of Object.entries(registers)) {
    if (value !== undefined && !(active === SERVICE && VOLATILE.has(name))) known.set(name, value);
  }
  if (HardwareSegSs !== undefined) known.set('SegSs', HardwareSegSs);
  return known;
}

function moduleOf({ memory }: Process, { base, size, path, kernelPath, name }: Module): DumpModule {
  const header = peHeader(memory, base);
  const fixed = header && versionInfo(memory, base, header)?.fixed;
  return {
    base, size, checksum: header?.checksum ?? 0, timestamp: header?.timestamp ?? 0,
    path: path || (kernelPath ?? name),
    version: fixed?.split('.').map(Number),
    codeView: header && codeView(memory, base, header),
  };
}
