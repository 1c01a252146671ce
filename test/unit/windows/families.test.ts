import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scanPool } from '../../../src/windows/pool-scan.js';
import type { Profile } from '../../../src/profile/profile.js';
import type { Process } from '../../../src/windows/process.js';
import type { Windows } from '../../../src/windows/windows.js';
import { direct } from '../../support/direct.js';
import { driverObject } from '../../support/drivers.js';
import { familyProfile, WINDOWS, type Family } from '../../support/families.js';
import { loadHive } from '../../support/hives.js';
import { LISTED, listed, written } from '../../support/listing.js';
import { machine, type Machine } from '../../support/machine.js';
import { BOOT } from '../../support/processes.js';
import { standard, UNKNOWN_SYMBOLS } from '../../support/standard.js';
import type { ModeName } from '../../support/table-rules.js';

/** 26H1, whose layouts follow from those of 24H2 by what is known to have changed. */
const LATER: Family = { name: '11 26H1', build: 28_000, modes: ['x64'] };
const CASES = [...WINDOWS.filter(({ build }) => build !== LATER.build), LATER].flatMap((family) => family.modes.map((mode) => ({ family, mode, name: `Windows ${family.name}, ${mode}` })));
const VISTA = 6000;

/** ARM64 has structures of its own in no public table: here it has those of x64. */
function layouts(build: number, mode: ModeName): Profile {
  return familyProfile(build, mode === 'arm64' ? 'x64' : mode);
}

/** Since Windows 7 a thread says itself whether it runs (which the machine does not write); before, its state does. */
const running = (build: number): boolean => build < 7600;

function empty(build: number, mode: ModeName): Machine {
  return machine({ profile: layouts(build, mode), mode, symbolFile: UNKNOWN_SYMBOLS, exports: 'as Windows' });
}

function processOf(windows: Windows, pid: number): Process {
  return windows.process(pid) ?? assert.fail(`process ${pid} is not found`);
}

