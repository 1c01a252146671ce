import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layoutProfiles } from '../../../../src/profile/layouts.js';
import { Profile, type StructFact } from '../../../../src/profile/profile.js';
import { verifyProfile } from '../../../../src/windows/derive/verify.js';
import { familyProfile } from '../../../support/families.js';
import { machine } from '../../../support/machine.js';
import { standard } from '../../../support/standard.js';
import { TABLE_RULES } from '../../../support/table-rules.js';
import { evidenceOf } from './evidence.js';

/** Every structure that the checks look into, spelled out: layouts with the same text are the same to them. */
const CHECKED = ['_EPROCESS', '_KPROCESS', '_ETHREAD', '_KTHREAD', '_MMVAD_SHORT', '_MMVAD_FLAGS', '_HANDLE_TABLE', '_HANDLE_TABLE_ENTRY', '_OBJECT_HEADER', '_OBJECT_TYPE', '_TOKEN', '_CONTROL_AREA'];

for (const [mode, build] of [['x64', 19_041], ['x64', 7601], ['x86-pae', 9600], ['x86', 2600]] as const) {
  test(`${build} on ${mode}: layouts of every other Windows are refused, with the field that is wrong`, () => {
    const evidence = evidenceOf(standard({ family: { build }, mode }), mode);
    const { machine: code } = TABLE_RULES[mode];
    const own = familyProfile(build, mode);
    const text = (profile: Profile): string => JSON.stringify(CHECKED.map((name) => profile.fact(name)));
    let refused = 0;
    for (const other of layoutProfiles({ machine: code, build, ...(mode === 'x64' ? {} : { pae: mode === 'x86-pae' }) }, () => undefined)) {
      if (Math.abs(other.build - build) < 5 || text(other) === text(own)) continue;
      // Cumulative builds of one Windows, and Vista's service packs, differ in nothing that is read.
      if (Math.floor(other.build / 100) === Math.floor(build / 100)) continue;
      const { ok, failed } = verifyProfile(evidence, other);
      assert.equal(ok, false, other.label);
      assert.match(failed[0] ?? '', /_|pointers/, other.label);
      refused += 1;
    }
    assert.ok(refused >= 5);
  });
}

/** The layouts with one field moved. */
function moved(profile: Profile, struct: string, field: string, by: number): Profile {
  const change = (name: string): StructFact | undefined => {
    const fact = profile.fact(name);
    return name !== struct || fact === undefined ? fact : [fact[0], fact[1].map((each) => (each[0] === field ? [each[0], each[1] + by, each[2]] : each))];
  };
  return new Profile(profile.id, profile.version, 'nearest', profile.pointerSize, change, (name) => profile.symbol(name));
}

for (const [struct, field] of [
  ['_EPROCESS', 'UniqueProcessId'], ['_EPROCESS', 'ActiveProcessLinks'], ['_EPROCESS', 'ImageFileName'], ['_EPROCESS', 'InheritedFromUniqueProcessId'], ['_EPROCESS', 'CreateTime'],
  ['_EPROCESS', 'Peb'], ['_EPROCESS', 'ObjectTable'], ['_EPROCESS', 'Token'], ['_EPROCESS', 'ThreadListHead'], ['_EPROCESS', 'SectionBaseAddress'], ['_KPROCESS', 'DirectoryTableBase'],
  ['_MMVAD_SHORT', 'EndingVpn'], ['_HANDLE_TABLE', 'TableCode'], ['_TOKEN', 'UserAndGroups'], ['_ETHREAD', 'Cid'], ['_ETHREAD', 'ThreadListEntry'], ['_OBJECT_HEADER', 'TypeIndex'],
] as const) {
  test(`${struct}.${field} eight bytes off is noticed`, () => {
    const made = standard({ family: { build: 19_041 }, mode: 'x64' });
    const { ok, failed } = verifyProfile(evidenceOf(made, 'x64'), moved(made.kernel.profile, struct, field, 8));
    assert.equal(ok, false);
    assert.ok(failed.some((line) => line.includes(field)), failed.join('; '));
  });
}

test('layouts with pointers of another width are refused at once', () => {
  const { ok, failed } = verifyProfile(evidenceOf(standard({ family: { build: 19_041 }, mode: 'x64' }), 'x64'), familyProfile(19_041, 'x86-pae'));
  assert.equal(ok, false);
  assert.match(failed[0] ?? '', /pointers of 4 bytes/);
});

test('an image that shows too few processes refuses nothing and verifies nothing', () => {
  const made = machine();
  const { ok, failed, checks } = verifyProfile(evidenceOf(made, 'x64'), made.kernel.profile);
  assert.equal(ok, false);
  assert.deepEqual(failed, []);
  assert.match(checks[0] ?? '', /nothing in the image/);
});
