/** Bits of a valid PTE of x86 and x64 (Intel SDM 3A 4.5) and of one that is not (`_MMPTE_SOFTWARE`, `_MMPTE_TRANSITION`). */
export const PTE = {
  present: 0x1n, writable: 0x2n, user: 0x4n, accessed: 0x20n, dirty: 0x40n, large: 0x80n, noExecute: 1n << 63n,
  swizzle: 0x10n, prototype: 0x400n, transition: 0x800n,
} as const;

/** Bits of an ARMv8-A stage 1 descriptor (ARM ARM D8.3), and the ones that Windows keeps in it (`_MMPTE_HARDWARE`). */
const ARM = {
  valid: 0x1n, tableOrPage: 0x2n, user: 0x40n, readOnly: 0x80n, inner: 0x300n, accessed: 0x400n, notGlobal: 0x800n,
  privilegedNoExecute: 1n << 53n, userNoExecute: 1n << 54n, writable: 1n << 55n,
} as const;

const FRAME_52 = 0x000f_ffff_ffff_f000n;
const FRAME_48 = 0x0000_ffff_ffff_f000n;
const FRAME_32 = 0xffff_f000n;

/** What an entry says, in words that all processors share. Physical addresses in bytes. */
export interface Descriptor {
  readonly physical: bigint;
  /** It maps memory itself. */
  readonly leaf: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
  readonly user: boolean;
}

export type ModeName = 'x64' | 'x64-la57' | 'x86' | 'x86-pae' | 'arm64';

/**
 * How a processor's page tables are written, by its own manual: a second way beside the product's paging modes. Flags are given as
 * x64 writes them (PTE) and turned into the processor's own.
 */
export interface TableRules {
  readonly name: ModeName;
  readonly pointerSize: 4 | 8;
  readonly entryBytes: 4 | 8;
  /** Address bit where each level's index begins, top first. */
  readonly shifts: readonly bigint[];
  /** Bits of an index below the top, and of the top one. */
  readonly indexBits: bigint;
  readonly topBits: bigint;
  readonly virtualBits: bigint;
  readonly kernelStart: bigint;
  /** The level whose tables each address space has of its own, the kernel's entries copied into it. */
  readonly sharedLevel: number;
  /** Where `_KUSER_SHARED_DATA` lies in the kernel half. */
  readonly sharedData: bigint;
  /** Bytes of the large page that kernels are mapped by, and the level that maps it. */
  readonly large: number;
  /** Slot of the self-map, of the entries at `sharedLevel`; undefined: this machine has it anywhere. */
  readonly selfSlot: number | undefined;
  /** IMAGE_FILE_HEADER.Machine. */
  readonly machine: number;
  readonly encode: (physical: bigint, flags: bigint, kind: 'table' | 'page' | 'large', level: number) => bigint;
  /** @returns undefined when the entry maps nothing */
  readonly decode: (entry: bigint, level: number) => Descriptor | undefined;
}

const KERNEL_HALF = 0xffff_8000_0000_0000n;
const SHARED_DATA_64 = 0xffff_f780_0000_0000n;
const SHARED_DATA_32 = 0xffdf_0000n;

function intel(last: number, frame: bigint, largest: (level: number) => bigint | undefined, noExecute: boolean): Pick<TableRules, 'encode' | 'decode'> {
  return {
    encode: (physical, flags, kind) => (physical & frame) | (noExecute ? flags : flags & 0xfffn) | (kind === 'large' ? PTE.large : 0n),
    decode: (entry, level) => {
      if ((entry & PTE.present) === 0n) return undefined;
      const size = level === last ? 0x1000n : (entry & PTE.large) !== 0n ? largest(level) : undefined;
      return {
        physical: entry & frame & (size === undefined ? ~0n : ~(size - 1n)), leaf: size !== undefined,
        writable: (entry & PTE.writable) !== 0n, user: (entry & PTE.user) !== 0n, executable: !noExecute || (entry & PTE.noExecute) === 0n,
      };
    },
  };
}

/** Intel SDM 3A 4.5.4: PML4, page-directory-pointer table, page directory, page table. */
export const X64_TABLES: TableRules = {
  name: 'x64', pointerSize: 8, entryBytes: 8, shifts: [39n, 30n, 21n, 12n], indexBits: 9n, topBits: 9n, virtualBits: 48n, kernelStart: KERNEL_HALF,
  sharedLevel: 0, sharedData: SHARED_DATA_64, large: 0x20_0000, selfSlot: 0x1ed, machine: 0x8664,
  ...intel(3, FRAME_52, (level) => (level === 1 ? 1n << 30n : level === 2 ? 1n << 21n : undefined), true),
};

