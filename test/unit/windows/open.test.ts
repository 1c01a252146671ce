import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressSpace } from '../../../src/paging/address-space.js';
import { X64 } from '../../../src/paging/mode.js';
import { SOFTWARE_PTE } from '../../../src/paging/pte.js';
import { dtbCandidates } from '../../../src/windows/dtb.js';
import { diagnosisText } from '../../../src/windows/diagnosis.js';
import { findKernel, kernelAt, KernelSearch } from '../../../src/windows/find-kernel.js';
import { openWindows } from '../../../src/windows/open.js';
import { FAMILIES, imageOf, imageOfZeros, machine, type Machine, type MachineOptions } from '../../support/machine.js';
import { peImage } from '../../support/pe-image.js';
import { noise } from '../../support/random.js';
import { KERNEL_CODE, KERNEL_DATA, PTE } from '../../support/tables.js';

const UNKNOWN = '0123456789ABCDEF0123456789ABCDEF-1';

function small(options: MachineOptions = {}): Machine {
  return machine(options).process({ name: 'smss.exe', pid: 300 }).process({ name: 'csrss.exe', pid: 412, ppid: 300 });
}

const pids = (made: Machine): number[] => made.open().processes().map(({ pid }) => pid);

for (const build of FAMILIES) {
  test(`build ${build}: kernel, profile and System's table are recognised`, () => {
    const made = small({ profile: build });
    const { windows, diagnosis, facts } = made.opened();
    assert.equal(facts?.dtb, made.kernel.space.dtb);
    assert.equal(facts?.base, made.kernel.base);
    assert.equal(facts?.size, made.kernel.size);
    assert.equal(diagnosis.profile?.source, 'exact');
    assert.equal(diagnosis.profile?.id, made.kernel.profile.id);
    assert.deepEqual(diagnosis.degraded, []);
    assert.deepEqual(windows?.processes().map(({ pid }) => pid), [4, 300, 412]);
    assert.deepEqual(windows?.anomalies.list, []);
  });

  test(`build ${build}: a kernel that no table knows is opened with the nearest layouts, verified and said`, () => {
    const { windows, diagnosis } = small({ profile: build, symbolFile: UNKNOWN }).opened();
    assert.deepEqual(windows?.processes().map(({ pid }) => pid), [4, 300, 412]);
    assert.equal(diagnosis.kernel?.symbolFile, UNKNOWN);
    assert.equal(diagnosis.profile?.source, 'nearest');
    assert.match(diagnosis.degraded.join(), /no bundled table/);
    assert.match(diagnosisText(diagnosis), /WHAT TO TRY/);
  });
}

test('the start block names the table and the kernel, wherever it stands in low memory', () => {
  const made = small({ selfMap: undefined });
  const { diagnosis } = made.opened();
  assert.match(diagnosis.dtbs[0]!.how, /start block in page 0x2/);
  assert.equal(diagnosis.dtbs.length, 1);
  assert.deepEqual(pids(made), [4, 300, 412]);
});

test('without a start block the self-referencing table is found, at any slot and far up in memory', () => {
  for (const selfMap of [0x100, 0x1ed, 0x1ff]) {
    const made = small({ startBlock: false, selfMap, dtbFrame: 0x3f0, base: 0xffff_f802_1220_0000n });
    const { diagnosis, facts } = made.opened();
    assert.match(diagnosis.dtbs[0]!.how, /self-referencing/);
    assert.equal(facts?.dtb, 0x3f0 * 4096);
    assert.equal(facts?.base, 0xffff_f802_1220_0000n);
  }
});

test('a start block that lies about the table is refused and the next candidate taken', () => {
  const made = small();
  made.kernel.physical.setU64(2 * 4096 + 0xa0, 0x12_3000n);
  const { diagnosis, facts } = made.opened();
  assert.equal(facts?.dtb, made.kernel.space.dtb);
  assert.deepEqual(diagnosis.dtbs.map(({ taken }) => taken), [false, true]);
});

