import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressSpace } from '../../../src/paging/address-space.js';
import { MODES, X64, X64_LA57, X86, X86_PAE, type PagingMode } from '../../../src/paging/mode.js';
import { SOFTWARE_PTE } from '../../../src/paging/pte.js';
import { dtbCandidates, type DtbCandidate } from '../../../src/windows/dtb.js';
import { findKernel, kernelAt, KernelSearch } from '../../../src/windows/find-kernel.js';
import { imageOf } from '../../support/machine.js';
import { peImage } from '../../support/pe-image.js';
import { PAGE, PhysicalImage } from '../../support/physical.js';
import { noise } from '../../support/random.js';
import { TABLE_RULES } from '../../support/table-rules.js';
import { KERNEL_CODE, KERNEL_DATA, Space } from '../../support/tables.js';

const SIZE = 16 << 20;

/** Where a kernel and its neighbours lie in each mode. */
const PLACES: Readonly<Record<PagingMode['name'], { readonly kernel: bigint; readonly others: readonly bigint[] }>> = {
  'x64': { kernel: 0xffff_f803_1240_0000n, others: [0xffff_8a00_0000_0000n, 0xffff_c000_0000_0000n, 0xffff_e500_0000_0000n] },
  'x64-la57': { kernel: 0xffff_f803_1240_0000n, others: [0xff12_0000_0000_0000n, 0xffff_e500_0000_0000n, 0xffff_d000_0000_0000n] },
  'arm64': { kernel: 0xffff_f803_1240_0000n, others: [0xffff_8a00_0000_0000n, 0xffff_c000_0000_0000n, 0xffff_e500_0000_0000n] },
  'x86-pae': { kernel: 0x8184_0000n, others: [0x8a00_0000n, 0xe100_0000n, 0xffdf_0000n] },
  'x86': { kernel: 0x804d_7000n, others: [0x8a00_0000n, 0xe100_0000n, 0xffdf_0000n] },
};

interface Made { readonly physical: PhysicalImage; readonly system: Space; readonly mode: PagingMode; readonly base: bigint; readonly large: number }

/** System's tables with a kernel in them, somewhere in noise. */
function made(mode: PagingMode, { slot, seed = 1, name = 'ntoskrnl.exe', machine, codeView, exports = true }: {
  slot?: number | false; seed?: number; name?: string; machine?: number; codeView?: string; exports?: boolean;
} = {}): Made {
  const physical = new PhysicalImage(SIZE, seed);
  const large = physical.contiguous(1024, 1024);
  const other = physical.contiguous(256);
  noise(physical.bytes.subarray(other, other + 256 * PAGE), 3);
  const rules = TABLE_RULES[mode.name];
  const system = new Space(physical, physical.alloc(), undefined, rules);
  const { kernel, others } = PLACES[mode.name];
  const image = peImage({
    sizeOfImage: 0x8000, is64: mode.pointerSize === 8, machine: machine ?? rules.machine,
    ...(exports ? { exports: { rva: 0x1000, name, functions: { KeBugCheckEx: 0x4000 } } } : {}),
    ...(codeView === undefined ? {} : { codeView: { rva: 0x3000, symbolFile: '00112233445566778899AABBCCDDEEFF-1', path: codeView } }),
  });
  for (const { rva, bytes } of image) system.write(kernel + BigInt(rva), bytes);
  for (const at of others) system.back(at, 0x1000, KERNEL_DATA);
  if (slot !== false) system.selfMap(slot);
  return { physical, system, mode, base: kernel, large };
}

const opened = ({ physical }: Made): ReturnType<typeof imageOf>['memory'] => imageOf(physical.bytes).memory;
const brief = ({ dtb, mode }: DtbCandidate): readonly [string, number] => [mode.name, dtb];

