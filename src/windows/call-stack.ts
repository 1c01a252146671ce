import { FormatError } from '../bytes/errors.js';
import { unwindFrame, unwindLeaf, type Registers, type Unwound } from '../pe/unwind-frame.js';
import { isBehindCall } from './call-before.js';
import { codePlaces, type CodePlaces } from './code-places.js';
import { COMPLETE, MAX_FRAMES, type BareFrame, type BareStack, type CallFrame, type CallStack, type FrameSource } from './call-frame.js';
import { frames32, wow64Registers } from './call-stack-32.js';
import { kernelRegisters, userRegisters } from './thread-registers.js';
import type { Process } from './process.js';
import { StackMemory } from './stack-memory.js';
import type { Thread } from './thread.js';
import { vadAt } from './vad.js';

/** A scan for the next frame gives up behind so many bytes. */
const MAX_SCAN = 0x1_0000n;
const WORD = 8n;

/** The user-mode calls of a thread, of WoW64 threads their 32-bit ones behind the 64-bit ones. */
export function callStack(process: Process, thread: Thread): CallStack {
  const { kernel } = process;
  const places = codePlaces(process);
  const x64 = kernel.pointerSize === 8;
  if (kernel.mode.name === 'arm64') return { frames: [], end: 'call stacks of ARM64 are not read' };
  const where = whereOf(process, thread);
  const registers = userRegisters(process, thread);
  let native: BareStack = { frames: [], end: 'no registers are known' };
  if (registers !== undefined) {
    const stack = userStack(process, thread, registers.sp);
    native = x64 ? frames64(process, places, registers, stack, where) : frames32(process, places, registers, stack);
  }
  const saved = process.facts.wow64 ? wow64Registers(process, thread) : undefined;
  const inner = saved === undefined ? undefined : frames32(process, places, saved.registers, new StackMemory(process.memory, saved.limit, saved.base));
  return {
    frames: [...named(places, native.frames, !x64), ...named(places, inner?.frames ?? [], true)].slice(0, MAX_FRAMES),
    end: inner === undefined ? native.end : `${native.end}; 32-bit: ${inner.end}`,
  };
}

/** The kernel-mode calls of a thread that waits; a thread on a processor has none in memory. x64 only. */
export function kernelCallStack(process: Process, thread: Thread): CallStack {
  const registers = kernelRegisters(process, thread);
  if (registers === undefined) return { frames: [], end: 'no registers are known' };
  const places = codePlaces(process);
  const { frames, end } = frames64(process, places, registers, new StackMemory(process.memory, thread.kernelStackLimit, thread.kernelStackBase), `${whereOf(process, thread)} in the kernel`);
  return { frames: named(places, frames, false), end };
}

function whereOf(process: Process, { tid }: Thread): string {
  return `${process.where} thread ${tid} call stack`;
}

function named(places: CodePlaces, frames: readonly BareFrame[], is32: boolean): CallFrame[] {
  return frames.map((frame) => ({ ...frame, ...places.describe(frame.ip), is32 }));
}

/** The stack that a pointer is in: the thread's by its TEB, else what the VAD says, as fibers have it. */
function userStack(process: Process, { userStackBase = 0n, userStackLimit = 0n }: Thread, sp: bigint): StackMemory {
  if (sp >= userStackLimit && sp < userStackBase) return new StackMemory(process.memory, userStackLimit, userStackBase);
  const vad = vadAt(process.vads(), sp);
  return vad === undefined ? new StackMemory(process.memory, sp, sp + MAX_SCAN) : new StackMemory(process.memory, vad.start, vad.end + 1n);
}

