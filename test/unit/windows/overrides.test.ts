import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnosisText } from '../../../src/windows/diagnosis.js';
import { openWindows, type OpenedWindows } from '../../../src/windows/open.js';
import type { OpenOptions } from '../../../src/windows/options.js';
import { imageOfZeros, machine, profileOf, type Machine, type MachineOptions } from '../../support/machine.js';
import { KERNEL_DATA, PTE } from '../../support/tables.js';

const UNKNOWN = '0123456789ABCDEF0123456789ABCDEF-1';
const PIDS = [4, 300, 412];

function small(options: MachineOptions = {}): Machine {
  return machine(options).process({ name: 'smss.exe', pid: 300 }).process({ name: 'csrss.exe', pid: 412, ppid: 300 });
}

function open(made: Machine, options: OpenOptions): OpenedWindows {
  const opened = openWindows(made.image(), options);
  opened.image.memory.close();
  return opened;
}

function pidsOf(made: Machine, options: OpenOptions): number[] | undefined {
  const { windows, image } = openWindows(made.image(), options);
  const pids = windows?.processes().map(({ pid }) => pid);
  image.memory.close();
  return pids;
}

test('--dtb: the page table that was named is used, without a search', () => {
  const made = small({ startBlock: false, selfMap: undefined });
  assert.match(open(made, {}).diagnosis.dtbs[0]!.how, /process object/, 'without it the image is searched');
  const overrides = { dtb: made.kernel.space.dtb };
  assert.deepEqual(pidsOf(made, { overrides }), PIDS);
  const { diagnosis } = open(made, { overrides });
  assert.deepEqual(diagnosis.dtbs.map(({ how, taken }) => [how, taken]), [['asked for, as x64', true]]);
  assert.match(diagnosisText(diagnosis), /ASKED FOR\n {2}the page table at 0x[0-9a-f]+ \(--dtb\)/);
});

test('--dtb: a table that maps no kernel is refused, and the image still opens as bytes', () => {
  for (const dtb of [0x1000, 0, 2 ** 51, 0x1001]) {
    const { windows, diagnosis } = open(small(), { overrides: { dtb } });
    assert.equal(windows, undefined);
    assert.ok(diagnosis.dtbs.length > 0 && diagnosis.dtbs.every(({ taken }) => !taken));
    assert.match(diagnosis.degraded.join(), /no kernel was found/);
  }
});

test('--kernel-base: only a kernel at this address is taken', () => {
  const made = small();
  assert.deepEqual(pidsOf(made, { overrides: { kernelBase: made.kernel.base } }), PIDS);
  const { diagnosis, windows } = open(made, { overrides: { kernelBase: made.kernel.base + 0x1000n, profile: undefined } });
  assert.equal(windows === undefined || diagnosis.dtbs.some(({ how }) => /System/.test(how)), true, 'not by the address that is wrong');
  assert.match(diagnosis.dtbs[0]!.why, /no kernel image begins at 0x/);
});

test('--arch: tables of another mode are not looked for', () => {
  const made = small();
  assert.deepEqual(pidsOf(made, { overrides: { arch: 'x64' } }), PIDS);
  const { windows, diagnosis } = open(made, { overrides: { arch: 'x86' } });
  assert.equal(windows, undefined);
  assert.ok(diagnosis.dtbs.every(({ mode }) => mode === 'x86'));
  assert.match(diagnosisText(diagnosis), /paging of x86 \(--arch\)/);
});

test('--profile=none: the processes are found by what they show, and the diagnosis says how', () => {
  const made = small();
  // Three that agree are needed for each field: parents among them.
  for (let pid = 500; pid < 560; pid += 8) made.process({ name: `p${pid}.exe`, pid, ppid: 412 });
  const all = [...made.processes.keys()].sort((a, b) => a - b);
  const { diagnosis, facts } = open(made, { overrides: { profile: 'none' } });
  assert.deepEqual(pidsOf(made, { overrides: { profile: 'none' } }), all);
  assert.equal(diagnosis.profile?.source, 'derived');
  const pid = diagnosis.derived.find(({ what }) => what === '_EPROCESS.UniqueProcessId');
  assert.equal(pid?.value, `0x${made.kernel.profile.need('_EPROCESS', 'UniqueProcessId').offset.toString(16)}`);
  assert.ok(pid !== undefined && pid.checkedOn >= 3);
  assert.match(diagnosis.degraded.join(), /derived from the image/);
  assert.deepEqual(pidsOf(made, { known: facts }), all, 'another thread makes the same profile from the facts');
  assert.doesNotThrow(() => structuredClone(facts));
});

