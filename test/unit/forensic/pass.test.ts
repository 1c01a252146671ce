import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as breathe } from 'node:timers/promises';
import { openDatabase, SqliteFailure } from '../../../native-bindings/sqlite.js';
import { Pass, type PassOptions } from '../../../forensic/pass.js';
import type { PassMessage, PassProgress, StepProgress } from '../../../forensic/progress.js';
import type { Stage } from '../../../forensic/stage.js';
import type { Anomalies, Anomaly } from '../../../src/bytes/anomaly.js';
import type { Windows } from '../../../src/windows/windows.js';
import { at, fakeModule, fakeProcess, fakeWindows, itemStage, items, NO_SCAN, temporaryFolder } from './fake-model.js';

class Run {
  readonly messages: PassMessage[] = [];
  readonly pass: Pass;

  constructor(readonly folder: string, stages: readonly Stage[], options: Partial<PassOptions> = {}, windows: Windows = fakeWindows()) {
    this.pass = new Pass({
      folder, stages, identity: { image: 'image', version: '1' }, windows: () => windows, report: (message) => this.messages.push(message), ...options,
    });
  }

  get progress(): PassProgress {
    const last = this.messages.filter((message) => message.kind === 'progress').at(-1);
    assert.ok(last?.kind === 'progress');
    return last.progress;
  }

  step(name: string): StepProgress {
    const step = this.progress.steps.find((one) => one.name === name);
    assert.ok(step);
    return step;
  }

  get anomalies(): readonly Anomaly[] {
    return this.messages.flatMap((message) => (message.kind === 'anomalies' ? message.anomalies : []));
  }

  get finished(): readonly string[] {
    return this.messages.flatMap((message) => (message.kind === 'finished' ? [message.name] : []));
  }

  csv(name: string): string {
    return readFileSync(join(this.folder, 'csv', `${name}.csv`), 'utf8');
  }
}

function rowsOf(folder: string, table: string): number {
  const database = openDatabase(join(folder, 'memlens.sqlite'), { readonly: true });
  const rows = Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n']);
  database.close();
  return rows;
}

/** A stage that never ends by itself, but breathes. */
const endless = itemStage('endless', function* endlessly() { for (;;) yield undefined; });

test('stages run one after another in the order of the list, and their files appear as each ends', async () => {
  const ran: string[] = [];
  const one = itemStage('one', function* rows() { ran.push('one'); yield* items(2); });
  const two = itemStage('two', function* rows() { ran.push('two'); assert.ok(run.finished.includes('csv/one.csv')); yield* items(1); });
  const run = new Run(temporaryFolder(), [one, two]);
  run.pass.join(NO_SCAN);
  assert.equal(await run.pass.run(), 'done');
  assert.deepEqual(ran, ['one', 'two']);
  assert.equal(run.csv('one'), 'ID,Text\n0,item 0\n1,item 1\n');
  assert.equal(run.step('one').rows, 2);
  assert.equal(run.progress.percent, 100);
  assert.equal(run.finished.at(-1), 'database.sqlite');
});

test('a stage that shows the scan waits for it while the others run, and then sees what it found', async () => {
  const ran: string[] = [];
  const windows = fakeWindows({ scanned: [fakeProcess({ pid: 8, sources: ['scan'] })] });
  const scanned = itemStage('scanned', function* rows(model) {
    ran.push('scanned');
    for (const { pid } of model.processes()) yield { id: pid, text: '' };
  }, { waitsForScan: true });
  const other = itemStage('other', function* rows() { ran.push('other'); yield* items(1); });
  const run = new Run(temporaryFolder(), [scanned, other], {}, windows);
  const ended = run.pass.run();
  while (!run.finished.includes('csv/other.csv')) await breathe();
  assert.deepEqual(ran, ['other']);
  assert.equal(run.step('scanned').state, 'waiting');
  run.pass.join(NO_SCAN);
  assert.equal(await ended, 'done');
  assert.equal(run.csv('scanned'), 'ID,Text\n8,""\n');
});

test('a stage that ran before the scan runs again when the scan finds a process with contents, and only then', async () => {
  for (const [contents, runs] of [[[fakeModule({ name: 'a', base: 1n })], 2], [[], 1]] as const) {
    let ran = 0;
    const windows = fakeWindows({ processes: [fakeProcess({ pid: 4 })], scanned: [fakeProcess({ pid: 8, modules: contents })] });
    const stage = itemStage('item', function* rows(model) {
      ran += 1;
      for (const { pid } of model.processes()) yield { id: pid, text: '' };
    });
    const run = new Run(temporaryFolder(), [stage], {}, windows);
    const ended = run.pass.run();
    while (!run.finished.includes('csv/item.csv')) await breathe();
    run.pass.join(NO_SCAN);
    assert.equal(await ended, 'done');
    assert.equal(ran, runs);
    assert.equal(rowsOf(run.folder, 'item'), runs);
  }
});

