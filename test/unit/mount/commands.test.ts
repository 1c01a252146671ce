import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { exportTree } from '../../../mount/commands/export.js';
import { globPattern } from '../../../mount/commands/list.js';
import { mountOptions } from '../../../mount/daemon.js';
import { mimeType } from '../../../mount/mime.js';
import { findPath } from '../../../mount/tree-path.js';
import { directory } from '../../../src/vfs/directory.js';
import type { Directory } from '../../../src/vfs/node.js';
import { text } from '../../../src/vfs/text.js';
import { memoryWindow } from '../../../src/vfs/window.js';

const folder = mkdtempSync(join(tmpdir(), 'memlens-commands-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const sparse = memoryWindow({
  read: () => undefined,
  fill: (_address: number, target: Uint8Array) => { target.fill(7); return 0; },
  runs: () => [{ start: 64 << 20, length: 4096 }],
}, 0, 128 << 20);

/** 2021-05-04 03:02:01 UTC. */
const TIME = 132_645_709_210_000_000n;
const root: Directory = directory({
  'a.txt': text(() => 'a\n'),
  '.hidden': directory({ 'deep.txt': text(() => 'deep\n') }),
  sub: directory({
    'in.txt': text(() => 'in\n'),
    up: { kind: 'link', target: '../a.txt' },
    beside: { kind: 'link', target: 'in.txt' },
    hidden: { kind: 'link', target: '../.hidden/deep.txt' },
    'memory.pmem': sparse,
    endless: { kind: 'window', size: 2 ** 48, fill: () => 0 },
  }, { mtime: TIME }),
  loop: { kind: 'link', target: 'loop' },
  absolute: { kind: 'link', target: '/etc/passwd' },
});
const tree = { root, captureTime: undefined };

test('export writes files, links, holes and times, and leaves out what it cannot keep inside', () => {
  const target = join(folder, 'out');
  const done = exportTree(tree, '/sub', target, () => undefined);
  assert.deepEqual(readdirSync(target).sort(), ['beside', 'in.txt', 'memory.pmem']);
  assert.equal(readFileSync(join(target, 'in.txt'), 'utf8'), 'in\n');
  assert.equal(readlinkSync(join(target, 'beside')), 'in.txt');
  const memory = statSync(join(target, 'memory.pmem'));
  assert.equal(memory.size, 128 << 20);
  assert.ok(memory.blocks * 512 < 1 << 20, 'sparse');
  assert.equal(readFileSync(join(target, 'memory.pmem'))[(64 << 20) + 1], 7);
  assert.equal(lstatSync(join(target, 'in.txt')).mtime.toISOString(), '2021-05-04T03:02:01.000Z');
  assert.equal(done.files, 2);
  assert.equal(done.left.length, 3, done.left.join('\n'));
});

test('export of one file makes that file, and nothing is overwritten', () => {
  const target = join(folder, 'one');
  exportTree(tree, 'a.txt', target, () => undefined);
  assert.deepEqual(readdirSync(target), ['a.txt']);
  assert.throws(() => exportTree(tree, 'a.txt', target, () => undefined), /exists/);
  assert.throws(() => exportTree(tree, '/sub', target, () => undefined), /exists/);
});

test('links inside an exported tree stay links', () => {
  const target = join(folder, 'whole');
  const done = exportTree(tree, '/', target, () => undefined);
  assert.equal(readlinkSync(join(target, 'sub', 'up')), '../a.txt');
  assert.ok(!existsSync(join(target, 'absolute')));
  assert.ok(done.left.some((line) => line.includes('/etc/passwd')));
});

test('a path is found through links, and never outside the tree', () => {
  const at = (path: string) => findPath(tree, path);
  assert.equal(at('/sub/hidden')?.names.join('/'), '.hidden/deep.txt');
  assert.equal(at('sub/../../..//a.txt')?.names.join('/'), 'a.txt');
  assert.equal(at('/sub/up')?.node, at('/a.txt')?.node);
  assert.equal(at('/loop'), undefined);
  assert.equal(at('/absolute'), undefined);
  assert.equal(at('/a.txt/x'), undefined);
  assert.equal(findPath(tree, '/loop', false)?.node.kind, 'link');
});

test('find patterns are shell patterns on the whole name', () => {
  assert.ok(globPattern('*.txt').test('a.txt'));
  assert.ok(!globPattern('*.txt').test('a.txt.csv'));
  assert.ok(globPattern('svchost.exe-?').test('svchost.exe-4'));
  assert.ok(globPattern('[ab]*').test('b1'));
  assert.ok(!globPattern('[!ab]*').test('b1'));
  assert.ok(globPattern('a+(b)').test('a+(b)'));
  assert.ok(globPattern('[').test('['));
});

test('options of the mount are those that are known', () => {
  assert.deepEqual(mountOptions(['ro', 'nodev', 'uid=1000']), { passed: ['ro', 'uid=1000'], umask: 0 });
  assert.deepEqual(mountOptions(['umask=027']), { passed: ['default_permissions'], umask: 0o27 });
  for (const option of ['rw', 'suid', 'allow_other,exec', 'fsname=x', 'uid=x', '']) assert.throws(() => mountOptions([option]), /is not known here/, option);
});

test('a file\'s type is what the node says, else what its name says', () => {
  const plain = text(() => '');
  assert.equal(mimeType('x.txt', plain), 'text/plain');
  assert.equal(mimeType('x.sqlite', plain), 'application/vnd.sqlite3');
  assert.equal(mimeType('SYSTEM.reghive', plain), 'application/octet-stream');
  assert.equal(mimeType('x.json', plain), 'application/json');
  assert.equal(mimeType('.text', plain), 'application/octet-stream');
  assert.equal(mimeType('x.constructor', plain), 'application/octet-stream');
  assert.equal(mimeType('txt', plain), 'application/octet-stream');
  assert.equal(mimeType('x.exe', { ...plain, mime: 'text/x' }), 'text/x');
  assert.equal(mimeType('dir.txt', directory({})), 'inode/directory');
});
