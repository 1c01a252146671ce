/** The processor architectures a dump may be of: PROCESSOR_ARCHITECTURE_* (winnt.h). */
export const ARCHITECTURES = { x86: 0, x64: 9, arm64: 12 } as const;
export type Architecture = keyof typeof ARCHITECTURES;

/** Registers of a thread by their names in CONTEXT (winnt.h): `Rip`, `Rsp`; those that are not there are not known. */
export type Registers = ReadonlyMap<string, bigint>;

/** A stretch of memory that is in the dump. `length` in bytes. */
export interface DumpRange {
  readonly start: bigint;
  readonly length: number;
}

export interface DumpThread {
  readonly tid: number;
  readonly suspendCount: number;
  readonly priority: number;
  readonly teb: bigint;
  /** What is in use of the user stack; undefined: not known. */
  readonly stack: DumpRange | undefined;
  /** Undefined: where it was is not known. */
  readonly registers: Registers | undefined;
  /** NTSTATUS. */
  readonly exitStatus: number;
  /** FILETIMEs; `exited` 0n while it runs. */
  readonly created: bigint;
  readonly exited: bigint;
  readonly startAddress: bigint;
  /** As SetThreadDescription gave it. */
  readonly name: string | undefined;
}

export interface DumpModule {
  readonly base: bigint;
  /** SizeOfImage in bytes. */
  readonly size: number;
  readonly checksum: number;
  readonly timestamp: number;
  readonly path: string;
  /** VS_FIXEDFILEINFO.dwFileVersion and dwProductVersion as four parts; undefined where the image has none. */
  readonly version: readonly number[] | undefined;
  /** What names its symbol file. */
  readonly codeView: { readonly guid: string; readonly age: number; readonly path: string } | undefined;
}

export interface DumpUnloadedModule {
  readonly base: bigint;
  readonly size: number;
  readonly checksum: number;
  readonly timestamp: number;
  readonly name: string;
}

/** As VirtualQuery describes it (MEMORY_BASIC_INFORMATION). */
export interface DumpRegion {
  readonly base: bigint;
  readonly size: bigint;
  /** The start and protection of the allocation that it is part of; 0n and 0 where it is free. */
  readonly allocationBase: bigint;
  readonly allocationProtect: number;
  /** MEM_COMMIT 0x1000, MEM_RESERVE 0x2000, MEM_FREE 0x10000. */
  readonly state: number;
  /** PAGE_*. */
  readonly protect: number;
  /** MEM_PRIVATE 0x20000, MEM_MAPPED 0x40000, MEM_IMAGE 0x1000000; 0 where it is free. */
  readonly type: number;
}

/** What a minidump says of a process. */
export interface Dump {
  readonly architecture: Architecture;
  readonly processors: number;
  readonly version: { readonly major: number; readonly minor: number; readonly build: number };
  /** `Service Pack 1`; empty when there is none. */
  readonly servicePack: string;
  /** VER_NT_* (winnt.h): 1 workstation, 2 domain controller, 3 server. */
  readonly productType: number;
  readonly pid: number;
  /** FILETIMEs; 0n: not known. */
  readonly created: bigint;
  readonly captured: bigint;
  readonly threads: readonly DumpThread[];
  readonly modules: readonly DumpModule[];
  readonly unloaded: readonly DumpUnloadedModule[];
  /** Ascending, not overlapping. */
  readonly regions: readonly DumpRegion[];
  /** Ascending, not overlapping. */
  readonly memory: readonly DumpRange[];
  readonly comment: string;
}
