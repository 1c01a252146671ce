import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PageFileOption } from '../../../src/windows/options.js';
import { pageFileTable } from '../../../src/windows/page-file-table.js';
import { familyProfile, WINDOWS } from '../../support/families.js';
import { machine, type Machine } from '../../support/machine.js';
import { PAGE } from '../../support/physical.js';
import { noise } from '../../support/random.js';
import { pagefilePte, subsectionPte } from '../../support/software-pte.js';
import { UNKNOWN_SYMBOLS } from '../../support/standard.js';
import type { PageSpec } from '../../support/vads.js';

const folder = mkdtempSync(join(tmpdir(), 'memlens-page-files-'));
after(() => rmSync(folder, { recursive: true }));

/** A page of noise, another for each place. */
function pageOf(file: number, offset: number): Buffer {
  const bytes = Buffer.alloc(PAGE);
  noise(bytes, 1 + file * 1000 + offset);
  return bytes;
}

/** A page file of `pages` pages; those at `offsets` have their noise. */
function pageFile(number: number, pages: number, offsets: readonly number[], name = `page-file-${number}.sys`): PageFileOption {
  const bytes = Buffer.alloc(pages * PAGE);
  for (const offset of offsets) bytes.set(pageOf(number, offset), offset * PAGE);
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return { number, path };
}

const PID = 1004;
const PRIVATE = 0x20_0000n;
const MAPPED = 0x30_0000n;
const at = (start: bigint, page: number): bigint => start + BigInt(page * PAGE);
const out = (number: number, offset: number): PageSpec => ({ kind: 'pagefile', number, offset });
/** Enough pages in transition that the bits which are turned over show. */
const MOVED = Object.fromEntries(Array.from({ length: 8 }, (_, page): [number, PageSpec] => [page + 8, { kind: 'transition', bytes: Buffer.from('moved') }]));
const FILES = [pageFile(0, 64, [3, 40, 50]), pageFile(1, 8, [5, 7]), pageFile(9, 4, [1])];

/** A process with pages of its own and of a file's section in three page files. */
function paged(made: Machine): Machine {
  made.process({ name: 'smss.exe', pid: 300 }).process({
    name: 'paged.exe', pid: PID, ppid: 300,
    vads: [
      { start: PRIVATE, pages: 16, commit: 16, bytes: Buffer.from('stays'), states: { 1: out(0, 3), 2: out(1, 5), 3: out(9, 1), 4: out(0, 40), 5: { kind: 'demand-zero' }, ...MOVED } },
      { start: MAPPED, pages: 6, protection: 1, file: '\\data.bin', bytes: Buffer.from('in memory'), states: { 2: { kind: 'vad-prototype' } } },
    ],
  });
  const { kernel } = made;
  const { section } = made.built(PID).vads.find(({ spec }) => spec.start === MAPPED)!;
  const { entryBytes } = kernel.space.rules;
  const set = (page: number, value: bigint): void => {
    const entry = section!.prototypes + BigInt(page * entryBytes);
    if (entryBytes === 8) kernel.space.setU64(entry, value);
    else kernel.space.setU32(entry, Number(value));
  };
  set(1, pagefilePte(kernel.rules, 0, 50, 1));
  set(2, pagefilePte(kernel.rules, 1, 7, 1));
  set(3, subsectionPte(kernel.rules, section!.subsection, 1));
  return made;
}

