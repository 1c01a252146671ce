import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressSpace } from '../../../src/paging/address-space.js';
import { X64 } from '../../../src/paging/mode.js';
import { softwarePte } from '../../../src/paging/pte.js';
import { imageOf, profileOf } from '../../support/machine.js';
import { PhysicalImage } from '../../support/physical.js';
import {
  demandZeroPte, pagefilePte, prototypePte, softwareRules, transitionPte, vadPrototypePte, type SoftwareRules,
} from '../../support/software-pte.js';
import { KERNEL_DATA, PTE, Space, USER_DATA } from '../../support/tables.js';

const PROTOTYPES = 0xffff_a000_1234_0000n;

interface Ground {
  readonly physical: PhysicalImage;
  readonly system: Space;
  readonly user: Space;
  readonly rules: SoftwareRules;
  open(): { readonly system: AddressSpace; readonly user: AddressSpace };
}

/** System's space with a page for prototype PTEs, and a process's; every page that is handed out holds its own address. */
function ground(build: number, invalidMask: bigint): Ground {
  const profile = profileOf(build);
  const physical = new PhysicalImage(4 << 20);
  const system = new Space(physical, physical.alloc());
  system.back(PROTOTYPES, 0x1000);
  const user = new Space(physical, physical.alloc(), system);
  return {
    physical, system, user, rules: softwareRules(profile, invalidMask),
    open() {
      const { memory } = imageOf(physical.bytes);
      const software = softwarePte(profile, invalidMask);
      const own = new AddressSpace(memory, X64, system.dtb, software);
      return { system: own, user: new AddressSpace(memory, X64, user.dtb, software, own) };
    },
  };
}

function marked(physical: PhysicalImage, mark: string): number {
  const frame = physical.alloc();
  physical.bytes.write(mark, frame);
  return frame;
}

const BUILDS: readonly (readonly [name: string, build: number, mask: bigint])[] = [
  ['Windows 7', 7601, 0n], ['Windows 10 14393 without mask', 14393, 0n], ['Windows 10 19041 with mask', 19041, 0x2000_0000_0000n],
  ['Windows 11 22000 with a mask of several bits', 22000, 0x0000_6000_0000_0000n],
];

for (const [name, build, mask] of BUILDS) {
  test(`${name}: each state of a page is told by its PTE, and what is still in memory is read`, () => {
    const { physical, system, user, rules, open } = ground(build, mask);
    const [present, moved, shared, sharedMoved] = ['present', 'transition', 'shared', 'shared moved'].map((mark) => marked(physical, mark));
    user.map(0x1_0000n, present!, USER_DATA);
    user.setPte(0x1_1000n, transitionPte(rules, moved!, 4));
    user.setPte(0x1_2000n, prototypePte(rules, PROTOTYPES));
    user.setPte(0x1_3000n, prototypePte(rules, PROTOTYPES + 8n));
    user.setPte(0x1_4000n, pagefilePte(rules, 2, 0x12345, 4));
    user.setPte(0x1_5000n, demandZeroPte(rules, 4));
    user.setPte(0x1_6000n, vadPrototypePte(rules, 1));
    user.setPte(0x1_7000n, prototypePte(rules, PROTOTYPES + 16n));
    user.setPte(0x1_8000n, prototypePte(rules, PROTOTYPES + 24n));
    user.setPte(0x1_9000n, prototypePte(rules, PROTOTYPES + 32n));
    system.setU64(PROTOTYPES, BigInt(shared!) | PTE.present | PTE.accessed);
    system.setU64(PROTOTYPES + 8n, transitionPte(rules, sharedMoved!, 1));
    system.setU64(PROTOTYPES + 16n, pagefilePte(rules, 0, 0x777, 1));
    system.setU64(PROTOTYPES + 24n, demandZeroPte(rules, 1));
    // A prototype that is a prototype again: no chain is followed.
    system.setU64(PROTOTYPES + 32n, prototypePte(rules, PROTOTYPES));
    const { user: space } = open();
    const read = (at: bigint, length: number): string | undefined => space.read(at, length)?.toString();

    assert.deepEqual([space.pte(0x1_0000n).kind, read(0x1_0000n, 7)], ['present', 'present']);
    assert.deepEqual([space.pte(0x1_1000n).kind, space.pte(0x1_1000n).physical, read(0x1_1000n, 10)], ['transition', moved, 'transition']);
    assert.deepEqual([space.pte(0x1_2000n).kind, space.pte(0x1_2000n).physical, read(0x1_2000n, 6)], ['prototype', shared, 'shared']);
    assert.equal(space.pte(0x1_2000n).prototype?.address, PROTOTYPES);
    assert.equal(space.pte(0x1_2000n).prototype?.state?.kind, 'present');
    assert.deepEqual([space.pte(0x1_3000n).prototype?.state?.kind, read(0x1_3000n, 12)], ['transition', 'shared moved']);
    assert.deepEqual([space.pte(0x1_4000n).kind, space.pte(0x1_4000n).pagefile, read(0x1_4000n, 1)], ['pagefile', { number: 2, offset: 0x12345 }, undefined]);
    assert.deepEqual([space.pte(0x1_5000n).kind, read(0x1_5000n, 1)], ['demand-zero', undefined]);
    assert.deepEqual([space.pte(0x1_6000n).kind, space.pte(0x1_6000n).prototype, read(0x1_6000n, 1)], ['prototype', undefined, undefined]);
    assert.deepEqual(space.pte(0x1_7000n).prototype?.state?.pagefile, { number: 0, offset: 0x777 });
    assert.deepEqual([space.pte(0x1_8000n).prototype?.state?.kind, read(0x1_8000n, 1)], ['demand-zero', undefined]);
    assert.deepEqual([space.pte(0x1_9000n).physical, read(0x1_9000n, 1)], [undefined, undefined]);
    assert.deepEqual([space.pte(0x1_a000n).kind, space.pte(0x1_a000n).pte], ['unmapped', 0n]);
    assert.equal(space.pte(0x1_1abcn).pte, physical.u64(user.entry(0x1_1000n)), 'the PTE as it stands');
  });
}

