import type { Profile } from '../../src/profile/profile.js';
import { PTE } from './tables.js';

/** How PTEs that are not valid are written: what `MiState.Hardware.InvalidPteMask` and the build's bit positions say. */
export interface SoftwareRules {
  /** 0n: this kernel turns no bits over. */
  readonly invalidMask: bigint;
  /** First bit of the page file's number. */
  readonly pagefileShift: bigint;
}

export function softwareRules(profile: Profile, invalidMask: bigint): SoftwareRules {
  const shift = profile.field('_MMPTE_SOFTWARE', 'PageFileLow')?.bits?.[0];
  return { invalidMask, pagefileShift: BigInt(shift ?? 1) };
}

/** Whether this build keeps an InvalidPteMask and marks the PTEs that it left alone. */
export function hasInvalidMask(profile: Profile): boolean {
  return profile.symbol('MiState') !== undefined
    && profile.field('_MI_SYSTEM_INFORMATION', 'Hardware.InvalidPteMask') !== undefined
    && profile.field('_MMPTE_SOFTWARE', 'SwizzleBit') !== undefined;
}

/** Turns the mask's bits over; where one of them is in use the PTE stays as it is and its SwizzleBit says so. */
function swizzled({ invalidMask }: SoftwareRules, value: bigint): bigint {
  if (invalidMask === 0n) return value;
  return (value & invalidMask) === 0n ? value ^ invalidMask : value | PTE.swizzle;
}

function asIs({ invalidMask }: SoftwareRules, value: bigint): bigint {
  return invalidMask === 0n ? value : value | PTE.swizzle;
}

/** A page that lost its valid PTE but still lies in its frame. */
export function transitionPte(rules: SoftwareRules, physical: number, protection: number): bigint {
  return swizzled(rules, BigInt(physical) | PTE.transition | (BigInt(protection) << 5n));
}

/** A page in a page file: its number and the offset in pages. */
export function pagefilePte(rules: SoftwareRules, number: number, offset: number, protection: number): bigint {
  return swizzled(rules, (BigInt(offset) << 32n) | (BigInt(number) << rules.pagefileShift) | (BigInt(protection) << 5n));
}

export function demandZeroPte(rules: SoftwareRules, protection: number): bigint {
  return swizzled(rules, BigInt(protection) << 5n);
}

/** A PTE that sends the fault to the prototype PTE at `address`. */
export function prototypePte(rules: SoftwareRules, address: bigint): bigint {
  return asIs(rules, ((address & 0xffff_ffff_ffffn) << 16n) | PTE.prototype);
}

/** A prototype PTE that sends the fault to the VAD (MI_PTE_LOOKUP_NEEDED). */
export function vadPrototypePte(rules: SoftwareRules, protection: number): bigint {
  return asIs(rules, 0xffff_ffff_0000_0000n | PTE.prototype | (BigInt(protection) << 5n));
}
