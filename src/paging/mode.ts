/** One level of page tables. */
export interface Level {
  /** How many pages one entry spans, as a power of two: 27 for a PML4 entry. */
  readonly shift: number;
  /** Entries in a table, as a power of two. */
  readonly bits: number;
  /** An entry may map memory itself: 1 GiB, 2 MiB, and 4 KiB at the last level. */
  readonly leaf: boolean;
}

/** How a processor translates: ten lines of data. Entries are read as two 32-bit words, the high one zero where entries have four bytes. */
export interface PagingMode {
  readonly name: 'x64' | 'x64-la57' | 'x86-pae' | 'x86' | 'arm64';
  readonly pointerSize: 4 | 8;
  readonly virtualBits: number;
  readonly kernelStart: bigint;
  readonly lastAddress: bigint;
  readonly entryBytes: 4 | 8;
  /** Top level first. */
  readonly levels: readonly Level[];
  /** Bits of the low word. */
  readonly present: number;
  readonly writable: number;
  readonly user: number;
  readonly large: number;
  /** Bits of the high word: frame bits 20 and up, and no-execute (0: this mode has none). */
  readonly frameHigh: number;
  readonly noExecuteHigh: number;
  /** The top-level table's address from a `DirectoryTableBase` as stored. */
  readonly tableOf: (dtb: number) => number;
}

/** Intel SDM 3A 4.5: four levels, 4 KiB, 2 MiB and 1 GiB pages. */
export const X64: PagingMode = {
  name: 'x64', pointerSize: 8, virtualBits: 48,
  kernelStart: 0xffff_8000_0000_0000n, lastAddress: 0xffff_ffff_ffff_ffffn,
  entryBytes: 8,
  levels: [
    { shift: 27, bits: 9, leaf: false },
    { shift: 18, bits: 9, leaf: true },
    { shift: 9, bits: 9, leaf: true },
    { shift: 0, bits: 9, leaf: true },
  ],
  present: 0x1, writable: 0x2, user: 0x4, large: 0x80,
  frameHigh: 0xfffff, noExecuteHigh: 0x8000_0000,
  tableOf: (dtb) => dtb - (dtb % 4096),
};

/** In the order they are tried. */
export const MODES: readonly PagingMode[] = [X64];

/** `X64`, `X86`, `X86PAE`, `ARM64`: what `sys/architecture.txt` says. */
export function architecture(mode: PagingMode): string {
  return mode.name === 'x64-la57' ? 'X64' : mode.name.toUpperCase().replace('-', '');
}
