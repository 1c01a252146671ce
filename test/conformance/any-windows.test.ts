import assert from 'node:assert/strict';
import { test } from 'node:test';
import { familyProfile, WINDOWS } from '../support/families.js';
import { LISTED, listed, recallOf, written } from '../support/listing.js';
import { standard } from '../support/standard.js';

/** What an unknown kernel ends with, whatever it is. */
const ALWAYS = ['processes', 'modules', 'vads', 'drivers'] as const;

for (const family of WINDOWS) {
  for (const mode of family.modes) {
    const what = `Windows ${family.name} (${family.build}) on ${mode}`;
    test(`${what}, its symbols in no table: lists exactly what runs, by layouts that were verified`, () => {
      const made = standard({ family, mode });
      const { windows, diagnosis, anomalies } = made.opened();
      assert.ok(windows !== undefined, diagnosis.degraded.join('; '));
      const [expected, found] = [written(made), listed(windows)];
      for (const kind of LISTED) assert.deepEqual(found[kind], expected[kind], kind);
      assert.equal(windows.kernel.mode.name, mode);
      assert.equal(windows.kernel.base, made.kernel.base);
      assert.equal(windows.kernel.profile.build, family.build);
      assert.deepEqual(anomalies.list.map(({ where, what: said }) => `${where}: ${said}`), []);
      // Nothing is claimed to be exact that is not.
      assert.notEqual(diagnosis.profile?.source, 'exact');
      assert.ok((diagnosis.profile?.checks.length ?? 0) > 0);
    });

    test(`${what}, without any profile: processes, modules, VADs and drivers are found by what the image itself says`, () => {
      const made = standard({ family, mode });
      const { windows, diagnosis } = made.opened({ overrides: { profile: 'none' } });
      assert.ok(windows !== undefined, diagnosis.degraded.join('; '));
      const [expected, found] = [written(made), listed(windows)];
      for (const kind of ALWAYS) assert.deepEqual(recallOf(expected, found, kind), [], kind);
      assert.equal(diagnosis.profile?.source, 'derived');
      assert.ok(diagnosis.derived.length > 0);
    });
  }
}

test('layouts of every family are bundled for each processor that it ran on', () => {
  for (const { build, modes } of WINDOWS) {
    for (const mode of modes) {
      const profile = familyProfile(build, mode);
      for (const path of ['UniqueProcessId', 'ActiveProcessLinks', 'ImageFileName', 'Pcb.DirectoryTableBase', 'InheritedFromUniqueProcessId', 'VadRoot', 'ObjectTable', 'Token', 'Peb', 'ThreadListHead', 'CreateTime']) {
        assert.ok(profile.field('_EPROCESS', path) !== undefined, `${build} ${mode} ${path}`);
      }
    }
  }
});
