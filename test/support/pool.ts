import type { Profile } from '../../src/profile/profile.js';
import { View } from './layout.js';
import { PAGE } from './physical.js';
import type { Space } from './tables.js';

/** A kernel pool: blocks with headers and tags one after the other in pages, large ones page-aligned without header. */
export class Pool {
  #next: bigint;
  #left = 0;
  #previous = 0;
  /** Bytes of a header, which are the unit of sizes too: 16, and 8 on 32-bit. */
  readonly #unit: number;

  /** @param type as `_POOL_HEADER.PoolType`: since Vista odd is paged, even non-paged; before it the other way round */
  constructor(private readonly profile: Profile, private readonly space: Space, base: bigint, private readonly type: number) {
    this.#next = base;
    this.#unit = profile.pointerSize * 2;
  }

  /** A zeroed block's address behind its header. */
  alloc(size: number, tag: string): bigint {
    const unit = this.#unit;
    const blocks = Math.ceil(size / unit) + 1;
    if (blocks * unit > PAGE - unit) return this.pages(size);
    if (blocks * unit > this.#left) this.#page();
    const header = this.#next;
    this.#next += BigInt(blocks * unit);
    this.#left -= blocks * unit;
    this.space.back(header, blocks * unit);
    this.#header(header, blocks, Buffer.from(tag.padEnd(4), 'latin1'));
    this.#previous = blocks;
    return header + BigInt(unit);
  }

  /** Page-aligned memory without a header, as allocations of a page and more have it. */
  pages(size: number): bigint {
    this.#page();
    const at = this.#next;
    const pages = Math.ceil(size / PAGE);
    this.space.back(at, pages * PAGE);
    this.#next += BigInt(pages * PAGE);
    this.#left = 0;
    return at;
  }

  /** A block for a structure of the profile. */
  struct(name: string, tag: string, extra = 0): View {
    const size = this.profile.sizeOf(name);
    if (size === undefined) throw new Error(`the profile has no ${name}`);
    return new View(this.profile, name, this.space, this.alloc(size + extra, tag));
  }

  /** `_POOL_HEADER`; by hand where the layouts do not have it (10586). */
  #header(at: bigint, blocks: number, tag: Buffer): void {
    if (this.profile.sizeOf('_POOL_HEADER') !== undefined) {
      new View(this.profile, '_POOL_HEADER', this.space, at).set('PreviousSize', this.#previous).set('BlockSize', blocks).set('PoolType', this.type)
        .set('PoolTag', tag.readUInt32LE(0));
      return;
    }
    const bits = this.#unit === 16 ? 8 : 9;
    const sizes = Buffer.alloc(4);
    sizes.writeUInt16LE(this.#previous, 0);
    sizes.writeUInt16LE(blocks | (this.type << bits), 2);
    this.space.write(at, Buffer.concat([sizes, tag.subarray(0, 4)]));
  }

  #page(): void {
    this.#next = (this.#next + BigInt(PAGE - 1)) & ~BigInt(PAGE - 1);
    this.#left = PAGE;
    this.#previous = 0;
  }
}
