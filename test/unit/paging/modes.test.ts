import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressSpace, type PagedMemory } from '../../../src/paging/address-space.js';
import { ARM64, architecture, modeNamed, MODES, X64, X64_LA57, X86, X86_PAE, type PagingMode } from '../../../src/paging/mode.js';
import { SOFTWARE_PTE, softwarePte, type SoftwarePte } from '../../../src/paging/pte.js';
import { Profile, type FieldFact } from '../../../src/profile/profile.js';
import { imageOf } from '../../support/machine.js';
import { PAGE, PhysicalImage } from '../../support/physical.js';
import { noise, seeded } from '../../support/random.js';
import { slowWalk } from '../../support/slow-walk.js';
import { TABLE_RULES, type TableRules } from '../../support/table-rules.js';
import { KERNEL_CODE, KERNEL_DATA, PTE, Space, USER_CODE, USER_DATA, type PageSize } from '../../support/tables.js';

const SIZE = 8 << 20;

/** What there is to try in a mode: addresses at the edges of its halves, and its large pages. */
interface Ground {
  readonly mode: PagingMode;
  readonly rules: TableRules;
  readonly user: bigint;
  readonly userTop: bigint;
  readonly kernel: bigint;
  readonly kernelTop: bigint;
  readonly large: readonly (readonly [at: bigint, size: PageSize, bytes: number])[];
  readonly outside: readonly bigint[];
}

const BEYOND_64 = [(1n << 64n) + 0x1000n, -0x1000n, -(1n << 63n)];
const GROUNDS: readonly Ground[] = [
  {
    mode: X64, rules: TABLE_RULES['x64'], user: 0x1000n, userTop: 0x7fff_ffff_f000n, kernel: 0xffff_8000_0000_0000n, kernelTop: 0xffff_ffff_ffff_f000n,
    large: [[0xffff_f800_0020_0000n, '2 MiB', 2 << 20]], outside: [0x8000_0000_0000n, 0xffff_7fff_ffff_f000n, ...BEYOND_64],
  },
  {
    mode: X64_LA57, rules: TABLE_RULES['x64-la57'], user: 0x1000n, userTop: 0x00ff_ffff_ffff_f000n, kernel: 0xff00_0000_0000_0000n, kernelTop: 0xffff_ffff_ffff_f000n,
    large: [[0xffff_f800_0020_0000n, '2 MiB', 2 << 20], [0xff12_3400_0040_0000n, '2 MiB', 2 << 20]],
    outside: [0x0100_0000_0000_0000n, 0xfeff_ffff_ffff_f000n, 0x8000_0000_0000_0000n, ...BEYOND_64],
  },
  {
    mode: X86_PAE, rules: TABLE_RULES['x86-pae'], user: 0x1000n, userTop: 0x7ffe_f000n, kernel: 0x8000_0000n, kernelTop: 0xffff_f000n,
    large: [[0x8080_0000n, '2 MiB', 2 << 20]], outside: [1n << 32n, 0xffff_ffff_8000_0000n, ...BEYOND_64],
  },
  {
    mode: X86, rules: TABLE_RULES['x86'], user: 0x1000n, userTop: 0x7ffe_f000n, kernel: 0x8000_0000n, kernelTop: 0xffff_f000n,
    large: [[0x8080_0000n, '4 MiB', 4 << 20]], outside: [1n << 32n, 0xffff_ffff_8000_0000n, ...BEYOND_64],
  },
  {
    mode: ARM64, rules: TABLE_RULES['arm64'], user: 0x1000n, userTop: 0x7fff_ffff_f000n, kernel: 0xffff_8000_0000_0000n, kernelTop: 0xffff_ffff_ffff_f000n,
    large: [[0xffff_f800_0020_0000n, '2 MiB', 2 << 20]], outside: [0x8000_0000_0000n, 0xffff_7fff_ffff_f000n, ...BEYOND_64],
  },
];

interface Made {
  readonly physical: PhysicalImage;
  readonly space: Space;
  open(software?: SoftwarePte): { readonly memory: PagedMemory; readonly space: AddressSpace; slow(at: bigint): ReturnType<typeof slowWalk> };
}

