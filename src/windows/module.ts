import type { Process } from './process.js';

/**
 * - `ldr`: in the loader's lists. · `not-linked`: an image VAD with an executable PE that no list names.
 * - `data`: an image VAD that no list names and that is not executable code of this architecture, or mapped as data.
 * - `injected`: a PE header at the start of a non-image VAD that has executable pages.
 */
export type ModuleKind = 'ldr' | 'not-linked' | 'data' | 'injected';

/** A PE image in a process, or a kernel module (then in the System process). */
export interface Module {
  readonly kind: ModuleKind;
  readonly base: bigint;
  /** SizeOfImage in bytes. */
  readonly size: number;
  readonly entry: bigint;
  /** BaseDllName; for unlinked ones the file's name or the export directory's, else `0x<base>`. */
  readonly name: string;
  /** FullDllName; empty when no list says it. */
  readonly path: string;
  /** The path of the mapped file as the kernel names it (`\Windows\System32\ntdll.dll`), from the VAD. */
  readonly kernelPath: string | undefined;
  /** A 32-bit image of a WoW64 process. */
  readonly wow64: boolean;
  /** Address of the loader's entry; undefined when in no list. */
  readonly ldrEntry: bigint | undefined;
  /** LoadTime of the loader's entry. */
  readonly loaded: bigint | undefined;
}

/** The modules of a process: loader lists (64-bit and WoW64), then those only the VADs know. Ordered as found. */
export function modules(process: Process): readonly Module[] {
  throw new Error(`not built: ${process.name}`);
}

/** The kernel's modules by PsLoadedModuleList, as modules of System. */
export function kernelModules(kernel: import('./kernel.js').Kernel): readonly Module[] {
  throw new Error(`not built: ${kernel.base}`);
}
