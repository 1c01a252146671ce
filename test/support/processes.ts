import { SyntheticHandleTable } from './handle-tables.js';
import type { SyntheticKernel } from './kernel-image.js';
import { listInsert, type View } from './layout.js';
import type { Objects } from './objects.js';
import { Space } from './tables.js';
import { writeThread, type ThreadSpec } from './threads.js';
import { writeToken, type TokenSpec } from './tokens.js';
import { moduleVad, userVads, writeUserMemory, type ModuleSpec, type ParametersSpec } from './user-memory.js';
import { writeVads, type SyntheticVad, type VadSpec } from './vads.js';

/** 2023-02-05 05:02:08 UTC. */
export const BOOT = 133_200_469_280_000_000n;

export type HandleSpec = { readonly value?: number; readonly access?: number } & (
  /** To the process with this PID. */
  | { readonly pid: number }
  /** To a new object of that type. */
  | { readonly type: 'Event' | 'Mutant' | 'Section' | 'Job' | 'ALPC Port'; readonly name?: string }
  | { readonly type: 'File'; readonly path: string }
  /** To any body. */
  | { readonly object: bigint });

export interface ProcessSpec {
  readonly name: string;
  readonly pid: number;
  readonly ppid?: number;
  readonly created?: bigint;
  /** It has ended: no threads, handles or user memory. */
  readonly exited?: bigint;
  /** SeAuditProcessCreationInfo: `\Device\HarddiskVolume3\Windows\explorer.exe`. */
  readonly kernelPath?: string;
  readonly session?: number;
  /** Frame of its top-level table; any free one by default. */
  readonly dtbFrame?: number;
  /** Low bits of DirectoryTableBase (PCID). */
  readonly pcid?: number;
  readonly protection?: number;
  readonly parameters?: ParametersSpec;
  readonly modules?: readonly ModuleSpec[];
  readonly vads?: readonly VadSpec[];
  readonly handles?: readonly HandleSpec[];
  readonly threads?: readonly ThreadSpec[];
  readonly token?: TokenSpec;
  /** False: on no list and in no table from the start. */
  readonly linked?: boolean;
}

/** A process that was written, and where. */
export interface SyntheticProcess {
  readonly spec: ProcessSpec;
  /** On its `_EPROCESS`. */
  readonly view: View;
  readonly space: Space;
  readonly vads: readonly SyntheticVad[];
  readonly threads: readonly bigint[];
  readonly handles: SyntheticHandleTable | undefined;
}

