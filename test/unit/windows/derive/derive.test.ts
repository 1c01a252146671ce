import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Anomalies } from '../../../../src/bytes/anomaly.js';
import { SOFTWARE_PTE } from '../../../../src/paging/pte.js';
import type { Profile } from '../../../../src/profile/profile.js';
import { deriveProfile, type Derived } from '../../../../src/windows/derive/derive.js';
import { verifyProfile } from '../../../../src/windows/derive/verify.js';
import { Kernel } from '../../../../src/windows/kernel.js';
import { WindowsModel } from '../../../../src/windows/windows.js';
import { familyProfile, WINDOWS } from '../../../support/families.js';
import { LISTED, listed, recallOf, written, type Listing } from '../../../support/listing.js';
import { imageOf, machine, type Machine } from '../../../support/machine.js';
import { seeded } from '../../../support/random.js';
import { standard } from '../../../support/standard.js';
import type { ModeName } from '../../../support/table-rules.js';
import { evidenceOf, modeOf } from './evidence.js';

/** What the model lists with what was derived and nothing else. */
function listingBy(made: Machine, mode: ModeName, { profile, system }: Derived): Listing {
  const { memory } = made.image();
  const { base, size, space: { dtb } } = made.kernel;
  return listed(new WindowsModel(new Kernel(memory, modeOf(mode), SOFTWARE_PTE, { dtb, base, size, symbolFile: undefined, system }, profile, new Anomalies())));
}

/** Facts that the layouts which the machine was written by contradict. */
function contradicted({ facts }: Derived, real: Profile): string[] {
  return facts.filter(({ what, value }) => {
    if (typeof value !== 'number') return false;
    const [struct = '', ...path] = what.split('.');
    const name = path.join('.');
    const told = path.length === 0 ? real.symbol(what) : (real.field(struct, name) ?? real.field(struct, name.replace('WoW64', 'Wow64')))?.offset;
    return told !== value;
  }).map(({ what, value }) => `${what} ${value}`);
}

for (const family of WINDOWS) {
  for (const mode of family.modes) {
    test(`Windows ${family.name} on ${mode}: all that is derived is right and lists everything, and its own layouts pass`, () => {
      const made = standard({ family, mode });
      const evidence = evidenceOf(made, mode);
      const derived = deriveProfile(evidence);
      assert.deepEqual(contradicted(derived, made.kernel.profile), []);
      const [expected, found] = [written(made), listingBy(made, mode, derived)];
      for (const kind of LISTED) assert.deepEqual(recallOf(expected, found, kind), [], kind);
      const { ok, failed, checks } = verifyProfile(evidence, made.kernel.profile);
      assert.deepEqual(failed, []);
      assert.equal(ok, true);
      assert.ok(checks.length >= 20);
    });
  }
}

for (const [mode, build] of [['x64', 19_041], ['x86-pae', 7601], ['x86', 2600], ['arm64', 22_000]] as const) {
  test(`${mode}: without the kernel's image System is found by what it is, and the processes by System`, () => {
    const made = standard({ family: { build }, mode });
    const derived = deriveProfile(evidenceOf(made, mode, { kernel: false }));
    assert.equal(derived.system, made.built(4).view.address);
    assert.match(derived.facts.find(({ what }) => what === '_EPROCESS.UniqueProcessId')?.how ?? '', /search/);
    assert.deepEqual(contradicted(derived, made.kernel.profile), []);
    for (const path of ['UniqueProcessId', 'ActiveProcessLinks', 'Pcb.DirectoryTableBase', 'ImageFileName', 'CreateTime', 'InheritedFromUniqueProcessId', 'Peb', 'VadRoot']) {
      assert.equal(derived.profile.field('_EPROCESS', path)?.offset, made.kernel.profile.field('_EPROCESS', path)?.offset, path);
    }
    assert.ok(derived.missing.some((line) => line.startsWith('the kernel\'s variables')));
  });

  test(`${mode}: the kernel's variables are found without exports of their names and without debugger data`, () => {
    const made = standard({ family: { build }, mode, debuggerData: 'absent' });
    const evidence = evidenceOf(made, mode);
    const { profile } = deriveProfile({ ...evidence, image: { ...evidence.image!, exported: () => undefined } });
    for (const name of ['PsActiveProcessHead', 'PsLoadedModuleList', 'PspCidTable', ...(build >= 7600 ? ['ObTypeIndexTable'] : [])]) {
      assert.equal(profile.symbol(name), made.kernel.profile.symbol(name), name);
    }
  });
}

