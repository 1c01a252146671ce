import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Contents, SPOOL_OVER } from '../../../mount/contents.js';
import { preparation } from '../../../mount/preparation.js';
import { Spool } from '../../../mount/spool.js';
import type { WindowFile } from '../../../src/vfs/node.js';

const folder = mkdtempSync(join(tmpdir(), 'memlens-preparation-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A window that is as large as what it was handed. */
function needing(bytes: Uint8Array): { readonly window: WindowFile; rendered: number } {
  let taken: number | undefined;
  const made = {
    rendered: 0,
    window: {
      kind: 'window', get size() { return taken ?? -1; }, fill: () => 0,
      prepared: {
        name: '.head', get done() { return taken !== undefined; }, take: (given) => { taken = given.length; },
        file: { kind: 'bytes', cost: 'quick', render: () => { made.rendered += 1; return bytes; } },
      },
    } satisfies WindowFile,
  };
  return made;
}

test('a window is handed what it needs before its size is asked, once', async () => {
  const contents = new Contents(new Spool(folder), undefined);
  const made = needing(Buffer.from('abc'));
  await preparation(contents, '/a/window', made.window);
  assert.equal(made.window.size, 3);
  assert.equal(preparation(contents, '/a/window', made.window), undefined);
  assert.equal(made.rendered, 1);
});

test('what is large comes by way of the spool', async () => {
  const made = needing(Buffer.alloc(SPOOL_OVER + 1));
  await preparation(new Contents(new Spool(folder), undefined), '/a/window', made.window);
  assert.equal(made.window.size, SPOOL_OVER + 1);
});

test('a window that needs nothing waits for nothing', () => {
  assert.equal(preparation(new Contents(new Spool(folder), undefined), '/a', { kind: 'window', size: 1, fill: () => 0 }), undefined);
});
