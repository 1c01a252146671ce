import { seeded } from './random.js';

export const PAGE = 4096;
const MIB = 0x10_0000;

/** Physical memory to be: one buffer, and frames that are handed out scattered, so that no test holds by accident of order. */
export class PhysicalImage {
  readonly bytes: Buffer;
  readonly #used: Uint8Array;
  readonly #order: number[];

  /** @param size bytes, a multiple of 4096, 1 MiB at least; the first MiB is handed out to nobody who does not name the frame */
  constructor(size: number, seed = 1) {
    this.bytes = Buffer.alloc(size);
    this.#used = new Uint8Array(size / PAGE);
    const next = seeded(seed);
    this.#order = Array.from({ length: Math.max(0, (size - MIB) / PAGE) }, (_, i) => i + MIB / PAGE);
    for (let i = this.#order.length - 1; i > 0; i -= 1) {
      const j = Math.floor(next() * (i + 1));
      [this.#order[i], this.#order[j]] = [this.#order[j]!, this.#order[i]!];
    }
  }

  get size(): number {
    return this.bytes.length;
  }

  /** A free frame's physical address. */
  alloc(): number {
    for (let frame = this.#order.pop(); frame !== undefined; frame = this.#order.pop()) {
      if (this.#used[frame] === 0) return this.take(frame);
    }
    throw new Error('the synthetic machine has no free frame left: give it more memory');
  }

  /** Reserves a frame by number; its physical address. */
  take(frame: number): number {
    if (this.#used[frame] !== 0) throw new Error(`frame 0x${frame.toString(16)} is taken or outside the image`);
    this.#used[frame] = 1;
    return frame * PAGE;
  }

  /** Free frames in a row, beginning at a multiple of `align` frames; the first one's physical address. */
  contiguous(frames: number, align = 1): number {
    const lowest = Math.ceil(MIB / PAGE / align) * align;
    for (let first = lowest; first + frames <= this.#used.length; first += align) {
      if (this.#used.subarray(first, first + frames).some((used) => used !== 0)) continue;
      this.#used.fill(1, first, first + frames);
      return first * PAGE;
    }
    throw new Error(`the synthetic machine has no ${frames} free frames in a row: give it more memory`);
  }

  /** Whether a frame was handed out. */
  used(frame: number): boolean {
    return this.#used[frame] === 1;
  }

  u64(address: number): bigint {
    return this.bytes.readBigUInt64LE(address);
  }

  setU64(address: number, value: bigint): void {
    this.bytes.writeBigUInt64LE(BigInt.asUintN(64, value), address);
  }
}
