import type { Machine } from './machine.js';
import { peImage } from './pe-image.js';
import { PAGE } from './physical.js';
import { KERNEL_DATA, Space } from './tables.js';
import { PTE } from './table-rules.js';

const TABLE = PTE.present | PTE.writable | PTE.accessed | PTE.dirty;
/** The first frame that decoys take: below all of the machine's own, so that a search meets them first. */
const FIRST = 0x10;

/**
 * Enters top-level tables that look like System's: they name themselves and map kernel memory, among it an image that is no kernel. All lie
 * below the right one.
 */
export function decoyTables(made: Machine, count: number): Machine {
  const { kernel: { physical, space: { rules }, base } } = made;
  for (let i = 0; i < count; i += 1) {
    const decoy = new Space(physical, physical.take(FIRST + i), undefined, rules);
    decoy.selfMap();
    const image = peImage({ machine: rules.machine, base, sizeOfImage: 0x8000, dll: true, exports: { rva: 0x1000, name: 'NOTEPAD.EXE', functions: { main: 0x10 } } });
    for (const { rva, bytes } of image) decoy.write(base + BigInt(rva), bytes);
    for (const step of [1n, 2n, 3n]) decoy.map(rules.kernelStart + (step << rules.shifts[rules.sharedLevel]!) + BigInt(i * PAGE), physical.alloc(), KERNEL_DATA);
  }
  return made;
}

/**
 * A top-level table whose kernel half leads to a table that names itself in every entry: on each level below it is its own child, and a walk
 * that counted on tables ending would see each page of the address space.
 */
export function endlessTables(made: Machine): Machine {
  const { kernel: { physical, space: { rules } } } = made;
  const top = new Space(physical, physical.take(FIRST + 0x40), undefined, rules);
  top.selfMap();
  const loop = physical.take(FIRST + 0x41);
  const set = (at: number, value: bigint): void => {
    if (rules.entryBytes === 8) physical.setU64(at, value);
    else physical.bytes.writeUInt32LE(Number(value), at);
  };
  const entry = rules.encode(BigInt(loop), TABLE, 'table', rules.shifts.length - 2);
  for (let at = 0; at < PAGE; at += rules.entryBytes) set(loop + at, entry);
  // Every fourth entry of the kernel half that is still free, so that the self-map and the kernel-like pages stay.
  for (const [i, at] of top.kernelSlots().entries()) if (i % 4 === 1 && physical.bytes.subarray(at, at + rules.entryBytes).every((byte) => byte === 0)) set(at, entry);
  // A table that names nothing but itself.
  const whole = physical.take(FIRST + 0x42);
  for (let at = 0; at < PAGE; at += rules.entryBytes) set(whole + at, rules.encode(BigInt(whole), TABLE, 'table', rules.sharedLevel));
  return made;
}
