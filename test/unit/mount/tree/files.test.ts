import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { filesDirectory } from '../../../../mount/tree/files.js';
import type { Directory } from '../../../../src/vfs/node.js';
import { cachedFile, page, type SyntheticFile } from '../../../support/cached-files.js';
import { machine, type Machine } from '../../../support/machine.js';
import { directoryAt, listed, nodeAt, textAt, windowAt } from './nodes.js';

const PID = 1004;
const MAPPED = { start: 0x1_0000_0000n, pages: 2, protection: 1, file: '\\Windows\\System32\\locale.nls', bytes: page(5) };
const ESCAPE = '\u001b[2J';

interface Sample {
  readonly files: Directory;
  readonly whole: SyntheticFile;
  readonly holed: SyntheticFile;
  readonly evil: SyntheticFile;
  readonly empty: SyntheticFile;
  readonly foreign: SyntheticFile;
  readonly made: Machine;
}

const name = ({ file }: SyntheticFile, rest: string): string => `${file.address.toString(16)}-${rest}`;

/** A process with handles to files of all kinds, one that it maps, and one file that is not its own. */
function sample(): Sample {
  const made = machine();
  const whole = cachedFile(made, { path: '\\Users\\alice\\notes.txt', size: 5000n, data: [{ sector: 0, pages: [{ bytes: page(0) }, { bytes: page(1), transition: true }] }], deleted: true });
  const holed = cachedFile(made, { path: '\\db.log', size: 0x3000n, data: [{ sector: 0, pages: [{ bytes: page(0) }, undefined, { bytes: page(2) }] }] });
  const evil = cachedFile(made, { path: `\\${ESCAPE}\u202e/..`, data: [{ sector: 0, pages: [{ bytes: page(3) }] }] });
  const empty = cachedFile(made, { path: '\\never-read.txt', size: 77n });
  const foreign = cachedFile(made, { path: '\\other.txt', data: [{ sector: 0, pages: [{ bytes: page(4) }] }] });
  const handles = [whole, holed, whole, evil, empty].map(({ file }) => ({ object: file.address }));
  made.process({ name: 'a.exe', pid: PID, handles, vads: [MAPPED], modules: [{ base: 0x7ff6_1000_0000n, pages: 4, name: 'a.exe', path: 'C:\\a.exe' }], parameters: { imagePath: 'C:\\a.exe', commandLine: 'a' } });
  const process = made.open().process(PID) ?? assert.fail('the process is not found');
  return { files: filesDirectory(process), whole, holed, evil, empty, foreign, made };
}

test('files that are open are listed once each, by address and name, with a map beside those that have holes', () => {
  const { files, whole, holed, evil } = sample();
  const handles = directoryAt(files, 'handles');
  const strange = name(evil, '%1B[2J%E2%80%AE%2F..');
  assert.deepEqual(listed(handles), [name(whole, 'notes.txt'), name(holed, 'db.log'), name(holed, 'db.log.map'), strange]);
  for (const one of listed(handles)) assert.ok(handles.lookup(one) !== undefined, `${one} answers`);
  assert.equal(handles.cost, 'slow');
  assert.deepEqual(listed(files), ['files.txt', 'handles', 'modules', 'vads']);
});

test('a whole file reads as it was, and says so', () => {
  const { files, whole } = sample();
  const node = windowAt(files, `handles/${name(whole, 'notes.txt')}`);
  const bytes = Buffer.alloc(node.size);
  assert.equal(node.fill(0, bytes), 0);
  const expected = Buffer.concat([page(0), page(1)]).subarray(0, 5000);
  assert.ok(bytes.equals(expected));
  assert.deepEqual(node.xattrs?.(), { 'user.memlens.address': `0x${whole.file.address.toString(16)}`, 'user.memlens.missing': '0', 'user.memlens.complete': 'yes' });
  assert.deepEqual(node.slowXattrs?.names, ['user.memlens.sha256']);
  assert.deepEqual(node.slowXattrs?.read(), { 'user.memlens.sha256': createHash('sha256').update(expected).digest('hex') });
});

