/** When an entry grants a right: the bits of `set` are all set and those of `clear` all clear; or any bit of `or` is set. */
export interface Right {
  readonly setLow: number;
  readonly clearLow: number;
  readonly clearHigh: number;
  readonly orHigh: number;
}

/** What an entry grants. A right counts when every entry on the way grants it. */
export interface Rights {
  readonly write: Right;
  /** Access in user mode. */
  readonly user: Right;
  /** Execution in kernel mode, of a page that user mode may not touch. */
  readonly execute: Right;
  /** Execution in user mode, of a page that user mode may touch. */
  readonly executeUser: Right;
}

/** One level of page tables. */
export interface Level {
  /** How many pages one entry spans, as a power of two: 27 for a PML4 entry. */
  readonly shift: number;
  /** Entries in a table, as a power of two. */
  readonly bits: number;
  /** An entry may map memory itself: 1 GiB, 2 MiB, and 4 KiB at the last level. */
  readonly leaf: boolean;
  /** Bits of the low word that are all set in a valid entry. */
  readonly present: number;
  /** What an entry that names a table grants. */
  readonly table: Rights;
}

/** `count` bits of a PTE from `first` on, that stand at `to` in what they are part of. */
export interface BitPart {
  readonly first: number;
  readonly count: number;
  readonly to: number;
}

/** How a PTE names the prototype PTE it leads to. Corresponds to `_MMPTE_PROTOTYPE`. */
export interface PrototypeAddress {
  readonly parts: readonly BitPart[];
  /** What is added to the parts' sum. */
  readonly base: bigint;
  /** Bits of the address that are stored, the highest of which fills up the rest; undefined: it is whole. */
  readonly signedBits: number | undefined;
}

export type ModeName = 'x64' | 'x64-la57' | 'x86-pae' | 'x86' | 'arm64';

/** How a processor translates: data. Entries are read as two 32-bit words, the high one zero where entries have four bytes. */
export interface PagingMode {
  readonly name: ModeName;
  readonly pointerSize: 4 | 8;
  readonly virtualBits: number;
  readonly kernelStart: bigint;
  readonly lastAddress: bigint;
  readonly entryBytes: 4 | 8;
  /** Top level first. */
  readonly levels: readonly Level[];
  /** The bit of the low word that is set in every valid entry, clear in every one that is not. */
  readonly present: number;
  /** An entry above the last level, where that is allowed, maps memory itself when `(low & large) === largeValue`. */
  readonly large: number;
  readonly largeValue: number;
  /** Bits of the high word: frame bits 20 and up. */
  readonly frameHigh: number;
  /** Where a large page's entry keeps frame bits 20 and up in its low word (PSE-36); undefined: as all entries. */
  readonly largeFrameHigh: { readonly first: number; readonly count: number } | undefined;
  /** What an entry that maps memory grants. */
  readonly page: Rights;
  /** The table's address is a multiple of this. */
  readonly tableAlign: number;
  /** The top-level table's address from a `DirectoryTableBase` as stored. */
  readonly tableOf: (dtb: number) => number;
  /** How PTEs of this mode name prototype PTEs, until a profile says otherwise. */
  readonly prototypeAddress: PrototypeAddress;
  /** First bit of `_MMPTE_SOFTWARE.PageFileHigh`, the page's place in the page file; it is the topmost field. */
  readonly pagefileHigh: 32 | 12;
  /** Where the kernel maps `_KUSER_SHARED_DATA` (KI_USER_SHARED_DATA). */
  readonly sharedData: bigint;
  /** IMAGE_FILE_HEADER.Machine of a kernel that runs in this mode. */
  readonly machine: number;
  /** Where kernels of this mode were loaded, likeliest first; the last one is the whole kernel half. Half open. */
  readonly kernelRanges: readonly (readonly [start: bigint, end: bigint])[];
}

const ALWAYS: Right = { setLow: 0, clearLow: 0, clearHigh: 0, orHigh: 0 };
const ALL_RIGHTS: Rights = { write: ALWAYS, user: ALWAYS, execute: ALWAYS, executeUser: ALWAYS };
const NO_EXECUTE: Right = { ...ALWAYS, clearHigh: 0x8000_0000 };

/** Intel SDM 3A 4.6: R/W, U/S, and XD where entries have eight bytes. */
const X86_RIGHTS: Rights = { write: { ...ALWAYS, setLow: 0x2 }, user: { ...ALWAYS, setLow: 0x4 }, execute: ALWAYS, executeUser: ALWAYS };
const XD_RIGHTS: Rights = { ...X86_RIGHTS, execute: NO_EXECUTE, executeUser: NO_EXECUTE };

/**
 * Arm ARM D8.4: AP[2] is read-only, AP[1] user access, PXN (53), UXN (54). A page that was not written yet is read-only to the processor;
 * that it may be written say DBM (51), which lets the processor do so, or Windows' own bit (55, `_MMPTE_HARDWARE.Writable`).
 */
const ARM_PAGE: Rights = {
  write: { ...ALWAYS, clearLow: 0x80, orHigh: (1 << 19) | (1 << 23) }, user: { ...ALWAYS, setLow: 0x40 },
  execute: { ...ALWAYS, clearHigh: 1 << 21 }, executeUser: { ...ALWAYS, clearHigh: 1 << 22 },
};
/** APTable (62, 61), PXNTable (59), UXNTable (60). */
const ARM_TABLE: Rights = {
  write: { ...ALWAYS, clearHigh: 1 << 30 }, user: { ...ALWAYS, clearHigh: 1 << 29 },
  execute: { ...ALWAYS, clearHigh: 1 << 27 }, executeUser: { ...ALWAYS, clearHigh: 1 << 28 },
};

