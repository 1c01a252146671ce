import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recoverDeleted, type DeletedItems } from '../../../src/registry/deleted.js';
import { openHiveFile } from '../../../src/registry/hive-file.js';
import { dword, inFile, sz, writeHive, type KeyToWrite, type WrittenHive } from '../../support/hive-bytes.js';

const TIME = 133_197_188_700_000_000n;
const key = (name: string, keys: readonly KeyToWrite[] = [], text = name): KeyToWrite => ({
  name, keys, written: TIME, values: [{ name: 'text', type: 1, data: sz(`the text of ${text}`) }, { name: 'number', type: 4, data: dword(7) }],
});

function cell({ cells }: WrittenHive, name: string): number {
  const found = cells.get(name);
  assert.ok(found !== undefined, name);
  return found;
}

/** Frees a cell; its bytes stay. */
function free(written: WrittenHive, index: number): void {
  const at = inFile(index) - 4;
  written.file.writeInt32LE(Math.abs(written.file.readInt32LE(at)), at);
}

/** Takes the last sub-key of `parent` out of its list and frees all that belongs to the keys in `paths`. */
function deleteLast(written: WrittenHive, parent: string, paths: readonly string[]): void {
  const { file, cells } = written;
  const above = inFile(cell(written, parent));
  const count = file.readUInt32LE(above + 0x14) - 1;
  file.writeUInt32LE(count, above + 0x14);
  if (count === 0) {
    free(written, cell(written, `${parent}:keys`));
    file.writeUInt32LE(0xffff_ffff, above + 0x1c);
  } else {
    file.writeUInt16LE(count, inFile(cell(written, `${parent}:keys`)) + 2);
  }
  for (const [name, index] of cells) {
    if (index !== 0xffff_ffff && paths.some((path) => name === path || name.startsWith(`${path}:`))) free(written, index);
  }
}

/** Merges the free cells that follow one another, as Windows does: the later sizes stay in the bytes. */
function merge({ file }: WrittenHive): void {
  for (let bin = 0x1000; bin < file.length; bin += file.readUInt32LE(bin + 8)) {
    const end = bin + file.readUInt32LE(bin + 8);
    for (let at = bin + 0x20; at < end;) {
      const size = file.readInt32LE(at);
      const next = at + Math.abs(size);
      const after = next < end ? file.readInt32LE(next) : -1;
      if (size > 0 && after > 0) file.writeInt32LE(size + after, at);
      else at = next;
    }
  }
}

const recovered = (file: Buffer): DeletedItems => recoverDeleted(openHiveFile(file).hive);
const TREE = key('ROOT', [key('kept', [key('inner')]), key('Software', [key('alive'), key('gone', [key('below')])])]);
const GONE = ['Software\\gone', 'Software\\gone\\below'];

test('a hive from which nothing was deleted has nothing deleted', () => {
  const { keys, values } = recovered(writeHive(TREE).file);
  assert.deepEqual([keys.length, values.length], [0, 0]);
});

test('exactly the keys that were deleted are found, with paths, times, values and the keys below, in free cells of their own and in merged ones', () => {
  for (const merged of [false, true]) {
    const written = writeHive(TREE);
    deleteLast(written, 'Software', GONE);
    if (merged) merge(written);
    const { keys, values, loose, tops } = recovered(written.file);
    assert.deepEqual(keys.map(({ path, written: time, foundIn }) => [path, time, foundIn]), GONE.map((path) => [path, TIME, 'free cell']));
    assert.deepEqual(tops.map(({ name }) => name), ['gone']);
    assert.deepEqual(tops[0]?.subkeys().map(({ name }) => name), ['below']);
    assert.deepEqual(tops[0]?.values().map((value) => [value.name, value.typeName, value.native(), value.completeness]), [
      ['text', 'REG_SZ', 'the text of gone', 'whole'], ['number', 'REG_DWORD', 7, 'whole'],
    ]);
    assert.equal(values.length, 4);
    assert.deepEqual(loose, []);
    assert.deepEqual(values.map((value) => value.key?.name), ['below', 'below', 'gone', 'gone']);
  }
});

test('a key in use that no list names is found as unreferenced', () => {
  const written = writeHive(TREE);
  const list = inFile(cell(written, 'Software:keys'));
  written.file.writeUInt16LE(1, list + 2);
  const { keys } = recovered(written.file);
  assert.deepEqual(keys.map(({ path, foundIn }) => [path, foundIn]), GONE.map((path) => [path, 'unreferenced cell']));
});

