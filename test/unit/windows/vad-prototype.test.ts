import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Windows } from '../../../src/windows/windows.js';
import { familyProfile } from '../../support/families.js';
import { machine, type Machine } from '../../support/machine.js';
import { PAGE } from '../../support/physical.js';
import { UNKNOWN_SYMBOLS } from '../../support/standard.js';
import { PTE, type TableRules } from '../../support/table-rules.js';

const PID = 1004;
const START = 0x4000_0000n;
const at = (page: number): bigint => START + BigInt(page * PAGE);

interface Part {
  /** PtesInSubsection. */
  readonly entries: number;
  /** Index in the part → what its page begins with; undefined: its prototype PTEs were given back. */
  readonly pages: Readonly<Record<number, string>> | undefined;
}

/** A process that maps a file of several parts from a page of its first part on. None of its pages was touched. */
function mapped(made: Machine, parts: readonly Part[], options: { readonly pages: number; readonly from?: number }): { readonly made: Machine; readonly addresses: readonly bigint[] } {
  const { kernel } = made;
  const [first, ...others] = parts;
  made.process({ name: 'maps.exe', pid: PID, vads: [{ start: START, pages: options.pages, protection: 1, file: '\\large.bin' }] });
  const vad = made.built(PID).vads.find(({ spec }) => spec.start === START)!;
  const { rules } = kernel.space;
  const base = (part: Part): bigint => (part.pages === undefined ? 0n : kernel.paged.alloc(part.entries * rules.entryBytes, 'MmSt'));
  const write = (prototypes: bigint, part: Part): void => {
    for (const [page, mark] of Object.entries(part.pages ?? {})) setEntry(made, rules, prototypes + BigInt(Number(page) * rules.entryBytes), frameWith(made, mark));
  };
  const addresses: bigint[] = [];
  let view = kernel.view('_SUBSECTION', vad.section!.subsection);
  const firstBase = base(first!);
  write(firstBase, first!);
  view.set('SubsectionBase', firstBase).set('PtesInSubsection', first!.entries);
  addresses.push(view.address);
  const skipped = BigInt((options.from ?? 0) * rules.entryBytes);
  kernel.view('_MMVAD', vad.address).set('FirstPrototypePte', firstBase + skipped).set('LastContiguousPte', firstBase + BigInt((first!.entries - 1) * rules.entryBytes));
  for (const part of others) {
    const next = kernel.nonpaged.struct('_SUBSECTION', 'MmSb');
    const prototypes = base(part);
    write(prototypes, part);
    next.set('ControlArea', vad.section!.controlArea).set('SubsectionBase', prototypes).set('PtesInSubsection', part.entries);
    view.set('NextSubsection', next.address);
    view = next;
    addresses.push(next.address);
  }
  return { made, addresses };
}

function frameWith(made: Machine, mark: string): bigint {
  const frame = made.kernel.physical.alloc();
  made.kernel.physical.bytes.write(mark, frame);
  return BigInt(frame);
}

function setEntry({ kernel }: Machine, rules: TableRules, address: bigint, frame: bigint): void {
  const entry = rules.encode(frame, PTE.present | PTE.accessed, 'page', rules.shifts.length - 1);
  if (rules.entryBytes === 8) kernel.space.setU64(address, entry);
  else kernel.space.setU32(address, Number(entry));
}

const PARTS: readonly Part[] = [
  { entries: 4, pages: { 0: 'one.0', 3: 'one.3' } }, { entries: 3, pages: { 0: 'two.0', 2: 'two.2' } },
  { entries: 5, pages: undefined }, { entries: 8, pages: { 1: 'four.1' } },
];
const marks = (windows: Windows, pages: readonly number[]): (string | undefined)[] => pages.map((page) => {
  const text = windows.process(PID)!.memory.read(at(page), 8)?.toString('latin1');
  return text?.slice(0, text.indexOf('\0'));
});

