import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../../native-bindings/sqlite.js';
import { killable, ROWS, runPass } from './killed-pass.js';
import { temporaryFolder } from './fake-model.js';

const PROGRAM = fileURLToPath(new URL('./killed-pass.js', import.meta.url));

test('a process killed in the middle of a stage leaves no half stage, and the next pass completes it without doubling a row', async () => {
  const folder = temporaryFolder();
  const { signal } = spawnSync(process.execPath, [PROGRAM, folder]);
  assert.equal(signal, 'SIGKILL');
  assert.ok(existsSync(join(folder, 'csv/small.csv')), 'the stage before is complete');
  assert.ok(!existsSync(join(folder, 'csv/large.csv')), 'the stage in work is absent');
  writeFileSync(join(folder, 'timeline/stray.txt.part'), 'left over');

  assert.equal(await runPass(folder, killable(() => undefined)), 'done');
  assert.ok(!existsSync(join(folder, 'timeline/stray.txt.part')));
  assert.equal(readFileSync(join(folder, 'csv/large.csv'), 'utf8').split('\n').length, ROWS.all + 2);
  const database = openDatabase(join(folder, 'memlens.sqlite'), { readonly: true });
  const count = (sql: string): unknown => database.prepare(sql).get()?.['n'];
  assert.equal(count('SELECT count(*) AS n FROM small'), ROWS.small);
  assert.equal(count('SELECT count(DISTINCT id) AS n FROM large'), ROWS.all);
  assert.equal(count('SELECT count(*) AS n FROM large'), ROWS.all);
  assert.equal(count('SELECT count(*) AS n FROM timeline'), ROWS.small + ROWS.all);
  database.close();
});

test('two passes over one image leave the same files, byte for byte', async () => {
  const folders = [temporaryFolder(), temporaryFolder()];
  for (const folder of folders) assert.equal(await runPass(folder, killable(() => undefined)), 'done');
  for (const name of ['memlens.sqlite', 'timeline/timeline_all.txt', 'timeline/timeline_all.jsonl', 'csv/large.csv', 'json/timeline.json']) {
    const [one, other] = folders.map((folder) => readFileSync(join(folder, name)));
    assert.ok(one !== undefined && other !== undefined && one.equals(other), name);
  }
});
