import { callStack } from '../../src/windows/call-stack.js';
import type { CallFrame } from '../../src/windows/call-frame.js';
import type { Windows } from '../../src/windows/windows.js';
import { compare, type Comparison } from './comparison.js';
import type { Truth, TruthThread } from './truth.js';

interface TruthFrame {
  readonly module: string;
  readonly base: bigint;
  readonly offset: number;
  readonly address: bigint;
  readonly rsp: bigint;
  readonly function?: string;
  readonly function_rva: number;
}
type Called = TruthThread & { readonly callstack?: readonly TruthFrame[] };

function frameLine(...fields: readonly unknown[]): string {
  return fields.map((field) => (typeof field === 'bigint' ? field.toString(16) : String(field))).join(' ');
}

function foundLine(pid: number, tid: number, index: number, { module, offset, ip, sp, function: name, functionRva, sure, source }: CallFrame): string {
  return frameLine(pid, tid, index, module?.name.toLowerCase(), module?.base, offset, ip, sp, name, functionRva, sure, source);
}

/** Every frame of the threads whose call stack the truth has, and the saved 32-bit frame of WoW64 threads. */
export function compareCallStacks(windows: Windows, truth: Truth): Comparison[] {
  const frames: [string[], string[]] = [[], []];
  const wow64: [string[], string[]] = [[], []];
  for (const { pid, eprocess, threads } of truth.processes) {
    const process = windows.processes().find(({ address }) => address === eprocess);
    const known = new Map(process?.threads().map((thread) => [thread.address, thread]));
    for (const { tid, ethread, callstack, eip, esp } of threads as readonly Called[]) {
      if (callstack === undefined && eip === undefined) continue;
      callstack?.forEach((frame, i) => frames[0].push(frameLine(pid, tid, i, frame.module.toLowerCase(), frame.base, frame.offset, frame.address, frame.rsp,
        frame.function, frame.function_rva, true, i === 0 ? 'context' : 'unwind')));
      if (eip !== undefined) wow64[0].push(frameLine(pid, tid, eip, esp));
      const thread = known.get(ethread);
      if (process === undefined || thread === undefined) continue;
      const found = callStack(process, thread).frames;
      if (callstack !== undefined) frames[1].push(...found.map((frame, i) => foundLine(pid, tid, i, frame)));
      wow64[1].push(...found.filter(({ is32, source }) => is32 && source === 'context').map(({ ip, sp }) => frameLine(pid, tid, ip, sp)));
    }
  }
  return [compare('call stack frames', ...frames), compare('WoW64 frames', ...wow64)];
}
