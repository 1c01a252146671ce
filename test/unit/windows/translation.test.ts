import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tableNames, translation } from '../../../src/windows/translation.js';
import type { Process } from '../../../src/windows/process.js';
import { familyProfile, WINDOWS } from '../../support/families.js';
import { machine, type Machine } from '../../support/machine.js';
import { TABLE_RULES, type ModeName } from '../../support/table-rules.js';

const PID = 1004;
const DATA = Buffer.alloc(0x3000, 0x5a);
const START = 0x1000_0000n;

function made(options: Parameters<typeof machine>[0] = {}): Machine {
  return machine(options).process({ name: 'a.exe', pid: PID, vads: [{ start: START, pages: 4, bytes: DATA, states: { 1: { kind: 'transition', bytes: DATA }, 2: { kind: 'pagefile', number: 1, offset: 0x1234 } } }] });
}

function opened(of: Machine): Process {
  const process = of.open().process(PID);
  assert.ok(process !== undefined);
  return process;
}

const LAST_BUILD: Readonly<Record<ModeName, number>> = { 'x64': 19_041, 'x64-la57': 22_000, 'arm64': 22_000, 'x86-pae': 19_041, 'x86': 7601 };
for (const mode of Object.keys(TABLE_RULES) as ModeName[]) {
  test(`${mode}: each table on the way is named, and its entry is the one that leads on`, () => {
    assert.ok(WINDOWS.some(({ build, modes }) => build === LAST_BUILD[mode] && modes.includes(mode)));
    const of = made({ profile: familyProfile(LAST_BUILD[mode], mode), mode, symbolFile: '0123456789ABCDEF0123456789ABCDEF-1', memory: 8 << 20 });
    const { kernel, memory } = opened(of);
    const { steps, physical, state } = translation(kernel, memory, START + 0x123n);
    const rules = TABLE_RULES[mode];
    assert.deepEqual(steps.map(({ name }) => name), tableNames(kernel.mode.name));
    assert.equal(steps.length, rules.shifts.length);
    steps.forEach(({ table, offset, entry }, i) => {
      assert.deepEqual(entry, BigInt(kernel.physical.read(table + offset, rules.entryBytes)!.readUIntLE(0, 4)) | (rules.entryBytes === 8 ? BigInt(kernel.physical.read(table + offset + 4, 4)!.readUInt32LE(0)) << 32n : 0n));
      const next = steps[i + 1];
      const leads = rules.decode(entry ?? 0n, i);
      assert.equal(Number(leads?.physical), next === undefined ? physical! - 0x123 : next.table);
    });
    assert.equal(state.kind, 'present');
    assert.deepEqual(kernel.physical.read(physical!, 4), DATA.subarray(0, 4));
  });
}

test('the way ends where a table names none, and the page has no address', () => {
  const { kernel, memory } = opened(made());
  const nowhere = translation(kernel, memory, 0x7000_0000_0000n);
  assert.deepEqual(nowhere.steps.map(({ name, entry }) => [name, entry]), [['PML4', 0n]]);
  assert.equal(nowhere.physical, undefined);
  assert.equal(nowhere.state.kind, 'unmapped');
});

test('a page in transition has an address, one in a page file has none and says its place', () => {
  const { kernel, memory } = opened(made());
  const moved = translation(kernel, memory, START + 0x1000n);
  assert.equal(moved.state.kind, 'transition');
  assert.deepEqual(kernel.physical.read(moved.physical!, 4), DATA.subarray(0, 4));
  const paged = translation(kernel, memory, START + 0x2000n);
  assert.equal(paged.physical, undefined);
  assert.deepEqual(paged.state.pagefile, { number: 1, offset: 0x1234 });
});

test('a large page ends the way one table earlier', () => {
  const { kernel } = opened(machine({ largePages: true, memory: 64 << 20 }).process({ name: 'a.exe', pid: PID }));
  const { steps, physical, state } = translation(kernel, kernel.memory, kernel.base + 0x1234n);
  assert.deepEqual(steps.map(({ name }) => name), ['PML4', 'PDPT', 'PD']);
  assert.equal(state.kind, 'present');
  assert.equal(physical, kernel.memory.translate(kernel.base + 0x1234n));
});

test('tables that are not in the image, or name themselves, end the way', () => {
  const of = made();
  const { space } = of.built(PID);
  const process = opened(of);
  const way = translation(process.kernel, process.memory, START);
  const pdpt = way.steps[1]!.table;
  // A directory beyond the image, then one that is its own table.
  of.kernel.physical.bytes.writeBigUInt64LE(0xf_ffff_f000n | 0x67n, pdpt + way.steps[1]!.offset);
  const beyond = opened(of);
  const lost = translation(beyond.kernel, beyond.memory, START);
  assert.deepEqual([lost.steps.length, lost.steps.at(-1)?.entry, lost.physical], [3, undefined, undefined]);
  of.kernel.physical.bytes.writeBigUInt64LE(BigInt(space.dtb) | 0x67n, space.dtb + way.steps[0]!.offset);
  const looped = opened(of);
  assert.equal(translation(looped.kernel, looped.memory, START).steps.length, 3);
});