test('a start block whose table lies outside the image is refused', () => {
  const made = small();
  made.kernel.physical.setU64(2 * 4096 + 0xa0, 0xff_ffff_f000n);
  assert.equal(made.opened().facts?.dtb, made.kernel.space.dtb);
});

test('of two self-referencing pages the one that maps a kernel is taken', () => {
  const made = small({ startBlock: false, dtbFrame: 0x3c0 });
  const { physical, space } = made.kernel;
  // A table of a long-gone machine: well formed, its kernel half leads to pages of zeros.
  const stale = physical.take(0x110);
  for (const slot of [0x1f0, 0x1f1, 0x1f2, 0x1f3]) physical.setU64(stale + slot * 8, BigInt(physical.alloc()) | KERNEL_DATA);
  physical.setU64(stale + 0x1ed * 8, BigInt(stale) | PTE.present | PTE.writable);
  const { diagnosis, facts } = made.opened();
  assert.deepEqual(diagnosis.dtbs.map(({ dtb, taken }) => [dtb, taken]), [[stale, false], [space.dtb, true]]);
  assert.equal(facts?.dtb, space.dtb);
});

test('where another process\'s table lies lower, System\'s own is used in the end', () => {
  const made = machine({ startBlock: false, dtbFrame: 0x3c0 }).process({ name: 'lsass.exe', pid: 700, dtbFrame: 0x105 });
  const other = made.built(700).space;
  other.selfMap(0x1ed);
  other.write(0x1_0000n, Buffer.from('a secret'));
  const { windows, diagnosis, facts } = made.opened();
  assert.equal(diagnosis.dtbs[0]?.dtb, other.dtb);
  assert.equal(facts?.dtb, made.kernel.space.dtb);
  assert.match(diagnosis.dtbs.at(-1)!.how, /DirectoryTableBase of System/);
  assert.equal(windows?.process(700)?.memory.read(0x1_0000n, 8)?.toString(), 'a secret');
  assert.equal(windows?.process(4)?.memory.read(0x1_0000n, 8), undefined);
});

test('a page is no candidate that names itself twice, is a large page, or has too few tables', () => {
  const { physical } = machine({ startBlock: false, selfMap: undefined }).kernel;
  const page = (frame: number, slots: readonly number[], flags = PTE.present | PTE.writable): number => {
    const at = physical.take(frame);
    for (const slot of slots) physical.setU64(at + slot * 8, BigInt(at) | flags);
    for (const slot of [0x1f4, 0x1f5, 0x1f6, 0x1f7]) physical.setU64(at + slot * 8, 0x10_0000n | PTE.present | PTE.writable);
    return at;
  };
  page(0x110, [0x1e0, 0x1e1]);
  page(0x111, [0x1e0], PTE.present | PTE.writable | PTE.large);
  page(0x112, [0x1e0], PTE.writable);
  const good = page(0x114, [0x1e0]);
  const poor = physical.take(0x115);
  physical.setU64(poor + 0x1e0 * 8, BigInt(poor) | PTE.present | PTE.writable);
  const found = [...dtbCandidates(imageOf(physical.bytes).memory, [X64])].filter(({ how }) => how.startsWith('self-referencing'));
  assert.deepEqual(found.map(({ dtb }) => dtb), [good]);
});

test('the kernel is found in 2 MiB pages as in small ones, without a hint', () => {
  const made = small({ largePages: true, memory: 24 << 20, startBlock: false });
  assert.equal(made.opened().facts?.base, made.kernel.base);
  const space = new AddressSpace(made.image().memory, X64, made.kernel.space.dtb, SOFTWARE_PTE);
  assert.equal(findKernel(space, undefined, new KernelSearch(made.kernel.physical.size))?.base, made.kernel.base);
});

