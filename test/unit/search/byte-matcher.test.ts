import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteMatcher } from '../../../src/search/byte-matcher.js';
import type { Matcher } from '../../../src/search/matcher.js';
import { bytePattern, textPatterns, type Pattern } from '../../../src/search/pattern.js';
import { seeded } from '../../support/random.js';

/** Matches in a buffer as text, in order. */
function found(matcher: Matcher, bytes: Buffer, from = 0, to = bytes.length, end = bytes.length): string[] {
  const list: [number, string][] = [];
  // Room behind the end, as in a buffer that is used again.
  const room = Buffer.from(new ArrayBuffer(Math.ceil((bytes.length + 16) / 8) * 8));
  room.fill(bytes.subarray(0, 16)).set(bytes);
  matcher.find(room, end, from, to, (offset, length, encoding) => {
    list.push([offset, `${offset}+${length}${encoding === undefined ? '' : ` ${encoding}`}`]);
    return true;
  });
  return list.sort(([a], [b]) => a - b).map(([, text]) => text);
}

/** The same, byte by byte. */
function naive(patterns: readonly Pattern[], bytes: Buffer, from: number, to: number, end: number): string[] {
  const list: string[] = [];
  for (let at = from; at < to; at += 1) {
    for (const { value, ignore, encoding } of patterns) {
      if (at + value.length <= end && value.every((byte, i) => ((byte ^ bytes[at + i]!) & ~ignore[i]! & 0xff) === 0)) {
        list.push(`${at}+${value.length}${encoding === undefined ? '' : ` ${encoding}`}`);
      }
    }
  }
  return list;
}

test('patterns of every length, with and without bits that do not matter, are found where they are and nowhere else', () => {
  const random = seeded(7);
  for (let round = 0; round < 400; round += 1) {
    // Few different bytes, so that there is much to find.
    const letters = 1 + Math.floor(random() * 3);
    const bytes = Buffer.from(Array.from({ length: 200 + Math.floor(random() * 100) }, () => 0x61 + Math.floor(random() * letters)));
    const length = 1 + (round % 24);
    const start = Math.floor(random() * (bytes.length - length));
    const value = Uint8Array.from(bytes.subarray(start, start + length));
    const ignore = value.map(() => (round % 3 === 0 ? 0 : [0, 0, 0xff, 0x0f, 0x20][Math.floor(random() * 5)]!));
    const patterns = [bytePattern(value, ignore)];
    const from = Math.floor(random() * 50);
    const to = 100 + Math.floor(random() * 100);
    const end = to + Math.floor(random() * 30);
    const last = Math.min(bytes.length, end);
    assert.deepEqual(found(byteMatcher(patterns), bytes, from, to, last), naive(patterns, bytes, from, to, last), `round ${round}`);
  }
});

test('a text is found as ASCII and as UTF-16 at any offset, in both cases when asked', () => {
  for (const text of ['a', 'ab', 'abc', 'Abcdef', 'hooked_func', 'a much longer text with Umlauts: Ä']) {
    for (let shift = 0; shift < 9; shift += 1) {
      const upper = text.toUpperCase();
      const bytes = Buffer.concat([Buffer.alloc(40 + shift, 0xee), Buffer.from(text), Buffer.alloc(5, 0xee), Buffer.from(text, 'utf16le'), Buffer.alloc(7, 0xee), Buffer.from(upper, 'utf16le'), Buffer.alloc(40, 0xee)]);
      for (const ignoreCase of [false, true]) {
        const patterns = textPatterns(text, ignoreCase);
        const hits = found(byteMatcher(patterns), bytes);
        assert.deepEqual(hits, naive(patterns, bytes, 0, bytes.length, bytes.length), `${text} at ${shift}`);
        assert.equal(hits.filter((hit) => hit.endsWith('utf16')).length, ignoreCase ? 2 : 1, text);
      }
    }
  }
});

test('letters of other alphabets fit as they are, and only letters have a case', () => {
  const [narrow, wide] = textPatterns('a[é{Ж', true);
  assert.deepEqual([...narrow!.ignore], [0x20, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...wide!.ignore], [0x20, 0, 0, 0, 0x20, 0, 0, 0, 0, 0]);
});

test('who has enough is asked no more', () => {
  let asked = 0;
  const bytes = Buffer.from(new ArrayBuffer(64)).fill(0x41);
  byteMatcher([bytePattern(Buffer.from('AAAA'))]).find(bytes, 64, 0, 64, () => (asked += 1) < 3);
  assert.equal(asked, 3);
});
