import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openWithSymbols } from '../../../mount/open-with-symbols.js';
import type { OpeningChoices } from '../../../mount/opening.js';
import { exactKernels } from '../../../src/profile/bundled.js';
import { machine } from '../../support/machine.js';
import { pdbOf } from '../../support/pdb-of-profile.js';

const root = mkdtempSync(join(tmpdir(), 'memlens-fetch-'));
after(() => rmSync(root, { recursive: true, force: true }));
const UNKNOWN = '0123456789ABCDEF0123456789ABCDEF-1';

test('a kernel that nobody knows is exact once its symbols were fetched, and at the next opening nobody is asked', async () => {
  const path = join(root, 'image.raw');
  const made = machine({ symbolFile: UNKNOWN }).process({ name: 'smss.exe', pid: 300 }).save(path);
  const { structNames, symbolNames } = exactKernels();
  const file = pdbOf(made.kernel.profile, structNames, symbolNames, UNKNOWN);
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const choices: OpeningChoices = {
      work: root, cache: true, overrides: {}, symbolFolders: [], symbolServer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    };
    const lines: string[] = [];
    for (const round of [0, 1]) {
      const { tree } = await openWithSymbols(path, choices, (line) => lines.push(line));
      assert.equal(tree.opened.diagnosis.profile?.id, UNKNOWN);
      assert.equal(tree.opened.diagnosis.profile.source, 'exact');
      assert.deepEqual(tree.opened.windows?.processes().map(({ pid }) => pid), [4, 300]);
      tree.close();
      assert.equal(asked.length, 1, `opening ${round}`);
    }
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.ok(existsSync(join(root, 'symbols', 'ntkrnlmp.pdb', `${UNKNOWN.replace('-', '')}`, 'ntkrnlmp.pdb')));
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