test('the kernel is found below a hint and not taken for another image that lies between', () => {
  const made = small();
  // A driver between the hint and the kernel, with its own export directory.
  const driver = made.kernel.base + 0x20_0000n;
  for (const { rva, bytes } of peImage({ sizeOfImage: 0x4000, exports: { rva: 0x1000, name: 'hal.dll', functions: { HalInit: 0x2000 } } })) {
    made.kernel.space.write(driver + BigInt(rva), bytes);
  }
  const space = new AddressSpace(made.image().memory, X64, made.kernel.space.dtb, SOFTWARE_PTE);
  assert.equal(kernelAt(space, driver), undefined);
  assert.equal(findKernel(space, driver + 0x3123n, new KernelSearch(made.kernel.physical.size))?.base, made.kernel.base);
  assert.equal(findKernel(space, undefined, new KernelSearch(made.kernel.physical.size))?.base, made.kernel.base);
});

test('a kernel whose export directory was paged out or overwritten is known by its symbol file', () => {
  for (const breakIt of [(made: Machine, at: bigint) => made.absent(at), (made: Machine, at: bigint) => {
    made.kernel.space.write(at, Buffer.alloc(0x1000, 0xa5));
    return made;
  }]) {
    const made = small({ startBlock: false });
    const header = made.kernel.space.read(made.kernel.base, 0x1000);
    breakIt(made, made.kernel.base + BigInt(header.readUInt32LE(header.readUInt32LE(0x3c) + 0x88)));
    const { windows, diagnosis } = made.opened();
    assert.equal(diagnosis.profile?.source, 'exact');
    assert.deepEqual(windows?.processes().map(({ pid }) => pid), [4, 300, 412]);
  }
});

for (const build of FAMILIES) {
  test(`build ${build}: a kernel whose header page is lost is known by its symbol record and by System's place on the list`, () => {
    const made = small({ profile: build });
    made.absent(made.kernel.base);
    const { windows, diagnosis, facts } = made.opened();
    assert.equal(facts?.base, made.kernel.base);
    assert.deepEqual(windows?.processes().map(({ pid }) => pid), [4, 300, 412]);
    assert.match(diagnosis.degraded.join(), /recognised by its symbol record/);
    const again = openWindows(made.image(), { known: facts });
    assert.deepEqual(again.windows?.processes().map(({ pid }) => pid), [4, 300, 412], 'the same from its facts');
  });
}

test('a System in a file or in another program\'s memory is not taken for the one on the list', () => {
  const made = small();
  made.absent(made.kernel.base);
  const { physical, profile } = made.kernel;
  const [name, pid, links] = ['ImageFileName', 'UniqueProcessId', 'ActiveProcessLinks'].map((path) => profile.need('_EPROCESS', path).offset);
  // Copies of System below it in memory: one with its links, which lead back to the true one; one with links to nowhere.
  for (const [frame, target] of [[0x20, undefined], [0x21, 0x4141_4141_4141_4141n]] as const) {
    const at = physical.take(frame);
    const copy = made.kernel.space.read(made.built(4).view.address, profile.sizeOf('_EPROCESS')!);
    physical.bytes.set(copy, at);
    if (target !== undefined) physical.setU64(at + links!, target);
    assert.equal(physical.bytes.toString('latin1', at + name!, at + name! + 6), 'System');
    assert.equal(physical.u64(at + pid!), 4n);
  }
  const { windows, facts } = made.opened();
  assert.equal(facts?.system, made.built(4).view.address);
  assert.deepEqual(windows?.processes().map((process) => process.pid), [4, 300, 412]);
});

test('a kernel whose System is gone is opened, and the diagnosis says what that costs', () => {
  const made = small();
  made.absent(made.built(4).view.address);
  const { windows, diagnosis } = made.opened();
  assert.notEqual(windows, undefined);
  assert.match(diagnosis.degraded.join(), /System and its neighbour .* cannot be read/);
});

