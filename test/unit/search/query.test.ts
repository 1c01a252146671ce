import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hexBytes, MAX_BYTES, MAX_QUERY, textQuery } from '../../../src/search/query.js';

test('a query is a text, or an expression between slashes', () => {
  assert.deepEqual(textQuery('hooked_func\n'), { kind: 'text', text: 'hooked_func', ignoreCase: false });
  assert.deepEqual(textQuery(' two words \r\n'), { kind: 'text', text: ' two words ', ignoreCase: false });
  assert.deepEqual(textQuery('/a.+b/is'), { kind: 'regex', source: 'a.+b', flags: 'is' });
  assert.deepEqual(textQuery('C:\\Windows/System32'), { kind: 'text', text: 'C:\\Windows/System32', ignoreCase: false });
});

test('plain letters between slashes are looked for as a text', () => {
  assert.deepEqual(textQuery('/Password/i'), { kind: 'text', text: 'Password', ignoreCase: true });
  assert.deepEqual(textQuery('/Password/'), { kind: 'text', text: 'Password', ignoreCase: false });
  assert.equal((textQuery('/a.b/') as { kind: string }).kind, 'regex');
});

test('what cannot be looked for is said in a sentence', () => {
  assert.match(String(textQuery('')), /empty/);
  assert.match(String(textQuery('\n')), /empty/);
  assert.match(String(textQuery('a\nb\n')), /more than one line/);
  assert.match(String(textQuery('x'.repeat(MAX_QUERY + 1))), /4097 characters/);
  assert.match(String(textQuery('x'.repeat(16 << 20))), /is the most/);
  assert.match(String(textQuery('/(/')), /Invalid regular expression/);
  assert.match(String(textQuery('/a/y')), /flags y/);
  assert.match(String(textQuery('/a*/')), /fits an empty text/);
  assert.match(String(textQuery('/a|/')), /fits an empty text/);
});

test('bytes are written in hex, and a question mark fits every digit', () => {
  const bytes = hexBytes('4d 5A ?? 0? f1\n');
  assert.ok(typeof bytes !== 'string');
  assert.deepEqual([...bytes.value], [0x4d, 0x5a, 0, 0, 0xf1]);
  assert.deepEqual([...bytes.ignore], [0, 0, 0xff, 0x0f, 0]);
  assert.ok(typeof hexBytes('0x4d5a') !== 'string');
  for (const wrong of ['', '  ', '4d5', 'xyz!', 'zz', '00'.repeat(MAX_BYTES + 1)]) assert.equal(typeof hexBytes(wrong), 'string', wrong.slice(0, 10));
});