test('without a scan the stages that wait for it run, and run again in the next pass', async () => {
  const folder = temporaryFolder();
  let ran = 0;
  const stage = itemStage('item', function* rows() { ran += 1; yield* items(1); }, { waitsForScan: true });
  const first = new Run(folder, [stage]);
  first.pass.join(undefined);
  assert.equal(await first.pass.run(), 'done');
  const second = new Run(folder, [stage]);
  second.pass.join(NO_SCAN);
  assert.equal(await second.pass.run(), 'done');
  assert.equal(ran, 2);
});

test('a stage that fails is a line in the progress, leaves nothing behind, and the others go on', async () => {
  const bad = itemStage('bad', function* rows() { yield* items(3); throw new Error('this went wrong\nat some place'); });
  const good = itemStage('good', () => items(1));
  const run = new Run(temporaryFolder(), [bad, good]);
  run.pass.join(NO_SCAN);
  assert.equal(await run.pass.run(), 'done');
  assert.equal(run.step('bad').state, 'failed');
  assert.equal(run.step('bad').failure, 'this went wrong');
  assert.equal(run.step('good').state, 'done');
  assert.ok(!existsSync(join(run.folder, 'csv/bad.csv')));
  assert.ok(!existsSync(join(run.folder, 'csv/bad.csv.part')));
  assert.equal(rowsOf(run.folder, 'bad'), 0);
});

test('a stage that runs longer than its budget is cut, and the others go on', async () => {
  const run = new Run(temporaryFolder(), [endless, itemStage('good', () => items(1))], { budget: 30 });
  run.pass.join(NO_SCAN);
  assert.equal(await run.pass.run(), 'done');
  assert.equal(run.step('endless').state, 'cut');
  assert.match(run.step('endless').failure ?? '', /cut after/);
  assert.equal(run.step('good').state, 'done');
});

test('a stopped pass goes on where it was stopped, and nothing is doubled', async () => {
  const folder = temporaryFolder();
  let ran = 0;
  let hold = true;
  const one = itemStage('one', function* rows() { ran += 1; yield* items(3); });
  const two = itemStage('two', function* rows() { yield* items(12_000); while (hold) yield undefined; },
    { timeline: { type: 'ITEM', file: 'item', * events({ id, text }) { yield { time: at(id), action: 'CRE', pid: 0, value32: 0, value64: 0n, text }; } } });
  const first = new Run(folder, [one, two]);
  first.pass.join(NO_SCAN);
  const ended = first.pass.run();
  while (first.step('two').rows < 12_000) await breathe();
  first.pass.abort();
  assert.equal(await ended, 'stopped');
  assert.ok(!first.finished.includes('csv/two.csv'));
  hold = false;
  const second = new Run(folder, [one, two]);
  second.pass.join(NO_SCAN);
  assert.equal(await second.pass.run(), 'done');
  assert.equal(ran, 1, 'the stage that was done is not run again');
  assert.ok(second.finished.includes('csv/one.csv'));
  assert.equal(rowsOf(folder, 'one'), 3);
  assert.equal(rowsOf(folder, 'two'), 12_000);
  assert.equal(rowsOf(folder, 'timeline'), 12_000);
});

test('a pass that has nothing left to do does not open the image, and says the same as the one before', async () => {
  const folder = temporaryFolder();
  const stages = [itemStage('one', () => items(3))];
  const first = new Run(folder, stages);
  first.pass.join(NO_SCAN);
  await first.pass.run();
  const before = readFileSync(join(folder, 'memlens.sqlite'));
  const second = new Run(folder, stages, { windows: () => assert.fail('the image was opened') });
  assert.equal(await second.pass.run(), 'done');
  assert.deepEqual(new Set(second.finished), new Set(first.finished));
  assert.ok(readFileSync(join(folder, 'memlens.sqlite')).equals(before));
});

test('a stage whose file is missing is run again', async () => {
  const folder = temporaryFolder();
  let ran = 0;
  const stages = [itemStage('one', function* rows() { ran += 1; yield* items(1); }), itemStage('two', () => items(1))];
  for (const remove of [false, true]) {
    const run = new Run(folder, stages);
    run.pass.join(NO_SCAN);
    await run.pass.run();
    if (!remove) (await import('node:fs')).rmSync(join(folder, 'csv/one.csv'));
  }
  assert.equal(ran, 2);
  assert.ok(existsSync(join(folder, 'csv/one.csv')));
});

