import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BytesFile, Directory, Node } from '../../../src/vfs/node.js';
import { NOTHING_YET, type StepProgress } from '../../../forensic/progress.js';
import { forensicDirectory, type ForensicView } from '../../../forensic/tree.js';

const view = (more: Partial<ForensicView> = {}): ForensicView => ({ files: new Map(), progress: NOTHING_YET, changed: 5n, anomalies: [], ...more });
const names = (directory: Directory): string[] => [...directory.entries()].map(([name]) => name);

function at(root: Directory, path: string): Node | undefined {
  return path.split('/').reduce<Node | undefined>((node, name) => (node?.kind === 'directory' ? node.lookup(name) : undefined), root);
}

function textAt(root: Directory, path: string): string {
  const node = at(root, path) as BytesFile;
  assert.equal(node.kind, 'bytes');
  return Buffer.from(node.render()).toString();
}

function hostAt(root: Directory, path: string): readonly [path: string, mime: string | undefined] {
  const node = at(root, path);
  assert.ok(node?.kind === 'host');
  return [node.path, node.mime];
}

function folder(root: Directory, path: string): Directory {
  const node = at(root, path);
  assert.ok(node?.kind === 'directory');
  return node;
}

test('before a stage has ended, its files are absent, and the fixed ones are there', () => {
  const root = forensicDirectory(view());
  assert.deepEqual(names(root), ['anomalies.txt', 'csv', 'findevil', 'json', 'progress.txt', 'progress_percent.txt', 'readme.txt', 'timeline']);
  assert.deepEqual(names(folder(root, 'csv')), []);
  assert.equal(at(root, 'database.sqlite'), undefined);
  assert.equal(at(root, 'csv/process.csv'), undefined);
});

test('a finished file appears in a directory that was looked at before', () => {
  const files = new Map<string, string>();
  const root = forensicDirectory(view({ files }));
  const csv = folder(root, 'csv');
  assert.deepEqual(names(csv), []);
  files.set('csv/process.csv', '/work/csv/process.csv');
  files.set('database.sqlite', '/work/snapshot.sqlite');
  assert.deepEqual(names(csv), ['process.csv']);
  assert.deepEqual(hostAt(root, 'csv/process.csv'), ['/work/csv/process.csv', 'text/csv']);
  assert.ok(names(root).includes('database.sqlite'));
});

test('a timeline is listed as text and answers as CSV and JSONL', () => {
  const files = new Map(['timeline/timeline_all.txt', 'timeline/timeline_all.jsonl', 'csv/timeline_all.csv', 'csv/process.csv'].map((name) => [name, `/w/${name}`]));
  const root = forensicDirectory(view({ files }));
  assert.deepEqual(names(folder(root, 'timeline')), ['timeline_all.txt']);
  assert.deepEqual(hostAt(root, 'timeline/timeline_all.csv'), ['/w/csv/timeline_all.csv', 'text/csv']);
  assert.equal(at(root, 'timeline/timeline_all.jsonl')?.kind, 'host');
  assert.equal(at(root, 'timeline/process.csv'), undefined);
  assert.equal(at(root, 'timeline/toString'), undefined);
});

test('the progress has a line for each stage, with what failed and why', () => {
  const step: StepProgress = { name: 'process', state: 'done', rows: 64, percent: 100, rate: 0, failure: undefined, notes: [] };
  const progress = { ...NOTHING_YET, percent: 37, steps: [step, { ...step, name: 'net', state: 'failed', rows: 0, percent: 0, failure: 'no such field' },
    { ...step, name: 'thread', state: 'running', rows: 5000, percent: 41.7, rate: 12345.6, notes: ['one part failed'] }] } as const;
  const root = forensicDirectory(view({ progress }));
  assert.equal(textAt(root, 'progress_percent.txt'), '37\n');
  assert.equal(textAt(root, 'progress.txt'), 'running  37 %\n\n'
    + 'process     done     100 %        64 rows\n'
    + 'net         failed     0 %         0 rows  no such field\n'
    + 'thread      running   41 %      5000 rows  12346 rows/s\n            one part failed\n');
});

test('progress files carry the time of the last change while the pass runs, and none afterwards', () => {
  let changed: bigint | undefined = 7n;
  const root = forensicDirectory({ ...view(), get changed() { return changed; } });
  assert.equal(at(root, 'progress.txt')?.mtime, 7n);
  changed = undefined;
  assert.equal(at(root, 'progress.txt')?.mtime, undefined);
});

test('anomalies are a table with its twins', () => {
  const root = forensicDirectory(view({ anomalies: [{ where: 'process 4 handles', what: 'a loop', address: 0xffff_9000_0000_0000n }, { where: 'hive SYSTEM', what: 'gone', address: undefined }] }));
  const lines = textAt(root, 'anomalies.txt').split('\n');
  assert.match(lines[2] ?? '', /^0000  ffff900000000000  process 4 handles +a loop *$/);
  assert.match(lines[3] ?? '', /^0001 {20}hive SYSTEM +gone *$/);
  assert.equal(textAt(root, 'anomalies.csv'), 'Address,Where,What\n0xffff900000000000,process 4 handles,a loop\n,hive SYSTEM,gone\n');
});

test('the readme of findevil names every detector', () => {
  const text = textAt(forensicDirectory(view()), 'findevil/readme.txt');
  for (const type of ['PE_INJECT', 'PROC_NOLINK', 'DRIVER_PATH', 'NOIMAGE_RWX']) assert.ok(text.includes(`${type} `));
});

test('the database has the time of the last change while one copy follows another', () => {
  const files = new Map([['database.sqlite', '/w/snapshot.sqlite']]);
  assert.equal(at(forensicDirectory(view({ files })), 'database.sqlite')?.mtime, 5n);
  assert.equal(at(forensicDirectory(view({ files, changed: undefined })), 'database.sqlite')?.mtime, undefined);
});