for (const [name, build, mode] of [['XP', 2600, 'x86'], ['Server 2003', 3790, 'x64'], ['7', 7601, 'x86-pae'], ['8.1', 9600, 'x64'], ['10 2004', 19_041, 'x64'], ['11 24H2', 26_100, 'x64']] as const) {
  test(`Windows ${name} on ${mode}: pages past the first part of a file are found along its subsections, one by one and in bulk`, () => {
    const { made } = mapped(machine({ profile: familyProfile(build, mode), mode, symbolFile: UNKNOWN_SYMBOLS, exports: 'as Windows', debuggerData: 'plain', ownSections: true }), PARTS, { pages: 24 });
    const windows = made.open();
    assert.deepEqual(marks(windows, [0, 1, 3, 4, 5, 6, 7, 12, 13, 20]), ['one.0', undefined, 'one.3', 'two.0', undefined, 'two.2', undefined, undefined, 'four.1', undefined]);
    const { memory } = windows.process(PID)!;
    assert.deepEqual([...memory.runs(START, at(24))], [[0, 1], [3, 2], [6, 1], [13, 1]].map(([page, pages]) => ({ start: at(page!), length: pages! * PAGE })));
    // What no part covers nobody knows: the given-back part, and what lies past the last.
    assert.deepEqual([...memory.states(START, at(24))].filter(({ readable }) => !readable).map(({ start, pages, kind, resolved }) => [start, pages, kind, resolved]),
      [[1, 2], [5, 1], [12, 1], [14, 6]].map(([page, pages]) => [at(page!), pages, 'prototype', 'unmapped']));
    assert.deepEqual([...memory.mappings(START, at(24), true)].map(({ start, hardware }) => [start, hardware]), [0, 3, 4, 6, 13].map((page) => [at(page), false]));
    assert.deepEqual(windows.anomalies.list.filter(({ where }) => /subsection|prototype/.test(where)), []);
  });
}

test('a view that begins within a part counts from there', () => {
  const { made } = mapped(machine(), PARTS, { pages: 16, from: 3 });
  assert.deepEqual(marks(made.open(), [0, 1, 2, 3, 10]), ['one.3', 'two.0', undefined, 'two.2', 'four.1']);
});

test('a chain that leads back, to another file, or into nothing ends there and says so', () => {
  const ways: readonly (readonly [name: string, change: (made: Machine, addresses: readonly bigint[]) => void, said: RegExp])[] = [
    ['loop', (made, [first, second]) => made.lie('_SUBSECTION', second!, 'NextSubsection', first!), /already visited/],
    ['another file', (made, [, , third]) => made.lie('_SUBSECTION', third!, 'ControlArea', 0xffff_a000_1111_0000n), /another control area/],
    ['nothing', (made, [, second]) => made.lie('_SUBSECTION', second!, 'NextSubsection', 0xffff_a000_dead_0000n), /cannot be read/],
    ['user memory', (made, [, second]) => made.lie('_SUBSECTION', second!, 'NextSubsection', 0x1000n), /cannot be read/],
  ];
  for (const [name, change, said] of ways) {
    const { made, addresses } = mapped(machine(), PARTS, { pages: 24 });
    change(made, addresses);
    const windows = made.open();
    assert.deepEqual(marks(windows, [0, 4, 6, 13]), ['one.0', 'two.0', 'two.2', undefined], name);
    assert.deepEqual([...windows.process(PID)!.memory.runs(START, at(24))].length, 3, name);
    assert.ok(windows.anomalies.list.some(({ where, what }) => where.startsWith('subsections of') && said.test(what)), name);
  }
});

test('parts that claim any size are cut to the VAD, and a terabyte of absent prototype PTEs is passed over', () => {
  const { made, addresses } = mapped(machine(), PARTS, { pages: 24 });
  made.lie('_SUBSECTION', addresses[1]!, 'PtesInSubsection', 0xffff_ffff);
  assert.deepEqual(marks(made.open(), [4, 6, 13]), ['two.0', 'two.2', undefined]);
  const vad = made.built(PID).vads.find(({ spec }) => spec.start === START)!;
  made.lie('_MMVAD_SHORT', vad.address, 'EndingVpn', 0xffff_ffffn & 0xf000_0000n).lie('_MMVAD_SHORT', vad.address, 'EndingVpnHigh', 6)
    .lie('_MMVAD', vad.address, 'LastContiguousPte', 0xffff_ffff_ffff_fff8n);
  const { memory } = made.open().process(PID)!;
  let pages = 0;
  for (const run of memory.states(0n, 0x7fff_ffff_0000n)) pages += run.pages;
  assert.ok(pages > 2 ** 28, `${pages} pages are named`);
  let readable = 0;
  for (const { length } of memory.runs(START, 0x7fff_ffff_0000n)) readable += length;
  assert.ok(readable >= 2 * PAGE);
});
