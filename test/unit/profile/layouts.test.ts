import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundledLayouts, FAMILIES, layoutProfile, layoutProfiles, type LayoutsWanted } from '../../../src/profile/layouts.js';
import { MACHINE, machineName } from '../../../src/profile/machine.js';
import type { Profile } from '../../../src/profile/profile.js';

const none = (): undefined => undefined;
const all = (wanted: LayoutsWanted): readonly Profile[] => [...layoutProfiles(wanted, none)];
const first = (wanted: LayoutsWanted): Profile => all(wanted)[0]!;
const offset = (profile: Profile, path: string): number | undefined => {
  const [struct = '', ...rest] = path.split('.');
  return profile.field(struct, rest.join('.'))?.offset;
};
const bits = (profile: Profile, struct: string, path: string): readonly number[] | undefined => profile.field(struct, path)?.bits;

/** Every layout that is bundled beside the exact kernels. */
const layouts = bundledLayouts().layouts.map(([version, machine, , , kind]) => {
  const profile = layoutProfile(`${version}-${machineName(machine)}${kind === '' ? '' : `-${kind}`}`, none);
  assert.ok(profile !== undefined, version);
  return profile;
});

test('layouts begin with the same build by nearest revision, name each set once, and carry the caller\'s symbols', () => {
  const near = [...layoutProfiles({ machine: MACHINE.x64, build: 19041 }, (name) => (name === 'NtBuildNumber' ? 0x42 : undefined))];
  assert.equal(near[0]?.build, 19041);
  assert.equal(near[0]?.source, 'nearest');
  assert.equal(near[0]?.symbol('NtBuildNumber'), 0x42);
  assert.equal(near[0]?.symbol('PsActiveProcessHead'), undefined, 'not the other kernel\'s address');
  assert.equal(new Set(near.map(({ label }) => label)).size, near.length, 'a label tells which one it was');
  const builds = near.map(({ build }) => build);
  assert.ok(builds.indexOf(22000) < builds.indexOf(14393));
  const revision = (profile: Profile): number => Number(profile.version.split('.')[3]);
  assert.ok(revision(first({ machine: MACHINE.x64, build: 19041, revision: 1 })) < revision(first({ machine: MACHINE.x64, build: 19041, revision: 100_000 })));
  assert.equal(first({ machine: MACHINE.x64, build: 19041, revision: 1288 }).version, '10.0.19041.1288');
});

test('builds of one family share their layouts, and what lies between families goes to the older one unless it is close to the newer', () => {
  assert.equal(first({ machine: MACHINE.x64, build: 19044, revision: 2000 }).build, 19045);
  assert.equal(first({ machine: MACHINE.x64, build: 26200, revision: 5000 }).build, 26100);
  assert.equal(first({ machine: MACHINE.x64, build: 25300 }).build, 22631);
  assert.equal(first({ machine: MACHINE.x64, build: 26052 }).build, 26100);
  assert.equal(first({ machine: MACHINE.x64, build: 19030 }).build, 19041);
  assert.equal(first({ machine: MACHINE.x64, build: 30000 }).build, 28000);
  assert.equal(first({ machine: MACHINE.x64, build: 3790 }).version, '5.2.3790.1830');
});

test('a 32-bit kernel gets 32-bit layouts, of its own kind of page table first', () => {
  for (const { builds } of FAMILIES.slice(0, 15)) {
    for (const profile of all({ machine: MACHINE.x86, build: builds[0]! })) assert.equal(profile.pointerSize, 4);
    assert.ok(builds.includes(first({ machine: MACHINE.x86, build: builds[0]! }).build), String(builds[0]));
  }
  for (const build of [2600, 3790, 6002, 7601]) {
    assert.equal(first({ machine: MACHINE.x86, build, pae: true }).sizeOf('_MMPTE'), 8, String(build));
    assert.equal(first({ machine: MACHINE.x86, build, pae: false }).sizeOf('_MMPTE'), 4, String(build));
  }
  assert.equal(first({ machine: MACHINE.x86, build: 19045, pae: true }).sizeOf('_MMPTE'), 8);
});

