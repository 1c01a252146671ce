import { textTime } from '../bytes/filetime.js';
import { hex } from '../bytes/hex.js';
import { big, chars, number, optional, struct } from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import type { ObjectHeader } from './object.js';

/** One thing that an object says of itself: what it is called, and the value as text; undefined when that is not in the image. */
export type Fact = readonly [label: string, value: string | undefined];

/** Reads what the body of an object means; undefined when it is not in the image. */
export type FactReader = (kernel: Kernel, header: ObjectHeader) => readonly Fact[] | undefined;

/** Zero is no address: `none`. */
export const address = (value: bigint | undefined): string | undefined => (value === undefined ? undefined : value === 0n ? 'none' : hex(value, 16));
export const yes = (value: boolean | number | undefined): string | undefined => (value === undefined ? undefined : Number(value) === 1 ? 'yes' : 'no');
export const time = (value: bigint | undefined): string => textTime(value).trim();

const PROCESS = struct('_EPROCESS', { pid: number('UniqueProcessId'), name: chars('ImageFileName', 15) });
const THREAD = struct('_ETHREAD', { pid: number('Cid.UniqueProcess'), tid: number('Cid.UniqueThread'), process: optional(big('Tcb.Process')) });

/** `4 System`: the process at an address; undefined when it is not in the image. */
export function processLabel(kernel: Kernel, process: bigint | undefined): string | undefined {
  if (process === undefined || !kernel.isKernelAddress(process)) return undefined;
  const record = kernel.read(PROCESS, process);
  return record === undefined ? undefined : `${record.pid} ${record.name}`;
}

/** `108 of process 4 System`: the thread at an address; undefined when it is not in the image. */
export function threadLabel(kernel: Kernel, thread: bigint | undefined): string | undefined {
  if (thread === undefined || !kernel.isKernelAddress(thread)) return undefined;
  const record = kernel.read(THREAD, thread);
  return record === undefined ? undefined : `${record.tid} of process ${processLabel(kernel, record.process) ?? record.pid}`;
}

/** The thread at an address and its process; undefined when it is not in the image, or the layouts do not say whose it is. */
export function threadOwner(kernel: Kernel, thread: bigint): { readonly tid: number; readonly process: bigint } | undefined {
  const record = kernel.read(THREAD, thread);
  return record?.process === undefined ? undefined : { tid: record.tid, process: record.process };
}