test('a paused pass does not work until it is resumed', async () => {
  let breaths = 0;
  let hold = true;
  const stage = itemStage('one', function* rows() { while (hold) { breaths += 1; yield undefined; } yield* items(1); });
  const run = new Run(temporaryFolder(), [stage]);
  run.pass.join(NO_SCAN);
  const ended = run.pass.run();
  while (breaths === 0) await breathe();
  run.pass.pause();
  await breathe();
  await breathe();
  const paused = breaths;
  for (let i = 0; i < 20; i += 1) await breathe();
  assert.equal(breaths, paused);
  assert.equal(run.progress.state, 'paused');
  hold = false;
  run.pass.resume();
  assert.equal(await ended, 'done');
});

test('a paused pass can be stopped', async () => {
  const run = new Run(temporaryFolder(), [endless]);
  run.pass.join(NO_SCAN);
  const ended = run.pass.run();
  run.pass.pause();
  run.pass.abort();
  assert.equal(await ended, 'stopped');
});

test('a pass that cannot open the image says why and ends', async () => {
  const run = new Run(temporaryFolder(), [itemStage('one', () => items(1))], { windows: () => { throw new Error('no Windows was recognised'); } });
  assert.equal(await run.pass.run(), 'failed');
  assert.equal(run.progress.failure, 'no Windows was recognised');
});

test('anomalies of the stages and of the scan are told, each once, and again by a pass that takes over what is done', async () => {
  const folder = temporaryFolder();
  let collected: Anomalies | undefined;
  const stage = itemStage('one', function* rows() {
    collected?.add('here', 'a loop', 5n);
    collected?.add('here', 'a loop', 5n);
    yield* items(1);
  });
  const first = new Run(folder, [stage], { windows: (anomalies) => {
    collected = anomalies;
    return fakeWindows();
  } });
  first.pass.join(NO_SCAN, [{ where: 'pool scan', what: 'too many headers', address: undefined }]);
  await first.pass.run();
  const expected = [{ where: 'pool scan', what: 'too many headers', address: undefined }, { where: 'here', what: 'a loop', address: 5n }];
  assert.deepEqual(first.anomalies, expected);
  const second = new Run(folder, [stage], { windows: () => assert.fail('the image was opened') });
  await second.pass.run();
  assert.deepEqual(second.anomalies, expected);
});

test('the CSV of a stage quotes what must be quoted and never starts a formula', async () => {
  const stage = itemStage('one', () => ['a,"b"', '=cmd|calc', 'x\ny', '\u001b[2J'].map((text, id) => ({ id, text })));
  const run = new Run(temporaryFolder(), [stage]);
  run.pass.join(NO_SCAN);
  await run.pass.run();
  assert.equal(run.csv('one'), 'ID,Text\n0,"a,""b"""\n1,\'=cmd|calc\n2,x\\x0ay\n3,\\x1b[2J\n');
});

test('the lines of the general JSON come in the order of the stages, whatever order they ran in', async () => {
  const json = (type: string) => ({ json: { file: 'general' as const, line: ({ id }: { id: number }) => ({ type, num: id }) } });
  const stages = [itemStage('late', () => items(1), { waitsForScan: true, ...json('late') }), itemStage('early', () => items(1), json('early'))];
  const run = new Run(temporaryFolder(), stages);
  const ended = run.pass.run();
  while (!run.finished.includes('csv/early.csv')) await breathe();
  run.pass.join(NO_SCAN);
  await ended;
  const lines = readFileSync(join(run.folder, 'json/general.json'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { class: string; type: string; ver: string });
  assert.deepEqual(lines.map(({ type }) => type), ['late', 'early']);
  assert.deepEqual(lines.map(({ class: kind, ver }) => [kind, ver]), [['GEN', '1'], ['GEN', '1']]);
});

test('a folder in which another pass works is refused at once, and the other goes on', async () => {
  const folder = temporaryFolder();
  let hold = true;
  const run = new Run(folder, [itemStage('one', function* rows() { while (hold) yield undefined; yield* items(1); })]);
  run.pass.join(NO_SCAN);
  const ended = run.pass.run();
  while (run.step('one').state !== 'running') await breathe();
  assert.throws(() => new Run(folder, []), (error) => error instanceof SqliteFailure && error.busy);
  hold = false;
  assert.equal(await ended, 'done');
  assert.equal(rowsOf(folder, 'one'), 1);
});
