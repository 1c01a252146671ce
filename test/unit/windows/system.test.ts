import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAPTURED, FAMILIES, machine } from '../../support/machine.js';
import { SHARED_DATA } from '../../support/kernel-image.js';
import { BOOT } from '../../support/processes.js';

const VERSIONS: Readonly<Record<number, readonly [number, number]>> = { 7601: [6, 1], 9600: [6, 3] };

for (const build of FAMILIES) {
  test(`build ${build}: version, times and processors are what the kernel's own variables say`, () => {
    const { system } = machine({ profile: build }).open();
    const [major, minor] = VERSIONS[build] ?? [10, 0];
    assert.deepEqual([system.major, system.minor, system.build, system.architecture], [major, minor, build, 'X64']);
    assert.deepEqual([system.bootTime, system.captureTime, system.processors], [BOOT, CAPTURED, 2]);
  });
}

test('without a registry in memory the names of machine and time zone are not known', () => {
  const { system } = machine().open();
  assert.equal(system.computerName, undefined);
  assert.equal(system.timeZone, undefined);
});

test('what is absent is undefined, and the profile stands in for the build number', () => {
  const made = machine();
  made.absent(SHARED_DATA).absent(made.kernel.symbol('NtBuildNumber'));
  const { system } = made.open();
  assert.deepEqual([system.major, system.minor, system.captureTime], [undefined, undefined, undefined]);
  assert.equal(system.build, 19041);
  assert.equal(system.bootTime, BOOT);
});

test('a capture time that is no time is not shown as one', () => {
  for (const captured of [0n, 0x7fff_ffff_ffff_ffffn]) assert.equal(machine({ captured }).open().system.captureTime, undefined);
});