test('ARM64 has its own layouts first, then those of x64, under its own name', () => {
  const near = all({ machine: MACHINE.arm64, build: 22631 });
  assert.ok(near.every(({ machine }) => machine === MACHINE.arm64));
  assert.match(near[0]!.label, /22621.*arm64/);
  assert.match(near.at(-1)!.label, /x64/);
  // Published for these kernels: kphdyn.
  assert.equal(offset(near[0]!, '_EPROCESS.ObjectTable'), 1320);
  assert.equal(offset(first({ machine: MACHINE.arm64, build: 17763 }), '_EPROCESS.ObjectTable'), 968);
  assert.equal(offset(first({ machine: MACHINE.arm64, build: 17763 }), '_EPROCESS.SectionObject'), 880);
  assert.equal(offset(first({ machine: MACHINE.arm64, build: 26100 }), '_EPROCESS.ObjectTable'), 752);
});

test('a kernel that says nothing of its age is offered one layout of each family before a second of any', () => {
  const near = all({ machine: MACHINE.x64, build: 0 });
  const families = near.map(({ build }) => FAMILIES.findIndex(({ builds }) => builds.includes(build)));
  const once = new Set(families).size;
  assert.ok(once >= 17);
  assert.equal(new Set(families.slice(0, once)).size, once);
  assert.equal(near[0]?.build, 28000);
  assert.equal(near[once - 1]?.build, 3790);
});

test('layouts that contradict what is published of the very kernel come last', () => {
  const near = all({ machine: MACHINE.x64, build: 26050, fields: { '_EPROCESS.ObjectTable': 1392, ObDecodeShift: 20 } });
  assert.equal(near[0]?.build, 22631);
  assert.equal(offset(near[0]!, '_EPROCESS.ObjectTable'), 1392);
  assert.ok(near.findIndex(({ build }) => build === 26100) > near.findIndex(({ build }) => build === 19041));
});

test('the same layout is found again by its id', () => {
  for (const profile of [first({ machine: MACHINE.x86, build: 2600, pae: true }), first({ machine: MACHINE.x64, build: 22631 }), first({ machine: MACHINE.x64, build: 20348 })]) {
    const again = layoutProfile(profile.id, none, profile.machine);
    assert.deepEqual([again?.label, again?.machine, again?.version], [profile.label, profile.machine, profile.version]);
  }
  assert.equal(layoutProfile('10.0.1.1-x64', none), undefined);
});

test('every layout has what listing processes, modules, VADs, handles and drivers needs', () => {
  const needed = [
    '_EPROCESS.UniqueProcessId', '_EPROCESS.ActiveProcessLinks', '_EPROCESS.ImageFileName', '_EPROCESS.Pcb.DirectoryTableBase', '_EPROCESS.CreateTime', '_EPROCESS.ExitTime',
    '_EPROCESS.InheritedFromUniqueProcessId', '_EPROCESS.Peb', '_EPROCESS.VadRoot', '_EPROCESS.ObjectTable', '_EPROCESS.Token', '_EPROCESS.ThreadListHead', '_EPROCESS.SectionObject',
    '_PEB.Ldr', '_PEB.ProcessParameters', '_PEB_LDR_DATA.InLoadOrderModuleList', '_LDR_DATA_TABLE_ENTRY.DllBase', '_LDR_DATA_TABLE_ENTRY.FullDllName',
    '_RTL_USER_PROCESS_PARAMETERS.CommandLine', '_MMVAD_SHORT.StartingVpn', '_MMVAD_SHORT.u.VadFlags.Protection', '_MMVAD_SHORT.u.VadFlags.PrivateMemory',
    '_HANDLE_TABLE.TableCode', '_OBJECT_HEADER.Body', '_DRIVER_OBJECT.DriverStart', '_DRIVER_OBJECT.DriverName', '_DRIVER_OBJECT.MajorFunction', '_FILE_OBJECT.FileName', '_TOKEN.UserAndGroups',
    '_CMHIVE.HiveList', '_CMHIVE.Hive.Signature', '_POOL_HEADER.PoolTag', '_OBJECT_DIRECTORY.HashBuckets', '_CONTROL_AREA.FilePointer', '_MMPTE_SOFTWARE.PageFileHigh',
  ];
  for (const profile of layouts) {
    const missing = needed.filter((path) => offset(profile, path) === undefined);
    assert.deepEqual(missing, [], profile.label);
    for (const path of needed) {
      const struct = path.split('.')[0]!;
      const field = profile.field(struct, path.slice(struct.length + 1))!;
      assert.ok(field.offset + field.size <= profile.sizeOf(struct)! || field.count === 1, `${profile.label} ${path}`);
    }
  }
});