function made({ mode, rules }: Pick<Ground, 'mode' | 'rules'>, seed = 1): Made {
  const physical = new PhysicalImage(SIZE, seed);
  noise(physical.bytes.subarray(physical.contiguous(SIZE / 2 / PAGE, SIZE / 2 / PAGE)), 3);
  const space = new Space(physical, physical.alloc(), undefined, rules);
  return {
    physical, space,
    open(software = SOFTWARE_PTE) {
      const { memory } = imageOf(physical.bytes);
      const entryAt = (at: bigint): bigint | undefined => {
        const bytes = memory.read(Number(at), mode.entryBytes);
        return bytes === undefined ? undefined : mode.entryBytes === 8 ? bytes.readBigUInt64LE(0) : BigInt(bytes.readUInt32LE(0));
      };
      return {
        memory, space: new AddressSpace(memory, mode, space.dtb, software),
        slow: (at) => slowWalk(entryAt, BigInt(space.dtb), at, rules),
      };
    },
  };
}

/** All pages by mappings and by the slow walk, held against each other. */
function compare(space: AddressSpace, slow: (at: bigint) => ReturnType<typeof slowWalk>): Set<bigint> {
  const listed = new Set<bigint>();
  let previous = -1n;
  for (const { start, pages, physical, writable, executable, user, hardware } of space.mappings()) {
    assert.ok(start > previous, 'ascending');
    assert.ok(hardware);
    for (let page = 0; page < pages; page += 1) {
      const at = start + BigInt(page * PAGE);
      const walked = slow(at);
      assert.deepEqual(
        [Number(walked?.physical), walked?.writable, walked?.executable, walked?.user], [physical + page * PAGE, writable, executable, user], at.toString(16),
      );
      assert.equal(space.translate(at + 0x123n), physical + page * PAGE + 0x123);
      assert.equal(space.pte(at + 0xfffn).physical, physical + page * PAGE);
      listed.add(at);
    }
    previous = start + BigInt(pages * PAGE) - 1n;
  }
  return listed;
}

