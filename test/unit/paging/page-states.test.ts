import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Run } from '../../../src/bytes/memory.js';
import { AddressSpace, type PagedMemory, type StateRun } from '../../../src/paging/address-space.js';
import type { PrototypeRange } from '../../../src/paging/known-pages.js';
import { X64 } from '../../../src/paging/mode.js';
import type { PagedOut } from '../../../src/paging/paged-out.js';
import { softwarePte } from '../../../src/paging/pte.js';
import { imageOf, profileOf } from '../../support/machine.js';
import { PAGE, PhysicalImage } from '../../support/physical.js';
import { seeded } from '../../support/random.js';
import { demandZeroPte, pagefilePte, prototypePte, softwareRules, subsectionPte, transitionPte, vadPrototypePte } from '../../support/software-pte.js';
import { KERNEL_DATA, PTE, Space, USER_DATA } from '../../support/tables.js';

const PROTOTYPES = 0xffff_a000_1234_0000n;
const USER_END = 0x8000_0000_0000n;
const RULES = softwareRules(profileOf(19_041), 0x2000_0000_0000n);
const SOFTWARE = softwarePte(profileOf(19_041), 0x2000_0000_0000n);

interface Ground {
  readonly physical: PhysicalImage;
  readonly system: Space;
  readonly user: Space;
  /** @param hole pages of the image that were not acquired: first and one past the last */
  open(options?: { readonly pagedOut?: PagedOut; readonly hole?: readonly [start: number, end: number] }): { readonly system: AddressSpace; readonly user: AddressSpace };
}

function ground(): Ground {
  const physical = new PhysicalImage(8 << 20);
  const system = new Space(physical, physical.alloc());
  system.back(PROTOTYPES, 0x2000);
  const user = new Space(physical, physical.alloc(), system);
  return {
    physical, system, user,
    open({ pagedOut, hole } = {}) {
      const { memory } = imageOf(physical.bytes);
      const seen = hole === undefined ? memory : without(memory, ...hole);
      const own = new AddressSpace(seen, X64, system.dtb, SOFTWARE);
      own.pagedOut = pagedOut;
      return { system: own, user: new AddressSpace(seen, X64, user.dtb, SOFTWARE, own) };
    },
  };
}

/** The same memory, in which some pages were not acquired. */
function without(memory: PagedMemory, start: number, end: number): PagedMemory {
  const touches = (address: number, length: number): boolean => address < end && address + length > start;
  return {
    size: memory.size,
    page: (frame) => (touches(frame * PAGE, PAGE) ? undefined : memory.page(frame)),
    read: (address, length) => (touches(address, length) ? undefined : memory.read(address, length)),
    fill: (address, target) => memory.fill(address, target),
    * runs(from, to): Generator<Run<number>> {
      if (from < start) yield { start: from, length: Math.min(to, start) - from };
      if (to > end) yield { start: Math.max(from, end), length: to - Math.max(from, end) };
    },
  };
}

/** Pages of some page files by number and offset. */
function away(pages: ReadonlyMap<string, Uint8Array>, compressed: readonly number[] = []): PagedOut {
  return {
    kind: (file) => (compressed.includes(file) ? 'compressed' : 'pagefile'),
    has: (file, offset) => pages.has(`${file} ${offset}`),
    read: (file, offset) => pages.get(`${file} ${offset}`),
  };
}

function marked(physical: PhysicalImage, mark: string): number {
  const frame = physical.alloc();
  physical.bytes.write(mark, frame);
  return frame;
}

const line = ({ start, pages, kind, resolved, readable }: StateRun): string =>
  `${start.toString(16)} ${pages} ${kind}${resolved === kind ? '' : ` ${resolved}`}${readable ? '' : ' missing'}`;
const states = (space: AddressSpace, start = 0n, end = USER_END): string[] => [...space.states(start, end)].map(line);

