import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Anomalies } from '../../../src/bytes/anomaly.js';
import type { Run, SparseMemory } from '../../../src/bytes/memory.js';
import { bundledProfile, knownKernels } from '../../../src/profile/bundled.js';
import type { Profile } from '../../../src/profile/profile.js';
import { Reader } from '../../../src/profile/struct.js';
import { BASE_BLOCK_SIZE, baseBlock } from '../../../src/registry/base-block.js';
import { openHiveFile } from '../../../src/registry/hive-file.js';
import { currentControlSet } from '../../../src/registry/hive-set.js';
import { MappedStorage } from '../../../src/windows/hive-memory.js';
import { hiveFile } from '../../../src/windows/hive-image.js';
import { hives, type Hive } from '../../../src/windows/hive.js';
import type { Kernel } from '../../../src/windows/kernel.js';
import { registryKey } from '../../../src/windows/registry-path.js';
import { dword, writeHive, type KeyToWrite } from '../../support/hive-bytes.js';

const PAGE = 4096;
const KERNEL = 0xffff_8000_0000_0000n;

/** Virtual memory as a map of pages. */
class Pages implements SparseMemory<bigint> {
  readonly pages = new Map<bigint, Buffer>();

  write(address: bigint, bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i += 1) {
      const at = address + BigInt(i);
      const page = at & ~0xfffn;
      let target = this.pages.get(page);
      if (target === undefined) this.pages.set(page, target = Buffer.alloc(PAGE));
      target[Number(at & 0xfffn)] = bytes[i] ?? 0;
    }
  }

  read(address: bigint, length: number): Buffer | undefined {
    const bytes = Buffer.alloc(length);
    return this.fill(address, bytes) === 0 ? bytes : undefined;
  }

  fill(address: bigint, target: Uint8Array): number {
    let missing = 0;
    for (let i = 0; i < target.length; i += 1) {
      const at = address + BigInt(i);
      const page = this.pages.get(at & ~0xfffn);
      target[i] = page?.[Number(at & 0xfffn)] ?? 0;
      if (page === undefined) missing += 1;
    }
    return missing;
  }

  * runs(start: bigint, end: bigint): Generator<Run<bigint>> {
    for (let at = start; at < end; at += 0x1000n) if (this.pages.has(at)) yield { start: at, length: PAGE };
  }
}

/** A kernel of one build over fake memory; only what hives ask for. */
function kernelOf(profile: Profile, memory: Pages): Kernel {
  const kernel = {
    memory, profile, anomalies: new Anomalies(), pointerSize: 8,
    reader: (declared: ConstructorParameters<typeof Reader>[0]) => new Reader(declared, profile),
    read: (declared: ConstructorParameters<typeof Reader>[0], address: bigint) => new Reader(declared, profile).read(memory, address),
    pointer: (address: bigint) => memory.read(address, 8)?.readBigUInt64LE(0),
    isKernelAddress: (address: bigint) => address >= KERNEL,
    symbol: (name: string) => (name === 'CmpHiveListHead' ? KERNEL + 0x100n : undefined),
  };
  return kernel as unknown as Kernel;
}

function profileOf(version: RegExp): Profile {
  const id = knownKernels().find((kernel) => version.test(kernel.version))?.id;
  const profile = id === undefined ? undefined : bundledProfile(id);
  assert.ok(profile !== undefined, `${version} is bundled`);
  return profile;
}

function pointer(address: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(address);
  return bytes;
}

const BINS = KERNEL + 0x1000_0000n;
const TABLES = KERNEL + 0x2000_0000n;
const DIRECTORY = KERNEL + 0x3000_0000n;