test('a value that its key does not count any more is found, and its key is known by the rest of the list', () => {
  const written = writeHive({ name: 'ROOT', written: TIME, keys: [{ ...key('k'), values: [...key('k').values ?? [], { name: 'third', type: 1, data: sz('former data') }] }] });
  const node = inFile(cell(written, 'k'));
  written.file.writeUInt32LE(2, node + 0x24);
  free(written, cell(written, 'k:third'));
  free(written, cell(written, 'k:third:data'));
  const { keys, loose } = recovered(written.file);
  assert.deepEqual(keys, []);
  assert.deepEqual(loose.map((value) => [value.name, value.native(), value.key?.path]), [['third', 'former data', 'k']]);
});

test('data whose cell was given to another is lost, and data that is cut is part', () => {
  const written = writeHive(TREE);
  deleteLast(written, 'Software', GONE);
  const taken = inFile(cell(written, 'Software\\gone:text'));
  written.file.writeUInt32LE(cell(written, 'Software\\alive:text:data'), taken + 8);
  const cut = inFile(cell(written, 'Software\\gone\\below:text'));
  written.file.writeUInt32LE(5000, cut + 4);
  const { values } = recovered(written.file);
  assert.deepEqual(values.filter(({ name }) => name === 'text').map((value) => [value.key?.name, value.completeness, value.native()]), [
    ['below', 'partly', undefined], ['gone', 'lost', undefined],
  ]);
});

test('the path of a key whose parent was overwritten begins with a question mark', () => {
  const written = writeHive(TREE);
  deleteLast(written, 'Software', GONE);
  written.file.fill(0, inFile(cell(written, 'Software\\gone')), inFile(cell(written, 'Software\\gone')) + 0x4c);
  const { keys, tops } = recovered(written.file);
  assert.deepEqual(keys.map(({ path }) => path), ['?\\below']);
  assert.deepEqual(tops, keys);
});

test('records in the slack of a cell and behind the bins are found', () => {
  const written = writeHive({ name: 'ROOT', written: TIME, values: [{ name: 'data', type: 3, data: Buffer.alloc(400) }] });
  const record = Buffer.alloc(0x14 + 4);
  record.write('vk', 0, 'latin1');
  record.writeUInt16LE(4, 2);
  record.writeUInt32LE(0x8000_0004, 4);
  record.writeUInt32LE(42, 8);
  record.writeUInt32LE(4, 0x0c);
  record.writeUInt16LE(1, 0x10);
  record.write('left', 0x14, 'latin1');
  const value = inFile(cell(written, ':data'));
  written.file.writeUInt32LE(100, value + 4);
  record.copy(written.file, inFile(cell(written, ':data:data')) + 200);
  const { loose } = recovered(Buffer.concat([written.file, Buffer.alloc(8), record, Buffer.alloc(4)]));
  assert.deepEqual(loose.map((found) => [found.name, found.native(), found.foundIn]), [['left', 42, 'slack'], ['left', 42, 'behind the bins']]);
});

test('deleted keys that name one another as parents end, and one of them is the top', () => {
  const written = writeHive(TREE);
  deleteLast(written, 'Software', GONE);
  written.file.writeUInt32LE(cell(written, GONE[1] ?? ''), inFile(cell(written, GONE[0] ?? '')) + 0x10);
  const { keys, tops } = recovered(written.file);
  assert.equal(keys.length, 2);
  assert.equal(tops.length, 1);
  assert.ok(keys.every(({ path }) => path.startsWith('?')));
});

test('what only looks like a key or a value is not taken for one', () => {
  const written = writeHive(TREE);
  deleteLast(written, 'Software', GONE);
  const gone = inFile(cell(written, 'Software\\gone'));
  const below = inFile(cell(written, 'Software\\gone\\below'));
  written.file.writeBigUInt64LE(3n, gone + 4);
  written.file.write('a\\b', below + 0x4c, 'latin1');
  for (const name of ['text', 'number']) written.file.writeUInt16LE(0x40, inFile(cell(written, `Software\\gone:${name}`)) + 0x10);
  const { keys, values } = recovered(written.file);
  assert.deepEqual(keys, []);
  assert.equal(values.length, 2);
});

test('a list of values that claims more than the hive holds is bounded', () => {
  const written = writeHive(TREE);
  deleteLast(written, 'Software', GONE);
  written.file.writeUInt32LE(0xffff, inFile(cell(written, 'Software\\gone')) + 0x24);
  const { keys } = recovered(written.file);
  assert.deepEqual(keys[0]?.values().map(({ name }) => name), ['text', 'number']);
  assert.equal(keys[0]?.lostValues, 0xffff - 2);
});
