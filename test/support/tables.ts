import { PAGE, type PhysicalImage } from './physical.js';
import { slowWalk } from './slow-walk.js';
import { PTE, X64_TABLES, type TableRules } from './table-rules.js';

export { PTE } from './table-rules.js';
export const KERNEL_DATA = PTE.present | PTE.writable | PTE.accessed | PTE.dirty | PTE.noExecute;
export const KERNEL_CODE = PTE.present | PTE.accessed;
export const USER_DATA = KERNEL_DATA | PTE.user;
export const USER_CODE = PTE.present | PTE.user | PTE.accessed;
const TABLE = PTE.present | PTE.writable | PTE.accessed | PTE.dirty;

/** The size of page that one entry maps, and the address bit where its index begins. */
export type PageSize = '4 KiB' | '2 MiB' | '4 MiB' | '1 GiB';
const SHIFT: Readonly<Record<PageSize, bigint>> = { '4 KiB': 12n, '2 MiB': 21n, '4 MiB': 22n, '1 GiB': 30n };
/** Bytes between the pointer tables that Windows keeps for several processes in one page (PAE). */
const POINTER_TABLE = 0x20;

/** An address space that is being written, by the rules of any processor: tables arise as they are needed. */
export class Space {
  readonly #children: Space[] = [];
  /** The tables of the shared level, in the order of addresses: one, or PAE's four page directories. */
  readonly #own: readonly number[];
  /** `DirectoryTableBase`. */
  readonly dtb: number;

  /**
   * @param top physical address of the frame for its top-level table
   * @param kernel the space whose kernel half this one shares; undefined: this one is System's
   */
  constructor(readonly physical: PhysicalImage, top: number, private readonly kernel?: Space, readonly rules: TableRules = kernel?.rules ?? X64_TABLES) {
    if (rules.sharedLevel === 0) {
      this.dtb = top;
      this.#own = [top];
    } else {
      // Frames may be handed out in any order; the place in the page varies with them, as on a machine that has run for a while.
      this.dtb = top + POINTER_TABLE * ((top / PAGE) % (PAGE / POINTER_TABLE));
      this.#own = Array.from({ length: 1 << Number(rules.topBits) }, () => physical.alloc());
      this.#own.forEach((table, index) => this.#setEntry(this.dtb + index * rules.entryBytes, rules.encode(BigInt(table), TABLE, 'table', 0)));
    }
    if (kernel === undefined) return;
    for (let slot = this.#slot(rules.kernelStart); slot < this.#slots; slot += 1) this.#setEntry(this.#at(slot), kernel.#entryAt(kernel.#at(slot)));
    kernel.#children.push(this);
    if (kernel.#selfMapped && rules.sharedLevel > 0) this.selfMap();
  }

  #selfMapped = false;

  get pointerSize(): 4 | 8 {
    return this.rules.pointerSize;
  }

  /**
   * Makes the page tables appear in the address space itself, as MmPteBase needs it: the top-level table, or each of PAE's page directories,
   * is entered in a slot of the kernel half.
   */
  selfMap(slot = this.rules.selfSlot ?? 0x1ed): void {
    this.#selfMapped = true;
    this.#own.forEach((table, index) => {
      const flags = this.rules.pointerSize === 8 ? TABLE | PTE.noExecute : TABLE;
      this.#setEntry(this.#at(slot + index), this.rules.encode(BigInt(table), flags, 'table', this.rules.sharedLevel));
    });
  }