/** Maps bins as the kernel of a build does, each bin apart from the one before it; answers the address of the bins' first block. */
function mapBins(memory: Pages, profile: Profile, dual: bigint, bins: Buffer, how: 'directory' | 'small'): void {
  const field = (struct: string, path: string): bigint => BigInt(profile.need(struct, path).offset);
  const entrySize = BigInt(profile.sizeOf('_HMAP_ENTRY') ?? 0);
  memory.write(dual + field('_DUAL', 'Length'), dword(bins.length));
  const small = dual + field('_DUAL', 'SmallDir');
  memory.write(dual + field('_DUAL', 'Map'), pointer(how === 'small' ? small : DIRECTORY));
  memory.write(how === 'small' ? small : DIRECTORY, pointer(TABLES));
  for (let start = 0; start < bins.length;) {
    const size = bins.readUInt32LE(start + 8);
    const bin = BINS + BigInt(2 * start);
    memory.write(bin, bins.subarray(start, start + size));
    for (let at = 0; at < size; at += PAGE) {
      const entry = TABLES + BigInt((start + at) / PAGE) * entrySize;
      if (profile.field('_HMAP_ENTRY', 'BlockOffset') !== undefined) {
        memory.write(entry + field('_HMAP_ENTRY', 'BlockOffset'), pointer(BigInt(at)));
        memory.write(entry + field('_HMAP_ENTRY', 'PermanentBinAddress'), pointer(bin | (at === 0 ? 9n : 0n)));
      } else {
        memory.write(entry + field('_HMAP_ENTRY', 'BlockAddress'), pointer(bin + BigInt(at)));
        memory.write(entry + field('_HMAP_ENTRY', 'BinAddress'), pointer(bin | 1n));
      }
    }
    start += size;
  }
}

const LONG = Buffer.from(Array.from({ length: 30_000 }, (_, i) => (i * 5) & 0xff));
const SYSTEM: KeyToWrite = { name: 'ROOT', keys: [
  { name: 'ControlSet001', values: [{ name: 'old', type: 4, data: dword(1) }] },
  { name: 'ControlSet002', keys: [{ name: 'Control', values: [{ name: 'long', type: 3, data: LONG }] }] },
  { name: 'Select', values: [{ name: 'Current', type: 4, data: dword(2) }] },
] };
const BUILDS = [/^6\.1\.7601/, /^6\.3\.9600/, /^10\.0\.14393/, /^10\.0\.19041/, /^10\.0\.22000/];

/** A `_CMHIVE` with its base block, bins and name, on the hive list. */
function hiveInMemory(profile: Profile, how: 'directory' | 'small'): { memory: Pages; kernel: Kernel; file: Buffer; address: bigint } {
  const memory = new Pages();
  const kernel = kernelOf(profile, memory);
  const { file } = writeHive(SYSTEM);
  const address = KERNEL + 0x5000n;
  const field = (path: string): bigint => BigInt(profile.need('_CMHIVE', path).offset);
  memory.write(address, Buffer.alloc(profile.sizeOf('_CMHIVE') ?? 0));
  memory.write(address + field('Hive.Signature'), dword(0xbee0_bee0));
  memory.write(address + field('Hive.Version'), dword(5));
  memory.write(address + field('Hive.BaseBlock'), pointer(KERNEL + 0x9000n));
  memory.write(KERNEL + 0x9000n, file.subarray(0, BASE_BLOCK_SIZE));
  mapBins(memory, profile, address + field('Hive.Storage'), file.subarray(BASE_BLOCK_SIZE), how);
  const path = Buffer.from('\\REGISTRY\\MACHINE\\SYSTEM', 'utf16le');
  memory.write(KERNEL + 0xb000n, path);
  const name = Buffer.alloc(16);
  name.writeUInt16LE(path.length, 0);
  name.writeUInt16LE(path.length, 2);
  name.writeBigUInt64LE(KERNEL + 0xb000n, 8);
  memory.write(address + field('HiveRootPath'), name);
  const links = address + field('HiveList');
  memory.write(KERNEL + 0x100n, Buffer.concat([pointer(links), pointer(links)]));
  memory.write(links, Buffer.concat([pointer(KERNEL + 0x100n), pointer(KERNEL + 0x100n)]));
  return { memory, kernel, file, address };
}

function only(found: readonly Hive[]): Hive {
  const [hive] = found;
  assert.ok(hive !== undefined && found.length === 1);
  return hive;
}

test('a hive in memory shows the same keys as its file, for every shape of cell map', () => {
  for (const build of BUILDS) {
    for (const how of ['directory', 'small'] as const) {
      const { kernel, file } = hiveInMemory(profileOf(build), how);
      const hive = only(hives(kernel, []));
      assert.equal(hive.name, '\\REGISTRY\\MACHINE\\SYSTEM', `${build}`);
      assert.deepEqual([...hive.registry.keys()].map(({ path }) => path), [...openHiveFile(file).hive.keys()].map(({ path }) => path), `${build} ${how}`);
      assert.deepEqual(hive.registry.key('ControlSet002\\Control')?.value('long')?.data(), LONG, `${build} ${how}`);
      assert.deepEqual(kernel.anomalies.list, []);
    }
  }
});