test('bit fields lie inside what holds them and do not go over its end', () => {
  for (const profile of layouts) {
    for (const struct of ['_MMVAD_FLAGS', '_MMVAD_FLAGS2', '_MMPTE_SOFTWARE', '_MMPTE_TRANSITION', '_MMPTE_PROTOTYPE', '_HANDLE_TABLE_ENTRY', '_EPROCESS', '_KTHREAD', '_MMPFN']) {
      for (const [path] of profile.fact(struct)?.[1] ?? []) {
        const field = profile.field(struct, path)!;
        if (field.bits !== undefined) assert.ok(field.bits[0] + field.bits[1] <= field.size * 8, `${profile.label} ${struct}.${path}`);
      }
    }
  }
});

test('layouts of x64 say what Microsoft\'s symbols say, family by family', () => {
  // UniqueProcessId, ActiveProcessLinks, ImageFileName, Peb, Token, ObjectTable, VadRoot, ThreadListHead of `_EPROCESS`
  const known: Readonly<Record<number, readonly number[]>> = {
    7601: [0x180, 0x188, 0x2e0, 0x338, 0x208, 0x200, 0x448, 0x308],
    14393: [0x2e8, 0x2f0, 0x450, 0x3f8, 0x358, 0x418, 0x620, 0x488],
    17763: [0x2e0, 0x2e8, 0x450, 0x3f8, 0x358, 0x418, 0x628, 0x488],
    18362: [0x2e8, 0x2f0, 0x450, 0x3f8, 0x360, 0x418, 0x658, 0x488],
    19041: [0x440, 0x448, 0x5a8, 0x550, 0x4b8, 0x570, 0x7d8, 0x5e0],
    22000: [0x440, 0x448, 0x5a8, 0x550, 0x4b8, 0x570, 0x7d8, 0x5e0],
    22631: [0x440, 0x448, 0x5a8, 0x550, 0x4b8, 0x570, 0x7d8, 0x5e0],
    26100: [0x1d0, 0x1d8, 0x338, 0x2e0, 0x248, 0x300, 0x558, 0x370],
  };
  const names = ['UniqueProcessId', 'ActiveProcessLinks', 'ImageFileName', 'Peb', 'Token', 'ObjectTable', 'VadRoot', 'ThreadListHead'];
  for (const [build, offsets] of Object.entries(known)) {
    for (const profile of layouts.filter((one) => one.machine === MACHINE.x64 && one.build === Number(build))) {
      assert.deepEqual(names.map((name) => offset(profile, `_EPROCESS.${name}`)), offsets, profile.label);
    }
  }
});

test('layouts of 32 bits say what is known of XP, Server 2003, Vista and 7', () => {
  const expected: Readonly<Record<number, readonly number[]>> = {
    // UniqueProcessId, ActiveProcessLinks, ImageFileName, Peb, ObjectTable
    2600: [0x84, 0x88, 0x174, 0x1b0, 0xc4], 6002: [0x9c, 0xa0, 0x14c, 0x188, 0xdc], 7601: [0xb4, 0xb8, 0x16c, 0x1a8, 0xf4],
  };
  for (const [build, offsets] of Object.entries(expected)) {
    const found = layouts.filter((one) => one.machine === MACHINE.x86 && one.build === Number(build));
    assert.ok(found.length >= 2);
    for (const profile of found) {
      assert.deepEqual(['UniqueProcessId', 'ActiveProcessLinks', 'ImageFileName', 'Peb', 'ObjectTable'].map((name) => offset(profile, `_EPROCESS.${name}`)), offsets, profile.label);
    }
  }
});

