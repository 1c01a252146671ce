import assert from 'node:assert/strict';
import { test } from 'node:test';
import { treePage, undocumented } from '../../../mount/tree-page.js';
import type { Table } from '../../../src/vfs/column.js';
import { directory } from '../../../src/vfs/directory.js';
import { tableFile } from '../../../src/vfs/table.js';
import { text } from '../../../src/vfs/text.js';

const NUMBERS: Table<number> = {
  name: 'numbers', doc: 'Some numbers.', heading: '#',
  columns: [{ name: 'value', csv: 'Value', kind: 'decimal', value: (row) => row, text: { width: 4, align: 'right' }, doc: 'this | that' }],
};

const said = (doc: string) => text(() => '', { doc });

const root = directory({
  'a.txt': said('the first'),
  name: directory({
    'one.exe-4': directory({ 'pid.txt': said('process ID') }),
    'two.exe-8': directory({ 'pid.txt': said('process ID'), 'time-exit.txt': said('when it ended') }),
  }, { doc: 'all processes' }),
  'numbers.txt': tableFile(NUMBERS, () => [1]),
  'silent.txt': text(() => ''),
});

test('directories of one kind are one section with all that any of them holds', () => {
  const page = treePage(root);
  assert.equal(page.match(/^## `\/name\/<name>-<pid>\/`$/gm)?.length, 1);
  const section = page.slice(page.indexOf('## `/name/<name>-<pid>/`'));
  assert.match(section, /\| `pid\.txt` \| process ID \|\n\| `time-exit\.txt` \| when it ended \|/);
  assert.doesNotMatch(page, /one\.exe/);
});

test('a table is described with its columns and where it stands', () => {
  const page = treePage(root);
  assert.match(page, /### numbers\n\nSome numbers\.\n\n`\/numbers\.txt`\n/);
  assert.ok(page.includes('| `value` | `Value` | decimal | yes | this \\| that |'));
});

test('files that say nothing of themselves are told, and a table speaks for its file', () => {
  assert.deepEqual(undocumented(root), ['/silent.txt']);
});
