import type { Process } from './process.js';

/** A virtual address descriptor. Corresponds to `_MMVAD` / `_MMVAD_SHORT`. */
export interface Vad {
  readonly address: bigint;
  /** First and last byte. */
  readonly start: bigint;
  readonly end: bigint;
  /** CommitCharge in pages. */
  readonly commit: number;
  readonly memCommit: boolean;
  /** `_MMVAD_FLAGS.Protection`, 0 to 31; see PROTECTIONS. */
  readonly protection: number;
  /** `_MMVAD_FLAGS.VadType`: 0 none, 1 device physical memory, 2 image map, 3 AWE, 4 write watch, 5 large pages, 6 rotate physical, 7 large page section. */
  readonly type: number;
  readonly private: boolean;
  readonly image: boolean;
  /** Where the prototype PTEs of [start, end] begin, in kernel memory. */
  readonly firstPrototype: bigint | undefined;
  readonly lastPrototype: bigint | undefined;
  readonly controlArea: bigint | undefined;
  readonly fileObject: bigint | undefined;
  /** FILE_OBJECT.FileName: `\Windows\System32\ntdll.dll`. */
  readonly file: string | undefined;
  /** Backed by a section without a file (page file). */
  readonly pagefile: boolean;
  /** What it holds, as far as known: the name of the file's last part, `HEAP-01`, `TEB`, `STACK`… shown in vad.txt. */
  readonly what: VadUse | undefined;
}

export interface VadUse {
  readonly kind: 'heap' | 'stack' | 'teb' | 'peb' | 'section' | 'parameters' | 'shared-data';
  readonly text: string;
}

/** The VADs of a process, ascending by start. */
export function vads(process: Process): readonly Vad[] {
  throw new Error(`not built: ${process.name}`);
}
