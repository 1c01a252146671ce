import type { AddressSpace } from '../paging/address-space.js';
import type { ModeName } from '../paging/mode.js';
import { PteFormat } from '../paging/pte-format.js';
import type { PageState } from '../paging/pte.js';
import type { Kernel } from './kernel.js';

/** One level of page tables on the way to a page. */
export interface TableStep {
  /** `PML4`, `PDPT`, `PD`, `PT`; on ARM64 `LVL0` to `LVL3`. */
  readonly name: string;
  /** Physical address of the table. */
  readonly table: number;
  /** Where in the table its entry is, in bytes. */
  readonly offset: number;
  /** Undefined: the table is not in the image. */
  readonly entry: bigint | undefined;
}

/** The way from a virtual address to its page. */
export interface Translation {
  /** Top level first; ends where the way ends. */
  readonly steps: readonly TableStep[];
  /** Physical address; undefined: its content is not in memory. */
  readonly physical: number | undefined;
  readonly state: PageState;
}

const X64_NAMES = ['PML5', 'PML4', 'PDPT', 'PD', 'PT'];
/** The tables' names, top level first (Intel SDM 3A 4; Arm ARM D8.3 counts the levels). */
const NAMES: Readonly<Record<ModeName, readonly string[]>> = {
  'x64': X64_NAMES.slice(1), 'x64-la57': X64_NAMES, 'x86-pae': X64_NAMES.slice(2), 'x86': X64_NAMES.slice(3),
  'arm64': ['LVL0', 'LVL1', 'LVL2', 'LVL3'],
};

/** The names of the tables of a paging mode, top level first. */
export function tableNames(mode: ModeName): readonly string[] {
  return NAMES[mode];
}

/** Walks the page tables for one address and tells each step. */
export function translation({ physical }: Kernel, memory: AddressSpace, address: bigint): Translation {
  const { mode, software, dtb } = memory;
  const format = new PteFormat(mode, software);
  const words = mode.entryBytes / 4;
  const page = Number(BigInt.asUintN(mode.virtualBits, address) >> 12n);
  const steps: TableStep[] = [];
  let frame = Math.floor(dtb / 4096);
  // A table of four entries may lie anywhere in its page.
  let first = Math.floor((dtb % 4096) / mode.tableAlign) * mode.tableAlign;
  for (const [depth, { shift, bits, leaf, present }] of mode.levels.entries()) {
    const offset = first + (Math.floor(page / 2 ** shift) % 2 ** bits) * mode.entryBytes;
    const table = physical.page(frame);
    const low = table?.[offset / 4] ?? 0;
    const high = words === 2 ? table?.[offset / 4 + 1] ?? 0 : 0;
    steps.push({ name: NAMES[mode.name][depth] ?? '', table: frame * 4096, offset, entry: table === undefined ? undefined : (BigInt(high) << 32n) | BigInt(low >>> 0) });
    if (table === undefined || depth === mode.levels.length - 1) break;
    if ((low & present) === present && leaf && (low & mode.large) === mode.largeValue) break;
    frame = (low & present) === present ? format.frame(low, high) : format.settledFrame(low, high);
    if (frame < 0) break;
    first = 0;
  }
  const at = memory.translate(address);
  return { steps, physical: at, state: memory.pte(address) };
}
