import assert from 'node:assert/strict';
import { test } from 'node:test';
import { regexMatcher } from '../../../src/search/regex-matcher.js';
import { requiredText } from '../../../src/search/required-text.js';
import { seeded } from '../../support/random.js';

function found(expression: RegExp, bytes: Buffer, from = 0, to = bytes.length): string[] {
  const list: string[] = [];
  regexMatcher(expression).find(bytes, bytes.length, from, to, (offset, length, encoding) => {
    list.push(`${offset}+${length} ${encoding ?? ''}`);
    return true;
  });
  return list;
}

test('an expression is found in bytes, and in UTF-16 at even and at odd offsets', () => {
  const bytes = Buffer.concat([Buffer.from('.pass=12;'), Buffer.from('\u0000pass=3', 'utf16le'), Buffer.from('.'), Buffer.from('pass=45', 'utf16le')]);
  assert.deepEqual(found(/pass=\d+/g, bytes).sort(), ['1+7 ascii', '11+12 utf16', '24+14 utf16']);
  assert.deepEqual(found(/PASS=\d+/gi, bytes).length, 3);
});

test('bytes above 127 are characters 128 to 255', () => {
  assert.deepEqual(found(/\xde\xad[\x80-\xff]/g, Buffer.from('00deadbe00', 'hex')), ['1+3 ascii']);
});

test('what begins outside of the piece is not told, and what is before it is seen', () => {
  const bytes = Buffer.from('key=aaa key=bbb xkey=ccc key=ddd');
  assert.deepEqual(found(/\bkey=\w+/g, bytes, 8, 25), ['8+7 ascii']);
  assert.deepEqual(found(/(?<=x)key/g, bytes, 17, 25), ['17+3 ascii']);
  assert.deepEqual(found(/^key/g, bytes, 8, 25), []);
});

test('an expression that fits nothing at some places goes on behind them', () => {
  assert.deepEqual(found(/a*/g, Buffer.from('baab')).filter((hit) => hit.endsWith('ascii')), ['1+2 ascii']);
});

test('a text that every match holds is known, and none where one is not sure', () => {
  const known: readonly (readonly [string, string | undefined])[] = [
    ['hook[a-z]+_func', '_func'], ['password.{0,20}', 'password'], ['\\bkey=\\w+', 'key='], ['https?://', 'http'], ['abcd*', 'abc'], ['abcd+ef', 'abcd'],
    ['abc{2}defg', 'defg'], ['abcd{2,}?xyz', 'abc'], ['(abcdef)?ghi', 'ghi'], ['(?:abcdef)', undefined], ['(?<!abcdef)xyz', 'xyz'], ['abc|def', undefined],
    ['[abcdef]+', undefined], ['\\x41\\u0041bcd', 'bcd'], ['a\\.b\\/c', 'a.b/c'], ['ab.cd', 'ab'], ['a.b.c', undefined], ['(a[)]bcd)efg', 'efg'], ['a\\\\bcd', 'a\\bcd'], ['^abc$', 'abc'],
    ['(?<n>x)\\k<nabc>yyy', 'yyy'], ['\\d{3}-\\d{4}', undefined], ['\\cAbcd', 'bcd'], ['x{abc', 'abc'],
  ];
  for (const [source, text] of known) assert.equal(requiredText(source), text, source);
});

test('knowing such a text changes nothing of what is found', () => {
  const random = seeded(11);
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)]!;
  for (let round = 0; round < 300; round += 1) {
    const source = Array.from({ length: 2 + Math.floor(random() * 6) }, () => pick(['abc', 'ab', 'b', 'ca', '[ab]', '(ab)', '(?:b|c)', '.', 'a\\.', '\\x61']) + pick(['', '', '', '?', '+', '*', '{2}', '{0,1}'])).join('');
    const text = Array.from({ length: 600 }, () => pick(['a', 'b', 'c', '.', 'abc', 'A'])).join('');
    const bytes = Buffer.concat([Buffer.from(text), Buffer.from(text, 'utf16le')]);
    const flags = round % 2 === 0 ? 'g' : 'gi';
    // The same with an alternative that never fits: nothing is sure then.
    assert.deepEqual(found(new RegExp(source, flags), bytes), found(new RegExp(`${source}|\\xff\\xfe\\xfd`, flags), bytes), source);
  }
});