test('an image that is shorter than the machine\'s memory says so, by the memory map that the kernel booted with', () => {
  const made = small();
  const { kernel } = made;
  const block = kernel.view('_PHYSICAL_MEMORY_DESCRIPTOR', kernel.nonpaged.alloc(0x40, 'MmPd'));
  block.set('NumberOfRuns', 1).set('NumberOfPages', 0x400);
  kernel.view('_PHYSICAL_MEMORY_RUN', block.at('Run')).set('BasePage', 0).set('PageCount', 0x400);
  kernel.setVariable('MmPhysicalMemoryBlock', block.address);
  assert.deepEqual(made.opened().diagnosis.degraded, []);
  kernel.view('_PHYSICAL_MEMORY_RUN', block.at('Run')).set('PageCount', 0x800);
  const { windows, diagnosis } = made.opened();
  assert.deepEqual(windows?.processes().map(({ pid }) => pid), [4, 300, 412]);
  assert.match(diagnosis.degraded.join(), /memory up to 0x7fffff, the image ends at 0x400000/);
  assert.match(diagnosis.next.join(), /cut off/);
});

test('a cut-off image says so when its tables lead beyond the end', () => {
  const made = small({ memory: 8 << 20, dtbFrame: 0x101 });
  const { diagnosis, windows } = made.cut(2 << 20).opened();
  if (windows === undefined) assert.match(diagnosis.next.join(), /cut off/);
  else assert.ok(windows.processes().length >= 0);
  assert.equal(windows, undefined);
});

test('a kernel without symbol record, exports and a name is opened by what its processes show', () => {
  const made = small({ symbolFile: false });
  const header = made.kernel.space.read(made.kernel.base, 0x1000);
  made.absent(made.kernel.base + BigInt(header.readUInt32LE(header.readUInt32LE(0x3c) + 0x88)));
  const { windows, diagnosis, facts } = made.opened();
  assert.deepEqual(windows?.processes().map(({ pid }) => pid), [4, 300, 412]);
  assert.equal(facts?.system, made.built(4).view.address);
  assert.equal(facts?.base, made.kernel.base, 'the image that holds the list\'s head');
  assert.match(diagnosis.degraded.join(), /no image is named like a kernel/);
  assert.deepEqual(openWindows(made.image(), { known: facts }).windows?.processes().map(({ pid }) => pid), [4, 300, 412], 'the same from its facts');
});

test('a hint that leads nowhere is no end', () => {
  const made = small();
  const space = new AddressSpace(made.image().memory, X64, made.kernel.space.dtb, SOFTWARE_PTE);
  for (const hint of [0xffff_8000_0000_1000n, 0xffff_ffff_ffff_ffffn, 0x1000n, 0n]) assert.equal(findKernel(space, hint, new KernelSearch(made.kernel.physical.size))?.base, made.kernel.base);
});

test('an image in which a page begins with MZ but holds no sane header is passed by', () => {
  const made = small();
  const junk = Buffer.alloc(0x1000, 0xff);
  junk.write('MZ');
  made.kernel.space.write(0xffff_f800_0000_0000n, junk);
  const lying = Buffer.from(peImage({ sizeOfImage: 0x7fff_ffff, exports: { rva: 0x7fff_f000, name: 'ntoskrnl.exe', functions: {} } })[0]!.bytes);
  made.kernel.space.write(0xffff_f800_0010_0000n, lying);
  const space = new AddressSpace(made.image().memory, X64, made.kernel.space.dtb, SOFTWARE_PTE);
  assert.equal(findKernel(space, undefined, new KernelSearch(made.kernel.physical.size))?.base, made.kernel.base);
});

test('a kernel without CodeView record is opened by its build number', () => {
  const { windows, diagnosis } = small({ symbolFile: false }).opened();
  assert.deepEqual(windows?.processes().map(({ pid }) => pid), [4, 300, 412]);
  assert.equal(diagnosis.kernel?.symbolFile, undefined);
  assert.equal(diagnosis.profile?.source, 'nearest');
});

test('a layout that does not fit is not used: a lying System gives no Windows but a diagnosis', () => {
  const made = small({ symbolFile: UNKNOWN });
  made.lie('_EPROCESS', made.built(4).view.address, 'UniqueProcessId', 8);
  const { windows, diagnosis } = made.opened();
  assert.equal(windows, undefined);
  assert.match(diagnosis.degraded.join(), /no known layout fits/);
  assert.notEqual(diagnosis.kernel, undefined);
});

