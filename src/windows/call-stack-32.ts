import { big, place, struct } from '../profile/struct.js';
import type { Registers } from '../pe/unwind-frame.js';
import { isBehindCall } from './call-before.js';
import { COMPLETE, MAX_FRAMES, type BareFrame, type BareStack } from './call-frame.js';
import type { CodePlaces } from './code-places.js';
import type { Process } from './process.js';
import type { StackMemory } from './stack-memory.js';
import type { Thread } from './thread.js';

/** Of the 64-bit TEB of a WoW64 thread: its exception list is the 32-bit TEB. */
const TEB64 = struct('_TEB', { slots: place('TlsSlots'), teb32: big('NtTib.ExceptionList') });
/** WOW64_TLS_CPURESERVED: the slot that leads to the saved 32-bit registers. */
const CPU_RESERVED_SLOT = 1n;
/** `_WOW64_CPURESERVED`: Flags and MachineType come before the registers (wow64t.h; the same since Windows XP x64). */
const CPU_RESERVED_SIZE = 4n;
/** `_WOW64_CONTEXT` (winnt.h). */
const CONTEXT = { size: 0xcc, edi: 0x9c, esi: 0xa0, ebx: 0xa4, ebp: 0xb4, eip: 0xb8, esp: 0xc4 } as const;
/** `_NT_TIB32`. */
const TIB32 = { size: 12, stackBase: 4, stackLimit: 8 } as const;
const EBP = 5;
const HALF = 4n;

/** The 32-bit registers of a WoW64 thread, saved on its way into the 64-bit part, and the bounds of its 32-bit stack; undefined when they are not in the image. */
export function wow64Registers({ kernel, memory }: Process, { teb }: Thread): { readonly registers: Registers; readonly limit: bigint; readonly base: bigint } | undefined {
  const block = teb === 0n || kernel.profile.sizeOf('_TEB') === undefined ? undefined : kernel.reader(TEB64).read(memory, teb);
  const saved = block === undefined ? undefined : memory.read(block.slots + CPU_RESERVED_SLOT * 8n, 8)?.readBigUInt64LE(0);
  const context = saved === undefined || saved === 0n || kernel.isKernelAddress(saved) ? undefined : memory.read(saved + CPU_RESERVED_SIZE, CONTEXT.size);
  const tib = block === undefined || kernel.isKernelAddress(block.teb32) ? undefined : memory.read(block.teb32, TIB32.size);
  if (context === undefined || tib === undefined) return undefined;
  const at = (offset: number): bigint => BigInt(context.readUInt32LE(offset));
  const [base, limit] = [BigInt(tib.readUInt32LE(TIB32.stackBase)), BigInt(tib.readUInt32LE(TIB32.stackLimit))];
  const sp = at(CONTEXT.esp);
  if (sp < limit || sp >= base) return undefined;
  const general = new Array<bigint | undefined>(16).fill(undefined);
  [general[3], general[EBP], general[6], general[7]] = [at(CONTEXT.ebx), at(CONTEXT.ebp), at(CONTEXT.esi), at(CONTEXT.edi)];
  return { registers: { ip: at(CONTEXT.eip), sp, general }, limit, base };
}

/**
 * Frames of 32-bit code by the chain of frame pointers. Code that keeps none hides its caller, so that none but the first is sure; a return
 * address on top of the stack is taken in, as a system call's stub leaves it.
 */
export function frames32(process: Process, places: CodePlaces, { ip, sp, general }: Registers, stack: StackMemory): BareStack {
  const frames: BareFrame[] = [{ ip, sp, source: 'context', sure: true }];
  const top = stack.half(sp);
  if (top !== undefined && top !== 0n && places.isCode(top) && isBehindCall(process.memory, top) === true) frames.push({ ip: top, sp: sp + HALF, source: 'leaf', sure: false });
  let frame = general[EBP] ?? 0n;
  let lowest = sp;
  while (frames.length < MAX_FRAMES) {
    if (frame < lowest || !stack.holds(frame)) return { frames, end: 'the frame pointer leads out of the stack' };
    const next = stack.half(frame);
    const back = stack.half(frame + HALF);
    if (next === undefined || back === undefined) return { frames, end: `the stack at 0x${frame.toString(16)} is not in the image` };
    if (back === 0n) return { frames, end: COMPLETE };
    if (!places.isCode(back)) return { frames, end: `0x${back.toString(16)} is no code` };
    if (frames.at(-1)?.ip !== back) frames.push({ ip: back, sp: frame + 2n * HALF, source: 'ebp', sure: false });
    lowest = frame + HALF;
    frame = next;
  }
  process.anomalies.add(`${process.where} call stacks`, `stopped after ${MAX_FRAMES} frames`, sp);
  return { frames, end: `stopped after ${MAX_FRAMES} frames` };
}
