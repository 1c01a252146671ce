import { FormatError } from '../bytes/errors.js';

/** Probabilities are of 11 bits; one half to begin with. */
const HALF = 1024;
const TOP = 0x100_0000;
const LENGTH_TREES = { choice: 0, choice2: 1, low: 2, mid: 2 + 128, high: 2 + 256, size: 2 + 256 + 256 } as const;

/** What a decoded stream may become, and how much of it there is. */
interface Output {
  bytes: Buffer;
  length: number;
}

/** The LZMA decoder with the state that lives from chunk to chunk (lzma-specification.txt of the LZMA SDK). */
class Lzma {
  #input: Buffer = Buffer.alloc(0);
  #at = 0;
  #range = 0;
  #code = 0;
  #state = 0;
  #rep0 = 0;
  #rep1 = 0;
  #rep2 = 0;
  #rep3 = 0;
  #literalContext = 0;
  #literalPositions = 0;
  #positions = 0;
  #literals = new Uint16Array(0);
  readonly #isMatch = new Uint16Array(12 << 4);
  readonly #isRep = new Uint16Array(12);
  readonly #isRepG0 = new Uint16Array(12);
  readonly #isRepG1 = new Uint16Array(12);
  readonly #isRepG2 = new Uint16Array(12);
  readonly #isRep0Long = new Uint16Array(12 << 4);
  readonly #slots = new Uint16Array(4 << 6);
  readonly #special = new Uint16Array(128);
  readonly #align = new Uint16Array(16);
  readonly #lengths = new Uint16Array(LENGTH_TREES.size);
  readonly #repLengths = new Uint16Array(LENGTH_TREES.size);

  /** @param properties `(pb * 5 + lp) * 9 + lc`; in LZMA2 lc + lp is at most 4 */
  setProperties(properties: number): void {
    const lc = properties % 9;
    const lp = Math.floor(properties / 9) % 5;
    const pb = Math.floor(properties / 45);
    if (pb > 4 || lc + lp > 4) throw new FormatError('LZMA properties that cannot be');
    this.#literalContext = lc;
    this.#literalPositions = (1 << lp) - 1;
    this.#positions = (1 << pb) - 1;
    this.#literals = new Uint16Array(0x300 << (lc + lp));
  }