for (const ground of GROUNDS) {
  const { mode, user, userTop, kernel, kernelTop, large, outside } = ground;

  test(`${mode.name}: pages of all sizes and rights, at the edges of both halves, are as the slow walk says`, () => {
    const { space: written, open } = made(ground);
    written.map(user, 0x50_0000, USER_DATA);
    written.map(user + 0x1000n, 0x50_1000, USER_CODE);
    written.map(userTop, 0x50_2000, USER_DATA & ~PTE.writable);
    written.map(kernel, 0x50_4000, KERNEL_DATA);
    written.map(kernel + 0x1000n, 0x50_3000, KERNEL_DATA & ~PTE.writable);
    written.map(kernelTop, 0x50_6000, KERNEL_CODE);
    const expected = new Set([user, user + 0x1000n, userTop, kernel, kernel + 0x1000n, kernelTop]);
    for (const [at, size, bytes] of large) {
      written.map(at, 4 << 20, KERNEL_CODE, size);
      for (let page = 0; page < bytes; page += PAGE) expected.add(at + BigInt(page));
    }
    const { space, slow } = open();
    assert.deepEqual([...compare(space, slow)].sort(), [...expected].sort());
    for (const at of [user - 1n, user + 0x2000n, userTop + 0x1000n, kernelTop - 1n, ...outside]) {
      assert.equal(space.translate(at), undefined, at.toString(16));
      assert.equal(space.read(at, 1), undefined, at.toString(16));
      assert.equal(space.fill(at, Buffer.alloc(1)), 1, at.toString(16));
    }
    assert.equal(space.read(kernelTop + 0xff8n, 16), undefined, 'nothing lies above the address space');
  });

  test(`${mode.name}: a scattered space has the same pages in mappings, translate, pte and the slow walk`, () => {
    const { space: written, open } = made(ground, 5);
    const next = seeded(11);
    const expected = new Set<bigint>();
    for (let i = 0; i < 1200; i += 1) {
      const inKernel = next() < 0.5;
      const at = (inKernel ? kernel : user & ~0xfffffn) + BigInt(Math.floor(next() * 0x3000)) * 0x1000n;
      const [write, execute] = [next() < 0.5, next() < 0.5];
      const flags = (inKernel ? KERNEL_DATA : USER_DATA) & ~(write ? 0n : PTE.writable) & ~(execute ? PTE.noExecute : 0n);
      written.map(at, Math.floor(next() * (SIZE / PAGE)) * PAGE, flags);
      expected.add(at);
    }
    const { space, slow } = open();
    assert.deepEqual([...compare(space, slow)].sort(), [...expected].sort());
  });

  test(`${mode.name}: the self-map is readable by address but is no memory of its own`, () => {
    const { space: written, open } = made(ground);
    written.map(kernel + 0x5000n, 0x50_0000, KERNEL_DATA);
    written.map(user, 0x50_1000, USER_DATA);
    written.selfMap();
    const { space, slow } = open();
    assert.deepEqual([...space.mappings()].map(({ start }) => start), [user, kernel + 0x5000n]);
    const slot = BigInt(ground.rules.selfSlot!);
    const bits = BigInt(mode.virtualBits);
    const shift = mode.entryBytes === 8 ? 9n : 10n;
    // One table's reach of page tables, behind each other in the address space.
    const base = mode.name === 'x86-pae' || mode.name === 'x86' ? 0xc000_0000n : BigInt.asUintN(64, BigInt.asIntN(Number(bits), slot << (bits - 9n)));
    const at = base + ((BigInt.asUintN(mode.virtualBits, kernel + 0x5000n) >> 12n) << (12n - shift));
    const entry = written.entry(kernel + 0x5000n);
    assert.equal(Number(slow(at)?.physical), entry);
    assert.equal(space.translate(at), entry);
  });

  test(`${mode.name}: tables that name themselves and each other come to an end`, { timeout: 60_000 }, () => {
    for (const level of mode.levels.keys()) {
      const { physical, space: written, open } = made(ground);
      const tables = [written.dtb, ...mode.levels.slice(1).map(() => physical.alloc())];
      tables.forEach((table, depth) => {
        const entries = 2 ** mode.levels[depth]!.bits;
        const target = depth >= level ? tables[level]! - (tables[level]! % PAGE) : tables[depth + 1]!;
        for (let index = 0; index < (depth < level ? 1 : entries); index += 1) {
          const at = table + index * mode.entryBytes;
          const entry = ground.rules.encode(BigInt(target), PTE.present | PTE.writable | PTE.user, 'table', depth);
          if (mode.entryBytes === 8) physical.setU64(at, entry);
          else physical.bytes.writeUInt32LE(Number(entry), at);
        }
      });
      const { space } = open();
      let runs = 0;
      for (const software of [false, true]) for (const { pages } of space.mappings(0n, undefined, software)) runs += pages > 0 ? 1 : 0;
      assert.ok(runs <= 2 * (SIZE / PAGE) * 1024, `${runs} runs at level ${level}`);
    }
  });

  test(`${mode.name}: noise as tables is read as the slow walk reads it`, () => {
    const physical = new PhysicalImage(SIZE);
    noise(physical.bytes, 17);
    // A frame below 8 MiB, so that the walk has somewhere to go; tables of valid entries are rare in noise otherwise.
    for (let at = 0; at < SIZE / 2; at += mode.entryBytes) {
      physical.bytes[at + 2]! &= 0x7f;
      physical.bytes[at + 3] = 0;
      if (mode.entryBytes === 8) physical.bytes.fill(0, at + 4, at + 7);
    }
    const { memory } = imageOf(physical.bytes);
    const next = seeded(9);
    let found = 0;
    let [dtb, space] = [0, new AddressSpace(memory, mode, 0, SOFTWARE_PTE)];
    for (let i = 0; i < 20_000; i += 1) {
      if (i % 400 === 0) {
        dtb = mode.tableOf(0x10_1020 + (i / 400) * 0x5020);
        space = new AddressSpace(memory, mode, dtb, SOFTWARE_PTE);
      }
      const random = BigInt(Math.floor(next() * 2 ** 30)) * 0x1_0000_0000n + BigInt(Math.floor(next() * 2 ** 32));
      const at = mode.pointerSize === 4 ? random & 0xffff_ffffn : BigInt.asUintN(64, BigInt.asIntN(mode.virtualBits, random));
      const walked = slowWalk((where) => {
        const bytes = memory.read(Number(where), mode.entryBytes);
        return bytes === undefined ? undefined : mode.entryBytes === 8 ? bytes.readBigUInt64LE(0) : BigInt(bytes.readUInt32LE(0));
      }, BigInt(dtb), at, ground.rules);
      if (walked === undefined) continue;
      // PSE-36 frames beyond 4 GiB are another test's.
      if (mode === X86 && walked.size > 0x1000n) continue;
      assert.equal(space.translate(at), Number(walked.physical), at.toString(16));
      assert.equal(space.pte(at).kind, 'present', at.toString(16));
      found += 1;
    }
    assert.ok(found > 200, `${found} addresses are mapped`);
    let pages = 0;
    for (const mapping of space.mappings(0n, undefined, true)) {
      pages += mapping.pages;
      if (pages > 5_000_000) break;
    }
    assert.ok(pages > 0);
  });

  test(`${mode.name}: each state of a page is told by its PTE, and what is still in memory is read`, () => {
    const { physical, space: written, open } = made(ground);
    // ProtoAddress has 48 bits, also where addresses have 57.
    const prototypes = mode.pointerSize === 8 ? 0xffff_a000_0123_4000n : 0x8123_4000n;
    written.back(prototypes, 0x1000);
    const marked = (mark: string): number => {
      const frame = physical.alloc();
      physical.bytes.write(mark, frame);
      return frame;
    };
    const four = mode.entryBytes === 4;
    const field = four ? 12n : 32n;
    // As the layouts of Vista and later have them: _MMPTE_PROTOTYPE of four bytes, of eight bytes on 32 bits, of eight bytes.
    const prototype = (at: bigint): bigint => {
      if (mode === X86_PAE) return (at << 32n) | PTE.prototype;
      if (!four) return ((at & 0xffff_ffff_ffffn) << 16n) | PTE.prototype;
      const offset = (at - 0x8000_0000n) >> 2n;
      return ((offset >> 8n) << 11n) | ((offset & 0xffn) << 1n) | PTE.prototype;
    };
    const set = (at: bigint, value: bigint): void => {
      if (four) written.setU32(at, Number(value));
      else written.setU64(at, value);
    };
    const bytes = BigInt(mode.entryBytes);
    const base = user + 0xf000n;
    written.setPte(base, BigInt(marked('moved')) | PTE.transition | (4n << 5n));
    written.setPte(base + 0x1000n, prototype(prototypes));
    written.setPte(base + 0x2000n, prototype(prototypes + bytes));
    written.setPte(base + 0x3000n, (0x1234n << field) | (2n << 1n) | (4n << 5n));
    written.setPte(base + 0x4000n, 4n << 5n);
    written.setPte(base + 0x5000n, ((four ? 0xf_ffffn : 0xffff_ffffn) << field) | PTE.prototype);
    written.setPte(base + 0x6000n, prototype(prototypes + 2n * bytes));
    set(prototypes, written.rules.encode(BigInt(marked('shared')), PTE.present | PTE.accessed, 'page', mode.levels.length - 1));
    set(prototypes + bytes, BigInt(marked('shared moved')) | PTE.transition);
    set(prototypes + 2n * bytes, prototype(prototypes));
    const { space } = open();
    const at = (page: number): bigint => base + BigInt(page) * 0x1000n;
    assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7].map((page) => space.pte(at(page)).kind),
      ['transition', 'prototype', 'prototype', 'pagefile', 'demand-zero', 'prototype', 'prototype', 'unmapped']);
    assert.deepEqual([space.pte(at(1)).prototype?.address, space.pte(at(2)).prototype?.address], [prototypes, prototypes + bytes]);
    assert.deepEqual(space.pte(at(3)).pagefile, { number: 2, offset: 0x1234 });
    assert.deepEqual([space.read(at(0), 5), space.read(at(1), 6), space.read(at(2), 12)].map(String), ['moved', 'shared', 'shared moved']);
    for (const page of [3, 4, 5, 6, 7]) assert.equal(space.read(at(page), 1), undefined, `page ${page}`);
    assert.deepEqual([...space.mappings(base, base + 0x8000n, true)].map(({ start, hardware }) => [start, hardware]), [0, 1, 2].map((page) => [at(page), false]));
    const asked: bigint[] = [];
    space.prototypeOf = (address) => {
      asked.push(address);
      return prototypes;
    };
    assert.equal(String(space.read(at(5), 6)), 'shared', 'by the VAD');
    assert.deepEqual(asked, [at(5)]);
  });

  test(`${mode.name}: a page table in transition still leads to its pages, as none that the processor maps`, () => {
    const { physical, space: written, open } = made(ground);
    written.map(user, 0x50_0000, USER_DATA);
    written.map(kernel, 0x50_1000, KERNEL_DATA);
    const entry = written.entry(user);
    // The directory entry above: the one that names the table in which `entry` lies.
    const upper = mode.levels.at(-2)!;
    const size: PageSize = upper.shift === 10 ? '4 MiB' : '2 MiB';
    const above = written.entry(user, size);
    const moved = BigInt(entry - (entry % PAGE)) | PTE.transition | (4n << 5n);
    if (mode.entryBytes === 8) physical.setU64(above, moved);
    else physical.bytes.writeUInt32LE(Number(moved), above);
    const { space } = open();
    assert.equal(space.translate(user), 0x50_0000);
    assert.equal(space.pte(user).physical, 0x50_0000);
    assert.deepEqual([...space.mappings()].map(({ start }) => start), [kernel]);
    assert.deepEqual([...space.mappings(0n, undefined, true)].map(({ start, hardware }) => [start, hardware]), [[user, false], [kernel, true]]);
  });
}

