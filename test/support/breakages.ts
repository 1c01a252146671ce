import type { Machine } from './machine.js';
import { PAGE } from './physical.js';
import { seeded } from './random.js';

/** How a machine is broken, by a seed. */
export type Breakage = (made: Machine, seed: number) => void;

/** Frames that must stay for a kernel to be found at all: top-level table, the kernel's first and last pages, the start block. */
function vital(made: Machine): (frame: number) => boolean {
  const { space, base, physical } = made.kernel;
  const spared = new Set([2, Math.floor(space.dtb / PAGE)]);
  for (const address of [base, base + BigInt(made.kernel.profile.symbol('PsInitialSystemProcess') ?? 0)]) {
    const at = space.translate(address);
    if (at !== undefined) spared.add(Math.floor(at / PAGE));
  }
  return (frame) => spared.has(frame) || !physical.used(frame);
}

/** Values that have broken parsers before. */
const POISON = [0n, 1n, 0xffff_ffff_ffff_ffffn, 0x7fff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 0xffffn, 0xffff_ffffn, 0xffff_8000_0000_0000n,
  0xffff_ffff_ffff_fff0n, 0x7fff_ffff_fff8n, 0x4141_4141_4141_4141n, 0x0000_0001_0000_0001n];

/** Overwrites words in used pages: with poison, with another word of the same machine, or with its own place. */
const poison = (words: number): Breakage => (made, seed) => {
  const { physical } = made.kernel;
  const next = seeded(seed);
  const spared = vital(made);
  const frames = Array.from({ length: physical.size / PAGE }, (_, frame) => frame).filter((frame) => !spared(frame));
  for (let i = 0; i < words; i += 1) {
    const at = frames[Math.floor(next() * frames.length)]! * PAGE + Math.floor(next() * 512) * 8;
    // Words that are zero are seldom read: look for one that says something.
    if (physical.u64(at) === 0n && next() < 0.9) continue;
    const other = frames[Math.floor(next() * frames.length)]! * PAGE + Math.floor(next() * 512) * 8;
    physical.setU64(at, next() < 0.5 ? POISON[Math.floor(next() * POISON.length)]! : physical.u64(other));
  }
};

export const BREAKAGES: Readonly<Record<string, Breakage>> = {
  'a few words': poison(300),
  'many words': poison(3_000),
  'one page in fifty': (made, seed) => made.noise(0.02, seed, vital(made)),
  'one page in three': (made, seed) => made.noise(0.33, seed, vital(made)),
  'the end cut off': (made, seed) => made.cut(Math.floor((0.85 + seeded(seed)() * 0.15) * made.kernel.physical.size)),
};