/** Frames of x64 code. */
function frames64(process: Process, places: CodePlaces, from: Registers, stack: StackMemory, where: string): BareStack {
  const { anomalies, kernel } = process;
  const inKernel = kernel.isKernelAddress(from.ip);
  const frames: BareFrame[] = [{ ip: from.ip, sp: from.sp, source: 'context', sure: true }];
  let registers = from;
  let exact = true;
  let sure = true;
  let seen = new Set<string>();
  while (frames.length < MAX_FRAMES) {
    let source: FrameSource = 'unwind';
    const step = anomalies.attempt(where, () => {
      const next = caller(places, registers, stack, exact);
      source = next.source;
      checkStep(registers, next.step, seen);
      return next.step;
    }) ?? { kind: 'stuck', what: 'the unwind data contradicts itself' };
    let stuck = step.kind === 'stuck' ? step.what : undefined;
    if (step.kind === 'caller') {
      const { ip, sp } = step.registers;
      if (ip === 0n) return { frames, end: COMPLETE };
      // From kernel mode back to user mode: the rest is the other stack's.
      if (inKernel && !kernel.isKernelAddress(ip)) return { frames, end: COMPLETE };
      if (!step.exact && !stack.holds(sp - WORD)) return { frames, end: 'the stack pointer leaves the stack' };
      if (places.isCode(ip)) {
        const found = places.at(ip);
        if (!inKernel && found !== undefined && !found.isX64) return { frames, end: '32-bit code' };
        registers = step.registers;
        exact = step.exact;
        frames.push({ ip, sp, source, sure });
        continue;
      }
      stuck = `0x${ip.toString(16)} is no code`;
    }
    // Guesswork from here on.
    const guess = nextReturn(process, places, registers.sp, stack, inKernel);
    if (guess === undefined) return { frames, end: stuck ?? 'stuck' };
    sure = false;
    exact = false;
    seen = new Set();
    registers = { ip: guess.ip, sp: guess.sp, general: [] };
    frames.push({ ip: guess.ip, sp: guess.sp, source: 'scan', sure });
  }
  anomalies.add(where, `stopped after ${MAX_FRAMES} frames`);
  return { frames, end: `stopped after ${MAX_FRAMES} frames` };
}

/** The step to the caller, and how it is known. */
function caller(places: CodePlaces, registers: Registers, stack: StackMemory, exact: boolean): { readonly step: Unwound; readonly source: FrameSource } {
  const word = (address: bigint): bigint | undefined => stack.word(address);
  const code = places.at(registers.ip);
  if (code === undefined || !code.hasFunctions) return { source: 'scan', step: { kind: 'stuck', what: 'code without unwind data' } };
  const found = code.functions.find(Number(registers.ip - code.base));
  switch (found.kind) {
    case 'function': return { source: 'unwind', step: unwindFrame(code, found.entry, registers, word, exact) };
    case 'absent': return { source: 'scan', step: { kind: 'stuck', what: `the exception table of ${code.module.name} is not in the image` } };
    // A function that has called another has unwind data.
    case 'gap': return exact ? { source: 'leaf', step: unwindLeaf(registers, word) } : { source: 'scan', step: { kind: 'stuck', what: 'code without unwind data' } };
  }
}

/** A stack grows down, so that callers lie higher; only an interrupt may come from another stack. @throws FormatError */
function checkStep(before: Registers, step: Unwound, seen: Set<string>): void {
  if (step.kind === 'stuck') return;
  const { ip, sp } = step.registers;
  if (sp <= before.sp && !step.exact) throw new FormatError('the stack pointer moves down', sp);
  const key = `${ip}:${sp}`;
  if (seen.has(key)) throw new FormatError('frames lead back to one already seen', sp);
  seen.add(key);
}

/** The next word from a place on the stack on that a call could return to, and the stack pointer behind it. */
function nextReturn(process: Process, places: CodePlaces, from: bigint, stack: StackMemory, inKernel: boolean): { readonly ip: bigint; readonly sp: bigint } | undefined {
  const first = from + ((WORD - (from % WORD)) % WORD);
  const end = stack.base < first + MAX_SCAN ? stack.base : first + MAX_SCAN;
  for (let at = first; at < end; at += WORD) {
    const ip = stack.word(at);
    if (ip === undefined || ip < 0x1_0000n || process.kernel.isKernelAddress(ip) !== inKernel) continue;
    if (places.isCode(ip) && places.at(ip)?.isX64 !== false && isBehindCall(process.memory, ip) === true) return { ip, sp: at + WORD };
  }
  return undefined;
}