for (const { name, build, modes } of WINDOWS) {
  for (const mode of modes) {
    const masks = mode === 'x86' || build < 7600 ? [0n] : [0n, 0x2000_0000_0000n];
    for (const invalidMask of masks) {
      test(`Windows ${name} on ${mode}${invalidMask === 0n ? '' : ', bits turned over'}: pages of page files are read byte for byte, by PTE, prototype PTE and VAD`, () => {
        const made = paged(machine({ profile: familyProfile(build, mode), mode, symbolFile: UNKNOWN_SYMBOLS, exports: 'as Windows', debuggerData: 'plain', ownSections: true, invalidMask }));
        const memory = made.open({ pageFiles: FILES }).process(PID)!.memory;
        const places: readonly (readonly [at: bigint, file: number, offset: number])[] = [
          [at(PRIVATE, 1), 0, 3], [at(PRIVATE, 2), 1, 5], [at(PRIVATE, 3), 9, 1], [at(PRIVATE, 4), 0, 40], [at(MAPPED, 1), 0, 50], [at(MAPPED, 2), 1, 7],
        ];
        for (const [where, file, offset] of places) {
          const state = memory.pte(where);
          assert.deepEqual(state.pagefile ?? state.prototype?.state?.pagefile, { number: file, offset }, where.toString(16));
          assert.deepEqual(memory.read(where, PAGE), pageOf(file, offset), where.toString(16));
          assert.equal(memory.translate(where), undefined, 'in no frame');
        }
        const all = Buffer.alloc(5 * PAGE);
        assert.equal(memory.fill(PRIVATE, all), 0);
        assert.deepEqual(all, Buffer.concat([Buffer.from('stays'.padEnd(PAGE, '\0')), pageOf(0, 3), pageOf(1, 5), pageOf(9, 1), pageOf(0, 40)]));
        assert.deepEqual(memory.read(at(PRIVATE, 1) + 0xff0n, 0x20), Buffer.concat([pageOf(0, 3).subarray(0xff0), pageOf(1, 5).subarray(0, 0x10)]));
        assert.deepEqual([...memory.runs(PRIVATE, at(MAPPED, 16))].map(({ start, length }) => [start, length / PAGE]), [[PRIVATE, 5], [at(PRIVATE, 8), 8], [MAPPED, 3]]);
        assert.deepEqual([...memory.states(MAPPED, at(MAPPED, 6))].map(({ pages, kind, resolved, readable }) => [pages, kind, resolved, readable]), [
          [1, 'present', 'present', true], [2, 'prototype', 'pagefile', true], [1, 'prototype', 'file', false], [2, 'prototype', 'unmapped', false],
        ]);

        const without = made.open().process(PID)!.memory;
        for (const [where] of places) assert.equal(without.read(where, 1), undefined);
        assert.equal(without.fill(PRIVATE, all), 4 * PAGE);
        assert.deepEqual([...without.states(PRIVATE, at(PRIVATE, 8))].map(({ pages, kind, readable }) => [pages, kind, readable]),
          [[1, 'present', true], [4, 'pagefile', false], [1, 'demand-zero', false]]);
      });
    }
  }
}

/** Where the kernel's table of page files lies: a variable before Windows 10, then in the system partition, at a place that no bundled layout tells. */
function tableOf({ kernel }: Machine): bigint {
  if (kernel.profile.symbol('MmPagingFile') !== undefined) return kernel.symbol('MmPagingFile');
  return kernel.symbol('MiSystemPartition') + BigInt(kernel.profile.field('_MI_PARTITION', 'Vp')!.offset + 0xa8);
}

/** Enters page files in the kernel's table. */
function withTable(made: Machine, entries: readonly { readonly name: string; readonly pages: number; readonly store?: boolean }[]): Machine {
  const { kernel } = made;
  const table = tableOf(made);
  const old = kernel.profile.symbol('MmPagingFile') !== undefined;
  if (old) kernel.space.back(table, 0x80);
  else kernel.space.back(kernel.symbol('MiSystemPartition'), kernel.profile.sizeOf('_MI_PARTITION')!);
  entries.forEach(({ name, pages, store }, index) => {
    const view = kernel.nonpaged.struct('_MMPAGING_FILE', 'Mm  ');
    view.set('Size', pages).set('MaximumSize', pages * 2).set('PageFileNumber', index).setIfAny('VirtualStorePagefile', store === true ? 1 : 0);
    if (name !== '') kernel.text(view, 'PageFileName', `\\??\\C:\\${name}`);
    kernel.space.setPointer(table + BigInt(index * 8), view.address);
  });
  return made;
}
const TABLE = [{ name: 'pagefile.sys', pages: 64 }, { name: 'swapfile.sys', pages: 8 }, { name: '', pages: 0x2_0000, store: true }];

for (const build of [7601, 9600]) {
  test(`build ${build}: the kernel's own table tells names and sizes`, () => {
    const { kernel } = withTable(machine({ profile: build }), TABLE.slice(0, 2)).open();
    assert.deepEqual(pageFileTable(kernel), [
      { number: 0, name: '\\??\\C:\\pagefile.sys', pages: 64, virtualStore: false }, { number: 1, name: '\\??\\C:\\swapfile.sys', pages: 8, virtualStore: false },
    ]);
    assert.deepEqual([0, 1, 2].map((number) => kernel.memory.pagedOut?.kind(number)), ['pagefile', 'pagefile', 'pagefile']);
  });
}

