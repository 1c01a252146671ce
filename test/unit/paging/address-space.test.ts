import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressSpace, type PagedMemory } from '../../../src/paging/address-space.js';
import { X64 } from '../../../src/paging/mode.js';
import { SOFTWARE_PTE } from '../../../src/paging/pte.js';
import { imageOf, imageOfZeros } from '../../support/machine.js';
import { PAGE, PhysicalImage } from '../../support/physical.js';
import { noise, seeded } from '../../support/random.js';
import { slowWalk } from '../../support/slow-walk.js';
import { KERNEL_CODE, KERNEL_DATA, PTE, Space, USER_CODE, USER_DATA } from '../../support/tables.js';

const SIZE = 8 << 20;

interface Tables {
  readonly space: Space;
  readonly physical: PhysicalImage;
  /** Opens what was written. */
  open(): { readonly memory: PagedMemory; readonly space: AddressSpace };
}

function tables(): Tables {
  const physical = new PhysicalImage(SIZE);
  // The upper half is noise to map; tables lie below.
  noise(physical.bytes.subarray(physical.contiguous(SIZE / 2 / PAGE, SIZE / 2 / PAGE)), 3);
  const space = new Space(physical, physical.alloc());
  return {
    space, physical,
    open() {
      const { memory } = imageOf(physical.bytes);
      return { memory, space: new AddressSpace(memory, X64, space.dtb, SOFTWARE_PTE) };
    },
  };
}

const entryOf = (memory: PagedMemory) => (at: bigint): bigint | undefined => memory.read(Number(at), 8)?.readBigUInt64LE(0);

/** A space with pages of every size in both halves, at their edges. */
function furnished(): Tables & { readonly places: readonly bigint[] } {
  const made = tables();
  const { space } = made;
  space.map(0x1000n, 0x30_0000, USER_DATA);
  space.map(0x2000n, 0x30_1000, USER_CODE);
  space.map(0x7fff_ffff_f000n, 0x31_0000, USER_DATA);
  space.map(0xffff_8000_0000_0000n, 0x31_1000, KERNEL_DATA);
  space.map(0xffff_ffff_ffff_f000n, 0x32_0000, KERNEL_CODE);
  space.map(0xffff_f800_0020_0000n, 4 << 20, KERNEL_CODE, '2 MiB');
  // PAT, bit 12 of a large page's entry, is no part of the frame.
  space.map(0xffff_f800_0040_0000n, (6 << 20) | 0x1000, KERNEL_DATA, '2 MiB');
  space.map(0xffff_c000_4000_0000n, 0, KERNEL_DATA, '1 GiB');
  space.map(0xffff_a000_0000_0000n, 0x33_0000, KERNEL_DATA & ~PTE.writable);
  return {
    ...made,
    places: [0x1000n, 0x2000n, 0x7fff_ffff_f000n, 0xffff_8000_0000_0000n, 0xffff_ffff_ffff_f000n, 0xffff_f800_0020_0000n, 0xffff_f800_003f_f000n,
      0xffff_f800_0040_0000n, 0xffff_f800_005f_f000n, 0xffff_c000_4000_0000n, 0xffff_c000_407f_f000n, 0xffff_a000_0000_0000n],
  };
}

test('pages of 4 KiB, 2 MiB and 1 GiB are translated in both halves, as a slow walk by the book says', () => {
  const { open, places } = furnished();
  const { memory, space } = open();
  for (const place of places) {
    for (const offset of [0n, 0x123n, 0xfffn]) {
      const walked = slowWalk(entryOf(memory), BigInt(space.dtb), place + offset);
      assert.notEqual(walked, undefined, place.toString(16));
      assert.equal(space.translate(place + offset), Number(walked!.physical), place.toString(16));
    }
    assert.equal(space.pte(place + 0x123n).kind, 'present');
    assert.equal(space.pte(place + 0x123n).physical, space.translate(place));
  }
  assert.equal(space.translate(0xffff_f800_0040_0123n), (6 << 20) + 0x123, 'PAT is no part of the frame');
});

test('what lies beside a mapped page is not mapped', () => {
  const { space } = furnished().open();
  for (const place of [0n, 0xfffn, 0x3000n, 0x7fff_ffff_efffn, 0xffff_8000_0000_1000n, 0xffff_ffff_ffff_efffn, 0xffff_f800_001f_ffffn, 0xffff_f800_0060_0000n]) {
    assert.equal(space.translate(place), undefined, place.toString(16));
    assert.equal(space.read(place, 1), undefined);
    assert.equal(space.pte(place).physical, undefined);
  }
});