test('the frame of a 4 MiB page has eight more bits, which stand below its address (PSE-36)', () => {
  const { physical, space: written, open } = made({ mode: X86, rules: TABLE_RULES['x86'] });
  physical.bytes.writeUInt32LE(0x0040_0000 | (0x12 << 13) | 0x1 | 0x80, written.dtb + 0x202 * 4);
  const { space } = open();
  assert.equal(space.translate(0x8080_0123n), 0x12 * 2 ** 32 + 0x40_0123);
  assert.equal(space.pte(0x80bf_f000n).physical, 0x12 * 2 ** 32 + 0x7f_f000);
  assert.deepEqual([...space.mappings()], [], 'beyond the image');
});

test('a pointer table may lie at any 32 bytes of a page', () => {
  for (const place of [0, 0x20, 0x7e0, 0xfe0]) {
    const { physical, space: written } = made({ mode: X86_PAE, rules: TABLE_RULES['x86-pae'] });
    written.map(0xffff_f000n, 0x50_0000, KERNEL_DATA);
    const page = physical.alloc();
    noise(physical.bytes.subarray(page, page + PAGE), 2);
    physical.bytes.copy(physical.bytes, page + place, written.dtb, written.dtb + 32);
    const space = new AddressSpace(imageOf(physical.bytes).memory, X86_PAE, X86_PAE.tableOf(page + place + 8), SOFTWARE_PTE);
    assert.equal(space.translate(0xffff_f123n), 0x50_0123, place.toString(16));
    assert.deepEqual([...space.mappings()].map(({ start }) => start), [0xffff_f000n]);
  }
});

