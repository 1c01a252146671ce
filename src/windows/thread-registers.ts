import { big, number, optional, struct } from '../profile/struct.js';
import type { Registers } from '../pe/unwind-frame.js';
import type { Process } from './process.js';
import type { Thread } from './thread.js';

const member = (path: string) => optional(big(path));

/** What a call of the kernel or an interrupt saved. Corresponds to `_KTRAP_FRAME` of x64 and x86. */
export const TRAP_FRAME = struct('_KTRAP_FRAME', {
  rip: member('Rip'), rsp: member('Rsp'), rbp: member('Rbp'), rbx: member('Rbx'), rsi: member('Rsi'), rdi: member('Rdi'),
  eip: member('Eip'), esp: member('HardwareEsp'), ebp: member('Ebp'), ebx: member('Ebx'), esi: member('Esi'), edi: member('Edi'),
  cs: optional(number('SegCs')), flags: optional(number('EFlags')),
  dr0: member('Dr0'), dr1: member('Dr1'), dr2: member('Dr2'), dr3: member('Dr3'), dr6: member('Dr6'), dr7: member('Dr7'),
});

/**
 * Where SwapContext leaves a thread's RBP and return address, from `_KTHREAD.KernelStack` on. Corresponds to `_KSWITCH_FRAME` of x64,
 * which symbols of Windows 7 have, and which later kernels' SwapContext still pushes.
 */
const SWITCH_FRAME = { rbp: 0x30n, ip: 0x38n, size: 0x40n } as const;

/** x64 register numbers: RBX, RBP, RSI, RDI, R8 to R15. */
function general(rbx: bigint | undefined, rbp: bigint | undefined, rsi: bigint | undefined, rdi: bigint | undefined): readonly (bigint | undefined)[] {
  const registers = new Array<bigint | undefined>(16).fill(undefined);
  [registers[3], registers[5], registers[6], registers[7]] = [rbx, rbp, rsi, rdi];
  return registers;
}

/** The user-mode registers of a thread by its trap frame, as far as it saves them; undefined when the thread's registers are not believed. */
export function userRegisters({ kernel }: Process, { trapFrame, instructionPointer: ip, stackPointer: sp }: Thread): Registers | undefined {
  if (ip === undefined || sp === undefined || kernel.isKernelAddress(ip)) return undefined;
  const frame = kernel.read(TRAP_FRAME, trapFrame);
  if (frame === undefined) return undefined;
  const { rbx, rbp, rsi, rdi, ebx, ebp, esi, edi } = frame;
  return { ip, sp, general: kernel.pointerSize === 8 ? general(rbx, rbp, rsi, rdi) : general(ebx, ebp, esi, edi) };
}

/** Where a thread that waits stands in the kernel; undefined where that is not known: it runs, its stack is not in the image, the system is not x64. */
export function kernelRegisters({ kernel, memory }: Process, { kernelStack, kernelStackBase, kernelStackLimit, running }: Thread): Registers | undefined {
  if (running || kernel.pointerSize !== 8 || kernel.mode.name === 'arm64') return undefined;
  if (kernelStack < kernelStackLimit || kernelStack + SWITCH_FRAME.size > kernelStackBase) return undefined;
  const bytes = memory.read(kernelStack, Number(SWITCH_FRAME.size));
  const ip = bytes?.readBigUInt64LE(Number(SWITCH_FRAME.ip));
  if (bytes === undefined || ip === undefined || !kernel.isKernelAddress(ip)) return undefined;
  return { ip, sp: kernelStack + SWITCH_FRAME.size, general: general(undefined, bytes.readBigUInt64LE(Number(SWITCH_FRAME.rbp)), undefined, undefined) };
}
