import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Pass } from '../../../forensic/pass.js';
import type { TimelineEvent } from '../../../forensic/stage.js';
import { TIMELINE, timelineCsv, timelineJsonl, type TimelineRow } from '../../../forensic/timeline.js';
import { csvRow, jsonRow, jsonText } from '../../../src/vfs/table.js';
import { at, fakeWindows, itemStage, items, NO_SCAN, temporaryFolder } from './fake-model.js';

const event = { action: 'CRE', pid: 4, value32: 12, value64: 0xffff_900a_0aa1_d060n } as const;

async function timelineOf(types: Readonly<Record<string, readonly TimelineEvent[]>>): Promise<(file: string) => string> {
  const folder = temporaryFolder();
  const stages = Object.entries(types).map(([type, events]) => itemStage(type.toLowerCase(), () => items(1), { timeline: { type, file: type.toLowerCase(), events: () => events } }));
  const pass = new Pass({ folder, stages, identity: { image: '', version: '1' }, windows: () => fakeWindows(), report: () => undefined });
  pass.join(NO_SCAN);
  assert.equal(await pass.run(), 'done');
  return (file) => readFileSync(join(folder, file), 'utf8');
}

test('a line has time, type, action, PID, two numbers and the text at their places', async () => {
  const file = await timelineOf({ PROC: [{ ...event, time: at(0), text: 'System [*SYSTEM] System' }] });
  assert.equal(file('timeline/timeline_proc.txt'), '2023-02-01 09:00:00 UTC  PROC   CRE         4        12 ffff900a0aa1d060 System [*SYSTEM] System\n');
});

test('the merged timeline holds all types, newest first, to the tenth of a microsecond', async () => {
  const file = await timelineOf({
    A: [{ ...event, time: at(1), text: 'second' }, { ...event, time: at(3), text: 'last' }],
    B: [{ ...event, time: at(0), text: 'first' }, { ...event, time: at(1) + 1n, text: 'third' }],
  });
  const texts = file('timeline/timeline_all.txt').trim().split('\n').map((line) => line.split(' ').at(-1));
  assert.deepEqual(texts, ['last', 'third', 'second', 'first']);
  assert.equal(file('timeline/timeline_a.txt').trim().split('\n').length, 2);
});

test('events of one time stand in the order in which they were found', async () => {
  const file = await timelineOf({ A: ['key', 'key-sub', 'key-sub-sub'].map((text) => ({ ...event, time: at(5), text })) });
  assert.deepEqual(file('timeline/timeline_all.txt').trim().split('\n').map((line) => line.split(' ').at(-1)), ['key', 'key-sub', 'key-sub-sub']);
});

test('CSV, JSONL and JSON say the same, each in its own form', async () => {
  const file = await timelineOf({ A: [{ ...event, time: at(5) + 1_234_567n, text: 'a, b' }] });
  assert.equal(file('csv/timeline_all.csv'), 'Time,Type,Action,PID,Value32,Value64,Text,Pad\n"2023-02-01 09:00:05",A,CRE,4,0xc,0xffff900a0aa1d060,"a, b",""\n');
  const row = JSON.parse(file('timeline/timeline_all.jsonl')) as Record<string, unknown>;
  assert.equal(row['time'], '2023-02-01T09:00:05.1234567Z');
  assert.equal(row['value64'], '0xffff900a0aa1d060');
  const line = JSON.parse(file('json/timeline.json')) as Record<string, unknown>;
  assert.deepEqual({ ...line, sys: '' }, {
    class: 'TL', ver: '1', sys: '', date: '2023-02-01T09:00:05Z', type: 'A', action: 'CRE', pid: 4, num: 12, hex: 'ffff900a0aa1d060', desc: 'a, b',
  });
});

test('no control character of the image reaches a line', async () => {
  const file = await timelineOf({ A: [{ ...event, time: at(5), text: 'a\nb\u001b[2J\u202ec' }] });
  assert.match(file('timeline/timeline_all.txt'), /a\\x0ab\\x1b\[2J\\u202ec\n$/);
  assert.equal(file('timeline/timeline_all.txt').split('\n').length, 2);
});

test('a timeline without events is an empty text and a CSV of one heading', async () => {
  const file = await timelineOf({ A: [] });
  assert.equal(file('timeline/timeline_a.txt'), '');
  assert.equal(file('csv/timeline_a.csv'), 'Time,Type,Action,PID,Value32,Value64,Text,Pad\n');
});

test('the lines of CSV and JSONL are those that the table declares', () => {
  const rows: TimelineRow[] = [
    ['2023-02-01T09:00:05.1234567Z', 'PROC', 'CRE', 4, 12, '0xffff900a0aa1d060', 'System [*SYSTEM] a, "b"'],
    ['1601-01-01T00:00:00.0000001Z', 'REG', 'MOD', 0, 0, '0x0000000000000000', ' =x\u202e\u001b\n '],
    ['9999-12-31T23:59:59.9999999Z', 'Net', '---', 0xffff_ffff, 0xffff_ffff, '0x00000000000000a0', '-1'],
    ['2023-02-01T09:00:05.0000000Z', 'Net', 'DEL', 1, 1, '0x0000000000000001', ''],
  ];
  for (const row of rows) {
    assert.equal(timelineCsv(row), csvRow(TIMELINE, row));
    assert.equal(timelineJsonl(row, jsonText(row[6])), jsonRow(TIMELINE, row));
  }
});
