import type { AddressSpace } from '../paging/address-space.js';
import { SOFTWARE_PTE } from '../paging/pte.js';
import type { Kernel } from './kernel.js';
import { listedProcesses, processFacts } from './process-list.js';

/** Where Windows has the SwizzleBit since it turns bits over (`_MMPTE_SOFTWARE`, 17134 and later). */
const SWIZZLE = 0x10;
const PROCESSES = 256;
const ENTRIES = 4096;
/** Transition PTEs that are enough to look at, that must agree, and the share of all of them. */
const ENOUGH = 64;
const LEAST = 4;
const SHARE = 0.9;

/**
 * `MiState.Hardware.InvalidPteMask`: by its symbol, else as the PTEs in transition show it; 0n where the build has none.
 * The kernel turns a bit over that lies above all memory, so every frame in transition seems to lie beyond the machine's memory,
 * by the same bits.
 */
export function invalidPteMask(kernel: Kernel): bigint {
  const state = kernel.symbol('MiState');
  const field = kernel.profile.field('_MI_SYSTEM_INFORMATION', 'Hardware.InvalidPteMask');
  const read = state === undefined || field === undefined ? undefined : kernel.memory.read(state + BigInt(field.offset), 8)?.readBigUInt64LE(0);
  return read ?? (kernel.mode.entryBytes === 8 && mayTurnBits(kernel) ? seenMask(kernel) : 0n);
}

/** Every Windows since 7 turns bits over when it has the updates of August 2018: only the kernel's own layouts say that it does not. */
function mayTurnBits({ profile }: Kernel): boolean {
  return profile.source !== 'exact' || profile.sizeOf('_MMPTE_SOFTWARE') === undefined || profile.field('_MMPTE_SOFTWARE', 'SwizzleBit') !== undefined;
}

function seenMask(kernel: Kernel): bigint {
  const within = 2 ** Math.ceil(Math.log2(Math.max(1, kernel.physical.size / 2 ** 32))) - 1;
  const counts = new Map<number, number>();
  let all = 0;
  for (const address of listedProcesses(kernel).slice(0, PROCESSES)) {
    if (all >= ENOUGH) break;
    const facts = processFacts(kernel, address);
    if (facts === undefined) continue;
    for (const { low, high } of userEntries(kernel.processSpace(facts.dtb), kernel.mode.kernelStart)) {
      if ((low & SOFTWARE_PTE.prototype) !== 0 || (low & SOFTWARE_PTE.transition) === 0 || (low & SWIZZLE) !== 0) continue;
      const beyond = (high & ~within) >>> 0;
      counts.set(beyond, (counts.get(beyond) ?? 0) + 1);
      all += 1;
    }
  }
  const [bits = 0, count = 0] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [];
  return count >= LEAST && count >= all * SHARE ? BigInt(bits) << 32n : 0n;
}

function* userEntries(space: AddressSpace, end: bigint): Generator<{ readonly low: number; readonly high: number }> {
  let count = 0;
  for (const entry of space.softwareEntries(0n, end)) {
    yield entry;
    count += 1;
    if (count >= ENTRIES) return;
  }
}
