import { crc32, crc64 } from '../../src/compress/checksum.js';

/** The range coder and the models of an LZMA encoder, plain and slow: what the decoder is tested against. */
class Encoder {
  readonly out: number[] = [];
  #low = 0;
  #range = 0xffff_ffff;
  #cache = 0;
  #cached = 1;

  bit(probs: Uint16Array, index: number, bit: number): void {
    const bound = (this.#range >>> 11) * probs[index]!;
    if (bit === 0) {
      this.#range = bound;
      probs[index]! += (2048 - probs[index]!) >> 5;
    } else {
      this.#low += bound;
      this.#range -= bound;
      probs[index]! -= probs[index]! >> 5;
    }
    this.#normalize();
  }

  direct(value: number, bits: number): void {
    for (let i = bits - 1; i >= 0; i -= 1) {
      this.#range >>>= 1;
      if (((value >>> i) & 1) !== 0) this.#low += this.#range;
      this.#normalize();
    }
  }

  tree(probs: Uint16Array, base: number, bits: number, value: number): void {
    let symbol = 1;
    for (let i = bits - 1; i >= 0; i -= 1) {
      const bit = (value >>> i) & 1;
      this.bit(probs, base + symbol, bit);
      symbol = (symbol << 1) | bit;
    }
  }

  reverse(probs: Uint16Array, base: number, bits: number, value: number): void {
    let symbol = 1;
    for (let i = 0; i < bits; i += 1) {
      const bit = (value >>> i) & 1;
      this.bit(probs, base + symbol, bit);
      symbol = (symbol << 1) | bit;
    }
  }

  finish(): Buffer {
    for (let i = 0; i < 5; i += 1) this.#shift();
    return Buffer.from(this.out);
  }

  #normalize(): void {
    while (this.#range < 0x100_0000) {
      this.#range = (this.#range << 8) >>> 0;
      this.#shift();
    }
  }

  #shift(): void {
    if (this.#low < 0xff00_0000 || this.#low >= 0x1_0000_0000) {
      const carry = this.#low >= 0x1_0000_0000 ? 1 : 0;
      for (let value = this.#cache; this.#cached > 0; this.#cached -= 1, value = 0xff) this.out.push((value + carry) & 0xff);
      this.#cache = Math.floor(this.#low / 0x100_0000) & 0xff;
    }
    this.#cached += 1;
    this.#low = (this.#low % 0x100_0000) * 256;
  }
}

const models = (size: number): Uint16Array => new Uint16Array(size).fill(1024);

/** What the encoder carries from chunk to chunk. */
class State {
  state = 0;
  reps = [0, 0, 0, 0];
  readonly literals: Uint16Array;
  readonly isMatch = models(192);
  readonly isRep = models(12);
  readonly isRepG = [models(12), models(12), models(12)] as const;
  readonly isRep0Long = models(192);
  readonly slots = models(256);
  readonly special = models(128);
  readonly align = models(16);
  readonly lengths = models(514);
  readonly repLengths = models(514);

  constructor(readonly lc: number, readonly lp: number, readonly pb: number) {
    this.literals = models(0x300 << (lc + lp));
  }
}

function encodeLength(coder: Encoder, probs: Uint16Array, position: number, length: number): void {
  if (length < 10) {
    coder.bit(probs, 0, 0);
    coder.tree(probs, 2 + position * 8, 3, length - 2);
  } else if (length < 18) {
    coder.bit(probs, 0, 1);
    coder.bit(probs, 1, 0);
    coder.tree(probs, 130 + position * 8, 3, length - 10);
  } else {
    coder.bit(probs, 0, 1);
    coder.bit(probs, 1, 1);
    coder.tree(probs, 258, 8, length - 18);
  }
}

function encodeDistance(coder: Encoder, s: State, distance: number, length: number): void {
  const top = distance < 4 ? 0 : 31 - Math.clz32(distance);
  const slot = distance < 4 ? distance : top * 2 + ((distance >>> (top - 1)) & 1);
  coder.tree(s.slots, Math.min(length - 2, 3) << 6, 6, slot);
  if (slot < 4) return;
  const bits = (slot >> 1) - 1;
  const base = (2 | (slot & 1)) << bits;
  if (slot < 14) coder.reverse(s.special, base - slot, bits, distance - base);
  else {
    coder.direct((distance - base) >>> 4, bits - 4);
    coder.reverse(s.align, 0, 4, (distance - base) & 15);
  }
}

function encodeLiteral(coder: Encoder, s: State, data: Buffer, at: number): void {
  const before = at > 0 ? data[at - 1]! : 0;
  const base = 0x300 * (((at & ((1 << s.lp) - 1)) << s.lc) + (before >> (8 - s.lc)));
  const byte = data[at]!;
  let symbol = 1;
  let matching = s.state >= 7;
  const match = matching ? data[at - s.reps[0]! - 1]! : 0;
  for (let i = 7; i >= 0; i -= 1) {
    const bit = (byte >> i) & 1;
    const other = (match >> i) & 1;
    coder.bit(s.literals, base + (matching ? (1 + other) << 8 : 0) + symbol, bit);
    if (bit !== other) matching = false;
    symbol = (symbol << 1) | bit;
  }
  s.state = s.state < 4 ? 0 : s.state < 10 ? s.state - 3 : s.state - 6;
}

function matchLength(data: Buffer, at: number, distance: number, end: number): number {
  let length = 0;
  while (at + length < end && length < 273 && data[at + length] === data[at + length - distance - 1]) length += 1;
  return length;
}