for (const mode of MODES) {
  test(`${mode.name}: System's table is the first candidate, wherever it lies and whatever slot its self-map has, and leads to the kernel`, () => {
    // PteBase is fixed on 32 bits.
    for (const [seed, slot] of mode.pointerSize === 8 ? [[1, 0x1ed], [2, 0x101], [3, 0x1fe]] as const : [[1, undefined], [2, undefined], [3, undefined]] as const) {
      const machine = made(mode, { seed, ...(slot === undefined ? {} : { slot }) });
      const memory = opened(machine);
      const [first] = dtbCandidates(memory);
      // A first-level table of five levels is told from one of four by what it leads to, so by the kernel; both are candidates.
      const found = mode === X64_LA57 ? [...dtbCandidates(memory)].find((each) => each.mode === mode) : first;
      assert.deepEqual(found && brief(found), [mode.name, machine.system.dtb]);
      const kernel = findKernel(new AddressSpace(memory, mode, machine.system.dtb, SOFTWARE_PTE), undefined, new KernelSearch(memory.size));
      assert.equal(kernel?.base, machine.base);
      assert.equal(kernel?.machine, mode.machine);
      assert.equal(typeof kernel?.timestamp, 'number');
    }
  });

  test(`${mode.name}: of all candidates in all modes only one leads to a kernel`, () => {
    const machine = made(mode);
    const memory = opened(machine);
    const search = new KernelSearch(memory.size);
    const good = [...dtbCandidates(memory)].filter((candidate) => findKernel(new AddressSpace(memory, candidate.mode, candidate.dtb, SOFTWARE_PTE), candidate.hint, search) !== undefined);
    assert.deepEqual(good.map(brief), [[mode.name, machine.system.dtb]]);
  });

  test(`${mode.name}: a kernel in large pages, of a checked build or with nothing but its symbol record is found; one for another processor is not`, () => {
    const at = (machine: Made): ReturnType<typeof findKernel> =>
      findKernel(new AddressSpace(opened(machine), mode, machine.system.dtb, SOFTWARE_PTE), undefined, new KernelSearch(SIZE));
    for (const name of ['ntkrnlmp.exe', 'ntkrpamp.exe', 'NTKRNLPA.EXE', 'ntkrla57.exe']) assert.equal(at(made(mode, { name }))?.name, name);
    assert.equal(at(made(mode, { name: 'hal.dll' })), undefined);
    assert.equal(at(made(mode, { exports: false, codeView: 'ntkrpamp.pdb' }))?.base, PLACES[mode.name].kernel);
    assert.equal(at(made(mode, { machine: 0x1c0 })), undefined);

    const machine = made(mode);
    const { large } = TABLE_RULES[mode.name];
    machine.system.read(machine.base, 0x8000).copy(machine.physical.bytes, machine.large + 0x3000);
    const elsewhere = PLACES[mode.name].others[0]! + BigInt(2 * large);
    machine.system.map(elsewhere, machine.large, KERNEL_CODE, large === 4 << 20 ? '4 MiB' : '2 MiB');
    machine.system.setPte(machine.base, 0n);
    assert.equal(at(machine)?.base, elsewhere + 0x3000n);
  });
}

for (const mode of MODES) {
  test(`${mode.name}: where no table names itself, a process object leads to the table that maps its list entry`, () => {
    const machine = made(mode, { slot: false });
    const { system, physical } = machine;
    assert.deepEqual([...dtbCandidates(opened(machine))], []);
    // Two objects that are linked, in pages of their own; the table stands where _KPROCESS has it.
    const size = BigInt(mode.pointerSize);
    const [one, two] = [PLACES[mode.name].others[0]! + 0x1200n, PLACES[mode.name].others[1]! + 0x1400n];
    system.write(one + 0x2e0n, Buffer.from('System\0\0\0\0\0\0\0\0\0', 'latin1'));
    system.setPointer(one + 5n * size, BigInt(system.dtb));
    system.setPointer(one + 0x188n, two + 0x188n);
    system.setPointer(two + 0x188n + size, one + 0x188n);
    const found = [...dtbCandidates(opened(machine))];
    assert.deepEqual(found.filter((each) => each.mode === mode).map(brief), [[mode.name, system.dtb]]);
    assert.match(found[0]!.how, /process object System at 0x/);
    // The neighbour points elsewhere: text that reads System is in files too.
    system.setPointer(two + 0x188n + size, one + 0x190n);
    assert.deepEqual([...dtbCandidates(opened(machine))], []);
    assert.ok(physical.used(system.dtb >>> 12));
  });
}

test('modes that do not come into question are not looked for', () => {
  const memory = opened(made(X86_PAE));
  assert.deepEqual([...dtbCandidates(memory, [X64, X86])], []);
  assert.deepEqual([...dtbCandidates(memory, [X86_PAE])].length, 1);
});

test('four entries are no pointer table that name three directories, lead out of the image, have reserved bits, or are not in the self-map', () => {
  const change = (alter: (machine: Made) => void): readonly DtbCandidate[] => {
    const machine = made(X86_PAE);
    alter(machine);
    return [...dtbCandidates(opened(machine), [X86_PAE])];
  };
  assert.equal(change(() => undefined).length, 1);
  assert.deepEqual(change(({ physical, system: { dtb } }) => physical.setU64(dtb, physical.u64(dtb + 8))), []);
  assert.deepEqual(change(({ physical, system: { dtb } }) => physical.setU64(dtb, BigInt(SIZE) | 1n)), []);
  assert.deepEqual(change(({ physical, system: { dtb } }) => physical.setU64(dtb, physical.u64(dtb) | 0x2n)), []);
  assert.deepEqual(change(({ physical, system: { dtb } }) => physical.setU64(dtb + 16, physical.u64(dtb + 16) | (1n << 60n))), []);
  assert.deepEqual(change(({ physical, system: { dtb } }) => {
    const fourth = Number(physical.u64(dtb + 24) & ~0xfffn);
    physical.setU64(fourth + 8, 0n);
  }), []);
});