test('24H2: sizes, threads, VADs and hives are those of its symbols, bit positions those of 22631', () => {
  const profile = first({ machine: MACHINE.x64, build: 26100, revision: 3000 });
  assert.deepEqual(['_EPROCESS', '_KPROCESS', '_KTHREAD', '_ETHREAD', '_MMVAD', '_CMHIVE'].map((name) => profile.sizeOf(name)), [0x840, 0x1c8, 0x4c0, 0x798, 0x88, 0x12d8]);
  assert.deepEqual(['_ETHREAD.Cid', '_ETHREAD.StartAddress', '_ETHREAD.ThreadListEntry', '_ETHREAD.Win32StartAddress'].map((path) => offset(profile, path)), [0x508, 0x4e0, 0x578, 0x560]);
  assert.deepEqual(['_MMVAD.Subsection', '_MMVAD.FirstPrototypePte', '_CMHIVE.HiveList', '_CMHIVE.FileFullPath'].map((path) => offset(profile, path)), [0x48, 0x50, 0x648, 0x720]);
  assert.deepEqual([bits(profile, '_MMVAD_FLAGS', 'PrivateMemory'), bits(profile, '_MMVAD_FLAGS', 'Protection'), bits(profile, '_MMVAD_FLAGS', 'VadType')], [[21, 1], [7, 5], [4, 3]]);
  assert.deepEqual(bits(profile, '_HANDLE_TABLE_ENTRY', 'ObjectPointerBits'), [20, 44]);
  assert.equal(offset(profile, '_MMVAD.u2.VadFlags2'), 64);
  assert.equal(offset(profile, '_MMVAD_SHORT.u.VadFlags.VadType'), 48);
  assert.equal(offset(profile, '_MMPTE.u.Soft'), 0);
});

test('26H1: the short VAD is eight bytes longer and nothing else moves', () => {
  const [before, after] = [first({ machine: MACHINE.x64, build: 26100 }), first({ machine: MACHINE.x64, build: 28000 })];
  assert.equal(after.sizeOf('_MMVAD_SHORT'), before.sizeOf('_MMVAD_SHORT')! + 8);
  assert.equal(offset(after, '_MMVAD.Subsection'), offset(before, '_MMVAD.Subsection')! + 8);
  assert.equal(offset(after, '_MMVAD.Core'), 0);
  assert.equal(offset(after, '_EPROCESS.VadRoot'), offset(before, '_EPROCESS.VadRoot'));
});

test('VAD flags moved with the builds', () => {
  const place = (build: number): unknown => ['PrivateMemory', 'Protection', 'VadType'].map((name) => bits(first({ machine: MACHINE.x64, build }), '_MMVAD_FLAGS', name)?.[0]);
  assert.deepEqual([22631, 20348, 19041, 18362, 17763, 17134, 16299, 14393, 10240, 9600, 9200].map(place), [
    [21, 7, 4], [21, 7, 4], [20, 7, 4], [20, 7, 4], [14, 3, 0], [14, 3, 0], [15, 3, 0], [15, 3, 0], [15, 3, 0], [15, 3, 0], [15, 3, 0],
  ]);
});

test('PAE by rule: entries have eight bytes and what stands behind them has moved', () => {
  const [plain, pae] = [false, true].map((kind) => first({ machine: MACHINE.x86, build: 2600, revision: 5512, pae: kind }));
  assert.deepEqual([plain!.sizeOf('_MMPFN'), pae!.sizeOf('_MMPFN')], [24, 28]);
  assert.equal(offset(pae!, '_MMPFN.u4.EntireFrame'), 24);
  assert.equal(offset(pae!, '_SEGMENT.PrototypePte'), offset(plain!, '_SEGMENT.PrototypePte')! + 4);
  assert.equal(offset(pae!, '_SEGMENT.TotalNumberOfPtes'), offset(plain!, '_SEGMENT.TotalNumberOfPtes'));
  assert.deepEqual(bits(pae!, '_MMPTE_SOFTWARE', 'PageFileHigh'), [32, 32]);
  assert.deepEqual(bits(pae!, '_MMPTE_PROTOTYPE', 'ProtoAddress'), [32, 32]);
  assert.deepEqual(bits(pae!, '_MMPTE_TRANSITION', 'PageFrameNumber'), [12, 26]);
  assert.equal(offset(pae!, '_MM_SESSION_SPACE.ImageList'), offset(plain!, '_MM_SESSION_SPACE.ImageList'));
  assert.equal(offset(pae!, '_EPROCESS.VadRoot'), offset(plain!, '_EPROCESS.VadRoot'));
});