test('addresses that are not canonical, negative, or beyond 64 bits are not in the image', () => {
  const { space } = furnished().open();
  for (const place of [0x8000_0000_0000n, 0x1_0000_0000_1000n, 0xffff_7fff_ffff_f000n, 0x7fff_8000_0000_0000n, 0x8000_0000_0000_1000n,
    (1n << 64n) + 0x1000n, (1n << 65n) + 0x1000n, -0x1000n, -(1n << 63n), -(1n << 64n) + 0x1000n]) {
    assert.equal(space.translate(place), undefined, place.toString(16));
    assert.equal(space.read(place, 8), undefined, place.toString(16));
    assert.equal(space.pte(place).kind, 'unmapped', place.toString(16));
    const target = Buffer.alloc(8, 0xcc);
    assert.equal(space.fill(place, target), 8, place.toString(16));
    assert.ok(target.equals(Buffer.alloc(8)));
  }
});

test('mappings name every page that translate knows, where it lies, with its rights, and no other', () => {
  const { open, places } = furnished();
  const { memory, space } = open();
  const mappings = [...space.mappings()];
  let count = 0;
  for (const { start, pages, physical, writable, executable, user, hardware } of mappings) {
    assert.ok(hardware);
    for (let page = 0; page < pages; page += 1) {
      const at = start + BigInt(page * PAGE);
      // The 1 GiB page is larger than the image: what lies in it is asked, the rest is sampled.
      if (physical + page * PAGE >= memory.size && page % 997 !== 0) continue;
      const walked = slowWalk(entryOf(memory), BigInt(space.dtb), at);
      assert.deepEqual([Number(walked?.physical), walked?.writable, walked?.executable, walked?.user], [physical + page * PAGE, writable, executable, user], at.toString(16));
      assert.equal(space.translate(at), physical + page * PAGE);
      count += 1;
    }
  }
  assert.ok(count > 2048 + 1024);
  for (const place of places) {
    assert.equal(mappings.filter(({ start, pages }) => place >= start && place < start + BigInt(pages * PAGE)).length, 1, place.toString(16));
  }
  assert.deepEqual([...mappings].sort((a, b) => (a.start < b.start ? -1 : 1)), mappings, 'ascending');
});

test('a scattered space of thousands of pages has the same pages in mappings, translate, pte and the slow walk', () => {
  const { space: written, open } = tables();
  const next = seeded(11);
  const places = new Set<bigint>();
  for (let i = 0; i < 1500; i += 1) {
    const kernel = next() < 0.5;
    const at = (kernel ? 0xffff_b000_0000_0000n : 0x1_0000_0000n) + BigInt(Math.floor(next() * 4096)) * 0x1000n + BigInt(Math.floor(next() * 3)) * 0x20_0000n;
    written.map(at, Math.floor(next() * (SIZE / PAGE)) * PAGE, kernel ? KERNEL_DATA : USER_DATA);
    places.add(at);
  }
  const { memory, space } = open();
  const listed = new Set<bigint>();
  for (const { start, pages, physical: first } of space.mappings()) {
    for (let page = 0; page < pages; page += 1) {
      const at = start + BigInt(page * PAGE);
      listed.add(at);
      assert.equal(Number(slowWalk(entryOf(memory), BigInt(space.dtb), at)?.physical), first + page * PAGE);
      assert.equal(space.translate(at), first + page * PAGE);
      assert.equal(space.pte(at).physical, first + page * PAGE);
    }
  }
  assert.deepEqual([...listed].sort(), [...places].sort());
});

test('mappings are cut to the range that is asked, its ends included and excluded', () => {
  const { open } = furnished();
  const { space } = open();
  const starts = (from: bigint, to: bigint): string[] => [...space.mappings(from, to)].map(({ start, pages }) => `${start.toString(16)}+${pages}`);
  assert.deepEqual(starts(0n, 0x8000_0000_0000n), ['1000+1', '2000+1', '7ffffffff000+1']);
  assert.deepEqual(starts(0x1000n, 0x2000n), ['1000+1']);
  assert.deepEqual(starts(0x1001n, 0x2001n), ['1000+1', '2000+1'], 'a page that is touched is named whole');
  assert.deepEqual(starts(0xffff_f800_0030_0000n, 0xffff_f800_0030_2000n), ['fffff80000300000+2']);
  assert.deepEqual(starts(0xffff_ffff_0000_0000n, 0xffff_ffff_ffff_ffffn), ['fffffffffffff000+1']);
  assert.deepEqual(starts(0xffff_ffff_0000_0000n, 0xffff_ffff_ffff_f001n), ['fffffffffffff000+1']);
  assert.deepEqual(starts(0xffff_ffff_ffff_f000n, 1n << 64n), ['fffffffffffff000+1']);
  assert.deepEqual(starts(0x5000n, 0x5000n), []);
  assert.deepEqual(starts(0x9_0000n, 0x1000n), []);
  assert.deepEqual(starts((1n << 64n) + 0x1000n, (1n << 64n) + 0x9000n), [], 'a range beyond 64 bits is not the one below');
});

test('runs join what is adjacent, whatever its rights and frames', () => {
  const { space } = furnished().open();
  assert.deepEqual([...space.runs(0n, 0x10_0000n)], [{ start: 0x1000n, length: 0x2000 }]);
  assert.deepEqual([...space.runs(0xffff_f800_0000_0000n, 0xffff_f800_1000_0000n)], [{ start: 0xffff_f800_0020_0000n, length: 0x40_0000 }]);
});

