import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ownStoreLayout } from '../../../src/windows/compressed-store-layouts.js';
import { PagedOutPages } from '../../../src/windows/page-file.js';
import type { Process } from '../../../src/windows/process.js';
import type { Windows } from '../../../src/windows/windows.js';
import { storeProfile, writePagingFiles, writeStore, type StoredPage, type WrittenStore } from '../../support/compressed-store.js';
import { direct } from '../../support/direct.js';
import { machine, type Machine } from '../../support/machine.js';
import { pageBytes } from '../../support/page-bytes.js';
import { pagefilePte } from '../../support/software-pte.js';
import { UNKNOWN_SYMBOLS } from '../../support/standard.js';
import type { ModeName } from '../../support/table-rules.js';

const PAGE = 4096;
const PID = 520;
const START = 0x22_0000n;
/** Of the virtual store. */
const FILE = 2;
/** Also those that have the bits of InvalidPteMask set, so that a PTE cannot turn them over. */
const OFFSETS = [0x1, 0x1fff, 0x2000, 0x2001, 0x3456, 0x1_2000, 0xf_ffff];

/** Each encoding of PTEs and each form of the store: before 14393, to 17063, from 17134 on, 26100; and 32-bit with PAE. */
const FAMILIES: readonly (readonly [build: number, mode: ModeName])[] = [
  [10_586, 'x64'], [14_393, 'x64'], [15_063, 'x64'], [16_299, 'x64'], [17_134, 'x64'], [17_763, 'x64'], [18_362, 'x64'], [19_041, 'x64'],
  [22_000, 'x64'], [22_621, 'x64'], [26_100, 'x64'], [10_586, 'x86-pae'], [14_393, 'x86-pae'], [16_299, 'x86-pae'], [17_134, 'x86-pae'], [19_041, 'x86-pae'],
];

const PAGES: readonly StoredPage[] = OFFSETS.map((offset, i) => ({ offset, bytes: pageBytes(i), whole: i === 3, behind: i === 4 ? 2 : 0 }));

/** A process whose pages are: one in memory, then those in the store, then one that the store does not have. */
function written(made: Machine, build: number): { made: Machine; store: WrittenStore } {
  const { pointerSize } = made.kernel.profile;
  const layout = ownStoreLayout(build, pointerSize) ?? ownStoreLayout(14_393, pointerSize)!;
  const store = writeStore(made, { layout, pages: PAGES, file: FILE });
  writePagingFiles(made, [{ virtual: false }, { virtual: false }, { virtual: true }]);
  made.process({
    name: 'notepad.exe', pid: PID, vads: [{
      start: START, pages: OFFSETS.length + 2, protection: 4, commit: OFFSETS.length + 2, bytes: Buffer.alloc(PAGE, 'here'),
      states: Object.fromEntries([...OFFSETS, 0x777].map((offset, i) => [i + 1, { kind: 'pagefile' as const, number: FILE, offset }])),
    }],
  });
  return { made, store };
}

function processOf(windows: Windows): Process {
  const process = windows.processes().find(({ pid }) => pid === PID);
  assert.ok(process !== undefined);
  return process;
}

function family(build: number, mode: ModeName, change: (made: Machine, store: WrittenStore) => void = () => undefined, pageFile?: string): Process {
  const { made, store } = written(machine({ profile: storeProfile(build, mode), mode, memory: 8 << 20, symbolFile: UNKNOWN_SYMBOLS }), build);
  change(made, store);
  const windows = direct(made);
  windows.kernel.memory.pagedOut = new PagedOutPages(windows.kernel, pageFile === undefined ? [] : [{ number: 0, path: pageFile }]);
  return processOf(windows);
}

function assertRead({ memory }: Process): void {
  for (const [i, { offset, bytes }] of PAGES.entries()) {
    const at = START + BigInt((i + 1) * PAGE);
    assert.ok(memory.read(at, PAGE)?.equals(bytes), `page 0x${offset.toString(16)}`);
    assert.deepEqual(memory.read(at + 0x123n, 7), Buffer.from(bytes.subarray(0x123, 0x12a)));
    assert.equal(memory.pte(at).kind, 'compressed');
  }
  const all = Buffer.alloc((OFFSETS.length + 2) * PAGE, 0xee);
  assert.equal(memory.fill(START, all), PAGE, 'the page that the store does not have is missing');
  assert.deepEqual(all, Buffer.concat([Buffer.alloc(PAGE, 'here'), ...PAGES.map(({ bytes }) => bytes), Buffer.alloc(PAGE)]));
  assert.equal(memory.read(START + BigInt((OFFSETS.length + 1) * PAGE), 1), undefined);
}

for (const [build, mode] of FAMILIES) {
  test(`compressed pages are read in a process's memory as they were, on build ${build} ${mode}`, () => assertRead(family(build, mode)));
}

for (const build of [14_393, 17_763, 18_362, 19_041, 20_348, 22_000]) {
  test(`compressed pages are read in a recognised image of build ${build}`, () => {
    const { made } = written(machine({ profile: build, memory: 8 << 20 }), build);
    assertRead(processOf(made.open()));
  });
}

test('packed bytes that went to the page file are read from there, where it is given', () => {
  const folder = mkdtempSync(join(tmpdir(), 'memlens-test-'));
  try {
    const path = join(folder, 'pagefile.sys');
    const pageOut = (made: Machine, { kept, process }: WrittenStore): void => {
      const { space } = made.built(process);
      const pages = [...new Set([...kept.values()].flatMap(({ address, length }) => [address & ~0xfffn, (address + BigInt(length - 1)) & ~0xfffn]))];
      writeFileSync(path, Buffer.concat([Buffer.alloc(PAGE), ...pages.map((at) => space.read(at, PAGE))]));
      pages.forEach((at, i) => space.setPte(at, pagefilePte(made.kernel.rules, 0, i + 1, 4)));
    };
    assertRead(family(19_041, 'x64', pageOut, path));
    assert.equal(family(19_041, 'x64', pageOut).memory.read(START + BigInt(PAGE), PAGE), undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a store that keeps its pages in itself ends', () => {
  const process = family(19_041, 'x64', (made, { kept, process: owner }) => {
    for (const [offset, { address }] of kept) made.built(owner).space.setPte(address & ~0xfffn, pagefilePte(made.kernel.rules, FILE, offset, 4));
  });
  assert.equal(process.memory.read(START + BigInt(PAGE), PAGE), undefined);
  assert.equal(process.memory.read(START, 4)?.toString(), 'here');
});