test('a hive that only the scan found is told from a listed one, and nothing is shown twice', () => {
  const { kernel, memory, address } = hiveInMemory(profileOf(/^10\.0\.19041/), 'small');
  assert.deepEqual(hives(kernel, [address]).map(({ source }) => source), ['list']);
  memory.write(KERNEL + 0x100n, Buffer.concat([pointer(KERNEL + 0x100n), pointer(KERNEL + 0x100n)]));
  assert.deepEqual(hives(kernel, [address, KERNEL + 0x9000n]).map(({ source }) => source), ['scan']);
});

test('the rebuilt file is the hive as it was, and its base block is repaired', () => {
  const { kernel, memory, file } = hiveInMemory(profileOf(/^10\.0\.19041/), 'directory');
  memory.write(KERNEL + 0x9004n, dword(77));
  const image = hiveFile(only(hives(kernel, [])));
  const bytes = Buffer.alloc(image.size);
  assert.equal(image.fill(0, bytes), 0);
  assert.deepEqual(bytes.subarray(BASE_BLOCK_SIZE), file.subarray(BASE_BLOCK_SIZE));
  assert.deepEqual([baseBlock(bytes).sequence2, baseBlock(bytes).intact], [77, true]);
  assert.deepEqual(image.holes(), []);
  assert.deepEqual([...image.runs()], [{ start: 0, length: image.size }]);
  const part = Buffer.alloc(100);
  assert.equal(image.fill(BASE_BLOCK_SIZE - 50, part), 0);
  assert.deepEqual(part, bytes.subarray(BASE_BLOCK_SIZE - 50, BASE_BLOCK_SIZE + 50));
});

test('blocks that are not in the image are zeros in the rebuilt file and listed as holes', () => {
  const { kernel, memory, file } = hiveInMemory(profileOf(/^10\.0\.19041/), 'small');
  const bins = file.subarray(BASE_BLOCK_SIZE);
  const second = bins.readUInt32LE(8);
  memory.pages.delete(BINS + BigInt(2 * second));
  const hive = only(hives(kernel, []));
  const image = hiveFile(hive);
  const bytes = Buffer.alloc(image.size);
  assert.equal(image.fill(0, bytes), PAGE);
  assert.deepEqual(image.holes(), [{ start: BASE_BLOCK_SIZE + second, length: PAGE }]);
  assert.ok(bytes.subarray(BASE_BLOCK_SIZE + second, BASE_BLOCK_SIZE + second + PAGE).every((byte) => byte === 0));
  assert.equal(hive.registry.key('ControlSet002')?.name, 'ControlSet002');
});

test('a storage whose length cannot be is refused', () => {
  for (const length of [0xffff_f000, 0x1001]) {
    const { kernel, memory, address } = hiveInMemory(profileOf(/^10\.0\.19041/), 'small');
    const dual = address + BigInt(kernel.profile.need('_CMHIVE', 'Hive.Storage').offset);
    memory.write(dual + BigInt(kernel.profile.need('_DUAL', 'Length').offset), dword(length));
    assert.throws(() => new MappedStorage(kernel, memory, dual), /storage cannot have/);
    assert.deepEqual(hives(kernel, []), []);
    assert.match(kernel.anomalies.list.map(({ what }) => what).join('\n'), /storage cannot have/);
  }
});

test('a path is found in the hive that is mounted above it, and CurrentControlSet is the set in use', () => {
  const { kernel } = hiveInMemory(profileOf(/^10\.0\.22000/), 'directory');
  const all = hives(kernel, []);
  for (const root of ['HKLM\\system', 'HKEY_LOCAL_MACHINE\\SYSTEM', '\\Registry\\Machine\\System']) {
    assert.equal(registryKey(all, `${root}\\CurrentControlSet\\control`)?.path, 'ControlSet002\\Control');
  }
  assert.equal(registryKey(all, 'HKLM\\SOFTWARE'), undefined);
  assert.equal(registryKey(all, 'HKU\\S-1-5-18'), undefined);
  const root = only(all).registry.root();
  assert.equal(root === undefined ? undefined : currentControlSet(root), 'ControlSet002');
});
