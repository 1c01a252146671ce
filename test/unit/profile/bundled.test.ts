import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundledProfile, knownKernels, tcpipSymbols } from '../../../src/profile/bundled.js';
import { FAMILIES } from '../../support/machine.js';

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

test('tables of tcpip.sys are known by its own symbol file only', () => {
  assert.equal(tcpipSymbols('00000000000000000000000000000000-1'), undefined);
});
