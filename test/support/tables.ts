import { PAGE, type PhysicalImage } from './physical.js';
import { slowWalk } from './slow-walk.js';

/** Bits of a valid PTE (Intel SDM 3A 4.5) and of one that is not (`_MMPTE_SOFTWARE`, `_MMPTE_TRANSITION`). */
export const PTE = {
  present: 0x1n, writable: 0x2n, user: 0x4n, accessed: 0x20n, dirty: 0x40n, large: 0x80n, noExecute: 1n << 63n,
  swizzle: 0x10n, prototype: 0x400n, transition: 0x800n,
} as const;
export const KERNEL_DATA = PTE.present | PTE.writable | PTE.accessed | PTE.dirty | PTE.noExecute;
export const KERNEL_CODE = PTE.present | PTE.accessed;
export const USER_DATA = KERNEL_DATA | PTE.user;
export const USER_CODE = PTE.present | PTE.user | PTE.accessed;
const TABLE = PTE.present | PTE.writable | PTE.accessed | PTE.dirty;
const KERNEL_HALF = 0xffff_8000_0000_0000n;

/** The size of page that one entry maps, and the address bit where its index begins. */
export type PageSize = '4 KiB' | '2 MiB' | '1 GiB';
const SHIFT: Readonly<Record<PageSize, bigint>> = { '4 KiB': 12n, '2 MiB': 21n, '1 GiB': 30n };

/** An x64 address space that is being written: tables arise as they are needed. */
export class Space {
  readonly #children: Space[] = [];

  /**
   * @param dtb physical address of its top-level table
   * @param kernel the space whose kernel half this one shares; undefined: this one is System's
   */
  constructor(readonly physical: PhysicalImage, readonly dtb: number, private readonly kernel?: Space) {
    if (kernel === undefined) return;
    physical.bytes.copy(physical.bytes, dtb + 0x800, kernel.dtb + 0x800, kernel.dtb + 0x1000);
    kernel.#children.push(this);
  }

  /** Makes the top-level table name itself in a slot of the kernel half, as MmPteBase needs it. */
  selfMap(slot: number): void {
    this.physical.setU64(this.dtb + slot * 8, BigInt(this.dtb) | TABLE | PTE.noExecute);
  }

  /** Physical address of the entry that maps `address` by a page of that size; tables above it are made. */
  entry(address: bigint, size: PageSize = '4 KiB'): number {
    if (this.kernel !== undefined && address >= KERNEL_HALF) return this.kernel.entry(address, size);
    let table = this.dtb;
    for (let shift = 39n; ; shift -= 9n) {
      const at = table + Number((address >> shift) & 0x1ffn) * 8;
      if (shift === SHIFT[size]) return at;
      let entry = this.physical.u64(at);
      if ((entry & PTE.present) === 0n) {
        entry = BigInt(this.physical.alloc()) | TABLE | (address < KERNEL_HALF ? PTE.user : 0n);
        this.physical.setU64(at, entry);
        if (shift === 39n) for (const child of this.#children) this.physical.setU64(child.dtb + (at - this.dtb), entry);
      }
      table = Number(entry & 0x000f_ffff_ffff_f000n);
    }
  }

  /** Writes a PTE as it is given: valid or not. */
  setPte(address: bigint, value: bigint): void {
    this.physical.setU64(this.entry(address), value);
  }

  map(address: bigint, physical: number, flags: bigint, size: PageSize = '4 KiB'): void {
    this.physical.setU64(this.entry(address, size), BigInt(physical) | flags | (size === '4 KiB' ? 0n : PTE.large));
  }

  translate(address: bigint): number | undefined {
    const walked = slowWalk((at) => (at + 8n <= BigInt(this.physical.size) ? this.physical.u64(Number(at)) : undefined), BigInt(this.dtb), address);
    return walked === undefined ? undefined : Number(walked.physical);
  }

  /** Gives frames to the pages of [address, address + length) that have none. */
  back(address: bigint, length: number, flags?: bigint): void {
    const first = address & ~0xfffn;
    for (let at = first; at < address + BigInt(length); at += BigInt(PAGE)) {
      if (this.translate(at) === undefined) this.map(at, this.physical.alloc(), flags ?? (at < KERNEL_HALF ? USER_DATA : KERNEL_DATA));
    }
  }

  /** Writes bytes; pages without a frame get one. */
  write(address: bigint, bytes: Uint8Array): void {
    this.back(address, bytes.length);
    for (let done = 0; done < bytes.length;) {
      const at = address + BigInt(done);
      const step = Math.min(bytes.length - done, PAGE - Number(at & 0xfffn));
      this.physical.bytes.set(bytes.subarray(done, done + step), this.translate(at)!);
      done += step;
    }
  }

  /** Bytes; zeros where nothing is mapped. */
  read(address: bigint, length: number): Buffer {
    const target = Buffer.alloc(length);
    for (let done = 0; done < length;) {
      const at = address + BigInt(done);
      const step = Math.min(length - done, PAGE - Number(at & 0xfffn));
      const physical = this.translate(at);
      if (physical !== undefined) this.physical.bytes.copy(target, done, physical, physical + step);
      done += step;
    }
    return target;
  }

  u64(address: bigint): bigint {
    return this.read(address, 8).readBigUInt64LE(0);
  }

  setU64(address: bigint, value: bigint): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
    this.write(address, bytes);
  }
}
