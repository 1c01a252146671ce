import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SparseMemory } from '../../../src/bytes/memory.js';
import { environment } from '../../../src/windows/parameters.js';
import { FAMILIES, machine, type Machine } from '../../support/machine.js';
import { PEB_ADDRESS } from '../../support/user-memory.js';

const PID = 1004;
const SPEC = {
  imagePath: 'C:\\Windows\\System32\\svchost.exe', commandLine: '"C:\\Windows\\System32\\svchost.exe" -k netsvcs -p',
  currentDirectory: 'C:\\Windows\\', windowTitle: 'Приклад',
  environment: ['=C:=C:\\Windows', 'ComSpec=C:\\Windows\\System32\\cmd.exe', 'windir=C:\\Windows'],
};

function speaking(profile = 19041): Machine {
  return machine({ profile }).process({ name: 'svchost.exe', pid: PID, parameters: SPEC });
}

for (const build of FAMILIES) {
  test(`build ${build}: the process parameters are read`, () => {
    assert.deepEqual(speaking(build).open().process(PID)?.parameters(), SPEC);
  });
}

test('pointers of parameters that are not yet normalised are offsets', () => {
  const made = speaking();
  const { space } = made.built(PID);
  const address = made.view('_PEB', PEB_ADDRESS, space).get('ProcessParameters');
  const block = made.view('_RTL_USER_PROCESS_PARAMETERS', address, space);
  block.set('Flags', 0).set('Environment', block.get('Environment') - address);
  for (const member of ['ImagePathName', 'CommandLine', 'CurrentDirectory.DosPath', 'WindowTitle']) {
    const buffer = block.at(member) + 8n;
    space.setU64(buffer, space.u64(buffer) - address);
  }
  assert.deepEqual(made.open().process(PID)?.parameters(), SPEC);
});

test('a string that is not in the image is empty, and the others are read', () => {
  const made = speaking();
  const { space } = made.built(PID);
  const block = made.view('_RTL_USER_PROCESS_PARAMETERS', made.view('_PEB', PEB_ADDRESS, space).get('ProcessParameters'), space);
  space.setU64(block.at('CommandLine') + 8n, 0x1234_5678_0000n);
  const parameters = made.open().process(PID)?.parameters();
  assert.equal(parameters?.commandLine, '');
  assert.equal(parameters.imagePath, SPEC.imagePath);
});

test('a process without a PEB, without parameters, or that has ended says nothing', () => {
  const made = machine().process({ name: 'Registry', pid: 92 }).process({ name: 'gone.exe', pid: 1008, exited: 133_200_500_000_000_000n })
    .process({ name: 'svchost.exe', pid: PID, parameters: SPEC });
  made.lie('_PEB', PEB_ADDRESS, 'ProcessParameters', 0n, made.built(PID).space);
  const windows = made.open();
  for (const pid of [92, 1008, PID]) assert.equal(windows.process(pid)?.parameters(), undefined, String(pid));
  assert.deepEqual(windows.anomalies.list, []);
});

/** Memory of `pages`; the others are absent. */
function pagesOf(pages: ReadonlyMap<bigint, Buffer>): SparseMemory<bigint> {
  return {
    read: (address, length) => {
      const page = pages.get(address & ~0xfffn);
      const at = Number(address & 0xfffn);
      return page === undefined || at + length > page.length ? undefined : page.subarray(at, at + length);
    },
    fill: (_, target) => target.length,
    runs: () => [],
  };
}

test('an environment ends at its empty string, at its size, and at the first absent page', () => {
  const page = Buffer.alloc(0x1000);
  page.write('A=1\0B=2\0\0C=3\0', 0, 'utf16le');
  assert.deepEqual(environment(pagesOf(new Map([[0x1_0000n, page]])), 0x1_0000n, undefined), ['A=1', 'B=2']);
  assert.deepEqual(environment(pagesOf(new Map([[0x1_0000n, page]])), 0x1_0000n, 8), ['A=1']);
  const long = Buffer.from(`A=1\0B=${'x'.repeat(0x800)}`, 'utf16le').subarray(0, 0x1000);
  assert.deepEqual(environment(pagesOf(new Map([[0x1_0000n, long]])), 0x1_0000n, undefined), ['A=1']);
  const next = Buffer.alloc(0x1000);
  next.write('tail\0C=3\0\0', 0, 'utf16le');
  const joined = environment(pagesOf(new Map([[0x1_0000n, long], [0x1_1000n, next]])), 0x1_0000n, undefined);
  assert.deepEqual(joined.map((variable) => variable.length), [3, 0x1000 / 2 - 4 + 4, 3]);
});

test('an environment that never ends is cut', () => {
  const page = Buffer.from('A=1\0'.repeat(0x200), 'utf16le');
  const endless: SparseMemory<bigint> = { ...pagesOf(new Map()), read: (address, length) => page.subarray(Number(address & 0xfffn)).subarray(0, length) };
  assert.equal(environment(endless, 0x1_0000n, undefined).length, 4096);
});