test('a table that maps memory to nowhere in the kernel half of System is not taken for System\'s', () => {
  const made = small();
  made.lie('_EPROCESS', made.built(4).view.address, 'Pcb.DirectoryTableBase', 0x10_0000);
  const { windows, facts } = made.opened();
  assert.equal(facts?.dtb, made.kernel.space.dtb, 'the table that was found maps the kernel');
  assert.ok(windows?.processes().some(({ pid }) => pid === 300));
});

test('facts of an earlier opening open the same Windows without a search', () => {
  const made = small({ startBlock: false });
  const { facts } = made.opened();
  const again = openWindows(made.image(), { known: facts });
  assert.match(again.diagnosis.dtbs[0]!.how, /earlier opening/);
  assert.deepEqual(again.facts, facts);
  assert.deepEqual(again.windows?.processes().map(({ pid }) => pid), [4, 300, 412]);
});

test('64 MiB of zeros and of noise hold no Windows: a diagnosis says so', { timeout: 120_000 }, () => {
  const image = (fill: (bytes: Buffer) => void): ReturnType<typeof imageOfZeros> => imageOfZeros(64 << 20, (write) => {
    const bytes = Buffer.alloc(64 << 20);
    fill(bytes);
    write(0, bytes);
  });
  for (const opened of [openWindows(imageOfZeros(64 << 20)), openWindows(image((bytes) => noise(bytes, 1))), openWindows(image((bytes) => bytes.fill('plain text ')))]) {
    assert.equal(opened.windows, undefined);
    assert.equal(opened.facts, undefined);
    assert.match(opened.diagnosis.degraded.join(), /no kernel was found/);
    assert.match(diagnosisText(opened.diagnosis), /WHAT TO TRY/);
    opened.image.memory.close();
  }
});

test('candidates that lead into endless tables are given up in bounded work', { timeout: 120_000 }, () => {
  const made = machine({ startBlock: false, selfMap: undefined });
  const { physical } = made.kernel;
  // Pages that look like top-level tables and whose entries name each other.
  const frames = Array.from({ length: 80 }, () => physical.alloc());
  for (const at of frames) {
    for (let slot = 256; slot < 512; slot += 1) physical.setU64(at + slot * 8, BigInt(frames[slot % frames.length]!) | PTE.present | PTE.writable);
    for (let slot = 256; slot < 512; slot += 1) if (frames[slot % frames.length] === at) physical.setU64(at + slot * 8, 0n);
    physical.setU64(at + 0x1ed * 8, BigInt(at) | PTE.present | PTE.writable);
  }
  const { windows, diagnosis } = made.opened();
  assert.equal(windows, undefined);
  assert.ok(diagnosis.dtbs.length >= 64 && diagnosis.dtbs.length <= 65);
});

test('an image that is cut off where tables lie is still opened when System and its table are there', () => {
  // The lower half holds the kernel; one top-level entry leads into the lost half.
  const made = small({ startBlock: false, memory: 4 << 20, dtbFrame: 0x101 });
  made.kernel.physical.setU64(made.kernel.space.dtb + 0x130 * 8, BigInt(64 << 20) | PTE.present | PTE.writable);
  assert.deepEqual(pids(made), [4, 300, 412]);
});

test('noise in the pages around does not keep the kernel from being found', () => {
  for (const seed of [1, 2, 3]) {
    const made = small({ memory: 8 << 20, startBlock: false });
    made.noise(1, seed, (frame) => made.kernel.physical.used(frame));
    assert.deepEqual(pids(made), [4, 300, 412]);
  }
});

test('a text in the mapped kernel half that looks executable is code only where the tables say so', () => {
  const made = small();
  made.kernel.space.map(0xffff_f800_7000_0000n, made.kernel.physical.alloc(), KERNEL_CODE);
  const [mapping] = made.open().kernel.memory.mappings(0xffff_f800_7000_0000n, 0xffff_f800_7000_1000n);
  assert.deepEqual([mapping?.executable, mapping?.writable, mapping?.user], [true, false, false]);
});