test('a file with holes has zeros there, and its map names them', () => {
  const { files, holed } = sample();
  const path = `handles/${name(holed, 'db.log')}`;
  const node = windowAt(files, path);
  const bytes = Buffer.alloc(node.size, 0xee);
  assert.equal(node.fill(0, bytes), 0x1000);
  assert.ok(bytes.equals(Buffer.concat([page(0), Buffer.alloc(0x1000), page(2)])));
  assert.equal(node.xattrs?.()['user.memlens.complete'], 'no');
  assert.equal(node.xattrs?.()['user.memlens.missing'], '4096');
  assert.deepEqual([...node.runs?.() ?? []], [{ start: 0, length: 0x1000 }, { start: 0x2000, length: 0x1000 }]);
  assert.deepEqual((textAt(files, `${path}.map`) ?? '').split('\n').map((line) => line.trimEnd().replaceAll(/ +/g, ' ')).slice(2), [
    '0000 0 - fff 1000 data', '0001 1000 - 1fff 1000 missing not in memory', '0002 2000 - 2fff 1000 data', '',
  ]);
});

test('names that are no file of this process do not answer', () => {
  const { files, whole, holed, empty, foreign } = sample();
  for (const absent of [
    name(foreign, 'other.txt'), name(empty, 'never-read.txt'), name(whole, 'notes.txt.map'), name(whole, 'other.txt'), name(holed, 'db.log.map.map'), 'ffff000000000000-x', '0-x', '',
  ]) assert.equal(nodeAt(files, `handles/${absent}`), undefined, absent);
  assert.equal(nodeAt(files, `vads/${name(whole, 'notes.txt')}`), undefined);
});

test('files that are mapped have their own directory', () => {
  const { files, made } = sample();
  const address = made.built(PID).vads.find(({ spec }) => spec.file === MAPPED.file)?.section?.fileObject ?? 0n;
  const own = `${address.toString(16)}-locale.nls`;
  const vads = directoryAt(files, 'vads');
  assert.ok(listed(vads).includes(own) && listed(vads).includes(`${own}.map`), listed(vads).join());
  const head = Buffer.alloc(0x1000);
  assert.equal(windowAt(vads, own).fill(0, head), 0);
  assert.ok(head.equals(page(5)));
});

test('modules are rebuilt by name, with a map where pages are missing', () => {
  const { files } = sample();
  const modules = directoryAt(files, 'modules');
  const names = listed(modules);
  assert.ok(names.includes('a.exe'), names.join());
  const node = windowAt(modules, 'a.exe');
  const head = Buffer.alloc(2);
  assert.equal(node.fill(0, head), 0);
  assert.equal(head.toString('latin1'), 'MZ');
  assert.equal(names.includes('a.exe.map'), node.xattrs?.()['user.memlens.complete'] === 'no');
  assert.equal(nodeAt(modules, 'b.exe'), undefined);
  assert.equal(nodeAt(modules, 'constructor'), undefined);
});

test('the table has every file, also those without content and those that are being deleted', () => {
  const { files, whole, holed, empty } = sample();
  const rows = (textAt(files, 'files.csv') ?? '').trimEnd().split('\n');
  assert.equal(rows[0], 'Object,Type,Met,Size,Present,Missing,Complete,Deleted,SHA256,File,Path');
  const digest = createHash('sha256').update(Buffer.concat([page(0), page(1)]).subarray(0, 5000)).digest('hex');
  assert.equal(rows[1], `0x${whole.file.address.toString(16)},Data,H-X,5000,5000,0,yes,1,${digest},notes.txt,\\Users\\alice\\notes.txt`);
  assert.match(rows[2] ?? '', new RegExp(`^0x${holed.file.address.toString(16)},Data,H--,12288,8192,4096,no,0,[0-9a-f]{64},db.log,`));
  assert.equal(rows[4], `0x${empty.file.address.toString(16)},,H--,77,0,77,no,0,,never-read.txt,\\never-read.txt`);
  assert.match(rows.slice(5).join('\n'), /Data,-V-,8192,4096,4096,no,0,[0-9a-f]{64},locale\.nls,\\Windows\\System32\\locale\.nls/);
  const text = textAt(files, 'files.txt') ?? '';
  assert.ok(!text.includes('\u001b') && !text.includes('\u202e'), 'nothing in it acts');
  assert.match(text, /^0000 [0-9a-f]{16} D-- H-X +5000 +5000 +0 yes [0-9a-f]{64} notes\.txt/m);
});