/** Intel SDM 3A 4.5.4 with CR4.LA57: a PML5 table above. */
export const LA57_TABLES: TableRules = {
  ...X64_TABLES, name: 'x64-la57', shifts: [48n, 39n, 30n, 21n, 12n], virtualBits: 57n, kernelStart: 0xff00_0000_0000_0000n, selfSlot: 0x1ed,
  ...intel(4, FRAME_52, (level) => (level === 2 ? 1n << 30n : level === 3 ? 1n << 21n : undefined), true),
};

/** Intel SDM 3A 4.3: page directory and page tables of 1,024 four-byte entries; page tables appear at 0xC0000000. */
export const X86_TABLES: TableRules = {
  name: 'x86', pointerSize: 4, entryBytes: 4, shifts: [22n, 12n], indexBits: 10n, topBits: 10n, virtualBits: 32n, kernelStart: 0x8000_0000n,
  sharedLevel: 0, sharedData: SHARED_DATA_32, large: 0x40_0000, selfSlot: 0x300, machine: 0x14c,
  ...intel(1, FRAME_32, () => 1n << 22n, false),
};

/** Intel SDM 3A 4.4: four pointers, whose entries have neither access rights nor size, to four page directories. */
export const PAE_TABLES: TableRules = {
  name: 'x86-pae', pointerSize: 4, entryBytes: 8, shifts: [30n, 21n, 12n], indexBits: 9n, topBits: 2n, virtualBits: 32n, kernelStart: 0x8000_0000n,
  sharedLevel: 1, sharedData: SHARED_DATA_32, large: 0x20_0000, selfSlot: 0x600, machine: 0x14c,
  ...pae(),
};

function pae(): Pick<TableRules, 'encode' | 'decode'> {
  const { encode, decode } = intel(2, FRAME_52, (level) => (level === 1 ? 1n << 21n : undefined), true);
  return {
    encode: (physical, flags, kind, level) => (level === 0 ? (physical & FRAME_52) | PTE.present : encode(physical, flags, kind, level)),
    decode: (entry, level) => {
      const found = decode(entry, level);
      return level === 0 && found !== undefined ? { ...found, leaf: false, writable: true, user: true, executable: true } : found;
    },
  };
}

/**
 * ARMv8-A, 4 KiB granule, 47-bit halves: TTBR0's 256 entries and TTBR1's behind each other in one page, as Windows lays them, so that
 * one table of 512 shows both and can name itself.
 */
export const ARM64_TABLES: TableRules = {
  ...X64_TABLES, name: 'arm64', machine: 0xaa64,
  encode: (physical, flags, kind) => {
    const base = (physical & FRAME_48) | ARM.valid | (kind === 'large' ? 0n : ARM.tableOrPage);
    if (kind === 'table') return base;
    const [writable, user, noExecute] = [(flags & PTE.writable) !== 0n, (flags & PTE.user) !== 0n, (flags & PTE.noExecute) !== 0n];
    return base | ARM.inner | ARM.accessed | (user ? ARM.user | ARM.notGlobal | ARM.privilegedNoExecute : ARM.userNoExecute)
      | (writable ? ARM.writable : ARM.readOnly) | (noExecute ? ARM.privilegedNoExecute | ARM.userNoExecute : 0n);
  },
  decode: (entry, level) => {
    if ((entry & ARM.valid) === 0n) return undefined;
    const last = level === 3;
    const table = (entry & ARM.tableOrPage) !== 0n;
    // A block at the top and a "reserved" descriptor at the last level map nothing.
    if ((last && !table) || (level === 0 && !table)) return undefined;
    const leaf = last || !table;
    const size = last ? 0x1000n : level === 2 ? 1n << 21n : 1n << 30n;
    const user = (entry & ARM.user) !== 0n;
    return leaf
      ? {
        physical: entry & FRAME_48 & ~(size - 1n), leaf, writable: (entry & ARM.readOnly) === 0n, user,
        executable: (entry & (user ? ARM.userNoExecute : ARM.privilegedNoExecute)) === 0n,
      }
      : { physical: entry & FRAME_48, leaf, writable: true, user: true, executable: true };
  },
};

export const TABLE_RULES: Readonly<Record<ModeName, TableRules>> = {
  'x64': X64_TABLES, 'x64-la57': LA57_TABLES, 'x86': X86_TABLES, 'x86-pae': PAE_TABLES, 'arm64': ARM64_TABLES,
};
