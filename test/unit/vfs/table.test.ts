import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Table } from '../../../src/vfs/column.js';
import { cellValue, csvOf, jsonlOf, MAX_CELL, tableFile, textOf } from '../../../src/vfs/table.js';

interface Row {
  pid: number;
  size: number;
  at: bigint | undefined;
  time: bigint | undefined;
  evil: boolean;
  name: string | undefined;
}

const table: Table<Row> = {
  name: 'sample',
  doc: 'A sample.',
  heading: '   #    PID Size     Address          Time                     Name',
  index: 4,
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: (r) => r.pid, text: { width: 6, align: 'right' }, doc: '' },
    { name: 'size', csv: 'Size', kind: 'hex', value: (r) => r.size, text: { width: 8, align: 'left' }, doc: '' },
    { name: 'address', csv: 'Address', kind: 'address', value: (r) => r.at, text: { width: 16, align: 'left' }, doc: '' },
    { name: 'time', csv: 'Time', kind: 'time', value: (r) => r.time, text: { width: 23, align: 'left' }, doc: '' },
    { name: 'evil', csv: 'Evil', kind: 'flag', value: (r) => r.evil, doc: '' },
    { name: 'name', csv: 'Name', kind: 'text', value: (r) => r.name, text: { lead: '  ', width: 4, align: 'left' }, doc: '' },
  ],
};

/** 2023-02-01 09:54:30.1234567 UTC. */
const TIME = 133_197_188_701_234_567n;
const row = (change: Partial<Row> = {}): Row =>
  ({ pid: 4, size: 0x1000, at: 0xffff900a0aa1d060n, time: TIME, evil: true, name: 'System', ...change });
const lines = (rows: Row[]): string[] => textOf(table, rows).toString('utf8').split('\n').slice(0, -1);

test('the text has the heading, dashes as long as it, and a numbered line a row', () => {
  const [heading, dashes, first] = lines([row()]);
  assert.equal(heading?.trimEnd(), table.heading);
  assert.equal(dashes?.trimEnd(), '-'.repeat(table.heading.length));
  assert.equal(first, '0000      4 1000     ffff900a0aa1d060 2023-02-01 09:54:30 UTC  System');
});

test('every line of the text has the same length in bytes, whatever the names hold', () => {
  const all = lines([row(), row({ name: 'Jürgen Ωmega 日本語 😀.exe' }), row({ name: undefined, time: undefined }), row({ name: 'x'.repeat(300) })]);
  assert.equal(new Set(all.map((line) => Buffer.byteLength(line))).size, 1);
});

test('a column after a name with wide characters still begins at the same character', () => {
  const named: Table<Row> = { ...table, columns: [table.columns[5]!, table.columns[0]!] };
  const [, , first, second] = textOf(named, [row({ name: 'ÄÖÜß' }), row({ name: 'abcd' })]).toString().split('\n');
  assert.equal([...first!].indexOf('4'), [...second!].indexOf('4'));
});

test('a cell longer than the limit is cut in the text and whole in CSV and JSONL', () => {
  const name = 'é'.repeat(MAX_CELL + 1);
  assert.ok(lines([row({ name })])[2]?.includes(`${'é'.repeat(MAX_CELL - 1)}…`));
  assert.ok(csvOf(table, [row({ name })]).toString().includes(name));
  assert.ok(jsonlOf(table, [row({ name })]).toString().includes(name));
});

test('no name can break a line or reach the terminal with a control character', () => {
  const name = 'a\nb\x1b[31m\u202egpj\u0085';
  for (const bytes of [textOf(table, [row({ name })]), csvOf(table, [row({ name })]), jsonlOf(table, [row({ name })])]) {
    assert.doesNotMatch(bytes.toString().replaceAll('\n', ''), /[\x00-\x1f\x7f-\x9f\u202e]/);
  }
  assert.equal(lines([row({ name })]).length, 3);
  assert.equal((JSON.parse(jsonlOf(table, [row({ name })]).toString()) as { name: string }).name, name);
});

test('the CSV shows hex with 0x, times without zone, flags as digits and absence as nothing', () => {
  assert.equal(csvOf(table, [row(), row({ at: undefined, time: undefined, evil: false, name: undefined })]).toString(),
    'PID,Size,Address,Time,Evil,Name\n4,0x1000,0xffff900a0aa1d060,"2023-02-01 09:54:30",1,System\n4,0x1000,,,0,\n');
});

test('the CSV quotes what needs it and no cell starts a formula', () => {
  const cell = (name: string): string => csvOf({ ...table, columns: [table.columns[5]!] }, [row({ name })]).toString().split('\n')[1]!;
  assert.equal(cell('a,b'), '"a,b"');
  assert.equal(cell('say "x"'), '"say ""x"""');
  assert.equal(cell(''), '""');
  assert.equal(cell('=1+1'), "'=1+1");
  assert.equal(cell('-cmd|calc'), "'-cmd|calc");
  assert.equal(cell('@SUM(A1)'), "'@SUM(A1)");
  assert.equal(cell('-'), '-');
});

test('the JSONL leaves out what is absent and keeps numbers exact', () => {
  const [line] = jsonlOf(table, [row({ name: undefined })]).toString().split('\n');
  assert.deepEqual(JSON.parse(line!), { pid: 4, size: 4096, address: '0xffff900a0aa1d060', time: '2023-02-01T09:54:30.1234567Z', evil: true });
  const big = { name: 'big', kind: 'hex', value: () => 1n << 60n, doc: '' } as const;
  assert.equal(cellValue(big, row()), '0x1000000000000000');
  assert.equal(cellValue({ ...big, value: () => 7n }, row()), 7);
});

test('a table without rows is its heading', () => {
  assert.equal(lines([]).length, 2);
  assert.equal(csvOf(table, []).toString(), 'PID,Size,Address,Time,Evil,Name\n');
  assert.equal(jsonlOf(table, []).length, 0);
});

test('a table file has its CSV and JSONL as twins and renders the same bytes at every call', () => {
  const file = tableFile(table, () => [row()], { cost: 'slow' });
  assert.deepEqual(file.render(), file.render());
  assert.deepEqual(Object.keys(file.twins ?? {}), ['csv', 'jsonl']);
  assert.equal(file.twins?.['csv']?.cost, 'slow');
});

test('where every cell has a title the heading stands above its columns, however wide they have become', () => {
  const titled: Table<Row> = {
    name: 'titled', doc: '', heading: 'Name  Size',
    columns: [
      { name: 'name', kind: 'text', value: (r) => r.name, text: { lead: '', width: 4, align: 'left', title: 'Name' }, doc: '' },
      { name: 'size', kind: 'hex', value: (r) => r.size, text: { lead: '  ', width: 4, align: 'right', title: 'Size' }, doc: '' },
    ],
  };
  const text = textOf(titled, [row({ name: 'a longer name', size: 0x12345 })]).toString('utf8').split('\n');
  assert.deepEqual(text.slice(0, 3).map((line) => line.trimEnd()), ['Name            Size', '--------------------', 'a longer name  12345']);
  assert.equal(textOf(titled, []).toString('utf8').split('\n')[0], 'Name  Size');
});