/** One chunk's LZMA: greedy, with all kinds of packets. */
function encodeChunk(s: State, data: Buffer, start: number, end: number, seen: Map<number, number>): Buffer {
  const coder = new Encoder();
  for (let at = start; at < end;) {
    const position = at & ((1 << s.pb) - 1);
    const key = at + 3 <= end ? data.readUIntLE(at, 3) : -1;
    const reps = s.reps.map((rep) => (rep < at ? matchLength(data, at, rep, end) : 0));
    const best = reps.indexOf(Math.max(...reps));
    const earlier = seen.get(key);
    const distance = earlier === undefined ? 0 : at - earlier - 1;
    const found = earlier === undefined ? 0 : matchLength(data, at, distance, end);
    if (key >= 0) seen.set(key, at);
    const at16 = (s.state << 4) + position;
    if (reps[best]! >= 2 && reps[best]! >= found) {
      coder.bit(s.isMatch, at16, 1);
      coder.bit(s.isRep, s.state, 1);
      coder.bit(s.isRepG[0], s.state, best === 0 ? 0 : 1);
      if (best === 0) coder.bit(s.isRep0Long, at16, 1);
      else {
        coder.bit(s.isRepG[1], s.state, best === 1 ? 0 : 1);
        if (best > 1) coder.bit(s.isRepG[2], s.state, best === 2 ? 0 : 1);
      }
      const [rep] = s.reps.splice(best, 1);
      s.reps.unshift(rep!);
      encodeLength(coder, s.repLengths, position, reps[best]!);
      s.state = s.state < 7 ? 8 : 11;
      at += reps[best]!;
    } else if (found >= 3) {
      coder.bit(s.isMatch, at16, 1);
      coder.bit(s.isRep, s.state, 0);
      encodeLength(coder, s.lengths, position, found);
      encodeDistance(coder, s, distance, found);
      s.reps = [distance, ...s.reps.slice(0, 3)];
      s.state = s.state < 7 ? 7 : 10;
      at += found;
    } else if (reps[0]! >= 1 && at > 0) {
      coder.bit(s.isMatch, at16, 1);
      coder.bit(s.isRep, s.state, 1);
      coder.bit(s.isRepG[0], s.state, 0);
      coder.bit(s.isRep0Long, at16, 0);
      s.state = s.state < 7 ? 9 : 11;
      at += 1;
    } else {
      coder.bit(s.isMatch, at16, 0);
      encodeLiteral(coder, s, data, at);
      at += 1;
    }
  }
  return coder.finish();
}

export interface XzOptions {
  /** Bytes of a chunk before packing. */
  readonly chunk?: number;
  readonly lc?: number;
  readonly lp?: number;
  readonly pb?: number;
  /** Every third chunk is stored as it is. */
  readonly stored?: boolean;
  /** 0 none, 1 CRC-32, 4 CRC-64. */
  readonly check?: 0 | 1 | 4;
}

/** Packs bytes as an xz file of one block. */
export function xzBytes(data: Buffer, { chunk = 5000, lc = 3, lp = 0, pb = 2, stored = false, check = 4 }: XzOptions = {}): Buffer {
  const parts: Buffer[] = [];
  let state = new State(lc, lp, pb);
  const seen = new Map<number, number>();
  for (let at = 0, number = 0; at < data.length; at += chunk, number += 1) {
    const end = Math.min(at + chunk, data.length);
    if (stored && number % 3 === 1) {
      parts.push(Buffer.from([2, (end - at - 1) >> 8, (end - at - 1) & 0xff]), data.subarray(at, end));
      continue;
    }
    // After stored bytes the state is new; the probabilities of the first and each such chunk begin anew.
    const kind = number === 0 ? 0xe0 : stored && number % 3 === 2 ? 0xa0 : 0x80;
    if (kind === 0xa0) state = new State(lc, lp, pb);
    const body = encodeChunk(state, data, at, end, seen);
    const size = end - at - 1;
    parts.push(Buffer.from([kind | (size >> 16), (size >> 8) & 0xff, size & 0xff, (body.length - 1) >> 8, (body.length - 1) & 0xff]));
    if (kind === 0xe0) parts.push(Buffer.from([(pb * 5 + lp) * 9 + lc]));
    parts.push(body);
  }
  const chunks = Buffer.concat([...parts, Buffer.from([0])]);
  return xzContainer(chunks, data, check);
}

const word = (value: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
};

/** Puts LZMA2 chunks into an xz file. @param data what they unpack to */
export function xzContainer(chunks: Buffer, data: Buffer, check: 0 | 1 | 4 = 4): Buffer {
  const flags = Buffer.from([0, check]);
  const head = Buffer.concat([Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), flags, word(crc32(flags))]);
  const block = Buffer.from([2, 0, 0x21, 1, 0x16, 0, 0, 0]);
  const sum = check === 4 ? crc64(data) : check === 1 ? word(crc32(data)) : Buffer.alloc(0);
  const pad = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  const unpadded = block.length + 4 + chunks.length + sum.length;
  const index = pad(Buffer.concat([Buffer.from([0, 1]), multibyte(unpadded), multibyte(data.length)]));
  const footer = Buffer.concat([word((index.length + 4) / 4 - 1), flags]);
  return Buffer.concat([head, block, word(crc32(block)), pad(chunks), sum, index, word(crc32(index)), word(crc32(footer)), footer, Buffer.from('YZ')]);
}

function multibyte(value: number): Buffer {
  const out: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    out.push(left % 128 + (left >= 128 ? 128 : 0));
    if (left < 128) return Buffer.from(out);
  }
}