test('a read over pages on distant frames joins them; one absent page makes it undefined and fill says how much is missing', () => {
  const { space: written, open } = tables();
  written.write(0x1_0ff0n, Buffer.from('over the page'.padEnd(0x3000, '.')));
  written.setPte(0x1_2000n, 0n);
  const { space } = open();
  assert.equal(space.read(0x1_0ff0n, 32)?.toString().slice(0, 20), 'over the page.......');
  assert.equal(space.read(0x1_0ff0n, 0x1010)?.length, 0x1010);
  assert.equal(space.read(0x1_0ff0n, 0x1011), undefined);
  const target = Buffer.alloc(0x3000, 0xcc);
  assert.equal(space.fill(0x1_0ff0n, target), 0x1000);
  assert.ok(target.subarray(0x1010, 0x2010).every((byte) => byte === 0));
  assert.equal(target.subarray(0x2010).toString(), '.'.repeat(0xff0));
});

test('a read does not run from the top of one half into the other', () => {
  const { space } = furnished().open();
  assert.equal(space.read(0x7fff_ffff_fff8n, 16), undefined);
  assert.equal(space.fill(0x7fff_ffff_fff8n, Buffer.alloc(16)), 8);
  assert.equal(space.read(0xffff_ffff_ffff_fff8n, 16), undefined);
  assert.equal(space.fill(0xffff_ffff_ffff_fff8n, Buffer.alloc(16)), 8);
});

test('the self-map is readable by address but is no memory of its own', () => {
  const { space: written, open } = tables();
  written.map(0xffff_f800_0000_0000n, 0x30_0000, KERNEL_DATA);
  written.selfMap(0x1ed);
  const { space } = open();
  assert.deepEqual([...space.mappings()].map(({ start }) => start), [0xffff_f800_0000_0000n]);
  // The page table entry of an address, through the self-map (MmPteBase).
  const pte = 0xffff_f680_0000_0000n + ((0xffff_f800_0000_0000n >> 9n) & 0x7f_ffff_fff8n);
  assert.equal(space.read(pte, 8)?.readBigUInt64LE(0), BigInt(0x30_0000) | KERNEL_DATA);
});

test('entries that lead out of the image are no memory', () => {
  const { space: written, physical, open } = tables();
  written.map(0x1000n, SIZE, USER_DATA);
  written.map(0x2000n, 2 ** 40, USER_DATA);
  physical.setU64(written.entry(0x40_0000_0000n, '1 GiB'), BigInt(2 ** 40) | USER_DATA);
  written.map(0x5000n, SIZE - PAGE, USER_DATA);
  const { space } = open();
  assert.deepEqual([...space.mappings()].map(({ start }) => start), [0x5000n]);
  for (const at of [0x1000n, 0x2000n, 0x40_0000_0000n]) {
    assert.equal(space.read(at, 8), undefined);
    assert.equal(space.fill(at, Buffer.alloc(8)), 8);
  }
});

test('tables that name themselves and each other end, at every level', { timeout: 120_000 }, () => {
  for (const level of [0, 1, 2]) {
    const { physical, open, space: written } = tables();
    const tablesIn = [written.dtb, ...Array.from({ length: 3 }, () => physical.alloc())];
    // Every entry of the table at `level` and below names that table.
    tablesIn.forEach((table, i) => {
      for (let index = 0; index < 512; index += 1) {
        const target = i >= level ? tablesIn[level]! : tablesIn[i + 1]!;
        if (i < level && index > 0) break;
        physical.setU64(table + index * 8, BigInt(target) | PTE.present | PTE.writable | PTE.user);
      }
    });
    let runs = 0;
    for (const mapping of open().space.mappings()) runs += mapping.pages > 0 ? 1 : 0;
    assert.ok(runs <= (SIZE / PAGE) * 512, `${runs} runs at level ${level}`);
  }
});

test('noise as a page table is walked to an end', { timeout: 120_000 }, () => {
  const image = imageOfZeros(16 << 20, (write) => {
    const bytes = Buffer.alloc(16 << 20);
    noise(bytes, 5);
    write(0, bytes);
  });
  const space = new AddressSpace(image.memory, X64, 0x5000, SOFTWARE_PTE);
  let pages = 0;
  for (const mapping of space.mappings()) pages += mapping.pages;
  assert.ok(Number.isFinite(pages));
  const next = seeded(9);
  for (let i = 0; i < 20_000; i += 1) {
    const at = BigInt.asUintN(64, BigInt.asIntN(48, BigInt(Math.floor(next() * 2 ** 48))));
    const walked = slowWalk(entryOf(image.memory), 0x5000n, at);
    if (walked !== undefined) assert.equal(space.translate(at), Number(walked.physical));
    space.pte(at);
  }
});

test('DirectoryTableBase as stored holds a PCID in its low bits', () => {
  assert.equal(X64.tableOf(0x1ab_c002), 0x1ab_c000);
  assert.equal(X64.tableOf(0x12_3456_7000), 0x12_3456_7000);
});
