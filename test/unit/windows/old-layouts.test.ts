import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { objectManager } from '../../../src/windows/object.js';
import { isPaged } from '../../../src/windows/pool.js';
import { scanPool } from '../../../src/windows/pool-scan.js';
import type { Process } from '../../../src/windows/process.js';
import type { Windows } from '../../../src/windows/windows.js';
import { direct } from '../../support/direct.js';
import { familyProfile } from '../../support/families.js';
import { loadHive } from '../../support/hives.js';
import type { SyntheticKernel } from '../../support/kernel-image.js';
import { machine, type Machine } from '../../support/machine.js';
import { UNKNOWN_SYMBOLS } from '../../support/standard.js';
import type { ModeName } from '../../support/table-rules.js';

const PID = 1000;
const OLD = [[2600, 'x86'], [3790, 'x86'], [3790, 'x64'], [6002, 'x86'], [6002, 'x64']] as const satisfies readonly (readonly [number, ModeName])[];
/** XP and 2003. */
const OLDEST = OLD.filter(([build]) => build < 6000);

function made(build: number, mode: ModeName): Machine {
  return machine({ profile: familyProfile(build, mode), mode, symbolFile: UNKNOWN_SYMBOLS, exports: 'as Windows' });
}

function processOf(windows: Windows, pid = PID): Process {
  return windows.process(pid) ?? assert.fail(`process ${pid} is not found`);
}

/** A chain of key control blocks, the top key first; the last one's address. */
function keyChain(kernel: SyntheticKernel, hive: bigint, names: readonly string[]): bigint {
  return names.reduce((parent, name) => {
    const block = kernel.paged.struct('_CM_NAME_CONTROL_BLOCK', 'CMnb', name.length);
    block.set('Compressed', 1).set('NameLength', name.length);
    kernel.space.write(block.at('Name'), Buffer.from(name, 'latin1'));
    const control = kernel.paged.struct('_CM_KEY_CONTROL_BLOCK', 'CMkb');
    return control.set('KeyHive', hive).set('KeyCell', 0x20).set('ParentKcb', parent).set('NameBlock', block.address).address;
  }, 0n);
}

describe('XP to Vista, whose object headers name their type by address', () => {
  for (const [build, mode] of OLD) {
    test(`${build} ${mode}: a name is found before any set of optional headers, and its place in the namespace`, () => {
      const built = made(build, mode);
      const masks = [0, 0x1, 0x4, 0x8, 0xd];
      const objects = masks.map((infoMask) => built.objects.create('Mutant', '_KMUTANT', { name: `made-${infoMask}`, infoMask }).address);
      objects.forEach((body, i) => { built.objects.enter('\\BaseNamedObjects', body, `made-${masks[i]}`); });
      const nameless = built.objects.create('Event', '_KEVENT', { infoMask: 0xd }).address;
      const manager = objectManager(direct(built).kernel);
      assert.deepEqual(objects.map((body) => manager.path(body)), masks.map((mask) => `\\BaseNamedObjects\\made-${mask}`));
      assert.deepEqual([...objects, nameless].map((body) => manager.header(body)?.type?.name), [...masks.map(() => 'Mutant'), 'Event']);
      assert.equal(manager.name(nameless), undefined);
    });

    test(`${build} ${mode}: a type's address that leads nowhere names no type`, () => {
      const built = made(build, mode);
      const body = built.objects.create('Event', '_KEVENT').address;
      built.objects.header(body).set('Type', built.kernel.base + 0xf000_000n);
      assert.equal(objectManager(direct(built).kernel).header(body)?.type, undefined);
    });
  }

  for (const [build, mode] of OLDEST) {
    test(`${build} ${mode}: a freed process, whose type is overwritten, is found in the pool`, () => {
      const built = made(build, mode).process({ name: 'freed.exe', pid: PID, linked: false });
      const { address } = built.built(PID).view;
      built.objects.header(address).set('Type', 0xbad0_b0b0n);
      const windows = direct(built);
      assert.ok(scanPool(windows.kernel, { start: 0, end: windows.kernel.physical.size }).processes.includes(address));
    });
  }
});

test('System of XP has no creation time, and is listed and found in the pool all the same', () => {
  const built = made(2600, 'x86');
  const { address } = built.built(4).view;
  built.lie('_EPROCESS', address, 'CreateTime', 0n);
  const windows = direct(built);
  assert.deepEqual(windows.processes().map(({ pid, created }) => [pid, created]), [[4, undefined]]);
  assert.deepEqual(scanPool(windows.kernel, { start: 0, end: windows.kernel.physical.size }).processes, [address]);
});

test('before Vista an even pool type is paged, since then an odd one', () => {
  const types = [0, 1, 2, 3];
  const [old, later] = [[3790, 'x86'], [6002, 'x86']].map(([build, mode]) => direct(made(build as number, mode as ModeName)).kernel);
  assert.ok(old !== undefined && later !== undefined);
  assert.deepEqual(types.map((type) => isPaged(old, type)), [false, false, true, false]);
  assert.deepEqual(types.map((type) => isPaged(later, type)), [false, true, false, true]);
});