  /** Physical address of the entry that maps `address` by a page of that size; tables above it are made. */
  entry(address: bigint, size: PageSize = '4 KiB'): number {
    const { rules } = this;
    if (this.kernel !== undefined && address >= rules.kernelStart) return this.kernel.entry(address, size);
    const slot = this.#slot(address);
    let at = this.#at(slot);
    for (let level = rules.sharedLevel; ; level += 1) {
      const shift = rules.shifts[level]!;
      if (level > rules.sharedLevel) at += Number((address >> shift) & ((1n << rules.indexBits) - 1n)) * rules.entryBytes;
      if (shift === SHIFT[size]) return at;
      let found = rules.decode(this.#entryAt(at), level);
      if (found === undefined) {
        const table = BigInt(this.physical.alloc());
        const entry = rules.encode(table, TABLE | (address < rules.kernelStart ? PTE.user : 0n), 'table', level);
        this.#setEntry(at, entry);
        if (level === rules.sharedLevel) for (const child of this.#children) child.#setEntry(child.#at(slot), entry);
        found = rules.decode(entry, level);
      }
      if (found === undefined || found.leaf) throw new Error(`a large page is mapped at 0x${address.toString(16)}`);
      at = Number(found.physical);
    }
  }

  /** Writes a PTE as it is given: valid or not. */
  setPte(address: bigint, value: bigint): void {
    this.#setEntry(this.entry(address), value);
  }

  map(address: bigint, physical: number, flags: bigint, size: PageSize = '4 KiB'): void {
    const level = this.rules.shifts.indexOf(SHIFT[size]);
    if (level < 0) throw new Error(`${this.rules.name} has no pages of ${size}`);
    const entry = this.rules.encode(BigInt(physical), flags, size === '4 KiB' ? 'page' : 'large', level);
    const at = this.entry(address, size);
    this.#setEntry(at, entry);
    if (level === this.rules.sharedLevel && address >= this.rules.kernelStart) {
      const slot = this.#slot(address);
      for (const child of (this.kernel ?? this).#children) child.#setEntry(child.#at(slot), entry);
    }
  }

  translate(address: bigint): number | undefined {
    const walked = slowWalk((at) => (at + 8n <= BigInt(this.physical.size) ? this.physical.u64(Number(at)) : undefined), BigInt(this.dtb), address, this.rules);
    return walked === undefined ? undefined : Number(walked.physical);
  }

  /** Gives frames to the pages of [address, address + length) that have none. */
  back(address: bigint, length: number, flags?: bigint): void {
    const first = address & ~0xfffn;
    for (let at = first; at < address + BigInt(length); at += BigInt(PAGE)) {
      if (this.translate(at) === undefined) this.map(at, this.physical.alloc(), flags ?? (at < this.rules.kernelStart ? USER_DATA : KERNEL_DATA));
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

  setU32(address: bigint, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value >>> 0);
    this.write(address, bytes);
  }

  /** A pointer of this processor's width. */
  pointer(address: bigint): bigint {
    return this.pointerSize === 8 ? this.u64(address) : BigInt(this.read(address, 4).readUInt32LE(0));
  }

  setPointer(address: bigint, value: bigint): void {
    if (this.pointerSize === 8) this.setU64(address, value);
    else this.setU32(address, Number(value & 0xffff_ffffn));
  }

  /** Physical addresses of the entries of its own tables that span the kernel half. */
  kernelSlots(): readonly number[] {
    const first = this.#slot(this.rules.kernelStart);
    return Array.from({ length: this.#slots - first }, (_, i) => this.#at(first + i));
  }

  /** How many entries the tables of the shared level have together. */
  get #slots(): number {
    return this.#own.length * (PAGE / this.rules.entryBytes);
  }

  #slot(address: bigint): number {
    const { virtualBits, shifts, sharedLevel } = this.rules;
    return Number(BigInt.asUintN(Number(virtualBits), address) >> shifts[sharedLevel]!);
  }

  /** Physical address of a slot. */
  #at(slot: number): number {
    const perTable = PAGE / this.rules.entryBytes;
    return this.#own[Math.floor(slot / perTable)]! + (slot % perTable) * this.rules.entryBytes;
  }

  #entryAt(at: number): bigint {
    return this.rules.entryBytes === 8 ? this.physical.u64(at) : BigInt(this.physical.bytes.readUInt32LE(at));
  }

  #setEntry(at: number, value: bigint): void {
    if (this.rules.entryBytes === 8) this.physical.setU64(at, value);
    else this.physical.bytes.writeUInt32LE(Number(value & 0xffff_ffffn), at);
  }
}
