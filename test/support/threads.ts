import type { SyntheticKernel } from './kernel-image.js';
import { listInsert, type View } from './layout.js';
import type { Objects } from './objects.js';
import type { Space } from './tables.js';

export interface ThreadSpec {
  readonly tid: number;
  readonly start?: bigint;
  readonly win32Start?: bigint;
  readonly created?: bigint;
  readonly exited?: bigint;
  readonly state?: number;
  readonly waitReason?: number;
  readonly basePriority?: number;
  readonly priority?: number;
  /** Address of its TEB, which is made with this stack. */
  readonly teb?: { readonly address: bigint; readonly stackBase: bigint; readonly stackLimit: bigint };
  /** User-mode registers in a trap frame on the kernel stack. */
  readonly trap?: { readonly rip: bigint; readonly rsp: bigint };
}

const STACK = 0x6000n;
/** Until Vista the low bits of a thread's CreateTime count nested faults. */
const SHIFTED = 3n;

/** A thread object's address; it is linked into its process's lists unless it has ended. */
export function writeThread(kernel: SyntheticKernel, objects: Objects, process: View, space: Space, spec: ThreadSpec, fallback: bigint): bigint {
  const thread = objects.create('Thread', '_ETHREAD');
  const stackTop = kernel.stack() + STACK;
  thread.set('Cid.UniqueProcess', process.get('UniqueProcessId')).set('Cid.UniqueThread', spec.tid)
    .set('CreateTime', (spec.created ?? fallback) << (kernel.profile.build < 6000 ? SHIFTED : 0n)).set('ExitTime', spec.exited ?? 0n).set('ExitStatus', spec.exited === undefined ? 0x103 : 0)
    .set('StartAddress', spec.start ?? kernel.base + 0x1000n).set('Win32StartAddress', spec.win32Start ?? 0n)
    .setIfAny('Tcb.Process', process.address).setIfAny('ThreadsProcess', process.address).setIfAny('Tcb.ApcState.Process', process.address)
    .set('Tcb.State', spec.exited === undefined ? spec.state ?? 5 : 4).set('Tcb.WaitReason', spec.waitReason ?? 15)
    .set('Tcb.BasePriority', spec.basePriority ?? 8).set('Tcb.Priority', spec.priority ?? 9)
    .set('Tcb.StackBase', stackTop).set('Tcb.StackLimit', stackTop - STACK)
    .set('Tcb.InitialStack', stackTop - 0x90n).set('Tcb.KernelStack', stackTop - 0x600n);
  kernel.space.write(thread.at('Tcb.Header'), Buffer.from([6]));
  kernel.space.back(stackTop - 0x1000n, 0x1000);
  if (spec.teb !== undefined) {
    thread.set('Tcb.Teb', spec.teb.address);
    const teb = kernel.view('_TEB', spec.teb.address, space);
    teb.set('NtTib.StackBase', spec.teb.stackBase).set('NtTib.StackLimit', spec.teb.stackLimit).set('NtTib.Self', spec.teb.address)
      .set('ClientId.UniqueProcess', process.get('UniqueProcessId')).set('ClientId.UniqueThread', spec.tid)
      .set('ProcessEnvironmentBlock', process.get('Peb'));
  }
  if (spec.trap !== undefined) {
    const frame = stackTop - 0x90n - BigInt(kernel.profile.sizeOf('_KTRAP_FRAME')!);
    kernel.view('_KTRAP_FRAME', frame).setIfAny('Rip', spec.trap.rip).setIfAny('Rsp', spec.trap.rsp)
      .setIfAny('Eip', spec.trap.rip).setIfAny('HardwareEsp', spec.trap.rsp).set('SegCs', kernel.profile.pointerSize === 8 ? 0x33 : 0x1b);
    thread.set('Tcb.TrapFrame', frame);
  }
  if (spec.exited === undefined) {
    listInsert(kernel.space, process.at('ThreadListHead'), thread.at('ThreadListEntry'));
    listInsert(kernel.space, process.at('Pcb.ThreadListHead'), thread.at('Tcb.ThreadListEntry'));
    process.set('ActiveThreads', process.get('ActiveThreads') + 1n);
  }
  return thread.address;
}
