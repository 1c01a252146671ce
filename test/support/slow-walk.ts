import { X64_TABLES, type TableRules } from './table-rules.js';

/** What a page-table walk finds at an address. Physical addresses in bytes. */
export interface Walked {
  readonly physical: bigint;
  /** Bytes that the entry maps: 4 KiB, 2 MiB, 4 MiB or 1 GiB. */
  readonly size: bigint;
  readonly writable: boolean;
  readonly executable: boolean;
  readonly user: boolean;
}

/**
 * Translates a virtual address as the processor's manual words it, one `bigint` step after the other: the second opinion
 * against which the fast walker is held. Present pages only.
 *
 * @param entryAt the eight bytes at a physical address; undefined when they are not in the image
 */
export function slowWalk(
  entryAt: (physical: bigint) => bigint | undefined, dtb: bigint, address: bigint, rules: TableRules = X64_TABLES,
): Walked | undefined {
  const { shifts, topBits, indexBits, virtualBits, pointerSize, entryBytes } = rules;
  const canonical = pointerSize === 4 ? address : BigInt.asUintN(64, BigInt.asIntN(Number(virtualBits), address));
  if (canonical !== address || address >> BigInt(pointerSize * 8) !== 0n) return undefined;
  let table = rules.name === 'x86-pae' ? dtb & 0xffff_ffe0n : dtb & 0x000f_ffff_ffff_f000n;
  let [writable, executable, user] = [true, true, true];
  for (const [level, shift] of shifts.entries()) {
    const index = (address >> shift) & ((1n << (level === 0 ? topBits : indexBits)) - 1n);
    const read = entryAt(table + index * BigInt(entryBytes));
    const found = read === undefined ? undefined : rules.decode(entryBytes === 4 ? read & 0xffff_ffffn : read, level);
    if (found === undefined) return undefined;
    writable &&= found.writable;
    user &&= found.user;
    executable &&= found.executable;
    if (found.leaf) {
      const size = 1n << shift;
      return { physical: found.physical + (address & (size - 1n)), size, writable, executable, user };
    }
    table = found.physical;
  }
  return undefined;
}
