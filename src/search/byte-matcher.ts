import type { Matcher } from './matcher.js';
import type { Pattern } from './pattern.js';

const PIECE = 1 << 20;

/** How a piece is gone through: of every `step` bytes, the first `width` are looked at. It takes `width + step - 1` sure bytes in a row. */
interface Stride {
  readonly width: 1 | 2 | 4;
  readonly step: 1 | 2 | 4 | 8;
}

/** Larger steps first: a long text needs but few looks. */
const STRIDES: readonly Stride[] = [{ width: 4, step: 8 }, { width: 4, step: 4 }, { width: 2, step: 4 }, { width: 2, step: 2 }, { width: 1, step: 1 }];

/** Bits of a letter's case. */
const CASE = 0x20;
const KEEP_CASE = 0xffff_ffff | 0;
const NO_CASE = ~0x2020_2020;
/** Spreads words over the table (2^32 divided by the golden ratio). */
const SPREAD = 0x9e37_79b1 | 0;

/** The sure bytes of a pattern that are looked for first. */
interface Anchor {
  readonly start: number;
  readonly length: number;
}

/** A word of a pattern's anchor, and how far before it the pattern begins. */
interface Entry {
  readonly word: number;
  readonly back: number;
  readonly pattern: Pattern;
}

/**
 * Looks for patterns of bytes, several at once. Memory is looked at in words far apart; a table says which words may be part of a
 * pattern, and only there the bytes are compared. Patterns without a sure byte are compared everywhere.
 */
export function byteMatcher(patterns: readonly Pattern[]): Matcher {
  const folded = patterns.some(({ ignore }) => ignore.includes(CASE)) && patterns.every(({ ignore }) => ignore.every((bits) => bits === 0 || bits === CASE));
  const sure = (bits: number): boolean => bits === 0 || (folded && bits === CASE);
  const anchors = patterns.map(({ ignore }) => longestRun(ignore, sure));
  const shortest = Math.min(...anchors.map(({ length }) => length));
  const stride = STRIDES.find(({ width, step }) => shortest >= width + step - 1);
  const longest = Math.max(...patterns.map(({ value }) => value.length));
  const about = { before: 0, after: longest, piece: PIECE };
  if (stride === undefined) return { ...about, find: everywhere(patterns) };
  const keep = folded ? NO_CASE : KEEP_CASE;
  return { ...about, find: byWords(stride, keep, entriesOf(patterns, anchors, stride, keep)) };
}

function longestRun(ignore: Uint8Array, sure: (bits: number) => boolean): Anchor {
  let best: Anchor = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= ignore.length; i += 1) {
    if (i < ignore.length && sure(ignore[i]!)) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}

function entriesOf(patterns: readonly Pattern[], anchors: readonly Anchor[], { width, step }: Stride, keep: number): Entry[] {
  return patterns.flatMap((pattern, i) => Array.from({ length: step }, (_, shift) => {
    const at = anchors[i]!.start + shift;
    let word = 0;
    for (let k = width - 1; k >= 0; k -= 1) word = (word << 8) | pattern.value[at + k]!;
    return { word: word & keep, back: at, pattern };
  }));
}

function byWords({ width, step }: Stride, keep: number, entries: readonly Entry[]): Matcher['find'] {
  const known = knownWords(width, keep, entries);
  const stride = step / width;
  // Behind the last start, an anchor may lie as far as the pattern reaches.
  const reach = entries.reduce((most, { back }) => Math.max(most, back), 0) + step;
  return (bytes, end, from, to, match) => {
    const { next, at } = wordsOf(bytes, width, keep, known, stride);
    const last = Math.min(Math.floor(bytes.length / width), Math.ceil(Math.min(end, to + reach) / width));
    for (let i = next(Math.floor(from / step) * stride, last); i < last; i = next(i + stride, last)) {
      const word = at(i) & keep;
      for (const entry of entries) {
        if (entry.word !== word) continue;
        const start = i * width - entry.back;
        if (start < from || start >= to || !fits(entry.pattern, bytes, start, end)) continue;
        if (!match(start, entry.pattern.value.length, entry.pattern.encoding)) return;
      }
    }
  };
}

/** Marks words that may be part of a pattern: words of 32 bits where they are spread to, shorter ones as they are in memory. */
function knownWords(width: 1 | 2 | 4, keep: number, entries: readonly Entry[]): Uint8Array {
  const known = new Uint8Array(1 << 16);
  if (width === 4) for (const { word } of entries) known[Math.imul(word, SPREAD) >>> 16] = 1;
  else {
    const words = new Set(entries.map(({ word }) => word));
    for (let value = 0; value < 2 ** (8 * width); value += 1) if (words.has(value & keep)) known[value] = 1;
  }
  return known;
}

/** Words of a piece, and where the next one is that may be part of a pattern. */
interface Words {
  next(from: number, last: number): number;
  at(index: number): number;
}

function wordsOf(bytes: Buffer, width: 1 | 2 | 4, keep: number, known: Uint8Array, stride: number): Words {
  const length = Math.floor(bytes.length / width);
  if (width === 4) {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, length);
    return { next: (from, last) => next32(words, from, last, stride, keep, known), at: (i) => words[i]! };
  }
  if (width === 2) {
    const words = new Uint16Array(bytes.buffer, bytes.byteOffset, length);
    return { next: (from, last) => next16(words, from, last, stride, known), at: (i) => words[i]! };
  }
  return { next: (from, last) => next8(bytes, from, last, stride, known), at: (i) => bytes[i]! };
}

// The same loop three times: one that has seen arrays of two kinds takes thrice as long (V8 compiles it for both).
function next32(words: Uint32Array, from: number, last: number, stride: number, keep: number, known: Uint8Array): number {
  let i = from;
  while (i < last && known[Math.imul(words[i]! & keep, SPREAD) >>> 16] === 0) i += stride;
  return i;
}

function next16(words: Uint16Array, from: number, last: number, stride: number, known: Uint8Array): number {
  let i = from;
  while (i < last && known[words[i]!] === 0) i += stride;
  return i;
}

function next8(words: Uint8Array, from: number, last: number, stride: number, known: Uint8Array): number {
  let i = from;
  while (i < last && known[words[i]!] === 0) i += stride;
  return i;
}

function everywhere(patterns: readonly Pattern[]): Matcher['find'] {
  return (bytes, end, from, to, match) => {
    for (let start = from; start < to; start += 1) {
      for (const pattern of patterns) {
        if (fits(pattern, bytes, start, end) && !match(start, pattern.value.length, pattern.encoding)) return;
      }
    }
  };
}

function fits({ value, ignore }: Pattern, bytes: Buffer, start: number, end: number): boolean {
  if (start + value.length > end) return false;
  for (let k = 0; k < value.length; k += 1) {
    if (((bytes[start + k]! ^ value[k]!) & ~ignore[k]! & 0xff) !== 0) return false;
  }
  return true;
}