test('debugger data full of noise is not believed', () => {
  const made = standard({ family: { build: 19_041 }, mode: 'x64', debuggerData: 'noise' });
  const { profile, missing } = deriveProfile(evidenceOf(made, 'x64'));
  assert.equal(profile.symbol('KdDebuggerDataBlock'), undefined);
  assert.equal(profile.symbol('PsActiveProcessHead'), made.kernel.profile.symbol('PsActiveProcessHead'));
  assert.ok(missing.some((line) => line.startsWith('KdDebuggerDataBlock')));
});

test('each fact says how many structures agreed, at least three where there are as many', () => {
  const { facts } = deriveProfile(evidenceOf(standard({ family: { build: 19_041 }, mode: 'x64' }), 'x64'));
  const fields = facts.filter(({ what }) => what.startsWith('_EPROCESS.') && !/WoW64Process|ExitTime/.test(what));
  assert.ok(fields.length >= 12);
  for (const { what, checkedOn, confidence, how } of fields) {
    assert.ok(checkedOn >= 3, what);
    assert.ok(confidence > 0.5 && confidence <= 1, what);
    assert.ok(how.length > 10, what);
  }
});

test('layouts that agree supply what was not derived; those that do not supply only other structures', () => {
  const made = standard({ family: { build: 19_041 }, mode: 'x64' });
  const evidence = evidenceOf(made, 'x64');
  const right = deriveProfile({ ...evidence, base: made.kernel.profile }).profile;
  assert.equal(right.field('_EPROCESS', 'Protection.Level')?.offset, made.kernel.profile.field('_EPROCESS', 'Protection.Level')?.offset);
  const near = familyProfile(18_362, 'x64');
  const wrong = deriveProfile({ ...evidence, base: near }).profile;
  assert.equal(wrong.field('_EPROCESS', 'UniqueProcessId')?.offset, made.kernel.profile.field('_EPROCESS', 'UniqueProcessId')?.offset);
  assert.equal(wrong.field('_EPROCESS', 'Protection.Level'), undefined);
  assert.equal(wrong.field('_KPRCB', 'CurrentThread')?.offset, near.field('_KPRCB', 'CurrentThread')?.offset);
});

test('a list of two processes is too little to derive anything from, and that is said', () => {
  const made = machine().process({ name: 'smss.exe', pid: 300 });
  const { facts, missing, profile } = deriveProfile(evidenceOf(made, 'x64'));
  assert.deepEqual(facts, []);
  assert.equal(profile.sizeOf('_EPROCESS'), undefined);
  assert.match(missing[0] ?? '', /System|_EPROCESS/);
});

test('a list that loops is left; what it showed until then is enough', () => {
  const made = standard({ family: { build: 19_041 }, mode: 'x64' }).loop('active list', 1204, 400);
  const { profile } = deriveProfile(evidenceOf(made, 'x64'));
  assert.equal(profile.field('_EPROCESS', 'Peb')?.offset, made.kernel.profile.field('_EPROCESS', 'Peb')?.offset);
});

test('half of the pages noise, and only noise: it ends, and says what is missing', () => {
  for (const [share, seed] of [[0.2, 1], [0.5, 2], [1, 3]] as const) {
    const made = standard({ family: { build: 19_041 }, mode: 'x64' });
    const table = made.kernel.space.dtb / 4096;
    made.noise(share, seed, (frame) => frame === table);
    const { facts, missing, profile } = deriveProfile({ ...evidenceOf(made, 'x64', { kernel: false }) });
    assert.ok(missing.length > 0);
    assert.ok(facts.length === 0 || profile.field('_EPROCESS', 'UniqueProcessId') !== undefined);
  }
});

test('words overwritten anywhere, by a fixed seed: it never throws', () => {
  for (const [mode, build] of [['x64', 19_041], ['x86', 2600]] as const) {
    const made = standard({ family: { build }, mode });
    const whole = Buffer.from(made.bytes);
    const used = Array.from({ length: whole.length / 4096 }, (_, frame) => frame).filter((frame) => whole.subarray(frame * 4096, frame * 4096 + 4096).some((byte) => byte !== 0));
    const next = seeded(5);
    const word = (): number => used[Math.floor(next() * used.length)]! * 4096 + 8 * Math.floor(next() * 512);
    for (let round = 0; round < 10; round += 1) {
      const bytes = Buffer.from(whole);
      for (let change = 0; change < 10 ** (round / 2); change += 1) {
        const value = next() < 0.5 ? whole.readBigUInt64LE(word()) : [0n, 0xffff_ffff_ffff_ffffn, 4n, made.kernel.base][Math.floor(next() * 4)]!;
        bytes.writeBigUInt64LE(value, word());
      }
      const { facts, missing } = deriveProfile(evidenceOf(made, mode, { image: imageOf(bytes) }));
      assert.ok(facts.length + missing.length > 0);
    }
  }
});
