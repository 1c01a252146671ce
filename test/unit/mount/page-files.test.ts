import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { Command } from 'commander';
import { openingChoices, withOpening, type OpeningFlags } from '../../../mount/opening-options.js';
import { pageFilesIdentity } from '../../../mount/page-files.js';
import { workFolder } from '../../../mount/work-folder.js';

const folder = mkdtempSync(join(tmpdir(), 'memlens-page-files-'));
after(() => rmSync(folder, { recursive: true }));
const names = Array.from({ length: 17 }, (_, i) => join(folder, `${i}.sys`));
for (const name of names) writeFileSync(name, Buffer.alloc(8192));

function given(...files: string[]): ReturnType<typeof openingChoices>['pageFiles'] {
  const command = withOpening(new Command()).exitOverride().configureOutput({ writeErr: () => undefined });
  command.parse(files.flatMap((file) => ['--pagefile', file]), { from: 'user' });
  return openingChoices(command.opts<OpeningFlags>()).pageFiles;
}
const numbers = (...files: string[]): number[] => given(...files)!.map(({ number }) => number);

test('page files take the numbers from 0 on, or their own', () => {
  assert.deepEqual(given(), []);
  assert.deepEqual(given(names[0]!, names[1]!), [{ number: 0, path: names[0] }, { number: 1, path: names[1] }]);
  assert.deepEqual(numbers(`1=${names[0]}`, names[1]!, names[2]!), [1, 0, 2]);
  assert.deepEqual(numbers(...names.slice(0, 10)), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(given(`15=${names[3]}`)![0]!.path, resolve(names[3]!));
});

test('a number twice, none that is free, and one that no PTE has are refused with a sentence', () => {
  for (const files of [[`0=${names[0]}`, `0=${names[1]}`], names, [`16=${names[0]}`], ['']]) assert.throws(() => given(...files), /Page files have|page file 0 already|It is a file/, files[0]);
});

test('what cannot be a page file ends the command in a sentence', () => {
  const small = join(folder, 'small.sys');
  writeFileSync(small, 'x');
  for (const [path, said] of [[join(folder, 'absent.sys'), /does not exist/], [folder, /is no file/], [small, /has 1 bytes/]] as const) {
    assert.throws(() => given(path), { name: 'UserError', message: said });
  }
});

test('another page file, and the same one changed, make another work folder and another identity; their order on the command line does not', () => {
  const [a, b] = [{ number: 0, path: names[0]! }, { number: 1, path: names[1]! }];
  const image = names[5]!;
  const folders = [[], [a], [{ ...a, number: 1 }], [b], [a, b]].map((files) => workFolder(image, folder, files));
  assert.equal(new Set(folders).size, folders.length);
  assert.equal(workFolder(image, folder), folders[0]);
  assert.equal(workFolder(image, folder, [b, a]), folders[4]);
  const before = pageFilesIdentity([a]);
  writeFileSync(names[0]!, Buffer.alloc(12_288));
  assert.notEqual(pageFilesIdentity([a]), before);
});
