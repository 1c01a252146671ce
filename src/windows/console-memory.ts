import { utf16 } from '../bytes/utf16.js';
import { walk } from '../bytes/walk.js';
import { wordAt } from '../bytes/word.js';
import type { AddressSpace } from '../paging/address-space.js';
import type { Process } from './process.js';

/** A stretch of a host's memory that is in the image. */
export interface Piece {
  readonly start: bigint;
  readonly bytes: Buffer;
  /** Structures that begin before this offset are this piece's; the rest repeats at the start of the next. */
  readonly own: number;
}

/** Hosts have a few megabytes; more than this is not looked through. */
const MAX_SEARCHED = 64 << 20;
const MAX_PIECE = 4 << 20;
/** As much is read of what was found there: many times what the largest screens and histories take. */
const MAX_READ = 96 << 20;
/** What a read costs besides its bytes, so that small ones end too. */
const READ = 64;
/** As much as the largest structure that is looked for. */
const OVERLAP = 0x1000;
/** Windows allows no longer line; titles are shorter. */
export const MAX_CHARACTERS = 0x7fff;
/** No console has more of anything that it keeps on a list. */
export const MAX_MEMBERS = 4096;
/** No program's own data lies in the first 64 KiB. */
const LOWEST_USER = 0x1_0000n;

/** The memory of a console host, and how texts lie in it. */
export class HostMemory {
  readonly memory: AddressSpace;
  readonly pointerSize: 4 | 8;
  #left = MAX_READ;

  constructor(readonly process: Process) {
    this.memory = process.memory;
    this.pointerSize = process.kernel.pointerSize;
  }

  get where(): string { return `${this.process.where} console`; }

  isUser(address: bigint): boolean {
    return address >= LOWEST_USER && !this.process.kernel.isKernelAddress(address);
  }

  word(bytes: Buffer, at: number): bigint {
    return wordAt(bytes, at, this.pointerSize);
  }

  read(address: bigint, length: number): Buffer | undefined {
    return this.isUser(address) ? this.memory.read(address, length) : undefined;
  }

  /** As `read`, of what the image may name again and again; undefined also when all that may be read was. */
  take(address: bigint, length: number): Buffer | undefined {
    if (this.#left <= 0) {
      this.process.anomalies.add(this.where, `stopped after ${MAX_READ >> 20} MiB of texts and lists`);
      return undefined;
    }
    this.#left -= length + READ;
    return this.read(address, length);
  }

  /** A pointer in memory; undefined when it is not in the image. */
  pointer(address: bigint): bigint | undefined {
    const bytes = this.take(address, this.pointerSize);
    return bytes && this.word(bytes, 0);
  }

  /** What the host keeps for itself: heaps and the like, piece by piece. */
  * pieces(): Generator<Piece> {
    yield* this.#pieces(this.process.vads().filter((vad) => vad.private && !vad.image).map(({ start, end }) => [start, end + 1n] as const));
  }

  /** A range that is not too large, such as a module. */
  * piecesOf(start: bigint, end: bigint): Generator<Piece> {
    yield* this.#pieces([[start, end]]);
  }

  * #pieces(ranges: Iterable<readonly [start: bigint, end: bigint]>): Generator<Piece> {
    let searched = 0;
    for (const [from, to] of ranges) {
      for (const { start, end } of joined(this.memory.runs(from, to))) {
        for (let at = start; at < end; at += BigInt(MAX_PIECE)) {
          const left = Number(end - at);
          const bytes = this.memory.read(at, Math.min(left, MAX_PIECE + OVERLAP));
          if (bytes === undefined) continue;
          yield { start: at, bytes, own: Math.min(left, MAX_PIECE) };
          searched += bytes.length;
          if (searched < MAX_SEARCHED) continue;
          this.process.anomalies.add(this.where, `stopped after ${MAX_SEARCHED >> 20} MiB`, at);
          return;
        }
      }
    }
  }

  /** `count` UTF-16 units at an address; undefined when they are not in the image. */
  text(address: bigint, count: number): string | undefined {
    if (count <= 0) return count === 0 ? '' : undefined;
    const bytes = this.take(address, Math.min(count, MAX_CHARACTERS) * 2);
    return bytes && utf16(bytes);
  }

  /** A text that ends with NUL, of at most `most` characters; what is missing behind the first page ends it too. */
  textToNul(address: bigint, most: number): string | undefined {
    if ((address & 1n) !== 0n) return undefined;
    const inPage = 0x1000 - Number(address & 0xfffn);
    const bytes = this.take(address, most * 2) ?? this.take(address, Math.min(inPage, most * 2));
    if (bytes === undefined) return undefined;
    for (let at = 0; at + 2 <= bytes.length; at += 2) if (bytes.readUInt16LE(at) === 0) return bytes.toString('utf16le', 0, at);
    return undefined;
  }

  /**
   * A `std::wstring` as Microsoft's library lays it out: up to 7 characters in place or a pointer, count, capacity.
   * Undefined: the bytes are none. Its text is undefined when it is not in the image.
   */
  string(bytes: Buffer, at: number): { readonly text: string | undefined } | undefined {
    const size = this.word(bytes, at + 16);
    const capacity = this.word(bytes, at + 16 + this.pointerSize);
    if (size > capacity || capacity < 7n || capacity > BigInt(MAX_CHARACTERS)) return undefined;
    if (capacity === 7n) return { text: bytes.toString('utf16le', at, at + Number(size) * 2) };
    const buffer = this.word(bytes, at);
    return this.isUser(buffer) && (buffer & 1n) === 0n ? { text: this.text(buffer, Number(size)) } : undefined;
  }

  /** Whether both neighbours of a node of a list lead back to it. */
  linked(node: bigint, forward: bigint, back: bigint): boolean {
    const leads = (address: bigint): boolean => {
      const bytes = this.read(address, this.pointerSize);
      return bytes !== undefined && this.word(bytes, 0) === node;
    };
    return leads(forward + BigInt(this.pointerSize)) && leads(back);
  }

  /** The members of a list of forward and back links, without its head; undefined when it does not lead back to the head. */
  ring(head: bigint): readonly bigint[] | undefined {
    const first = this.pointer(head);
    if (first === undefined || this.pointer(first + BigInt(this.pointerSize)) !== head) return undefined;
    let closed = false;
    const nodes = [...walk([first], (node) => node, (node) => {
      const forward = this.pointer(node);
      return forward === undefined ? undefined : { value: node, next: [forward] };
    }, { where: this.where, cap: MAX_MEMBERS, anomalies: this.process.anomalies }, (node) => (closed ||= node === head))];
    return closed ? nodes : undefined;
  }
}

/** Neighbouring runs as one. */
function* joined(runs: Iterable<{ readonly start: bigint; readonly length: number }>): Generator<{ start: bigint; end: bigint }> {
  let open: { start: bigint; end: bigint } | undefined;
  for (const { start, length } of runs) {
    if (open !== undefined && open.end === start) {
      open.end += BigInt(length);
      continue;
    }
    if (open !== undefined) yield open;
    open = { start, end: start + BigInt(length) };
  }
  if (open !== undefined) yield open;
}
