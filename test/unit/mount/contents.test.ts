import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Contents, SPOOL_OVER } from '../../../mount/contents.js';
import { Spool } from '../../../mount/spool.js';
import type { BytesFile } from '../../../src/vfs/node.js';

const folder = mkdtempSync(join(tmpdir(), 'memlens-contents-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const file = (render: () => Uint8Array, change: Partial<BytesFile> = {}): BytesFile => ({ kind: 'bytes', cost: 'quick', render, ...change });

test('a file is rendered once', async () => {
  let rendered = 0;
  const contents = new Contents(new Spool(folder), undefined);
  const node = file(() => { rendered += 1; return Buffer.from('abc'); });
  assert.equal((await contents.status('/a', node)).size, 3);
  await contents.content('/a', node);
  await contents.content('/a', node);
  assert.equal(rendered, 1);
  contents.changed();
  await contents.status('/a', node);
  assert.equal(rendered, 2);
});

test('a size that the node knows costs no rendering', async () => {
  const contents = new Contents(new Spool(folder), undefined);
  const node = file(() => assert.fail('rendered'), { size: 7 });
  assert.equal((await contents.status('/a', node)).size, 7);
  assert.ok(contents.isKnown('/a', node));
});

test('a large file goes to the spool, once for all who ask at the same time', async () => {
  let rendered = 0;
  const spool = new Spool(folder);
  const contents = new Contents(spool, undefined);
  const bytes = Buffer.alloc(SPOOL_OVER + 1, 'x');
  const node = file(() => { rendered += 1; return bytes; });
  const [one, two] = await Promise.all([contents.content('/a', node), contents.content('/a', node)]);
  assert.equal(rendered, 1);
  assert.equal(one, two);
  assert.ok(one.file !== undefined && readFileSync(one.file).equals(bytes));
  spool.close();
  assert.ok(!existsSync(one.file));
});

test('bytes in memory stay below their limit and sizes are remembered', async () => {
  let rendered = 0;
  const contents = new Contents(new Spool(folder), undefined);
  const node = file(() => { rendered += 1; return Buffer.alloc(4 << 20); });
  for (let i = 0; i < 40; i += 1) await contents.content(`/${i}`, node);
  assert.equal(rendered, 40);
  assert.equal((await contents.status('/0', node)).size, 4 << 20);
  assert.equal(rendered, 40, 'the size is known');
  await contents.content('/39', node);
  assert.equal(rendered, 40, 'the newest are kept');
  await contents.content('/0', node);
  assert.equal(rendered, 41, 'the oldest had to go');
});

test('an error names the path and the next request tries again', async () => {
  let broken = true;
  const contents = new Contents(new Spool(folder), undefined);
  const node = file(() => { if (broken) throw new Error('bad'); return Buffer.from('x'); });
  assert.throws(() => contents.content('/a/b', node), /\/a\/b cannot be made: bad/);
  broken = false;
  assert.equal((await contents.content('/a/b', node)).size, 1);
});
