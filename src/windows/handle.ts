import type { Process } from './process.js';

/** An open handle. Corresponds to `_HANDLE_TABLE_ENTRY`. */
export interface Handle {
  /** The handle's value, a multiple of four. */
  readonly value: number;
  /** Address of the object's body. */
  readonly object: bigint;
  readonly access: number;
  /** The object type's name (`File`, `Key`, `Process`…); `***` when the type cannot be told. */
  readonly type: string;
  /** What the handle leads to, as MemProcFS words it: `[ffff…] \Device\HarddiskVolume3\…`, a key path, `PID 4 - System`. Empty when it has no name. */
  readonly name: string;
  /** HandleCount of the object's header. */
  readonly handleCount: number | undefined;
  /** The pool tag of the type (`Proc`, `File`), from `_OBJECT_TYPE.Key`; for CSV. */
  readonly tag: string;
}

/** The handles of a process's table, ascending. */
export function handles(process: Process): readonly Handle[] {
  throw new Error(`not built: ${process.name}`);
}

/** Processes in PspCidTable, by address. */
export function cidProcesses(kernel: import('./kernel.js').Kernel): bigint[] {
  return kernel.base === 0n ? [] : [];
}