test('each state of pages is told in bulk, neighbours that are alike together', () => {
  const { physical, system, user, open } = ground();
  system.setU64(PROTOTYPES, BigInt(marked(physical, 'shared')) | PTE.present);
  system.setU64(PROTOTYPES + 8n, transitionPte(RULES, marked(physical, 'moved'), 1));
  system.setU64(PROTOTYPES + 16n, pagefilePte(RULES, 0, 7, 1));
  system.setU64(PROTOTYPES + 24n, subsectionPte(RULES, 0xffff_a000_5555_0000n, 1));
  system.setU64(PROTOTYPES + 32n, demandZeroPte(RULES, 1));
  for (const page of [0, 1]) user.map(0x1_0000n + BigInt(page * PAGE), physical.alloc(), USER_DATA);
  for (const page of [2, 3]) user.setPte(0x1_0000n + BigInt(page * PAGE), transitionPte(RULES, physical.alloc(), 4));
  for (let entry = 0; entry < 6; entry += 1) user.setPte(0x1_4000n + BigInt(entry * PAGE), prototypePte(RULES, PROTOTYPES + BigInt(entry * 8)));
  user.setPte(0x1_a000n, pagefilePte(RULES, 1, 3, 4));
  user.setPte(0x1_b000n, pagefilePte(RULES, 2, 3, 4));
  user.setPte(0x1_c000n, demandZeroPte(RULES, 4));
  user.setPte(0x1_d000n, vadPrototypePte(RULES, 1));
  user.map(0x20_0000n, physical.take(0x400), USER_DATA, '2 MiB');
  const { user: space } = open({ pagedOut: away(new Map([['1 3', Buffer.alloc(PAGE, 1)]]), [2]) });
  assert.deepEqual(states(space), [
    '10000 2 present', '12000 2 transition', '14000 1 prototype present', '15000 1 prototype transition', '16000 1 prototype pagefile missing',
    '17000 1 prototype file missing', '18000 1 prototype demand-zero missing', '19000 1 prototype unmapped missing',
    '1a000 1 pagefile', '1b000 1 compressed missing', '1c000 1 demand-zero missing', '1d000 1 prototype missing', '200000 512 present',
  ]);
  assert.deepEqual(states(space, 0x1_1000n, 0x1_3000n), ['11000 1 present', '12000 1 transition'], 'cut to what is asked');
  assert.equal(space.pte(0x1_7000n).prototype?.state?.kind, 'file');
  assert.equal(space.pte(0x1_b000n).kind, 'compressed');
  for (const { start, pages, kind, readable } of space.states(0n, 0x20_0000n)) {
    for (let page = 0; page < pages; page += 1) {
      const at = start + BigInt(page * PAGE);
      assert.equal(space.pte(at).kind, kind, at.toString(16));
      assert.equal(space.read(at, PAGE) !== undefined, readable, at.toString(16));
    }
  }
});

test('pages that only the VAD knows are in runs, mappings and states, as read finds them, with and without a page table', () => {
  const { physical, system, user, open } = ground();
  const frames = [0, 1, 2].map((page) => marked(physical, `page ${page}`));
  frames.forEach((frame, page) => system.setU64(PROTOTYPES + BigInt(page * 8), BigInt(frame) | PTE.present));
  system.setU64(PROTOTYPES + 0xff8n, BigInt(marked(physical, 'the last of a page')) | PTE.present);
  system.setU64(PROTOTYPES + 0x1000n, BigInt(marked(physical, 'the first of the next')) | PTE.present);
  // The second page was written to: it has its own copy now.
  user.map(0x1_1000n, marked(physical, 'own'), USER_DATA);
  user.setPte(0x1_2000n, demandZeroPte(RULES, 4));
  const { user: space } = open();
  const ranges: PrototypeRange[] = [
    { start: 0x1_0000n, pages: 5, prototypes: PROTOTYPES }, { start: 0x7fff_0000_0000n, pages: 0x300, prototypes: PROTOTYPES },
    { start: 0x7fff_1000_0000n, pages: 4, prototypes: 0xffff_a000_9999_0000n },
  ];
  let asked: readonly bigint[] = [];
  space.prototypeRanges = (start, end) => {
    asked = [start, end];
    return ranges.filter((range) => range.start < end);
  };
  space.prototypeOf = (address) => {
    const range = ranges.find(({ start, pages }) => address >= start && address < start + BigInt(pages * PAGE));
    return range && range.prototypes + ((address - range.start) >> 12n) * 8n;
  };
  assert.deepEqual(states(space), [
    '10000 1 prototype present', '11000 1 present', '12000 1 demand-zero missing', '13000 2 prototype unmapped missing',
    '7fff00000000 3 prototype present', '7fff00003000 508 prototype unmapped missing', '7fff001ff000 2 prototype present', '7fff00201000 255 prototype unmapped missing',
    '7fff10000000 4 prototype unmapped missing',
  ]);
  assert.deepEqual(asked, [0n, USER_END]);
  assert.deepEqual([...space.runs(0n, USER_END)].map(({ start, length }) => [start, length / PAGE]), [[0x1_0000n, 2], [0x7fff_0000_0000n, 3], [0x7fff_001f_f000n, 2]]);
  const mapped = [...space.mappings(0n, USER_END, true)].flatMap(({ start, pages, physical: first }) => Array.from({ length: pages }, (_, page) => [start + BigInt(page * PAGE), first + page * PAGE] as const));
  assert.equal(mapped.length, 7);
  for (const [at, frame] of mapped) assert.equal(space.translate(at), frame, at.toString(16));
  assert.equal(space.read(0x7fff_001f_f000n, 18)?.toString(), 'the last of a page');
  assert.equal(space.read(0x7fff_0020_0000n, 21)?.toString(), 'the first of the next');
  assert.equal(space.read(0x1_1000n, 3)?.toString(), 'own');
  assert.equal(space.read(0x1_2000n, 1), undefined);
  assert.deepEqual([...space.mappings(0n, USER_END)].map(({ start }) => start), [0x1_1000n], 'the hardware maps one');
});

