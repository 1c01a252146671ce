import { big, chars, list, number, optional, struct, unicode } from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import { threadCreated } from './thread.js';
import { isNetworkObject, NETWORK_TAGS } from './network-object.js';
import type { PoolKind } from './pool.js';

/** What the pool scan looks for under one tag: a row of the table below. */
export interface PoolRule {
  readonly kind: PoolKind;
  /** The block's tag; the variant with the protected bit is found too. */
  readonly tag: string;
  /** The structure whose size a block must hold; undefined: `least` bytes. */
  readonly structure?: string;
  readonly least?: number;
  /** An executive object: its type's name. Undefined: the body follows the pool header. */
  readonly object?: string;
  /** Never in paged pool. */
  readonly nonpaged?: boolean;
  /** The number that begins a body of this kind at a page's start, in an allocation of whole pages that has no pool header. */
  readonly pageSignature?: number;
  /** A list entry in the body: of several addresses that a page is mapped at, the body's own is the one that its neighbour leads back to. */
  readonly links?: readonly [struct: string, path: string];
  /** Whether the bytes at `body` can be what the tag says. */
  readonly plausible: (kernel: Kernel, body: bigint) => boolean;
}

/** `_HHIVE.Signature`. */
const HIVE_SIGNATURE = 0xbee0_bee0;

export const POOL_RULES: readonly PoolRule[] = [
  { kind: 'processes', tag: 'Proc', structure: '_EPROCESS', object: 'Process', links: ['_EPROCESS', 'ThreadListHead'], plausible: isProcess },
  { kind: 'threads', tag: 'Thre', structure: '_ETHREAD', object: 'Thread', links: ['_ETHREAD', 'ThreadListEntry'], plausible: isThread },
  { kind: 'drivers', tag: 'Driv', structure: '_DRIVER_OBJECT', object: 'Driver', plausible: isDriver },
  { kind: 'hives', tag: 'CM10', structure: '_CMHIVE', pageSignature: HIVE_SIGNATURE, links: ['_CMHIVE', 'HiveList'], plausible: isHive },
  ...Object.entries(NETWORK_TAGS).map(([tag, kind]): PoolRule => ({
    kind: 'endpoints', tag, least: kind === 'time-wait' ? 0x48 : 0x80, nonpaged: true,
    plausible: (kernel, body) => isNetworkObject(kernel, kind, body),
  })),
];

const PROCESS = struct('_EPROCESS', {
  type: number('Pcb.Header.Type'), dtb: big('Pcb.DirectoryTableBase'), pid: big('UniqueProcessId'), name: chars('ImageFileName'),
  created: big('CreateTime'), exited: big('ExitTime'), threads: list('ThreadListHead'),
});
const THREAD = struct('_ETHREAD', {
  type: number('Tcb.Header.Type'), process: optional(big('Tcb.Process')), pid: big('Cid.UniqueProcess'), tid: big('Cid.UniqueThread'),
  created: big('CreateTime'), threadsProcess: optional(big('ThreadsProcess')), exited: big('ExitTime'), links: list('ThreadListEntry'),
});
const DRIVER = struct('_DRIVER_OBJECT', {
  type: number('Type'), size: number('Size'), start: big('DriverStart'), length: number('DriverSize'), name: unicode('DriverName'),
});
const HIVE = struct('_CMHIVE', { signature: number('Hive.Signature'), links: list('HiveList') });

/** `_DISPATCHER_HEADER.Type` (KOBJECTS) and IO_TYPE_DRIVER. */
const PROCESS_OBJECT = 3;
const THREAD_OBJECT = 6;
const DRIVER_TYPE = 4;
/** The dispatcher's type without the bits that newer builds keep beside it. */
const TYPE_BITS = 0x7f;
/** PIDs and TIDs are indices of PspCidTable times four. */
const MOST_ID = 0x0400_0000n;
/** 1990 and 2100. */
const EARLIEST = 122_756_256_000_000_000n;
const LATEST = 157_469_184_000_000_000n;
const MOST_DRIVER = 0x1000_0000;

const isTime = (time: bigint): boolean => time >= EARLIEST && time < LATEST;
const isId = (id: bigint): boolean => id > 0n && id < MOST_ID && id % 4n === 0n;

function isProcess(kernel: Kernel, body: bigint): boolean {
  const process = kernel.read(PROCESS, body);
  if (process === undefined || (process.type & TYPE_BITS) !== PROCESS_OBJECT || !isId(process.pid)) return false;
  const table = kernel.mode.tableOf(Number(process.dtb));
  const { flink, blink } = process.threads;
  // A table past the image's end is believed of a cut image, when the threads lead back here.
  return table > 0 && (table < kernel.physical.size || leadsBack(kernel, ['_EPROCESS', 'ThreadListHead'], body))
    && kernel.isKernelAddress(flink) && kernel.isKernelAddress(blink)
    && /^[\x20-\x7e]+/.test(process.name)
    // XP and 2003 give System no time.
    && (isTime(process.created) || (process.created === 0n && process.pid === 4n)) && (process.exited === 0n || (process.exited >= process.created && isTime(process.exited)));
}

/** Whether the list entry that follows the body's own names the body's own as the one before it. */
export function leadsBack(kernel: Kernel, [name, path]: readonly [struct: string, path: string], body: bigint): boolean {
  const field = kernel.profile.field(name, path);
  if (field === undefined) return false;
  const own = body + BigInt(field.offset);
  const next = kernel.pointer(own);
  return next !== undefined && kernel.isKernelAddress(next) && kernel.pointer(next + BigInt(kernel.pointerSize)) === own;
}

function isThread(kernel: Kernel, body: bigint): boolean {
  const thread = kernel.read(THREAD, body);
  if (thread === undefined || (thread.type & TYPE_BITS) !== THREAD_OBJECT) return false;
  const { flink, blink } = thread.links;
  const created = threadCreated(thread);
  // A thread that ended has left its process's list: its links are zero.
  const isLink = (link: bigint): boolean => link === 0n || kernel.isKernelAddress(link);
  return isId(thread.tid) && isId(thread.pid)
    && (isTime(created) || (created === 0n && thread.pid === 4n))
    && (thread.exited === 0n || !isTime(thread.exited) || thread.exited >= created)
    && (thread.process === undefined || kernel.isKernelAddress(thread.process))
    && isLink(flink) && isLink(blink);
}

function isDriver(kernel: Kernel, body: bigint): boolean {
  const driver = kernel.read(DRIVER, body);
  if (driver === undefined || driver.type !== DRIVER_TYPE || driver.size !== kernel.profile.sizeOf('_DRIVER_OBJECT')) return false;
  const { length, maximumLength, buffer } = driver.name;
  return (driver.start === 0n || kernel.isKernelAddress(driver.start)) && driver.length < MOST_DRIVER
    && length > 0 && length % 2 === 0 && length <= maximumLength && kernel.isKernelAddress(buffer);
}

function isHive(kernel: Kernel, body: bigint): boolean {
  const hive = kernel.read(HIVE, body);
  return hive !== undefined && hive.signature >>> 0 === HIVE_SIGNATURE
    && kernel.isKernelAddress(hive.links.flink) && kernel.isKernelAddress(hive.links.blink);
}