test('arm64: descriptors that are reserved map nothing; tables take rights away; what may be written is not what was written', () => {
  const { physical, space: written, open } = made({ mode: ARM64, rules: TABLE_RULES['arm64'] });
  const base = 0xffff_8000_0000_0000n;
  for (let page = 0; page < 5; page += 1) written.map(base + BigInt(page) * 0x1000n, 0x50_0000 + page * 0x2000, KERNEL_DATA);
  // Bits 0b01 at the last level, and at the top.
  physical.setU64(written.entry(base), physical.u64(written.entry(base)) & ~2n);
  physical.setU64(written.dtb + 0x1f0 * 8, 0x50_0001n);
  // Read-only to the processor: clean. DBM, or Windows' bit, say that it may be written.
  const readOnly = (page: bigint, more: bigint): void => {
    const at = written.entry(base + page * 0x1000n);
    physical.setU64(at, (physical.u64(at) | 0x80n | more) & ~(more === 0n ? 1n << 55n : 0n));
  };
  readOnly(1n, 0n);
  readOnly(2n, 1n << 55n);
  readOnly(3n, 1n << 51n);
  // APTable[1], PXNTable.
  written.map(0xffff_a000_0000_0000n, 0x60_0000, KERNEL_CODE | PTE.writable);
  written.map(0xffff_a100_0000_0000n, 0x60_2000, KERNEL_CODE | PTE.writable);
  const slot = written.dtb + 0x140 * 8;
  physical.setU64(slot, physical.u64(slot) | (1n << 62n) | (1n << 59n));
  const { space } = open();
  assert.equal(space.translate(base), undefined);
  assert.equal(space.pte(base).kind, 'unmapped');
  assert.equal(space.translate(0xffff_f800_0050_0000n), undefined);
  assert.deepEqual([...space.mappings()].map(({ start, writable, executable }) => [start, writable, executable]), [
    [base + 0x1000n, false, false], [base + 0x2000n, true, false], [base + 0x3000n, true, false], [base + 0x4000n, true, false],
    [0xffff_a000_0000_0000n, false, false], [0xffff_a100_0000_0000n, true, true],
  ]);
});