test('where a page table is not to be had nobody says what its pages were, the VAD neither', () => {
  const { physical, user, system, open } = ground();
  system.setU64(PROTOTYPES, BigInt(marked(physical, 'shared')) | PTE.present);
  const table = user.entry(0x20_0000n) & ~0xfff;
  user.map(0x1000n, physical.alloc(), USER_DATA);
  const { user: space } = open({ hole: [table, table + PAGE] });
  space.prototypeRanges = () => [{ start: 0x10_0000n, pages: 0x200, prototypes: PROTOTYPES }];
  space.prototypeOf = () => PROTOTYPES;
  assert.deepEqual(states(space), ['1000 1 present', '100000 1 prototype present', '101000 255 prototype unmapped missing', '200000 512 unmapped missing']);
  assert.equal(space.read(0x20_0000n, 1), undefined);
  assert.equal(space.read(0x10_0000n, 6)?.toString(), 'shared');
});

test('frames that were not acquired, or lie beyond the image, are not readable; large pages are cut where they begin', () => {
  const { physical, user, open } = ground();
  const large = physical.take(0x400);
  user.map(0x20_0000n, large, USER_DATA, '2 MiB');
  user.map(0x40_0000n, large + 0x10_0000, USER_DATA);
  user.map(0x40_1000n, 0x1_0000_0000, USER_DATA);
  user.setPte(0x40_2000n, transitionPte(RULES, 0x2_0000_0000, 4));
  const { user: space } = open({ hole: [large + 0x10_0000, large + 0x10_2000] });
  assert.deepEqual(states(space), ['200000 256 present', '300000 2 present missing', '302000 254 present', '400000 2 present missing', '402000 1 transition missing']);
  assert.deepEqual([...space.runs(0n, USER_END)].map(({ start, length }) => [start, length / PAGE]), [[0x20_0000n, 256], [0x30_2000n, 254]]);
});

test('page tables that were written out themselves are read from the page file, and lead on', () => {
  const { physical, user, system, open } = ground();
  user.map(0x20_0000n, marked(physical, 'far down'), USER_DATA);
  user.setPte(0x20_1000n, pagefilePte(RULES, 0, 9, 4));
  const table = user.entry(0x20_0000n) & ~0xfff;
  const saved = Buffer.from(physical.bytes.subarray(table, table + PAGE));
  physical.setU64(user.entry(0x20_0000n, '2 MiB'), pagefilePte(RULES, 0, 8, 4));
  physical.bytes.fill(0xcc, table, table + PAGE);
  // So are pages of prototype PTEs, which are pageable.
  const pool = system.entry(PROTOTYPES + 0x1000n);
  const prototypes = Buffer.alloc(PAGE);
  prototypes.writeBigUInt64LE(BigInt(marked(physical, 'shared')) | PTE.present, 8);
  physical.setU64(pool, pagefilePte(RULES, 0, 11, 4));
  user.setPte(0x80_0000n, prototypePte(RULES, PROTOTYPES + 0x1008n));
  const pages = new Map<string, Uint8Array>([['0 8', saved], ['0 9', Buffer.from('out too'.padEnd(PAGE, '\0'))], ['0 11', prototypes]]);
  const { user: space } = open({ pagedOut: away(pages) });
  assert.equal(space.read(0x20_0000n, 8)?.toString(), 'far down');
  assert.equal(space.read(0x20_1000n, 7)?.toString(), 'out too');
  assert.equal(space.read(0x80_0000n, 6)?.toString(), 'shared');
  assert.deepEqual(states(space), ['200000 1 present', '201000 1 pagefile', '800000 1 prototype present']);
  assert.deepEqual([...space.mappings(0n, USER_END)], [], 'the processor maps none of it');
  const { user: poor } = open();
  assert.equal(poor.read(0x20_0000n, 1), undefined);
  assert.deepEqual(states(poor), ['200000 512 unmapped missing', '800000 1 prototype unmapped missing']);
});