for (const [build, mode] of OLDEST) {
  test(`${build} ${mode}: a hive is mounted where the control block of its first key says`, () => {
    const built = made(build, mode);
    const user = 'S-1-5-21-1-2-3-1001';
    const hive = loadHive(built, '\\Device\\HarddiskVolume1\\Documents and Settings\\alice\\ntuser.dat', { name: 'ROOT', keys: [{ name: 'Software' }] });
    built.lie('_CMHIVE', hive, 'RootKcb', keyChain(built.kernel, hive, ['REGISTRY', 'USER', user]));
    const [found] = direct(built).hives();
    assert.equal(found?.rootPath, `\\REGISTRY\\USER\\${user}`);
    assert.equal(found.filePath, '\\Device\\HarddiskVolume1\\Documents and Settings\\alice\\ntuser.dat');
    assert.deepEqual([...found.registry.root()?.subkeys() ?? []].map(({ name }) => name), ['Software']);
  });

  test(`${build} ${mode}: a control block of another hive says nothing of this one`, () => {
    const built = made(build, mode);
    const hive = loadHive(built, '\\Device\\HarddiskVolume1\\ntuser.dat', { name: 'ROOT' });
    built.lie('_CMHIVE', hive, 'RootKcb', keyChain(built.kernel, hive + 0x10n, ['REGISTRY', 'USER', 'other']));
    assert.equal(direct(built).hives()[0]?.rootPath, '');
  });
}

test('a view of a hive that is not mapped leaves a hole, and the rest is read', () => {
  const built = made(2600, 'x86');
  const hive = loadHive(built, '\\REGISTRY\\MACHINE\\SYSTEM', { name: 'ROOT', values: [{ name: 'long', type: 3, data: Buffer.alloc(12_000, 'x') }] });
  const profile = built.kernel.profile;
  const table = built.kernel.space.pointer(hive + BigInt(profile.need('_CMHIVE', 'Hive.Storage').offset + profile.need('_DUAL', 'SmallDir').offset));
  built.lie('_HMAP_ENTRY', table + BigInt(profile.sizeOf('_HMAP_ENTRY')!), 'BlockAddress', 0n);
  const [found] = direct(built).hives();
  const runs = [...found?.stable.runs() ?? []];
  assert.equal(runs[0]?.length, 0x1000);
  assert.equal(runs[1]?.start, 0x2000);
  assert.deepEqual([...found?.registry.root()?.values() ?? []].map(({ name }) => name), ['long']);
});

describe('the 32-bit PEB of a WoW64 process', () => {
  const PEB32 = 0x7ffd_e000n;
  const forms: readonly (readonly [build: number, what: string, write: (built: Machine) => void])[] = [
    [3790, 'behind a _WOW64_PROCESS', (built) => {
      const block = built.kernel.nonpaged.alloc(16, 'Wow6');
      built.kernel.space.setPointer(block, PEB32);
      built.lie('_EPROCESS', built.built(PID).view.address, 'Wow64Process', block);
    }],
    [7601, 'by its own address', (built) => { built.lie('_EPROCESS', built.built(PID).view.address, 'Wow64Process', PEB32); }],
    [19_041, 'in an _EWOW64PROCESS', (built) => {
      const block = built.kernel.nonpaged.struct('_EWOW64PROCESS', 'Wow6');
      block.set('Peb', PEB32);
      built.lie('_EPROCESS', built.built(PID).view.address, 'WoW64Process', block.address);
    }],
  ];
  for (const [build, what, write] of forms) {
    test(`${build}: ${what}`, () => {
      const built = made(build, 'x64').process({ name: 'old.exe', pid: PID });
      write(built);
      const { facts } = processOf(direct(built));
      assert.equal(facts.wow64, true);
      assert.equal(facts.peb32, PEB32);
    });
  }
});

test('XP says by a bit each what later builds say by the VAD type', () => {
  const bits = ['PhysicalMapping', 'ImageMap', 'UserPhysicalPages', 'WriteWatch', 'LargePages'];
  const built = made(2600, 'x86').process({ name: 'made.exe', pid: PID, vads: [0, ...bits].map((_, i) => ({ start: BigInt(i + 1) << 16n, pages: 1 })) });
  bits.forEach((bit, i) => { built.lie('_MMVAD_SHORT', built.built(PID).vads[i + 1]!.address, `u.VadFlags.${bit}`, 1); });
  assert.deepEqual(processOf(direct(built)).vads().map(({ type }) => type), [0, 1, 2, 3, 4, 5]);
});

