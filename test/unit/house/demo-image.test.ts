import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { demoImage } from '../../../mount/demo-image.js';
import { ROOT } from './sources.js';

const folder = mkdtempSync(join(tmpdir(), 'memlens-demo-image-'));
after(() => rmSync(folder, { recursive: true }));

interface Facts {
  readonly size: number;
  readonly sha256: string;
}
const facts = JSON.parse(readFileSync(join(ROOT, 'data/demo.json'), 'utf8')) as Facts;

test('the demo image unpacks to the bytes that were packed, with holes where they are zero', async () => {
  const path = await demoImage(join(folder, 'new/cache'));
  const bytes = readFileSync(path);
  assert.equal(bytes.length, facts.size);
  assert.equal(createHash('sha256').update(bytes).digest('hex'), facts.sha256);
  assert.ok(statSync(path).blocks * 512 < facts.size, 'it is sparse');
});

test('the demo image is unpacked once, and leaves nothing unfinished', async () => {
  const path = await demoImage(folder);
  const { mtimeNs } = statSync(path, { bigint: true });
  assert.equal(await demoImage(folder), path);
  assert.equal(statSync(path, { bigint: true }).mtimeNs, mtimeNs);
  assert.deepEqual(readdirSync(folder).filter((name) => name.includes('.raw')), [path.slice(folder.length + 1)]);
});

test('a demo image that was cut off is unpacked again', async () => {
  const path = await demoImage(folder);
  truncateSync(path, 4096);
  await demoImage(folder);
  assert.equal(statSync(path).size, facts.size);
});
