import type { Machine } from './machine.js';

export interface BlockSpec {
  /** Bytes asked for. */
  readonly asked?: number;
  /** Bytes of the block, its head included; what `asked` needs by default. */
  readonly total?: number;
  /** `_HEAP_ENTRY.Flags`; busy by default. */
  readonly flags?: number;
}

const HEAD = 16;
const PAGE = 4096;

/** An NT heap of a 64-bit process, written block after block. */
export class NtHeap {
  readonly encoding = Buffer.from('1122334455667788', 'hex');
  #next: bigint;
  #previous = 0;
  /** The heads that were written, by address. */
  readonly blocks: bigint[] = [];

  constructor(private readonly made: Machine, private readonly pid: number, readonly address: bigint, pages: number, encoded = true) {
    const { space } = made.built(pid);
    const heap = made.view('_HEAP', address, space);
    heap.set('SegmentSignature', 0xffee_ffee).set('Signature', 0xeeff_eeff).set('EncodeFlagMask', encoded ? 0x10_0000 : 0)
      .listInit('SegmentList').listInit('VirtualAllocdBlocks');
    if (encoded) space.write(heap.at('Encoding') + 8n, this.encoding);
    else this.encoding.fill(0);
    this.#next = address + 0x740n;
    this.segment(address, pages, this.#next);
  }

  /** A segment's head; blocks that follow are its. */
  segment(address: bigint, pages: number, first = address + 0x70n): this {
    const segment = this.made.view('_HEAP_SEGMENT', address, this.made.built(this.pid).space);
    segment.set('SegmentSignature', 0xffee_ffee).set('Heap', this.address).set('NumberOfPages', pages).set('FirstEntry', first).set('LastValidEntry', address + BigInt(pages * PAGE));
    this.#next = first;
    this.#previous = 0;
    return this;
  }

  /** The next block; the address of what it holds. */
  block({ asked, total, flags = 1 }: BlockSpec): bigint {
    const bytes = total ?? Math.ceil(((asked ?? 0) + HEAD) / HEAD) * HEAD;
    const head = Buffer.alloc(8);
    head.writeUInt16LE(bytes / HEAD, 0);
    head[2] = flags;
    head[3] = head[0]! ^ head[1]! ^ head[2];
    head.writeUInt16LE(this.#previous, 4);
    head[7] = asked === undefined ? HEAD : bytes - asked;
    const at = this.#next;
    this.made.built(this.pid).space.write(at + 8n, head.map((byte, i) => byte ^ this.encoding[i]!));
    this.blocks.push(at);
    this.#previous = bytes / HEAD;
    this.#next = at + BigInt(bytes);
    return at + BigInt(HEAD);
  }

  /** The next block lies here. */
  skipTo(address: bigint): this {
    this.#next = address;
    return this;
  }

  /** A block of its own pages. */
  large(address: bigint, committed: number, asked: number): this {
    const { space } = this.made.built(this.pid);
    const heap = this.made.view('_HEAP', this.address, space);
    const entry = this.made.view('_HEAP_VIRTUAL_ALLOC_ENTRY', address, space).set('CommitSize', committed).set('ReserveSize', committed);
    const head = Buffer.alloc(8);
    head.writeUInt16LE(committed - asked, 0);
    head[2] = 9;
    head[3] = head[0]! ^ head[1]! ^ head[2];
    space.write(entry.at('BusyBlock') + 8n, head.map((byte, i) => byte ^ this.encoding[i]!));
    space.setPointer(heap.at('VirtualAllocdBlocks'), address);
    space.setPointer(address, heap.at('VirtualAllocdBlocks'));
    return this;
  }

  /**
   * A block of the front end's, cut into blocks of one size, as since Windows 8; what the busy ones hold.
   * @param subsegment where the `_HEAP_SUBSEGMENT` is written; undefined: it is not in the image
   */
  userBlocks(count: number, stride: number, busy: readonly number[], key: number, subsegment: bigint | undefined, asked = stride - HEAD): bigint[] {
    const { space } = this.made.built(this.pid);
    const words = Math.ceil(count / 64);
    const first = Math.ceil((0x30 + words * 8) / HEAD) * HEAD;
    const data = this.block({ total: HEAD + Math.ceil((first + count * stride) / HEAD) * HEAD, flags: 9 });
    const header = Buffer.alloc(0x30 + words * 8);
    header.writeBigUInt64LE(subsegment ?? 0x7fff_0000n, 0);
    header.writeUInt32LE(0xf0e0_d0c0, 0x14);
    header.writeUInt32LE(((first | (stride << 16)) ^ Number(data & 0xffff_ffffn) ^ key) >>> 0, 0x18);
    header.writeUInt32LE(count, 0x20);
    for (const i of busy) header[0x30 + (i >> 3)]! |= 1 << (i & 7);
    space.write(data, header);
    if (subsegment !== undefined) {
      const facts = Buffer.alloc(0x38);
      facts.writeBigUInt64LE(data, 8);
      facts.writeUInt16LE(stride / HEAD, 0x24);
      facts.writeUInt16LE(count, 0x28);
      space.write(subsegment, facts);
    }
    return busy.map((i) => {
      const at = data + BigInt(first + i * stride);
      space.write(at + 15n, Buffer.from([0x80 | (stride - asked)]));
      return at + BigInt(HEAD);
    });
  }
}

/** Names the heaps of a process in its PEB. */
export function listHeaps(made: Machine, pid: number, table: bigint, addresses: readonly bigint[]): void {
  const { space, view } = made.built(pid);
  addresses.forEach((address, i) => { space.setPointer(table + BigInt(i * 8), address); });
  made.view('_PEB', view.get('Peb'), space).set('NumberOfHeaps', addresses.length).set('ProcessHeaps', table);
}

const CONSTANT = 0xa2e6_4ead_a2e6_4eadn;
const UNIT = 4096;

/** A segment heap of a 64-bit process with one page segment, of which what is written is there. */
export class SegmentHeap {
  readonly key = 0x1357_9bdf_0246_8acen;
  #unit = 2;

  constructor(private readonly made: Machine, private readonly pid: number, readonly address: bigint, readonly segment: bigint) {
    const { space } = made.built(pid);
    const heap = made.view('_SEGMENT_HEAP', address, space).set('Signature', 0xddee_ddee);
    const size = BigInt(made.kernel.profile.sizeOf('_HEAP_SEG_CONTEXT') ?? 0);
    for (const i of [0n, 1n]) {
      const context = made.view('_HEAP_SEG_CONTEXT', heap.at('SegContexts') + i * size, space);
      context.set('SegmentMask', 0xffff_ffff_fff0_0000n).set('UnitShift', 12).set('FirstDescriptorIndex', 2).listInit('SegmentListHead');
    }
    const context = heap.at('SegContexts');
    const head = made.view('_HEAP_SEG_CONTEXT', context, space).at('SegmentListHead');
    space.setPointer(head, segment);
    space.setPointer(segment, head);
    made.view('_HEAP_PAGE_SEGMENT', segment, space).set('Signature', segment ^ context ^ this.key ^ CONSTANT);
  }

  /** The next range of pages; its address. */
  range(units: number, flags: number, unused = 0): bigint {
    const { space } = this.made.built(this.pid);
    const at = this.segment + BigInt(this.#unit * (this.made.kernel.profile.sizeOf('_HEAP_PAGE_RANGE_DESCRIPTOR') ?? 0));
    this.made.view('_HEAP_PAGE_RANGE_DESCRIPTOR', at, space).set('RangeFlags', flags).set('UnitSize', units).set('UnusedBytes', unused);
    const range = this.segment + BigInt(this.#unit * UNIT);
    this.#unit += units;
    return range;
  }

  /** A subsegment for blocks of any size; where each chunk's bytes are. */
  vs(chunks: readonly { readonly total: number; readonly busy: boolean; readonly unused?: number }[]): bigint[] {
    const { space } = this.made.built(this.pid);
    const range = this.range(1, 15);
    const head = Buffer.alloc(4);
    head.writeUInt16LE(0xfd, 0);
    head.writeUInt16LE(0xfd ^ 0x2bed, 2);
    space.write(range + 0x20n, head);
    let at = range + 0x30n;
    let previous = 0;
    return chunks.map(({ total, busy, unused }) => {
      const sizes = (BigInt(total / 16) << 16n) | (BigInt(previous) << 32n) | (busy ? 1n << 48n : 0n);
      space.setU64(at, BigInt.asUintN(64, sizes ^ at ^ this.key));
      const bits = Buffer.alloc(4);
      bits.writeUInt32LE(unused === undefined ? 0 : 0x100, 0);
      space.write(at + 8n, bits);
      if (unused !== undefined) {
        const counted = Buffer.alloc(2);
        counted.writeUInt16LE(unused);
        space.write(at + BigInt(total) - 2n, counted);
      }
      previous = total / 16;
      const data = at + 16n;
      at += BigInt(total);
      return data;
    });
  }

  /** A subsegment for blocks of one size; where the busy ones are. */
  lfh(block: number, busy: readonly number[], key: number): bigint[] {
    const { space } = this.made.built(this.pid);
    const range = this.range(1, 11);
    let count = Math.floor((UNIT - 0x40) / block);
    const firstOf = (blocks: number): number => Math.ceil((0x30 + Math.ceil(blocks / 32) * 8) / 16) * 16;
    while (firstOf(count) + count * block > UNIT) count -= 1;
    const first = firstOf(count);
    const bytes = Buffer.alloc(first);
    bytes.writeUInt16LE(count, 0x22);
    bytes.writeUInt32LE(((block | (first << 16)) ^ key ^ Number((range & 0xffff_ffffn) >> 12n)) >>> 0, 0x28);
    for (const i of busy) bytes[0x30 + (i >> 2)]! |= 1 << ((i & 3) * 2);
    space.write(range, bytes);
    return busy.map((i) => range + BigInt(first + i * block));
  }

  /** An allocation of its own pages, as the only one. */
  large(node: bigint, address: bigint, pages: number, unused: number): this {
    const { space } = this.made.built(this.pid);
    const heap = this.made.view('_SEGMENT_HEAP', this.address, space);
    space.setPointer(heap.at('LargeAllocMetadata'), node);
    space.setU64(node + 24n, address | BigInt(unused));
    space.setU64(node + 32n, BigInt(pages) << 12n);
    return this;
  }
}
