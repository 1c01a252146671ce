import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VAD_PAGES, vadPages } from '../../../src/tables/vad-pages.js';
import { presence, PRESENCE } from '../../../src/tables/missing.js';
import { csvOf, textOf } from '../../../src/vfs/table.js';
import type { Process } from '../../../src/windows/process.js';
import { machine, type Machine } from '../../support/machine.js';

const PID = 1004;
const PAGE = Buffer.alloc(0x1000, 0x5a);
const START = 0x10_0000_0000n;
const MAPPED = 0x20_0000_0000n;

function made(): Machine {
  return machine({ memory: 8 << 20 }).process({
    name: 'a.exe', pid: PID, vads: [
      {
        start: START, pages: 8, protection: 4, bytes: PAGE,
        states: { 1: { kind: 'transition', bytes: PAGE }, 2: { kind: 'pagefile', number: 0, offset: 7 }, 3: { kind: 'demand-zero' }, 6: { kind: 'present', bytes: PAGE } },
      },
      { start: MAPPED, pages: 3, protection: 1, file: '\\Windows\\a.nls', bytes: Buffer.concat([PAGE, PAGE]), states: { 0: { kind: 'vad-prototype' }, 1: { kind: 'prototype' } } },
    ],
  });
}

function opened(of: Machine = made()): Process {
  const process = of.open().process(PID);
  assert.ok(process !== undefined);
  return process;
}

test('each page of a VAD is a line with its state, those without an entry are one', () => {
  const of = opened();
  const rows = [...vadPages(of, of.vads().filter(({ start }) => start === START))];
  assert.deepEqual(rows.map(({ start, pages, kind, rights }) => [Number(start - START) / 0x1000, pages, kind, rights]), [
    [0, 1, 'present', 'rw-'], [1, 1, 'transition', '---'], [2, 1, 'pagefile', '---'], [3, 1, 'demand-zero', '---'], [4, 2, 'unmapped', '---'], [6, 1, 'present', 'rw-'], [7, 1, 'unmapped', '---'],
  ]);
  assert.equal(rows[0]?.state?.physical, of.memory.translate(START));
});

test('lines have MemProcFS\'s fields, with the prototype behind a page of a file', () => {
  const of = opened();
  const lines = textOf(VAD_PAGES, vadPages(of, of.vads())).toString('utf8').split('\n');
  const fields = (at: bigint): string[] => lines.find((line) => line.slice(14, 30) === at.toString(16).padStart(16, '0'))?.trim().split(/\s+/) ?? [];
  const moved = fields(START + 0x1000n);
  assert.equal(Number(`0x${moved[3]}`), of.memory.translate(START + 0x1000n));
  assert.deepEqual([moved[1], moved[5], moved[6], moved[10], moved[11]], [String(PID), 'T', '---', '-', 'p-rw--']);
  const mapped = fields(MAPPED + 0x1000n);
  const frame = of.memory.translate(MAPPED + 0x1000n)?.toString(16).padStart(12, '0');
  assert.deepEqual([mapped[3], mapped[5], mapped[8], mapped[10], mapped[11], mapped[14]], [frame, 'P', frame, 'T', 'File', '\\Windows\\a.nls']);
  assert.equal(fields(MAPPED)[5], 'P');
  assert.equal(new Set(lines.slice(0, -1).map((line) => line.length)).size, 1);
});

test('what is not there is empty in the CSV', () => {
  const of = opened();
  const rows = csvOf(VAD_PAGES, vadPages(of, of.vads())).toString('utf8').split('\n');
  const paged = rows.find((row) => row.startsWith(`${PID},0x${(START + 0x2000n).toString(16)},`))?.split(',');
  assert.equal(paged?.[2], '');
  assert.equal(paged?.[4], 'F');
});

test('a reserved range of terabytes is a few lines', () => {
  const of = made();
  const vad = of.built(PID).vads.find(({ spec }) => spec.start === START);
  of.lie('_MMVAD_SHORT', vad!.address, 'EndingVpnHigh', 7);
  const process = opened(of);
  const rows = [...vadPages(process, process.vads().filter(({ start }) => start === START))];
  // It covers the other VAD's pages too.
  assert.ok(rows.length < 16);
  assert.ok((rows.at(-1)?.pages ?? 0) > 2 ** 30);
});

test('more pages with entries than anybody reads are joined where they are alike', () => {
  const of = opened();
  const [vad] = of.vads().filter(({ start }) => start === START);
  // The same VAD again and again, as a tree whose nodes overlap would have it.
  const lines = vadPages(of, Array<NonNullable<typeof vad>>(40_000).fill(vad!));
  let count = 0;
  let single = 0;
  for (const { state } of lines) {
    count += 1;
    if (state !== undefined) single += 1;
  }
  assert.equal(count, 40_000 * 7);
  assert.ok(single <= 1 << 17);
});

test('pages are counted by what became of them, and summed up', () => {
  const of = opened();
  const rows = [...presence(of)];
  const own = rows.find(({ vad }) => vad?.start === START)?.counts;
  assert.deepEqual([own?.present, own?.zero, own?.unused, own?.paged, own?.readable], [3, 1, 3, 1, 3]);
  const sum = rows.at(-1);
  assert.equal(sum?.vad, undefined);
  for (const name of ['present', 'paged', 'file', 'unused'] as const) {
    assert.equal(sum?.counts[name], rows.slice(0, -1).reduce((total, { counts }) => total + counts[name], 0), name);
  }
  assert.match(textOf(PRESENCE, rows).toString('utf8'), /Sum/);
});