  resetState(): void {
    this.#state = 0;
    this.#rep0 = this.#rep1 = this.#rep2 = this.#rep3 = 0;
    for (const part of [this.#literals, this.#isMatch, this.#isRep, this.#isRepG0, this.#isRepG1, this.#isRepG2, this.#isRep0Long,
      this.#slots, this.#special, this.#align, this.#lengths, this.#repLengths]) part.fill(HALF);
  }

  /** Decodes one chunk: `size` bytes to the end of `out`, which has room for them. @param floor where the dictionary begins in `out` */
  chunk(input: Buffer, out: Output, size: number, floor: number): void {
    if (input.length < 5 || input[0] !== 0) throw new FormatError('an LZMA chunk does not begin as one');
    this.#input = input;
    this.#at = 5;
    this.#range = 0xffff_ffff;
    this.#code = input.readUInt32BE(1);
    this.#decode(out.bytes, out.length, out.length + size, floor);
    out.length += size;
    this.#normalize();
    if (this.#code !== 0 || this.#at !== input.length) throw new FormatError('an LZMA chunk does not end where it says');
  }

  #decode(bytes: Buffer, start: number, end: number, floor: number): void {
    let at = start;
    while (at < end) {
      const position = (at - floor) & this.#positions;
      const state = this.#state;
      if (this.#bit(this.#isMatch, (state << 4) + position) === 0) {
        bytes[at] = this.#literal(bytes, at, floor);
        at += 1;
        this.#state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
        continue;
      }
      let length: number;
      if (this.#bit(this.#isRep, state) === 0) {
        this.#rep3 = this.#rep2;
        this.#rep2 = this.#rep1;
        this.#rep1 = this.#rep0;
        length = this.#length(this.#lengths, position);
        this.#state = state < 7 ? 7 : 10;
        this.#rep0 = this.#distance(length);
      } else {
        const first = this.#bit(this.#isRepG0, state) === 0;
        if (first && this.#bit(this.#isRep0Long, (state << 4) + position) === 0) {
          length = 1;
          this.#state = state < 7 ? 9 : 11;
        } else {
          if (!first) this.#repeat(state);
          length = this.#length(this.#repLengths, position);
          this.#state = state < 7 ? 8 : 11;
        }
      }
      let from = at - this.#rep0 - 1;
      if (from < floor) throw new FormatError('an LZMA match reaches before the beginning');
      if (length > end - at) throw new FormatError('an LZMA match reaches beyond its chunk');
      for (const stop = at + length; at < stop; at += 1, from += 1) bytes[at] = bytes[from]!;
    }
  }

  /** Takes the second, third or fourth of the last distances, and puts it first. */
  #repeat(state: number): void {
    let distance = this.#rep1;
    if (this.#bit(this.#isRepG1, state) !== 0) {
      if (this.#bit(this.#isRepG2, state) === 0) distance = this.#rep2;
      else {
        distance = this.#rep3;
        this.#rep3 = this.#rep2;
      }
      this.#rep2 = this.#rep1;
    }
    this.#rep1 = this.#rep0;
    this.#rep0 = distance;
  }

  #literal(bytes: Buffer, at: number, floor: number): number {
    const before = at > floor ? bytes[at - 1]! : 0;
    const lc = this.#literalContext;
    const base = 0x300 * ((((at - floor) & this.#literalPositions) << lc) + (before >> (8 - lc)));
    const probs = this.#literals;
    let symbol = 1;
    if (this.#state >= 7) {
      const from = at - this.#rep0 - 1;
      if (from < floor) throw new FormatError('an LZMA match reaches before the beginning');
      let match = bytes[from]!;
      while (symbol < 0x100) {
        const matchBit = (match >> 7) & 1;
        match <<= 1;
        const bit = this.#bit(probs, base + ((1 + matchBit) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (matchBit !== bit) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(probs, base + symbol);
    return symbol & 0xff;
  }

  #length(probs: Uint16Array, position: number): number {
    if (this.#bit(probs, LENGTH_TREES.choice) === 0) return 2 + this.#tree(probs, LENGTH_TREES.low + (position << 3), 3);
    if (this.#bit(probs, LENGTH_TREES.choice2) === 0) return 10 + this.#tree(probs, LENGTH_TREES.mid + (position << 3), 3);
    return 18 + this.#tree(probs, LENGTH_TREES.high, 8);
  }

  #distance(length: number): number {
    const slot = this.#tree(this.#slots, Math.min(length - 2, 3) << 6, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = ((2 | (slot & 1)) << bits) >>> 0;
    if (slot < 14) return base + this.#reverse(this.#special, base - slot, bits);
    const middle = this.#direct(bits - 4) * 16;
    return base + middle + this.#reverse(this.#align, 0, 4);
  }

  #tree(probs: Uint16Array, base: number, bits: number): number {
    let symbol = 1;
    for (let i = 0; i < bits; i += 1) symbol = (symbol << 1) | this.#bit(probs, base + symbol);
    return symbol - (1 << bits);
  }

  #reverse(probs: Uint16Array, base: number, bits: number): number {
    let symbol = 1;
    let value = 0;
    for (let i = 0; i < bits; i += 1) {
      const bit = this.#bit(probs, base + symbol);
      symbol = (symbol << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  #direct(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i += 1) {
      this.#normalize();
      this.#range >>>= 1;
      const bit = this.#code >= this.#range ? 1 : 0;
      if (bit !== 0) this.#code -= this.#range;
      value = value * 2 + bit;
    }
    return value;
  }

  #bit(probs: Uint16Array, index: number): 0 | 1 {
    let range = this.#range;
    let code = this.#code;
    if (range < TOP) {
      range = (range << 8) >>> 0;
      code = ((code << 8) | (this.#input[this.#at] ?? 0)) >>> 0;
      this.#at += 1;
    }
    const chance = probs[index]!;
    const bound = (range >>> 11) * chance;
    if (code < bound) {
      this.#range = bound;
      this.#code = code;
      probs[index] = chance + ((2048 - chance) >> 5);
      return 0;
    }
    this.#range = range - bound;
    this.#code = code - bound;
    probs[index] = chance - (chance >> 5);
    return 1;
  }

  /** Beyond the input's end it takes zeros; the chunk then does not end where it says. */
  #normalize(): void {
    if (this.#range >= TOP) return;
    this.#range = (this.#range << 8) >>> 0;
    this.#code = ((this.#code << 8) | (this.#input[this.#at] ?? 0)) >>> 0;
    this.#at += 1;
  }
}

/**
 * Decodes LZMA2 chunks (xz-file-format 5.3.1) from `at` on.
 * @param limit the most bytes that may come out
 * @returns what came out, and where the input went on after the end marker
 * @throws FormatError when the chunks contradict themselves or become more than `limit`
 */
export function lzma2(input: Buffer, at: number, limit: number): { readonly bytes: Buffer; readonly end: number } {
  const out: Output = { bytes: Buffer.alloc(0), length: 0 };
  const lzma = new Lzma();
  let floor = 0;
  let hasDictionary = false;
  let hasProperties = false;
  const header = (length: number): number => {
    if (at + length > input.length) throw new FormatError('compressed data is cut off', at);
    return at;
  };
  for (;;) {
    const control = input[header(1)]!;
    if (control === 0) return { bytes: out.bytes.subarray(0, out.length), end: at + 1 };
    const resetsDictionary = control === 1 || control >= 0xe0;
    if (resetsDictionary) {
      floor = out.length;
      hasDictionary = true;
    }
    if (!hasDictionary) throw new FormatError('LZMA2 does not begin with a dictionary', at);
    if (control < 0x80) {
      if (control > 2) throw new FormatError('an LZMA2 chunk of no known kind', at);
      const size = input.readUInt16BE(header(3) + 1) + 1;
      header(3 + size);
      reserve(out, size, limit);
      input.copy(out.bytes, out.length, at + 3, at + 3 + size);
      out.length += size;
      at += 3 + size;
      continue;
    }
    const withProperties = control >= 0xc0;
    const body = withProperties ? 6 : 5;
    const size = ((control & 0x1f) << 16) + input.readUInt16BE(header(body) + 1) + 1;
    const packed = input.readUInt16BE(at + 3) + 1;
    if (withProperties) {
      lzma.setProperties(input[at + 5]!);
      hasProperties = true;
    }
    if (!hasProperties) throw new FormatError('an LZMA2 chunk without properties', at);
    if (control >= 0xa0) lzma.resetState();
    header(body + packed);
    reserve(out, size, limit);
    lzma.chunk(input.subarray(at + body, at + body + packed), out, size, floor);
    at += body + packed;
  }
}

function reserve(out: Output, more: number, limit: number): void {
  const needed = out.length + more;
  if (needed > limit) throw new FormatError(`compressed data becomes more than ${limit} bytes`);
  if (needed <= out.bytes.length) return;
  const grown = Buffer.alloc(Math.min(limit, Math.max(needed, out.bytes.length * 2)));
  out.bytes.copy(grown, 0, 0, out.length);
  out.bytes = grown;
}