test('DirectoryTableBase as stored is turned into the table by each mode', () => {
  assert.equal(X86.tableOf(0x39_0000), 0x39_0000);
  assert.equal(X86_PAE.tableOf(0x6f4_0a60), 0x6f4_0a60);
  assert.equal(X64_LA57.tableOf(0x1ab_c002), 0x1ab_c000);
  assert.equal(ARM64.tableOf(Number(0x0012_0000_4567_8001n)), 0x4567_8000, 'ASID and CnP');
  assert.equal(ARM64.tableOf(0x4567_8800), 0x4567_8000, 'TTBR1 lies in the same page');
});

test('modes have names as users and sys/architecture.txt write them', () => {
  assert.deepEqual(MODES.map(architecture).sort(), ['ARM64', 'X64', 'X64', 'X86', 'X86PAE']);
  assert.deepEqual(['x64', 'X86PAE', 'x86-pae', 'la57', 'x64-la57', 'arm64', 'x86'].map((name) => modeNamed(name)?.name),
    ['x64', 'x86-pae', 'x86-pae', 'x64-la57', 'x64-la57', 'arm64', 'x86']);
  assert.equal(modeNamed('mips'), undefined);
});

/** A profile that knows `_MMPTE_PROTOTYPE` and `_MMPTE_SOFTWARE` alone. */
function layouts(prototype: readonly FieldFact[], size: number): Profile {
  return new Profile('test', '5.1.2600.0', 'exact', 4, (name) => (name === '_MMPTE_PROTOTYPE' ? [size, prototype] : undefined), () => undefined);
}

test('prototype PTEs of XP count from the paged pool, by the bits that its layout gives', () => {
  const xp = layouts([['ProtoAddressLow', 0, 'unsigned long:1,7'], ['ProtoAddressHigh', 0, 'unsigned long:11,21']], 4);
  const { physical, space: written, open } = made({ mode: X86, rules: TABLE_RULES['x86'] });
  written.back(0xe112_3000n, 0x1000);
  const frame = physical.alloc();
  physical.bytes.write('in the paged pool', frame);
  written.setU32(0xe112_3454n, frame | 1);
  const offset = 0x12_3454n;
  written.setPte(0x1_0000n, ((offset >> 9n) << 11n) | (((offset >> 2n) & 0x7fn) << 1n) | PTE.prototype);
  const { space } = open(softwarePte(xp, 0n));
  assert.equal(space.pte(0x1_0000n).prototype?.address, 0xe112_3454n);
  assert.equal(String(space.read(0x1_0000n, 17)), 'in the paged pool');
  assert.equal(open(softwarePte(xp, 0n, 0xe100_1000n)).space.pte(0x1_0000n).prototype?.address, 0xe112_4454n, 'MmPagedPoolStart where it is known');
});

test('a layout whose entries are of another size, or whose bits cannot be, does not change what the mode says', () => {
  const four = layouts([['ProtoAddressLow', 0, 'unsigned long:1,7'], ['ProtoAddressHigh', 0, 'unsigned long:11,21']], 4);
  const eight = layouts([['ProtoAddress', 0, 'long long:0,48']], 8);
  const { space: written, open } = made({ mode: X86_PAE, rules: TABLE_RULES['x86-pae'] });
  written.back(0x8512_3000n, 0x1000);
  written.setPte(0x1_0000n, (0x8512_3458n << 32n) | PTE.prototype);
  for (const profile of [four, eight]) assert.equal(open(softwarePte(profile, 0n)).space.pte(0x1_0000n).prototype?.address, 0x8512_3458n);
});