for (const { family, mode, name } of CASES) {
  test(`${name}: processes, modules, VADs, handles, threads, tokens and drivers are read by its own layouts`, () => {
    const made = standard({ family, mode, profile: layouts(family.build, mode) });
    const windows = direct(made);
    const [expected, found] = [written(made), listed(windows)];
    for (const kind of LISTED) assert.deepEqual(found[kind], expected[kind], kind);
    assert.deepEqual(windows.anomalies.list, []);
  });

  test(`${name}: what a process was started with, its token, its threads and the names of what it has open`, () => {
    const base = mode.startsWith('x86') ? 0x40_0000n : 0x7ff_1111_0000n;
    const created = BOOT + 10_000_001n;
    const made = empty(family.build, mode).process({
      name: 'explorer.exe', pid: 1204, kernelPath: '\\Device\\HarddiskVolume1\\Windows\\explorer.exe',
      parameters: { imagePath: 'C:\\Windows\\explorer.exe', commandLine: '"C:\\Windows\\explorer.exe" /factory', environment: ['SystemRoot=C:\\Windows', 'USERNAME=alice'] },
      modules: [{ base, pages: 4, name: 'explorer.exe', path: 'C:\\Windows\\explorer.exe' }],
      handles: [{ pid: 4 }, { type: 'File', path: '\\Users\\alice\\notes.txt', access: 0x12_0089 }, { type: 'Mutant', name: 'OnlyOne' }, { type: 'Event', value: 0x404 }],
      threads: [{ tid: 1208, created }, { tid: 1212, state: 2 }],
      token: { user: 'S-1-5-21-1-2-3-1001', groups: [['S-1-1-0', 7], ['S-1-5-32-544', 0xf]], integrity: 'S-1-16-8192', session: 1, present: 0x80_0000n, enabled: 0x80_0000n },
    });
    const windows = direct(made);
    const explorer = processOf(windows, 1204);
    assert.equal(explorer.name, 'explorer.exe');
    assert.equal(explorer.parameters()?.commandLine, '"C:\\Windows\\explorer.exe" /factory');
    assert.deepEqual(explorer.parameters()?.environment, ['SystemRoot=C:\\Windows', 'USERNAME=alice']);
    assert.deepEqual(explorer.modules().map(({ base: at, path, kind }) => [at, path, kind]), [[base, 'C:\\Windows\\explorer.exe', 'ldr']]);

    const token = explorer.token() ?? assert.fail('no token');
    assert.equal(token.session, 1);
    assert.equal(token.integrity, family.build < VISTA ? undefined : 'Medium');
    assert.deepEqual(token.groups.slice(0, 3).map(({ sid }) => sid), ['S-1-5-21-1-2-3-1001', 'S-1-1-0', 'S-1-5-32-544']);
    assert.deepEqual(token.privileges, [{ luid: 23, name: 'SeChangeNotifyPrivilege', present: true, enabled: true, enabledByDefault: false }]);

    const threads = explorer.threads();
    assert.deepEqual(threads.map(({ tid, pid, state, running }) => [tid, pid, state, running]), [[1208, 1204, 5, false], [1212, 1204, 2, running(family.build)]]);
    assert.equal(threads[0]?.created, created);

    const handles = explorer.handles();
    assert.deepEqual(handles.map(({ value, type, name: object }) => [value, type, object]), [
      [4, 'Process', 'PID 4 - System'], [8, 'File', '\\Users\\alice\\notes.txt'], [12, 'Mutant', 'OnlyOne'], [0x404, 'Event', ''],
    ]);
    assert.equal(handles[1]?.access, 0x12_0089);
    assert.equal(handles[1].tag, 'File');
  });

  test(`${name}: the pool scan finds processes, threads, drivers and hives that nothing links`, () => {
    const made = empty(family.build, mode)
      .process({ name: 'smss.exe', pid: 300, threads: [{ tid: 304 }, { tid: 308 }] })
      .process({ name: 'hidden.exe', pid: 1044, linked: false, threads: [{ tid: 1048 }] });
    const driver = driverObject(made, 'disk', made.kernel.base + 0x1000n, 0x1000);
    made.lie('_DRIVER_OBJECT', driver, 'Type', 4).lie('_DRIVER_OBJECT', driver, 'Size', made.kernel.profile.sizeOf('_DRIVER_OBJECT')!);
    const hive = loadHive(made, '\\REGISTRY\\MACHINE\\SYSTEM', { name: 'ROOT' });
    const windows = direct(made);
    const facts = scanPool(windows.kernel, { start: 0, end: windows.kernel.physical.size });
    const ascending = (addresses: readonly bigint[]): bigint[] => [...addresses].sort((a, b) => (a < b ? -1 : 1));
    assert.deepEqual(facts.processes, ascending([...made.processes.values()].map(({ view }) => view.address)));
    assert.deepEqual(facts.threads, ascending([...made.processes.values()].flatMap(({ threads }) => threads)));
    assert.deepEqual(facts.drivers, [driver]);
    assert.deepEqual(facts.hives, [hive]);
  });

  test(`${name}: the keys of a hive are read through its cell map`, () => {
    const made = empty(family.build, mode);
    loadHive(made, '\\REGISTRY\\MACHINE\\SYSTEM', { name: 'ROOT', keys: [
      { name: 'Large', values: [{ name: 'data', type: 3, data: Buffer.alloc(9000, 'x') }] },
      { name: 'Select', values: [{ name: 'Current', type: 4, data: Buffer.from([2, 0, 0, 0]) }] },
    ] });
    const windows = direct(made);
    const hives = windows.hives();
    assert.deepEqual(hives.map((hive) => hive.name), ['\\REGISTRY\\MACHINE\\SYSTEM']);
    const root = hives[0]?.registry.root();
    assert.equal(root?.key('Select')?.value('Current')?.native(), 2);
    assert.equal(root.key('Large')?.value('data')?.data()?.length, 9000);
    assert.deepEqual(windows.anomalies.list, []);
  });
}
