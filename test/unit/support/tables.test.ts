import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressSpace } from '../../../src/paging/address-space.js';
import { MODES } from '../../../src/paging/mode.js';
import { SOFTWARE_PTE } from '../../../src/paging/pte.js';
import { imageOf } from '../../support/machine.js';
import { PAGE, PhysicalImage } from '../../support/physical.js';
import { seeded } from '../../support/random.js';
import { slowWalk } from '../../support/slow-walk.js';
import { TABLE_RULES, type TableRules } from '../../support/table-rules.js';
import { KERNEL_CODE, KERNEL_DATA, PTE, Space, USER_CODE, USER_DATA } from '../../support/tables.js';

/** An address in one half of the address space. */
function place({ kernelStart, pointerSize, virtualBits }: TableRules, next: () => number, kernel: boolean): bigint {
  const bits = pointerSize === 4 ? 31n : virtualBits - 1n;
  let offset = 0n;
  for (let i = 0; i < 3; i += 1) offset = (offset << 20n) | BigInt(Math.floor(next() * 2 ** 20));
  offset = BigInt.asUintN(Number(bits), offset) & ~0xfffn;
  return kernel ? kernelStart + offset : offset;
}

for (const [name, rules] of Object.entries(TABLE_RULES)) {
  test(`${name}: what is written by the processor's manual is read the same by the product's paging mode`, () => {
    const mode = MODES.find((each) => each.name === name);
    assert.ok(mode !== undefined);
    const physical = new PhysicalImage(16 << 20, 5);
    const system = new Space(physical, physical.take(0x180), undefined, rules);
    system.selfMap();
    const process = new Space(physical, physical.take(0x184), system);
    const next = seeded(11);
    const places: bigint[] = [];
    const flags = [KERNEL_DATA, KERNEL_CODE, USER_DATA, USER_CODE, KERNEL_DATA & ~PTE.writable, USER_DATA & ~PTE.writable];
    for (let i = 0; i < 120; i += 1) {
      const kernel = i % 2 === 0;
      const at = place(rules, next, kernel);
      process.map(at, Math.floor(next() * 4096) * PAGE, flags[(kernel ? [0, 1, 4] : [2, 3, 5])[Math.floor(next() * 3)]!]!);
      places.push(at);
    }
    const large = rules.large === 0x40_0000 ? '4 MiB' : '2 MiB';
    const large0 = (rules.kernelStart + 0x1000_0000n) & ~BigInt(rules.large - 1);
    system.map(large0, rules.large, KERNEL_DATA & ~PTE.noExecute, large);
    places.push(large0, large0 + BigInt(rules.large) - 0x1000n, large0 + BigInt(rules.large));

    const { memory } = imageOf(physical.bytes);
    const entryAt = (at: bigint): bigint | undefined => (at + 8n <= BigInt(physical.size) ? physical.u64(Number(at)) : undefined);
    for (const space of [system, process]) {
      const own: AddressSpace = new AddressSpace(memory, mode, mode.tableOf(space.dtb), SOFTWARE_PTE);
      let present = 0;
      for (const at of [...places, ...places.map((each) => each ^ 0x1000n), ...places.map((each) => BigInt.asUintN(rules.pointerSize * 8, each + 0x123n))]) {
        const walked = slowWalk(entryAt, BigInt(space.dtb), at, rules);
        assert.equal(own.translate(at), walked === undefined ? undefined : Number(walked.physical), `0x${at.toString(16)}`);
        if (walked !== undefined) present += 1;
      }
      assert.ok(present > 100);
      for (const { start, pages, physical: first, writable, executable, user } of own.mappings(rules.kernelStart, rules.kernelStart + 0x1800_0000n)) {
        const walked = slowWalk(entryAt, BigInt(space.dtb), start + BigInt(pages - 1) * 0x1000n, rules);
        assert.deepEqual([Number(walked?.physical), walked?.writable, walked?.executable, walked?.user], [first + (pages - 1) * PAGE, writable, executable, user], `0x${start.toString(16)}`);
      }
    }
  });

  test(`${name}: the page tables appear in the address space where the self-map says`, () => {
    const physical = new PhysicalImage(4 << 20, 2);
    const space = new Space(physical, physical.take(0x180), undefined, rules);
    space.selfMap();
    const at = rules.kernelStart + 0x12_3000n;
    space.map(at, 0x30_0000, KERNEL_DATA);
    // MiGetPteAddress: the index of the page, in entries, from the base that the slot gives.
    const shift = rules.shifts[rules.sharedLevel]!;
    const slot = BigInt(rules.selfSlot!);
    const base = rules.pointerSize === 4 ? slot << shift : BigInt.asUintN(64, BigInt.asIntN(Number(rules.virtualBits), slot << shift));
    const page = BigInt.asUintN(Number(rules.virtualBits), at) >> 12n;
    const pte = base + page * BigInt(rules.entryBytes);
    const frame = space.translate(pte);
    assert.ok(frame !== undefined, `0x${pte.toString(16)}`);
    const entry = rules.entryBytes === 8 ? physical.u64(frame) : BigInt(physical.bytes.readUInt32LE(frame));
    assert.equal(rules.decode(entry, rules.shifts.length - 1)?.physical, 0x30_0000n);
  });
}

test('address spaces share their kernel half, and what is mapped there later too', () => {
  for (const rules of Object.values(TABLE_RULES)) {
    const physical = new PhysicalImage(4 << 20, 3);
    const system = new Space(physical, physical.alloc(), undefined, rules);
    system.map(rules.kernelStart, 0x20_0000, KERNEL_DATA);
    const process = new Space(physical, physical.alloc(), system);
    const later = rules.kernelStart + 0x3000_0000n;
    system.map(later, 0x21_0000, KERNEL_DATA);
    process.map(0x1_0000n, 0x22_0000, USER_DATA);
    assert.deepEqual([rules.kernelStart, later, 0x1_0000n].map((at) => process.translate(at)), [0x20_0000, 0x21_0000, 0x22_0000], rules.name);
    assert.equal(system.translate(0x1_0000n), undefined, rules.name);
  }
});
