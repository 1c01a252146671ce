import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PageFile } from '../../../src/paging/page-file.js';
import { noise } from '../../support/random.js';

const PAGE = 4096;
const folder = mkdtempSync(join(tmpdir(), 'memlens-page-file-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, length: number): { readonly path: string; readonly bytes: Buffer } {
  const bytes = Buffer.alloc(length);
  noise(bytes, 3);
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return { path, bytes };
}

test('every page is read as it stands, in any order, more of them than are remembered', () => {
  const { path, bytes } = file('whole.sys', 1500 * PAGE);
  const pages = new PageFile(path);
  for (let i = 0; i < 1500; i += 1) {
    const offset = (i * 613) % 1500;
    assert.deepEqual(Buffer.from(pages.read(offset)!), bytes.subarray(offset * PAGE, (offset + 1) * PAGE), String(offset));
  }
  pages.close();
});

test('beyond the end there is nothing, nor in a page that is not whole', () => {
  const { path, bytes } = file('ragged.sys', 3 * PAGE + 100);
  const pages = new PageFile(path);
  assert.equal(pages.size, 3 * PAGE + 100);
  assert.deepEqual(Buffer.from(pages.read(2)!), bytes.subarray(2 * PAGE, 3 * PAGE));
  for (const offset of [3, 4, 2 ** 31, 2 ** 32 - 1, 2 ** 53, -1, 0.5, Number.NaN]) {
    assert.equal(pages.has(offset), false, String(offset));
    assert.equal(pages.read(offset), undefined, String(offset));
  }
  pages.close();
});

test('a file that became shorter reads as far as it goes', () => {
  const { path } = file('shrunk.sys', 40 * PAGE);
  const pages = new PageFile(path);
  assert.equal(pages.has(39), true);
  truncateSync(path, 20 * PAGE);
  assert.ok(pages.read(3) !== undefined);
  assert.equal(pages.read(39), undefined);
  pages.close();
});

test('what is no file has no pages, and what is not there says so', () => {
  assert.equal(new PageFile(folder).read(0), undefined);
  assert.throws(() => new PageFile(join(folder, 'absent.sys')).read(0), { code: 'ENOENT' });
});

test('it can be read again after it was closed', () => {
  const { path, bytes } = file('again.sys', 2 * PAGE);
  const pages = new PageFile(path);
  pages.read(0);
  pages.close();
  pages.close();
  assert.deepEqual(Buffer.from(pages.read(1)!), bytes.subarray(PAGE));
  pages.close();
});
