import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL, fileURLToPath } from 'node:url';
import { dword, inFile, sz, writeHive } from '../../support/hive-bytes.js';
import { ROOT } from './sources.js';

const BUILT = pathToFileURL(fileURLToPath(new URL('../../../', import.meta.url))).href;
const WRITTEN = 133_500_000_000_000_000n;
/** Owner and group SYSTEM; all rights for SYSTEM, reading for users. */
const DESCRIPTOR = Buffer.concat([
  Buffer.from('010004801400000020000000000000002c000000', 'hex'),
  Buffer.from('010100000000000512000000', 'hex'), Buffer.from('010100000000000512000000', 'hex'),
  Buffer.from('0200340002000000', 'hex'), Buffer.from('000214003f000f00010100000000000512000000', 'hex'),
  Buffer.from('000218001900020001020000000000052000000021020000', 'hex'),
]);

function hiveOfTheExample(): Buffer {
  const { file, cells } = writeHive({ name: 'ROOT', written: WRITTEN, keys: [
    { name: 'Environment', written: WRITTEN, values: [{ name: 'TEMP', type: 2, data: sz('%USERPROFILE%\\Temp') }] },
    { name: 'Software', written: WRITTEN, keys: [
      { name: 'Microsoft', written: WRITTEN, keys: [{ name: 'Windows', written: WRITTEN, keys: [{ name: 'CurrentVersion', written: WRITTEN, keys: [
        { name: 'Run', written: WRITTEN, values: [{ name: 'Updater', type: 1, data: sz('C:\\Tools\\up.exe') }, { name: 'Delay', type: 4, data: dword(30) }] },
      ] }] }] },
      { name: 'Old', written: WRITTEN },
    ] },
  ] }, { descriptor: DESCRIPTOR });
  // The last key of the list of Software is taken from it, and its cell is free.
  const at = (name: string): number => inFile(cells.get(name) ?? assert.fail(name));
  file.writeUInt16LE(1, at('Software:keys') + 2);
  file.writeUInt32LE(1, at('Software') + 0x14);
  file.writeInt32LE(-file.readInt32LE(at('Software\\Old') - 4), at('Software\\Old') - 4);
  return file;
}

test('the examples of docs/registry.md print what it says', () => {
  const page = readFileSync(join(ROOT, 'docs/registry.md'), 'utf8');
  const [, code] = /```js\n([\s\S]*?)```/.exec(page) ?? assert.fail('there is no example');
  const [, output] = /```text\n([\s\S]*?)```/.exec(page) ?? assert.fail('there is no output');
  const folder = mkdtempSync(join(tmpdir(), 'memlens-docs-'));
  try {
    writeFileSync(join(folder, 'NTUSER.DAT'), hiveOfTheExample());
    writeFileSync(join(folder, 'NTUSER.DAT.LOG1'), '');
    writeFileSync(join(folder, 'example.mjs'), String(code).replaceAll('\'./dist/', `'${BUILT}`));
    const { status, stdout, stderr } = spawnSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.equal(stdout, output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
