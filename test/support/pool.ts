import type { Profile } from '../../src/profile/profile.js';
import { View } from './layout.js';
import { PAGE } from './physical.js';
import type { Space } from './tables.js';

const GRANULE = 16;

/** A kernel pool: blocks with headers and tags one after the other in pages, large ones page-aligned without header. */
export class Pool {
  #next: bigint;
  #left = 0;
  #previous = 0;

  /** @param type as `_POOL_HEADER.PoolType`: odd is paged, even non-paged */
  constructor(private readonly profile: Profile, private readonly space: Space, base: bigint, private readonly type: number) {
    this.#next = base;
  }

  /** A zeroed block's address behind its header. */
  alloc(size: number, tag: string): bigint {
    const blocks = Math.ceil(size / GRANULE) + 1;
    if (blocks * GRANULE > PAGE - GRANULE) return this.pages(size);
    if (blocks * GRANULE > this.#left) this.#page();
    const header = this.#next;
    this.#next += BigInt(blocks * GRANULE);
    this.#left -= blocks * GRANULE;
    this.space.back(header, blocks * GRANULE);
    new View(this.profile, '_POOL_HEADER', this.space, header)
      .set('PreviousSize', this.#previous).set('BlockSize', blocks).set('PoolType', this.type)
      .set('PoolTag', Buffer.from(tag.padEnd(4), 'latin1').readUInt32LE(0));
    this.#previous = blocks;
    return header + BigInt(GRANULE);
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

  #page(): void {
    this.#next = (this.#next + BigInt(PAGE - 1)) & ~BigInt(PAGE - 1);
    this.#left = PAGE;
    this.#previous = 0;
  }
}
