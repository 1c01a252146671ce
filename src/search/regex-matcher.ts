import { byteMatcher } from './byte-matcher.js';
import type { Matcher, OnMatch } from './matcher.js';
import { textPatterns, type Encoding } from './pattern.js';
import { requiredText } from './required-text.js';

/** Small: `a+b` takes a time that grows with the square of it where all is `a`. */
const PIECE = 1 << 15;
/** A match's first byte sees so much before it (`\b`, lookbehind). */
const BEFORE = 256;
/** A match may reach so far. */
const AFTER = 4096;

const EVERYTHING: readonly Encoding[] = ['ascii', 'utf16'];

/** Says in which encodings a stretch may hold a match at all: looking for a text is many times as fast as the engine. */
function filterOf(expression: RegExp): (bytes: Buffer, end: number, from: number) => readonly Encoding[] {
  const text = requiredText(expression.source);
  if (text === undefined) return () => EVERYTHING;
  const matcher = byteMatcher(textPatterns(text, expression.ignoreCase));
  return (bytes, end, from) => {
    const found = new Set<Encoding>();
    matcher.find(bytes, end, from, end, (_offset, _length, encoding) => {
      if (encoding !== undefined) found.add(encoding);
      return found.size < EVERYTHING.length;
    });
    return [...found];
  };
}

/**
 * Looks for a regular expression (JavaScript's) in bytes as characters 0 to 255, and in bytes as UTF-16LE at even and at odd offsets.
 * @param expression with the flag `g`; one that fits an empty text finds nothing there
 */
export function regexMatcher(expression: RegExp): Matcher {
  const filter = filterOf(expression);
  const inText = (text: string, from: number, to: number, match: (index: number, length: number) => boolean): boolean => {
    expression.lastIndex = from;
    for (;;) {
      const found = expression.exec(text) ?? undefined;
      if (found === undefined || found.index >= to) return true;
      const { length } = found[0];
      if (length === 0) expression.lastIndex = found.index + 1;
      else if (!match(found.index, length)) return false;
    }
  };
  return {
    before: BEFORE,
    after: AFTER,
    piece: PIECE,
    find(bytes, end, from, to, match: OnMatch) {
      const told = (encoding: Encoding, at: number, width: number) => (index: number, length: number): boolean => match(at + index * width, length * width, encoding);
      const worth = filter(bytes, end, from);
      if (worth.includes('ascii') && !inText(bytes.toString('latin1', 0, end), from, to, told('ascii', 0, 1))) return;
      if (!worth.includes('utf16')) return;
      for (const odd of [0, 1]) {
        const text = bytes.toString('utf16le', odd, odd + ((end - odd) & ~1));
        const first = Math.max(0, Math.ceil((from - odd) / 2));
        if (!inText(text, first, Math.ceil((to - odd) / 2), told('utf16', odd, 2))) return;
      }
    },
  };
}
