import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundledProfile, knownKernels, nearestProfiles, tcpipSymbols } from '../../../src/profile/bundled.js';
import { FAMILIES } from '../../support/machine.js';

const none = (): undefined => undefined;

test('every bundled kernel has the layouts and symbols that opening needs', () => {
  assert.equal(knownKernels().length, 213);
  for (const { id, version } of knownKernels()) {
    const profile = bundledProfile(id);
    assert.ok(profile !== undefined, id);
    assert.match(id, /^[0-9A-F]{32}-[0-9a-f]+$/);
    assert.deepEqual([profile.id, profile.version, profile.source, profile.pointerSize], [id, version, 'exact', 8]);
    for (const path of ['UniqueProcessId', 'ActiveProcessLinks', 'ImageFileName', 'Pcb.DirectoryTableBase', 'CreateTime', 'VadRoot', 'Token', 'ObjectTable']) {
      const field = profile.field('_EPROCESS', path);
      assert.ok(field !== undefined && field.offset < profile.sizeOf('_EPROCESS')!, `${version} ${path}`);
    }
    for (const name of ['PsActiveProcessHead', 'PsInitialSystemProcess', 'PsLoadedModuleList', 'NtBuildNumber', 'PspCidTable', 'ObTypeIndexTable']) {
      assert.ok((profile.symbol(name) ?? 0) > 0, `${version} ${name}`);
    }
  }
});

test('ids are unique and every family of layouts is there', () => {
  const ids = knownKernels().map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const build of FAMILIES) assert.ok(knownKernels().some(({ version }) => version.split('.')[2] === String(build)), String(build));
});

test('a kernel that is not bundled has no profile', () => {
  assert.equal(bundledProfile('00000000000000000000000000000000-1'), undefined);
  assert.equal(bundledProfile(''), undefined);
});

test('the nearest layouts begin with the same build, name each set once, and carry the caller\'s symbols', () => {
  const near = [...nearestProfiles(19041, undefined, (name) => (name === 'NtBuildNumber' ? 0x42 : undefined))];
  assert.equal(near[0]?.build, 19041);
  assert.equal(near[0]?.source, 'nearest');
  assert.equal(near[0]?.symbol('NtBuildNumber'), 0x42);
  assert.equal(near[0]?.symbol('PsActiveProcessHead'), undefined, 'not the other kernel\'s address');
  const builds = near.map(({ build }) => build);
  assert.ok(builds.indexOf(22000) > builds.indexOf(20348));
  for (const build of FAMILIES) assert.ok(builds.includes(build), `the last resort is any of them: ${build}`);
});

test('of one build the nearest revision comes first', () => {
  const [first] = nearestProfiles(19041, 1, none);
  const [last] = nearestProfiles(19041, 100_000, none);
  const revision = (version: string | undefined): number => Number(version?.split('.')[3]);
  assert.ok(revision(first?.version) < revision(last?.version));
});

test('a build far from all others still has a nearest layout', () => {
  assert.equal([...nearestProfiles(26100, undefined, none)][0]?.build, 22000);
  assert.equal([...nearestProfiles(0, undefined, none)][0]?.build, 7601);
});

test('tables of tcpip.sys are known by its own symbol file only', () => {
  assert.equal(tcpipSymbols('00000000000000000000000000000000-1'), undefined);
});
