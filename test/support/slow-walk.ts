/** What a page-table walk finds at an address. Physical addresses in bytes. */
export interface Walked {
  readonly physical: bigint;
  /** Bytes that the entry maps: 4 KiB, 2 MiB or 1 GiB. */
  readonly size: bigint;
  readonly writable: boolean;
  readonly executable: boolean;
  readonly user: boolean;
}

const FRAME = 0x000f_ffff_ffff_f000n;

/**
 * Translates a virtual address as Intel SDM 3A 4.5.4 words it, one `bigint` step after the other: the second opinion
 * against which the fast walker is held. Present pages only.
 *
 * @param entryAt the eight bytes at a physical address; undefined when they are not in the image
 */
export function slowWalk(entryAt: (physical: bigint) => bigint | undefined, dtb: bigint, address: bigint): Walked | undefined {
  const top = address >> 47n;
  if (top !== 0n && top !== 0x1ffffn) return undefined;
  let table = dtb & FRAME;
  let [writable, executable, user] = [true, true, true];
  for (const shift of [39n, 30n, 21n, 12n]) {
    const entry = entryAt(table + ((address >> shift) & 0x1ffn) * 8n);
    if (entry === undefined || (entry & 1n) === 0n) return undefined;
    writable &&= (entry & 2n) !== 0n;
    user &&= (entry & 4n) !== 0n;
    executable &&= (entry >> 63n) === 0n;
    const leaf = shift === 12n || (shift !== 39n && (entry & 0x80n) !== 0n);
    if (leaf) {
      const size = 1n << shift;
      const physical = (entry & FRAME & ~(size - 1n)) + (address & (size - 1n));
      return { physical, size, writable, executable, user };
    }
    table = entry & FRAME;
  }
  return undefined;
}
