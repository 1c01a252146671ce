import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Table } from '../../../src/vfs/column.js';
import { directory, listing } from '../../../src/vfs/directory.js';
import { tableFile } from '../../../src/vfs/table.js';
import { safeLine, safeText, text } from '../../../src/vfs/text.js';
import { memoryWindow } from '../../../src/vfs/window.js';

const numbers: Table<number> = {
  name: 'n', doc: '', heading: 'N', columns: [{ name: 'n', csv: 'N', kind: 'decimal', value: (n) => n, text: { width: 1, align: 'left' }, doc: '' }],
};

test('a directory lists its rows in order, without the undefined and the hidden ones', () => {
  const root = directory({ 'b.txt': text(() => 'b'), '.raw': text(() => 'r'), 'a.txt': text(() => 'a'), none: undefined, later: () => undefined });
  assert.deepEqual([...root.entries()].map(([name]) => name), ['b.txt', 'a.txt']);
  assert.equal(root.lookup('.raw')?.kind, 'bytes');
  assert.equal(root.lookup('none'), undefined);
  assert.equal(root.lookup('later'), undefined);
  assert.equal(root.lookup('toString'), undefined);
});

test('a lazy row is made once, when it is first asked for', () => {
  let made = 0;
  const root = directory({ lazy: () => { made += 1; return text(() => 'x'); } });
  assert.equal(made, 0);
  assert.equal(root.lookup('lazy'), root.lookup('lazy'));
  assert.equal([...root.entries()].length, 1);
  assert.equal(made, 1);
});

test('the twins of a table answer by name and are not listed', () => {
  const file = tableFile(numbers, () => [1, 2]);
  for (const dir of [directory({ 'n.txt': file }), listing({ entries: () => [['n.txt', file]], lookup: (name) => (name === 'n.txt' ? file : undefined) })]) {
    assert.deepEqual([...dir.entries()].map(([name]) => name), ['n.txt']);
    const csv = dir.lookup('n.csv');
    assert.ok(csv?.kind === 'bytes');
    assert.equal(Buffer.from(csv.render()).toString(), 'N\n1\n2\n');
    assert.equal(dir.lookup('n.jsonl')?.kind, 'bytes');
    assert.equal(dir.lookup('n.constructor'), undefined);
    assert.equal(dir.lookup('m.csv'), undefined);
  }
});

test('text of an image cannot act on a terminal', () => {
  assert.equal(safeText('C:\\x\x1b[2J\u202e\ud800\r\n\t'), 'C:\\x\\x1b[2J\\u202e\\ud800\\x0d\n\t');
  assert.equal(safeLine('a\nb\tc 😀'), 'a\\x0ab\\x09c 😀');
  assert.equal(Buffer.from(text(() => 'é\x07').render()).toString(), 'é\\x07');
  assert.equal(text(() => undefined).render().length, 0);
});

test('a window shows memory from its start on, and its runs count from there', () => {
  const memory = {
    read: () => undefined,
    fill: (address: bigint, target: Uint8Array) => { target.fill(Number(address & 0xffn)); return 0; },
    runs: () => [{ start: 0x7ff0_0000_1000n, length: 0x1000 }],
  };
  const window = memoryWindow(memory, 0x7ff0_0000_0000n, 0x4000);
  const target = Buffer.alloc(2);
  window.fill(0x42, target);
  assert.deepEqual([...target], [0x42, 0x42]);
  assert.deepEqual([...window.runs?.() ?? []], [{ start: 0x1000, length: 0x1000 }]);
});