/** Writes a process with all that belongs to it. */
export function writeProcess(
  kernel: SyntheticKernel, objects: Objects, cid: SyntheticHandleTable, spec: ProcessSpec, others: ReadonlyMap<number, SyntheticProcess>,
): SyntheticProcess {
  const { linked = true, modules = [] } = spec;
  if (spec.pid % 4 !== 0 || spec.pid % (kernel.profile.pointerSize === 8 ? 0x400 : 0x800) === 0) throw new Error(`PID ${spec.pid}: Windows gives multiples of four, and never one that begins a page of handles`);
  const space = spec.pid === 4 ? kernel.space
    : new Space(kernel.physical, spec.dtbFrame === undefined ? kernel.physical.alloc() : kernel.physical.take(spec.dtbFrame), kernel.space);
  const view = objects.create('Process', '_EPROCESS', { infoMask: 8 });
  const created = spec.created ?? BOOT + BigInt(spec.pid) * 10_000_000n;
  kernel.space.write(view.at('Pcb.Header'), Buffer.from([3]));
  view.set('Pcb.DirectoryTableBase', space.dtb | (spec.pcid ?? 0)).set('UniqueProcessId', spec.pid)
    .set('InheritedFromUniqueProcessId', spec.ppid ?? (spec.pid === 4 ? 0 : 4)).set('CreateTime', created).set('ExitTime', spec.exited ?? 0n)
    .set('ImageFileName', Buffer.from(spec.name.slice(0, 14).padEnd(15, '\0'), 'latin1')).setIfAny('ExitStatus', spec.exited === undefined ? 0x103 : 0)
    .setIfAny('Protection.Level', spec.protection ?? 0).listInit('ThreadListHead').listInit('Pcb.ThreadListHead').listInitIfAny('Pcb.ProfileListHead');
  audit(kernel, view, spec);
  if (linked) {
    listInsert(kernel.space, kernel.symbol('PsActiveProcessHead'), view.at('ActiveProcessLinks'));
    if (spec.exited === undefined) cid.put(spec.pid, view.address);
  }
  if (spec.session !== undefined && view.has('Session') && kernel.profile.field('_MM_SESSION_SPACE', 'SessionId') !== undefined) {
    const session = kernel.nonpaged.struct('_MM_SESSION_SPACE', 'MmSe');
    session.set('SessionId', spec.session);
    view.set('Session', session.address);
  }
  if (spec.token !== undefined) view.set('Token.Value', writeToken(kernel, objects, spec.token) | (kernel.profile.pointerSize === 8 ? 0xfn : 0x7n));
  if (spec.exited !== undefined) return { spec, view, space, vads: [], threads: [], handles: undefined };

  const user = spec.parameters !== undefined || modules.length > 0;
  const own = [...(user ? userVads(kernel) : []), ...modules.map((module) => moduleVad(module, kernel.space.rules.machine)), ...(spec.vads ?? [])];
  const vads = own.length === 0 ? [] : writeVads(kernel, objects, view, space, own);
  const imageBase = modules[0]?.base ?? 0n;
  view.set('SectionBaseAddress', imageBase);
  if (user) writeUserMemory(kernel, space, view, spec.parameters, modules, imageBase, spec.session);
  const handles = new SyntheticHandleTable(kernel, view.address, spec.pid);
  view.set('ObjectTable', handles.address);
  (spec.handles ?? []).forEach((handle, i) => {
    const body = target(kernel, objects, handle, others);
    handles.put(handle.value ?? (i + 1) * 4, objects.header(body).address, handle.access ?? 0x1f_ffff);
  });
  const threads = (spec.threads ?? []).map((thread) => {
    const address = writeThread(kernel, objects, view, space, thread, created);
    if (linked && thread.exited === undefined) cid.put(thread.tid, address);
    return address;
  });
  return { spec, view, space, vads, threads, handles };
}

function audit(kernel: SyntheticKernel, view: View, { kernelPath }: ProcessSpec): void {
  const information = kernel.paged.struct('_OBJECT_NAME_INFORMATION', 'SeOn', ((kernelPath?.length ?? 0) + 1) * 2);
  if (kernelPath !== undefined) information.setText('Name', kernelPath, information.address + BigInt(kernel.profile.pointerSize * 2));
  view.set('SeAuditProcessCreationInfo.ImageFileName', information.address);
}

function target(kernel: SyntheticKernel, objects: Objects, spec: HandleSpec, others: ReadonlyMap<number, SyntheticProcess>): bigint {
  if ('object' in spec) return spec.object;
  if ('pid' in spec) {
    const process = others.get(spec.pid);
    if (process === undefined) throw new Error(`no process ${spec.pid} to make a handle to: make it first`);
    return process.view.address;
  }
  if (spec.type === 'File') {
    const file = objects.create('File', '_FILE_OBJECT');
    file.set('Type', 5).set('Size', kernel.profile.sizeOf('_FILE_OBJECT')!);
    kernel.text(file, 'FileName', spec.path);
    return file.address;
  }
  const struct = { Event: '_KEVENT', Mutant: '_KMUTANT', Section: '_SECTION', Job: '_EJOB', 'ALPC Port': '_ALPC_PORT' }[spec.type];
  return objects.create(spec.type, struct, spec.name === undefined ? {} : { name: spec.name }).address;
}
