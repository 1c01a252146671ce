import type { Profile } from '../../src/profile/profile.js';
import { PTE } from './tables.js';

/** How PTEs that are not valid are written: what `MiState.Hardware.InvalidPteMask` and the build's bit positions say. */
export interface SoftwareRules {
  /** 0n: this kernel turns no bits over. */
  readonly invalidMask: bigint;
  /** First bit of the page file's number. */
  readonly pagefileShift: bigint;
  readonly entryBytes: 4 | 8;
  readonly pointerSize: 4 | 8;
}

export function softwareRules(profile: Profile, invalidMask: bigint, entryBytes: 4 | 8 = 8): SoftwareRules {
  const shift = profile.field('_MMPTE_SOFTWARE', 'PageFileLow')?.bits?.[0];
  // The updates that brought the mask moved the number, also where a layout is older than they.
  return { invalidMask, pagefileShift: invalidMask === 0n ? BigInt(shift ?? 1) : 12n, entryBytes, pointerSize: profile.pointerSize };
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
  return swizzled(rules, (BigInt(offset) << (rules.entryBytes === 4 ? 12n : 32n)) | (BigInt(number) << rules.pagefileShift) | (BigInt(protection) << 5n));
}

export function demandZeroPte(rules: SoftwareRules, protection: number): bigint {
  return swizzled(rules, BigInt(protection) << 5n);
}

/** A PTE that sends the fault to the prototype PTE at `address`; four bytes wide as since Vista. */
export function prototypePte(rules: SoftwareRules, address: bigint): bigint {
  if (rules.entryBytes === 4) {
    const offset = (address - 0x8000_0000n) >> 2n;
    return ((offset >> 8n) << 11n) | ((offset & 0xffn) << 1n) | PTE.prototype;
  }
  if (rules.pointerSize === 4) return asIs(rules, (address << 32n) | PTE.prototype);
  return asIs(rules, ((address & 0xffff_ffff_ffffn) << 16n) | PTE.prototype);
}

/** A prototype PTE of a page that only the file has: it names the subsection (`_MMPTE_SUBSECTION`). */
export function subsectionPte(rules: SoftwareRules, subsection: bigint, protection: number): bigint {
  if (rules.entryBytes === 4) return prototypePte(rules, subsection) | (BigInt(protection) << 5n);
  return asIs(rules, (rules.pointerSize === 4 ? subsection << 32n : (subsection & 0xffff_ffff_ffffn) << 16n) | PTE.prototype | (BigInt(protection) << 5n));
}

/** A prototype PTE that sends the fault to the VAD (MI_PTE_LOOKUP_NEEDED). */
export function vadPrototypePte(rules: SoftwareRules, protection: number): bigint {
  return asIs(rules, (rules.entryBytes === 4 ? 0xffff_f000n : 0xffff_ffff_0000_0000n) | PTE.prototype | (BigInt(protection) << 5n));
}
