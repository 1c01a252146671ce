import { hex } from '../bytes/hex.js';
import { big, chars, number, struct, unicode } from '../profile/struct.js';
import { handleEntries, handleEntry, tableOwner } from './handle-table.js';
import type { Kernel } from './kernel.js';
import { openKey } from './key-control-block.js';
import { objectManager, type ObjectHeader } from './object.js';
import type { Process } from './process.js';

const FILE = struct('_FILE_OBJECT', { device: big('DeviceObject'), name: unicode('FileName') });
const PROCESS = struct('_EPROCESS', { pid: number('UniqueProcessId'), name: chars('ImageFileName') });
const THREAD = struct('_ETHREAD', { tid: number('Cid.UniqueThread') });

/** An open handle. Corresponds to `_HANDLE_TABLE_ENTRY`. */
export interface Handle {
  /** The process that holds it. */
  readonly pid: number;
  /** The handle's value, a multiple of four. */
  readonly value: number;
  /** Address of the object's body. */
  readonly object: bigint;
  readonly access: number;
  /** The object type's name (`File`, `Key`, `Process`…); `***` when the type cannot be told. */
  readonly type: string;
  /**
   * What the handle leads to, as MemProcFS words it: `\HarddiskVolume3\Windows\explorer.exe`, `[<hive>:<cell>] SYSTEM\ControlSet001`,
   * `PID 4 - System`, `TID 108`, an object's own name. Empty when it has no name.
   */
  readonly name: string;
  /** The same in full, as the kernel names it: `\Device\HarddiskVolume3\…`, `\REGISTRY\MACHINE\SYSTEM\…`, `\Sessions\1\BaseNamedObjects\…`. */
  readonly path: string | undefined;
  /** For a file: the name of its device, `HarddiskVolume3`. */
  readonly device: string | undefined;
  /** HandleCount of the object's header. */
  readonly handleCount: number | undefined;
  /** The pool tag of the type (`Proc`, `File`), from `_OBJECT_TYPE.Key`; for CSV. */
  readonly tag: string;
}

/** What an object is called. */
type Naming = Pick<Handle, 'name'> & Partial<Pick<Handle, 'path' | 'device'>>;
type Namer = (kernel: Kernel, header: ObjectHeader) => Naming | undefined;

const NAMELESS: Naming = { name: '' };

/** Objects of these types say more than their header's name. */
const NAMERS: Readonly<Record<string, Namer>> = { File: fileNaming, Key: keyNaming, Process: processNaming, Thread: threadNaming };

/** The handles of a process's table, ascending. */
export function handles(process: Process): readonly Handle[] {
  return [...heldObjects(process)].map((held) => handleOf(process, held));
}

/** What a held object is called besides. */
export function handleOf({ kernel, pid, where }: Process, { value, access, body, header }: HeldObject): Handle {
  const naming = header === undefined ? NAMELESS : namingOf(kernel, header, `${where} handles`);
  return {
    pid, value, object: body, access,
    type: header?.type?.name ?? '***',
    name: naming.name, path: naming.path, device: naming.device,
    handleCount: header?.handleCount,
    tag: header?.type?.tag ?? '',
  };
}

/** Addresses of the `_EPROCESS` that a process holds handles to, each once: how processes are found that no list names. */
export function handleProcesses(process: Process): bigint[] {
  const found = new Set<bigint>();
  for (const { header, body } of heldObjects(process)) if (header?.type?.name === 'Process') found.add(body);
  return [...found];
}

/** An object that a process holds a handle to. */
export interface HeldObject {
  /** The handle's value. */
  readonly value: number;
  readonly access: number;
  readonly body: bigint;
  /** Undefined when it is not in the image. */
  readonly header: ObjectHeader | undefined;
}

/** The objects that a process holds handles to, ascending by handle, without their names. */
export function* heldObjects(process: Process): Generator<HeldObject> {
  const { kernel } = process;
  const table = tableOf(process);
  if (table === undefined) return;
  const manager = objectManager(kernel);
  for (const { value, pointer, access } of handleEntries(kernel, table, `${process.where} handles`)) {
    const body = manager.body(pointer);
    yield { value, access, body, header: manager.header(body) };
  }
}

/** The object of one handle, found without reading the others; undefined when there is no such handle. */
export function heldObject(process: Process, value: number): HeldObject | undefined {
  const { kernel } = process;
  const table = tableOf(process);
  const entry = table === undefined ? undefined : kernel.anomalies.attempt(`${process.where} handles`, () => handleEntry(kernel, table, value));
  if (entry === undefined) return undefined;
  const manager = objectManager(kernel);
  const body = manager.body(entry.pointer);
  return { value, access: entry.access, body, header: manager.header(body) };
}

/** The process's handle table; undefined when it has none any more. */
function tableOf({ kernel, facts, where, address, terminated }: Process): bigint | undefined {
  if (facts.objectTable === undefined) return undefined;
  const owner = tableOwner(kernel, facts.objectTable);
  if (owner !== undefined && owner !== address) {
    kernel.anomalies.add(`${where} handles`, 'the handle table says that it belongs to another process', facts.objectTable);
    // An ended process's table is gone, and its memory may be another's by now.
    if (terminated) return undefined;
  }
  return facts.objectTable;
}

function namingOf(kernel: Kernel, header: ObjectHeader, where: string): Naming {
  const namer = NAMERS[header.type?.name ?? ''] ?? objectNaming;
  return kernel.anomalies.attempt(where, () => namer(kernel, header)) ?? NAMELESS;
}

function objectNaming(kernel: Kernel, header: ObjectHeader): Naming {
  const manager = objectManager(kernel);
  return { name: manager.name(header.body, header) ?? '', path: manager.path(header.body, header) };
}

/** The device's name and the file's on it; a handle to the device itself has no file name. */
function fileNaming(kernel: Kernel, { body }: ObjectHeader): Naming | undefined {
  const file = kernel.read(FILE, body);
  if (file === undefined) return undefined;
  const manager = objectManager(kernel);
  const name = kernel.text(file.name) ?? '';
  const device = kernel.isKernelAddress(file.device) ? manager.name(file.device) : undefined;
  if (device === undefined) return { name, path: name || undefined };
  const between = name === '' || name.startsWith('\\') ? '' : '\\';
  return { name: `\\${device}${between}${name}`, path: `${manager.path(file.device) ?? `\\${device}`}${between}${name}`, device };
}

/** The hive and cell, and the path with the hive's own name first, as analysts write it: `SOFTWARE\Microsoft`. */
function keyNaming(kernel: Kernel, { body }: ObjectHeader): Naming | undefined {
  const key = openKey(kernel, body);
  if (key === undefined) return undefined;
  const short = key.path.replace(/^\\REGISTRY\\(?:MACHINE|USER)\\/i, '');
  return { name: `[${hex(key.hive, 16)}:${hex(key.cell, 8)}] ${short}`, path: key.path };
}

function processNaming(kernel: Kernel, { body }: ObjectHeader): Naming | undefined {
  const process = kernel.read(PROCESS, body);
  return process === undefined ? undefined : { name: `PID ${process.pid} - ${process.name}` };
}

function threadNaming(kernel: Kernel, { body }: ObjectHeader): Naming | undefined {
  const thread = kernel.read(THREAD, body);
  return thread === undefined ? undefined : { name: `TID ${thread.tid}` };
}