test('--profile: layouts that do not fit are noticed, and what fits is used', () => {
  const made = small({ profile: 17763 });
  const { diagnosis } = open(made, { overrides: { profile: '22000' } });
  assert.match(diagnosis.refused[0]!.profile, /22000/);
  assert.equal(diagnosis.profile?.source, 'exact');
  assert.match(diagnosisText(diagnosis), /refused {4}layouts of 10\.0\.22000/);
});

test('--profile: a build, a version or the GUID and age of a known kernel name layouts', () => {
  const made = small({ symbolFile: UNKNOWN });
  for (const profile of ['19041', made.kernel.profile.version, made.kernel.profile.id, made.kernel.profile.id.toLowerCase()]) {
    const { diagnosis } = open(made, { overrides: { profile } });
    assert.equal(diagnosis.profile?.source, 'nearest', profile);
    assert.match(diagnosis.profile?.label ?? '', /10\.0\.19041/, profile);
  }
  for (const profile of ['', 'nonsense', '__proto__', '99999999999999999999', '-1']) assert.deepEqual(pidsOf(made, { overrides: { profile } }), PIDS, profile);
});

test('a kernel that no table knows is completed from the image: globals that exports do not have', () => {
  const made = small({ symbolFile: UNKNOWN });
  const { diagnosis, windows } = open(made, {});
  const head = made.kernel.profile.symbol('PsActiveProcessHead');
  assert.ok(head !== undefined);
  assert.equal(windows?.kernel.profile.symbol('PsActiveProcessHead'), head);
  assert.ok(diagnosis.derived.some(({ what }) => what === 'PsActiveProcessHead'));
  assert.equal(windows.kernel.facts.profile?.derived?.symbols['PsActiveProcessHead'], head);
});

test('of twenty plausible tables the one whose kernel a layout fits is taken', () => {
  const made = small({ startBlock: false, dtbFrame: 0x3f0, selfMap: 0x1ed });
  const { physical, space } = made.kernel;
  const fakes: number[] = [];
  for (let frame = 0x10; fakes.length < 20; frame += 1) if (!physical.used(frame)) fakes.push(physical.take(frame));
  for (const fake of fakes) {
    for (const slot of [0x1f0, 0x1f1, 0x1f2, 0x1f3]) physical.setU64(fake + slot * 8, BigInt(physical.alloc()) | KERNEL_DATA);
    physical.setU64(fake + 0x1ed * 8, BigInt(fake) | PTE.present | PTE.writable);
  }
  const { facts, diagnosis } = open(made, {});
  assert.equal(facts?.dtb, space.dtb);
  assert.equal(diagnosis.dtbs.filter(({ taken }) => !taken).length, 20);
  assert.match(diagnosisText(diagnosis), /and 4 more, see diagnose\.json/);
});

test('a kernel whose symbol record is another kernel\'s is read by layouts that fit, not by the record', () => {
  const made = small({ profile: 17763, symbolFile: profileOf(22000).id });
  const { diagnosis, windows } = open(made, {});
  assert.equal(diagnosis.profile?.source, 'nearest');
  assert.match(diagnosis.profile.label ?? '', /17763/);
  assert.notEqual(windows, undefined);
  assert.deepEqual(pidsOf(made, {}), PIDS);
});

test('facts that lead nowhere are searched anew: a table outside the image, another mode, a profile that is not bundled', () => {
  const made = small();
  const { facts } = open(made, {});
  assert.ok(facts !== undefined);
  for (const known of [
    { ...facts, dtb: 2 ** 40 }, { ...facts, dtb: -4096 }, { ...facts, dtb: facts.dtb + 8 },
    { ...facts, symbolFile: UNKNOWN, profile: undefined }, { ...facts, profile: { layouts: { from: 'bundled' as const, id: UNKNOWN } } },
  ]) {
    assert.deepEqual(pidsOf(made, { known }), PIDS);
  }
});

test('with the diagnosis of an earlier opening that recognised nothing, nothing is searched', () => {
  const image = imageOfZeros(2 << 20);
  const { diagnosis } = openWindows(image);
  const again = openWindows(small().image(), { diagnosis });
  assert.equal(again.windows, undefined);
  assert.deepEqual(again.diagnosis.degraded, diagnosis.degraded);
  assert.notEqual(again.diagnosis.container.path, diagnosis.container.path, 'the container is the image\'s own');
  image.memory.close();
  again.image.memory.close();
});

test('while all of the image is looked through, progress is told', () => {
  const told: number[] = [];
  const image = imageOfZeros(64 << 20);
  openWindows(image, { onProgress: (percent) => told.push(percent) });
  image.memory.close();
  // Each pass over the image begins at 0.
  assert.ok(told.filter((percent) => percent > 0).length > 10);
  assert.ok(told.every((percent, i) => percent >= 0 && percent <= 100 && percent !== told[i - 1] && (percent === 0 || percent > told[i - 1]!)));
});