test('a prototype PTE that is the address of a control area says that only the file has the page', () => {
  const { system, user, open } = ground();
  // Bits 10 and 11 of the address would be those of prototypes and of transition.
  for (const [page, address] of [0xffff_a00b_1234_5010n, 0xffff_a00b_1234_5c10n, 0xffff_a00b_1234_5800n].entries()) {
    system.setU64(PROTOTYPES + BigInt(page * 8), address);
    user.setPte(0x1_0000n + BigInt(page * PAGE), prototypePte(RULES, PROTOTYPES + BigInt(page * 8)));
  }
  const { user: space } = open();
  assert.deepEqual(states(space), ['10000 3 prototype file missing']);
  assert.deepEqual([0, 1, 2].map((page) => space.pte(0x1_0000n + BigInt(page * PAGE)).prototype?.state?.kind), ['file', 'file', 'file']);
  assert.equal(space.read(0x1_0000n, 1), undefined);
});

test('a page file that is asked for the same page in a loop of tables comes to an end', () => {
  const { physical, user, open } = ground();
  // Every entry of the table in the page file names that same page of the page file.
  const looped = Buffer.alloc(PAGE);
  for (let at = 0; at < PAGE; at += 8) looped.writeBigUInt64LE(pagefilePte(RULES, 0, 5, 4), at);
  physical.setU64(user.dtb, pagefilePte(RULES, 0, 5, 4));
  physical.setU64(user.dtb + 8, pagefilePte(RULES, 0, 6, 4));
  const { user: space } = open({ pagedOut: away(new Map([['0 5', looped]])) });
  let pages = 0;
  let runs = 0;
  for (const run of space.states(0n, USER_END)) {
    pages += run.pages;
    runs += 1;
  }
  assert.ok(runs >= 1 && pages > 0);
  assert.ok(space.read(0x1234_5000n, 8) !== undefined, 'its own bytes, as a page');
});

test('ranges of a forged VAD cost no more than what is there, and never throw', () => {
  const { physical, system, user, open } = ground();
  system.setU64(PROTOTYPES, BigInt(marked(physical, 'shared')) | PTE.present);
  user.map(0x1000n, physical.alloc(), USER_DATA);
  const { user: space } = open();
  const next = seeded(7);
  const claims: readonly PrototypeRange[] = [
    { start: 0n, pages: 2 ** 35, prototypes: PROTOTYPES }, { start: 0x1000n, pages: 2 ** 35, prototypes: 0xffff_8000_0000_0000n },
    { start: 0x1000n, pages: 2 ** 35, prototypes: 0xffff_ffff_ffff_f000n }, { start: 0x1000n, pages: 10, prototypes: 0x1000n },
    { start: 0x1000n, pages: 10, prototypes: PROTOTYPES + 3n }, { start: 0x1000n, pages: 0, prototypes: PROTOTYPES },
    ...Array.from({ length: 50 }, (): PrototypeRange => ({ start: BigInt(Math.floor(next() * 2 ** 35)) << 12n, pages: Math.floor(next() * 2 ** 30), prototypes: (0xffffn << 48n) | BigInt(Math.floor(next() * 2 ** 48)) })),
  ];
  for (const claim of claims) {
    space.prototypeRanges = () => [claim];
    let last = -1n;
    for (const { start, pages } of space.states(0n, USER_END)) {
      assert.ok(start >= last && pages > 0 && start + BigInt(pages * PAGE) <= USER_END);
      last = start + BigInt(pages * PAGE);
    }
    for (const { length } of space.runs(0n, USER_END)) assert.ok(length > 0);
  }
});

test('the kernel half has states too', () => {
  const { physical, system, open } = ground();
  system.map(0xffff_f800_0000_0000n, physical.alloc(), KERNEL_DATA);
  system.setPte(0xffff_f800_0000_1000n, pagefilePte(RULES, 0, 4, 4));
  assert.deepEqual(states(open().system, 0xffff_f800_0000_0000n, 0xffff_f800_0010_0000n), ['fffff80000000000 1 present', 'fffff80000001000 1 pagefile missing']);
});