test('a PTE whose frame uses a bit of the mask says so with its swizzle bit and is taken as it is', () => {
  const { physical, user, rules, open } = ground(19041, 0x10_0000n);
  const frame = physical.take(0x150);
  const other = physical.take(0x240);
  physical.bytes.write('bit in use', frame);
  physical.bytes.write('bit is free', other);
  const swizzled = transitionPte(rules, frame, 4);
  assert.equal(swizzled & PTE.swizzle, PTE.swizzle);
  user.setPte(0x1_0000n, swizzled);
  user.setPte(0x1_1000n, transitionPte(rules, other, 4));
  const { user: space } = open();
  assert.equal(space.read(0x1_0000n, 10)?.toString(), 'bit in use');
  assert.equal(space.read(0x1_1000n, 11)?.toString(), 'bit is free');
});

test('a page that the VAD knows is found through the address that the VAD gives', () => {
  const { physical, system, user, rules, open } = ground(19041, 0x2000_0000_0000n);
  system.setU64(PROTOTYPES, BigInt(marked(physical, 'by the vad')) | PTE.present);
  user.setPte(0x1_0000n, vadPrototypePte(rules, 1));
  user.map(0x1_2000n, marked(physical, 'own'), USER_DATA);
  const { user: space } = open();
  const asked: bigint[] = [];
  space.prototypeOf = (address) => {
    asked.push(address);
    return address < 0x1_2000n ? PROTOTYPES : undefined;
  };
  assert.equal(space.read(0x1_0123n, 1)?.length, 1);
  assert.equal(space.read(0x1_0000n, 10)?.toString(), 'by the vad');
  assert.equal(space.pte(0x1_0000n).kind, 'prototype');
  // A PTE of zero in a mapped view was never touched: the VAD is asked too.
  assert.equal(space.read(0x1_1000n, 10)?.toString(), 'by the vad');
  assert.equal(space.read(0x1_2000n, 3)?.toString(), 'own');
  assert.equal(space.read(0x1_3000n, 1), undefined);
  assert.ok(asked.every((address) => address % 0x1000n === 0n), 'asked by page');
});

test('a prototype PTE outside kernel memory, or in a page that is absent, leads nowhere', () => {
  const { user, rules, open } = ground(19041, 0n);
  user.write(0x5_0000n, Buffer.alloc(8, 0xff));
  user.setPte(0x1_0000n, prototypePte(rules, 0x5_0000n));
  user.setPte(0x1_1000n, prototypePte(rules, 0xffff_a000_9999_0000n));
  user.setPte(0x1_2000n, prototypePte(rules, 0x7fff_ffff_fff8n));
  const { user: space } = open();
  for (const at of [0x1_0000n, 0x1_1000n, 0x1_2000n]) {
    assert.equal(space.pte(at).kind, 'prototype');
    assert.equal(space.read(at, 8), undefined);
  }
});

test('pages in transition and behind prototypes are named in mappings only when asked, as not mapped by the hardware', () => {
  const { physical, system, user, rules, open } = ground(19041, 0x2000_0000_0000n);
  system.setU64(PROTOTYPES, BigInt(marked(physical, 'shared')) | PTE.present);
  user.map(0x1_0000n, marked(physical, 'present'), USER_DATA);
  user.setPte(0x1_1000n, transitionPte(rules, marked(physical, 'moved'), 4));
  user.setPte(0x1_2000n, prototypePte(rules, PROTOTYPES));
  user.setPte(0x1_3000n, pagefilePte(rules, 0, 5, 4));
  const { user: space } = open();
  assert.deepEqual([...space.mappings(0n, 0x10_0000n)].map(({ start }) => start), [0x1_0000n]);
  const all = [...space.mappings(0n, 0x10_0000n, true)];
  assert.deepEqual(all.map(({ start, hardware }) => [start, hardware]), [[0x1_0000n, true], [0x1_1000n, false], [0x1_2000n, false]]);
  for (const { start, physical: at } of all) assert.equal(space.translate(start), at);
  assert.deepEqual([...space.runs(0n, 0x10_0000n)], [{ start: 0x1_0000n, length: 0x3000 }]);
});

test('random PTEs of every kind never throw and never lead a read out of the image', () => {
  const { physical, user, system, open } = ground(22000, 0x2000_0000_0000n);
  for (let i = 0; i < 512; i += 1) {
    const value = BigInt.asUintN(64, BigInt(i) * 0x9e37_79b9_7f4a_7c15n) & ~(i % 3 === 0 ? 0n : 1n);
    user.setPte(0x20_0000n + BigInt(i) * 0x1000n, value);
    if (i < 500) system.setU64(PROTOTYPES + BigInt(i * 8), value);
  }
  system.map(0xffff_f800_0000_0000n, physical.alloc(), KERNEL_DATA);
  const { user: space } = open();
  for (let i = 0; i < 512; i += 1) {
    const at = 0x20_0000n + BigInt(i) * 0x1000n;
    const state = space.pte(at);
    const got = space.read(at, 16);
    if (got !== undefined) assert.ok(state.physical !== undefined && state.physical + 16 <= physical.size);
    assert.equal(space.translate(at), state.physical, `PTE ${state.pte.toString(16)}`);
  }
  assert.ok([...space.mappings(0n, 0x8000_0000_0000n, true)].every(({ pages }) => pages > 0));
});