for (const [build, mode] of OLDEST) {
  test(`${build} ${mode}: the segments of a heap are in an array of its own`, () => {
    const heap = 0x60_0000n;
    const segment = 0x70_0000n;
    const built = made(build, mode).process({
      name: 'made.exe', pid: PID, parameters: { imagePath: 'C:\\made.exe', commandLine: 'made' },
      vads: [{ start: heap, pages: 4, bytes: Buffer.from('heap') }, { start: segment, pages: 1 }, { start: 0x90_0000n, pages: 1, bytes: Buffer.from('list') }],
    });
    const { space, view } = built.built(PID);
    const peb = built.view('_PEB', view.get('Peb'), space);
    peb.set('NumberOfHeaps', 1).set('ProcessHeaps', 0x90_0000n);
    space.setPointer(0x90_0000n, heap);
    const block = built.view('_HEAP', heap, space);
    block.set('Signature', 0xeeff_eeff).set('Segments', heap + 0x640n);
    space.setPointer(block.at('Segments') + BigInt(built.kernel.profile.pointerSize), segment);
    const vads = processOf(direct(built)).vads();
    assert.equal(vads.find(({ start }) => start === heap)?.what?.text, 'HEAP-00 [NtSegment]');
    assert.equal(vads.find(({ start }) => start === segment)?.what?.text, 'HEAP-00 [NtSegment]');
  });

  test(`${build} ${mode}: the token that a thread impersonates with stands behind a pointer`, () => {
    const built = made(build, mode).process({ name: 'made.exe', pid: PID, threads: [{ tid: 1004 }, { tid: 1008 }] });
    const [first = 0n] = built.built(PID).threads;
    const information = built.kernel.paged.alloc(16, 'PsIm');
    const token = built.kernel.nonpaged.alloc(16, 'Toke');
    built.kernel.space.setPointer(information, token);
    const thread = built.view('_ETHREAD', first);
    built.kernel.space.setPointer(thread.at('ImpersonationInfo'), information);
    thread.set('ActiveImpersonationInfo', 1);
    assert.deepEqual(processOf(direct(built)).threads().map(({ impersonationToken }) => impersonationToken), [token, 0n]);
  });
}

for (const [build, mode] of [[2600, 'x86'], [7601, 'x86-pae'], [19_041, 'x86-pae']] as const) {
  test(`${build} ${mode}: where a thread of a 32-bit system entered the kernel`, () => {
    const teb = { address: 0x7ffd_e000n, stackBase: 0x13_0000n, stackLimit: 0x12_8000n };
    const built = made(build, mode).process({ name: 'made.exe', pid: PID, threads: [{ tid: 1004, teb, trap: { rip: 0x7c90_e514n, rsp: 0x12_fe20n } }] });
    const [thread] = processOf(direct(built)).threads();
    assert.deepEqual([thread?.instructionPointer, thread?.stackPointer, thread?.userStackBase], [0x7c90_e514n, 0x12_fe20n, teb.stackBase]);
  });

  test(`${build} ${mode}: a handle table of three levels has 512 entries a page and 1024 pages a level`, () => {
    const built = made(build, mode).process({ name: 'made.exe', pid: PID });
    const { kernel } = built;
    const table = built.built(PID).handles ?? assert.fail('no handle table');
    const event = built.objects.create('Event', '_KEVENT').address;
    table.put(12, built.objects.header(event).address, 0x1f_0003);
    const [top, middle] = [kernel.paged.pages(4096), kernel.paged.pages(4096)];
    kernel.space.setPointer(top + 4n, middle);
    kernel.space.setPointer(middle + 8n, table.view.get('TableCode'));
    table.view.set('TableCode', top | 2n);
    const handles = processOf(direct(built)).handles();
    assert.deepEqual(handles.map(({ value, object, type, access }) => [value, object, type, access]), [[1024 * 2048 + 2 * 2048 + 12, event, 'Event', 0x1f_0003]]);
  });
}

test('where symbols lack the structure of sessions, the token says the session', () => {
  const built = made(26_100, 'x64').process({ name: 'made.exe', pid: PID, token: { user: 'S-1-5-18', session: 3 } }).process({ name: 'other.exe', pid: PID + 4, token: { user: 'S-1-5-18', session: 3 } });
  assert.equal(built.kernel.profile.field('_MM_SESSION_SPACE', 'SessionId'), undefined);
  built.lie('_EPROCESS', built.built(PID).view.address, 'Session', built.kernel.nonpaged.alloc(16, 'PsSe'));
  const windows = direct(built);
  assert.equal(processOf(windows).facts.sessionId, 3);
  assert.equal(processOf(windows, PID + 4).facts.sessionId, undefined);
});

test('entries of a handle table with five levels of page tables keep 53 bits of the address', () => {
  const built = made(22_000, 'x64-la57').process({ name: 'made.exe', pid: PID });
  const table = built.built(PID).handles ?? assert.fail('no handle table');
  // As the kernel of that mode writes it: above 11 bits of lock, references and attributes.
  const header = built.objects.header(built.built(4).view.address).address;
  const entry = table.entry(8);
  built.kernel.space.setU64(entry.address, BigInt.asUintN(64, (header >> 4n) << 11n) | 0x7ffn);
  entry.set('GrantedAccessBits', 0x1000);
  assert.deepEqual(processOf(direct(built)).handles().map(({ value, name, access }) => [value, name, access]), [[8, 'PID 4 - System', 0x1000]]);
});