for (const build of [14_393, 17_763, 18_362, 19_041, 20_348, 22_000]) {
  test(`build ${build}: the kernel's own table tells names, sizes and the store of compressed pages`, () => {
    const { kernel } = withTable(machine({ profile: build }), TABLE).open();
    assert.deepEqual(pageFileTable(kernel), [
      { number: 0, name: '\\??\\C:\\pagefile.sys', pages: 64, virtualStore: false },
      { number: 1, name: '\\??\\C:\\swapfile.sys', pages: 8, virtualStore: false },
      { number: 2, name: undefined, pages: 0x2_0000, virtualStore: true },
    ]);
    assert.deepEqual([0, 1, 2].map((number) => kernel.memory.pagedOut?.kind(number)), ['pagefile', 'pagefile', 'compressed']);
  });
}

test('what was given and does not fit the kernel\'s table is said, each in a sentence', () => {
  const made = withTable(machine({ profile: 19_041 }), TABLE);
  const degraded = (...files: PageFileOption[]): readonly string[] => made.opened({ pageFiles: files }).diagnosis.degraded.filter((line) => line.startsWith('page file'));
  assert.deepEqual(degraded(pageFile(0, 64, [], 'pagefile.sys'), pageFile(1, 8, [], 'swapfile.sys')), []);
  assert.deepEqual(degraded(pageFile(0, 64, [], 'copy-of-C.bin')), [], 'a copy is called anything');
  assert.deepEqual(degraded(pageFile(2, 8, [], 'other.sys')).map((line) => /is the store of compressed pages/.test(line)), [true]);
  assert.deepEqual(degraded(pageFile(0, 64, [], 'case-swapfile.sys')).map((line) => /number 0 is .*pagefile\.sys.*swapfile\.sys is number 1/.test(line)), [true]);
  assert.deepEqual(degraded(pageFile(0, 8, [], 'short-pagefile.sys')).map((line) => /has 32768 bytes, the machine's had 262144/.test(line)), [true]);
  assert.deepEqual(degraded(pageFile(7, 8, [], 'seventh.sys')).map((line) => /no page file of this number/.test(line)), [true]);
});

test('the diagnosis says which page files were asked for', () => {
  const { diagnosis } = machine().opened({ pageFiles: [FILES[0]!] });
  assert.deepEqual(diagnosis.overrides, [`the page file ${FILES[0]!.path} as number 0 (--pagefile)`]);
});

test('a table of garbage is none, and a name that is longer than its room is none', () => {
  const made = withTable(machine({ profile: 19_041 }), [{ name: 'pagefile.sys', pages: 64 }, { name: 'x'.repeat(300), pages: 3 }]);
  const { kernel } = made;
  const table = tableOf(made);
  const second = kernel.space.pointer(table + 8n);
  kernel.view('_MMPAGING_FILE', second).set('PageFileName.MaximumLength', 2);
  assert.deepEqual(pageFileTable(made.open().kernel).map(({ name }) => name), ['\\??\\C:\\pagefile.sys', undefined]);
  kernel.view('_MMPAGING_FILE', second).set('PageFileNumber', 5);
  assert.equal(pageFileTable(made.open().kernel).length, 1, 'an entry that bears another number ends the table');
  kernel.space.setPointer(table, 0xffff_8000_dead_0000n);
  assert.deepEqual(pageFileTable(made.open().kernel), []);
});

test('a page beyond the end of its page file is missing, and that is said once', () => {
  const made = paged(machine({ profile: 19_041 }));
  const windows = made.open({ pageFiles: [pageFile(0, 4, [3], 'cut.sys')] });
  const memory = windows.process(PID)!.memory;
  assert.deepEqual(memory.read(at(PRIVATE, 1), PAGE), pageOf(0, 3));
  assert.equal(memory.read(at(PRIVATE, 4), PAGE), undefined);
  assert.equal(memory.read(at(MAPPED, 1), PAGE), undefined);
  assert.deepEqual(windows.anomalies.list.filter(({ where }) => where === 'page files').map(({ what }) => /page file 0 ends at page 0x4.*cut off or another/.test(what)), [true]);
});

test('a page file that is gone reads as missing, and says why', () => {
  const windows = paged(machine({ profile: 19_041 })).open({ pageFiles: [{ number: 0, path: join(folder, 'not-there.sys') }] });
  assert.equal(windows.process(PID)!.memory.read(at(PRIVATE, 1), 1), undefined);
  assert.ok(windows.anomalies.list.some(({ where, what }) => where === 'page files' && /page file 0 cannot be read \(ENOENT\)/.test(what)));
});
