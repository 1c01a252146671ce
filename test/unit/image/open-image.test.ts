import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ImageError } from '../../../src/bytes/errors.js';
import { openImage, SMALLEST } from '../../../src/image/image.js';

const folder = mkdtempSync(join(tmpdir(), 'memlens-test-'));
test.after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

function refusal(path: string): string {
  try {
    openImage(path).memory.close();
  } catch (error) {
    assert.ok(error instanceof ImageError, String(error));
    return error.message;
  }
  return assert.fail(`${path} was opened`);
}

test('what cannot be an image is refused in one sentence that says what to do', () => {
  writeFileSync(at('empty'), '');
  writeFileSync(at('text'), 'this is no image\n');
  mkdirSync(at('folder'));
  assert.match(refusal(at('missing')), /does not exist; give the path/);
  assert.match(refusal(at('empty')), /is empty/);
  assert.match(refusal(at('text')), /has only 17 bytes/);
  assert.match(refusal(at('folder')), /is a directory/);
  for (const name of ['missing', 'empty', 'text', 'folder']) assert.doesNotMatch(refusal(at(name)), /\n/);
});

test('a file without permission is refused with the remedy', { skip: process.getuid?.() === 0 ? 'root may read everything' : false }, () => {
  writeFileSync(at('secret'), Buffer.alloc(SMALLEST));
  chmodSync(at('secret'), 0);
  assert.match(refusal(at('secret')), /cannot be read with your permissions/);
});

test('a named pipe is refused and not waited for', () => {
  // In a child, so that waiting would end with its time and not with this run.
  execFileSync('mkfifo', [at('pipe')]);
  const program = `import { openImage } from ${JSON.stringify(new URL('../../../src/image/image.js', import.meta.url).href)};
    try { openImage(${JSON.stringify(at('pipe'))}); } catch (error) { console.log(error.name, error.message); }`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8', timeout: 20_000 });
  assert.match(said, /^ImageError .*not a regular file/);
});

test('the smallest image is opened as raw: file offsets are physical addresses', () => {
  const bytes = Buffer.alloc(SMALLEST);
  bytes.write('mark', 0x4_2000);
  writeFileSync(at('raw'), bytes);
  const image = openImage(at('raw'));
  assert.equal(image.format, 'raw');
  assert.equal(image.fileSize, SMALLEST);
  assert.equal(image.memory.size, SMALLEST);
  assert.equal(image.memory.read(0x4_2000, 4)?.toString(), 'mark');
  image.memory.close();
});

test('an image of a size that is no multiple of a page is opened to its last byte', () => {
  writeFileSync(at('ragged'), Buffer.alloc(SMALLEST + 5, 0x41));
  const image = openImage(at('ragged'));
  assert.equal(image.memory.read(SMALLEST, 5)?.toString(), 'AAAAA');
  assert.equal(image.memory.read(SMALLEST, 6), undefined);
  assert.equal(image.memory.page(SMALLEST / 4096), undefined);
  image.memory.close();
});

test('an image that shrinks while it is open gives missing bytes, not an exception', () => {
  writeFileSync(at('shrinking'), Buffer.alloc(2 * SMALLEST, 1));
  const image = openImage(at('shrinking'));
  truncateSync(at('shrinking'), SMALLEST);
  const target = Buffer.alloc(0x8000);
  assert.equal(image.memory.fill(SMALLEST - 0x4000, target), 0x4000);
  image.memory.close();
});