const levels64 = (count: number): readonly Level[] => Array.from({ length: count }, (_, i): Level => {
  const shift = 9 * (count - 1 - i);
  return { shift, bits: 9, leaf: shift <= 18, present: 0x1, table: XD_RIGHTS };
});

/** Intel SDM 3A 4.5: four levels, 4 KiB, 2 MiB and 1 GiB pages. */
export const X64: PagingMode = {
  name: 'x64', pointerSize: 8, virtualBits: 48,
  kernelStart: 0xffff_8000_0000_0000n, lastAddress: 0xffff_ffff_ffff_ffffn,
  entryBytes: 8, levels: levels64(4),
  present: 0x1, large: 0x80, largeValue: 0x80,
  frameHigh: 0xfffff, largeFrameHigh: undefined, page: XD_RIGHTS,
  tableAlign: 4096, tableOf: (dtb) => dtb - (dtb % 4096),
  prototypeAddress: { parts: [{ first: 16, count: 48, to: 0 }], base: 0n, signedBits: 48 }, pagefileHigh: 32,
  sharedData: 0xffff_f780_0000_0000n, machine: 0x8664,
  kernelRanges: [[0xffff_f800_0000_0000n, 0xffff_f880_0000_0000n], [0xffff_8000_0000_0000n, 0xffff_ffff_ffff_f000n]],
};

/** Intel SDM 3A 4.5, CR4.LA57: a fifth level (ntkrla57.exe). */
export const X64_LA57: PagingMode = {
  ...X64, name: 'x64-la57', virtualBits: 57, kernelStart: 0xff00_0000_0000_0000n, levels: levels64(5),
  kernelRanges: [X64.kernelRanges[0]!, [0xff00_0000_0000_0000n, 0xffff_ffff_ffff_f000n]],
};

/** Intel SDM 3A 4.4: a table of four entries without rights, found by a 32-byte aligned CR3; 4 KiB and 2 MiB pages. */
export const X86_PAE: PagingMode = {
  ...X64, name: 'x86-pae', pointerSize: 4, virtualBits: 32, kernelStart: 0x8000_0000n, lastAddress: 0xffff_ffffn,
  levels: [
    { shift: 18, bits: 2, leaf: false, present: 0x1, table: ALL_RIGHTS },
    { shift: 9, bits: 9, leaf: true, present: 0x1, table: XD_RIGHTS },
    { shift: 0, bits: 9, leaf: true, present: 0x1, table: XD_RIGHTS },
  ],
  tableAlign: 32, tableOf: (dtb) => dtb - (dtb % 32),
  prototypeAddress: { parts: [{ first: 32, count: 32, to: 0 }], base: 0n, signedBits: undefined },
  sharedData: 0xffdf_0000n, machine: 0x14c, kernelRanges: [[0x8000_0000n, 0xffff_f000n]],
};

/** Intel SDM 3A 4.3: two levels of four-byte entries, 4 KiB and 4 MiB pages, the latter with PSE-36. */
export const X86: PagingMode = {
  ...X86_PAE, name: 'x86', entryBytes: 4,
  levels: [
    { shift: 10, bits: 10, leaf: true, present: 0x1, table: X86_RIGHTS },
    { shift: 0, bits: 10, leaf: true, present: 0x1, table: X86_RIGHTS },
  ],
  frameHigh: 0, largeFrameHigh: { first: 13, count: 8 }, page: X86_RIGHTS,
  tableAlign: 4096, tableOf: X64.tableOf,
  // Since Vista: ProtoAddressLow and ProtoAddressHigh, 29 bits of an address in the kernel half that is a multiple of four.
  prototypeAddress: { parts: [{ first: 1, count: 8, to: 2 }, { first: 11, count: 21, to: 10 }], base: 0x8000_0000n, signedBits: undefined },
  pagefileHigh: 12,
};

/**
 * Arm ARM D8.3, VMSAv8-64 with 4 KiB granule: bit 1 tells a table or page from a block. Windows makes both halves 47 bits wide and lays the
 * 256 entries that TTBR1 names behind the 256 that TTBR0 names in one page, so that one table shows both and can name itself.
 */
export const ARM64: PagingMode = {
  ...X64, name: 'arm64',
  // Blocks are of 1 GiB and 2 MiB; elsewhere the second bit is set in all that is valid.
  levels: levels64(4).map((level) => ({ ...level, present: level.shift === 27 || level.shift === 0 ? 0x3 : 0x1, table: ARM_TABLE })),
  large: 0x2, largeValue: 0,
  frameHigh: 0xffff, page: ARM_PAGE,
  // TTBR: an ASID above, CnP (and TTBR1's place in the page) below.
  tableOf: (dtb) => (dtb % 2 ** 48) - (dtb % 4096),
  machine: 0xaa64,
};

/** In the order they are tried. */
export const MODES: readonly PagingMode[] = [X64, ARM64, X64_LA57, X86_PAE, X86];

/** `X64`, `X86`, `X86PAE`, `ARM64`: what `sys/architecture.txt` says. */
export function architecture(mode: PagingMode): string {
  return mode.name === 'x64-la57' ? 'X64' : mode.name.toUpperCase().replace('-', '');
}

/** The mode of a name as users write it: `x64`, `x86pae`, `x86-pae`, `la57`, `arm64`; undefined for any other. */
export function modeNamed(name: string): PagingMode | undefined {
  const bare = (text: string): string => text.toLowerCase().replaceAll(/[-_]/g, '');
  return MODES.find((mode) => bare(mode.name) === bare(name) || bare(mode.name) === `x64${bare(name)}`);
}