test('a page directory is no candidate that names itself twice or by a large page', () => {
  const change = (alter: (machine: Made) => void): readonly DtbCandidate[] => {
    const machine = made(X86);
    alter(machine);
    return [...dtbCandidates(opened(machine), [X86])];
  };
  assert.equal(change(() => undefined).length, 1);
  assert.deepEqual(change(({ physical, system: { dtb } }) => physical.bytes.writeUInt32LE(dtb | 3, dtb + 0x310 * 4)), []);
  assert.deepEqual(change(({ physical, system: { dtb } }) => physical.bytes.writeUInt32LE(dtb | 0x83, dtb + 0x300 * 4)), []);
});

test('the processor start block says by CR4 whether there are five levels', () => {
  for (const [cr4, mode] of [[0x6f8, X64], [0x16f8, X64_LA57]] as const) {
    const machine = made(mode);
    const block = machine.physical.take(0x13);
    const { bytes } = machine.physical;
    bytes.writeBigUInt64LE(0x0001_0006_00e9n, block);
    bytes.writeBigUInt64LE(machine.base + 0x4000n, block + 0x70);
    bytes.writeBigUInt64LE(BigInt(machine.system.dtb), block + 0xa0);
    bytes.writeUInt32LE(cr4, block + 0xa8);
    const [first] = dtbCandidates(opened(machine));
    assert.deepEqual(first && { ...first, how: undefined }, { dtb: machine.system.dtb, mode, how: undefined, hint: machine.base + 0x4000n });
  }
});

test('an image full of pages that name themselves is passed in one go, with a bounded number of candidates', { timeout: 60_000 }, () => {
  const physical = new PhysicalImage(16 << 20);
  for (let frame = 0; frame < physical.size / PAGE; frame += 1) {
    for (const slot of [0x1e0, 0x1e8, 0x1f0, 0x1f8, 0x1ff]) physical.setU64(frame * PAGE + slot * 8, BigInt((slot === 0x1e0 ? frame : (frame * 7 + slot) % 4096) * PAGE) | 0x3n);
  }
  const memory = imageOf(physical.bytes).memory;
  let count = 0;
  for (const candidate of dtbCandidates(memory)) count += candidate.dtb >= 0 ? 1 : 0;
  assert.ok(count >= 4096 && count <= 3 * 4096, `${count} candidates`);
});

test('forged process objects by the thousand are passed by, in any mode', { timeout: 60_000 }, () => {
  const physical = new PhysicalImage(16 << 20);
  // Each page is a plausible table of every mode in its upper half, an object with the name, and full of values that name such pages.
  for (let at = 0; at < physical.size; at += 8) physical.setU64(at, BigInt(((at * 31) % physical.size) & ~0xfff) | (at % PAGE >= 0x800 ? 1n : 0n));
  for (let at = 0x400; at < physical.size; at += PAGE) physical.bytes.write('System\0\0\0', at, 'latin1');
  const candidates = [...dtbCandidates(imageOf(physical.bytes).memory)];
  assert.ok(candidates.length <= 4096 * 3, `${candidates.length} candidates`);
});

test('a kernel without any name is known by its sections, on no address that is none', () => {
  const machine = made(X64, { exports: false });
  const space = new AddressSpace(opened(machine), X64, machine.system.dtb, SOFTWARE_PTE);
  assert.equal(kernelAt(space, machine.base), undefined);
  const header = machine.system.read(machine.base, 0x1000);
  const nt = header.readUInt32LE(0x3c);
  header.writeUInt16LE(1, nt + 0x5c);
  header.writeUInt16LE(4, nt + 6);
  const sections = nt + 0x18 + header.readUInt16LE(nt + 0x14);
  ['.text', 'POOLCODE', 'PAGEKD', 'ALMOSTRO'].forEach((name, i) => {
    header.fill(0, sections + i * 40, sections + (i + 1) * 40);
    header.write(name, sections + i * 40, 'latin1');
  });
  machine.system.write(machine.base, header);
  const named = new AddressSpace(opened(machine), X64, machine.system.dtb, SOFTWARE_PTE);
  assert.match(kernelAt(named, machine.base)?.name ?? '', /by its sections/);
  assert.equal(kernelAt(named, machine.base + 0x1000n), undefined);
});
