import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Renderer } from '../../mount/renderer.js';
import { treeFileSystem } from '../../mount/serve.js';
import { ROOT_ID } from '../../native-bindings/fuse.js';
import { listing } from '../../src/vfs/directory.js';
import { text } from '../../src/vfs/text.js';
import type { ScanFacts } from '../../src/windows/pool.js';
import { fileSystemCases } from './cases.js';
import { fixtureTree, type FixtureFacts } from './fixture-tree.js';
import { inProcessView } from './in-process-view.js';

const folder = mkdtempSync(join(tmpdir(), 'memlens-test-'));
const host = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));
writeFileSync(join(folder, 'host.bin'), host);
const facts: FixtureFacts = { host: join(folder, 'host.bin'), many: 300, memory: 8 << 20 };
const log: string[] = [];
const renderer = new Renderer(new URL('./fixture-worker.js', import.meta.url), facts);
const served = treeFileSystem({ tree: fixtureTree(facts), renderer, work: folder, log: (line) => log.push(line) });
const view = inProcessView(served.fileSystem);

after(async () => {
  await served.close();
  assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith('spool')), []);
  rmSync(folder, { recursive: true, force: true });
});

fileSystemCases(() => view, { host, many: facts.many, memory: facts.memory });

test('an unforeseen failure is one line in the log, and the same one once', async () => {
  await assert.rejects(view.read('/broken-quick.txt'));
  await assert.rejects(view.read('/broken-quick.txt'));
  const lines = log.filter((line) => line.includes('/broken-quick.txt'));
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /cannot be made: broken quickly/);
});

test('a volatile file is read anew at each open, and its mtime moves when its content does', async () => {
  const [first, second] = [await view.stat('/volatile.txt'), await view.stat('/volatile.txt')];
  assert.notEqual(first.mtimeMs, second.mtimeMs);
  assert.notEqual(String(await view.read('/volatile.txt')), String(await view.read('/volatile.txt')));
});

test('what the pool scan found changes the files, and their times where only the content tells', async () => {
  const before = await view.stat('/joined.txt');
  assert.equal(String(await view.read('/joined.txt')), 'joined 0\n');
  served.join({} as ScanFacts);
  const after1 = await view.stat('/joined.txt');
  assert.equal(String(await view.read('/joined.txt')), 'joined 1\n');
  assert.equal(after1.size, before.size);
  assert.equal(after1.mtimeMs, before.mtimeMs + 1);
});

test('nothing is kept of a path that nobody refers to', async () => {
  const one = await served.fileSystem.lookup(ROOT_ID, 'dir');
  assert.ok(typeof one !== 'number');
  served.fileSystem.forget(one.id, 1);
  assert.equal(await served.fileSystem.attributes(one.id), -2);
});

test('a name that the kernel would refuse is left out of its directory, and said', async () => {
  const lines: string[] = [];
  const file = text(() => '');
  const root = listing({ entries: () => [['good', file], ['a/b', file], ['', file]], lookup: () => file });
  const odd = treeFileSystem({ tree: { root, captureTime: undefined, join: () => undefined }, renderer: undefined, work: folder, log: (line) => lines.push(line) });
  assert.deepEqual(await inProcessView(odd.fileSystem).list('/'), ['good']);
  assert.equal(lines.length, 2);
});
