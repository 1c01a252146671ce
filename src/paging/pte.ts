import type { Profile } from '../profile/profile.js';

/** What a page is, by its PTE. `unmapped`: no PTE, or one that says nothing. */
export type PageKind = 'present' | 'transition' | 'prototype' | 'pagefile' | 'demand-zero' | 'unmapped';

/** A page's state. */
export interface PageState {
  readonly kind: PageKind;
  /** The PTE as it stands in the table; 0n when there is none. */
  readonly pte: bigint;
  /** Physical address of the page's first byte, where its data is in the image: present, transition, resolved prototype. */
  readonly physical: number | undefined;
  /** For a prototype: the state that the prototype PTE gives, and its address. */
  readonly prototype: { readonly address: bigint; readonly state: PageState | undefined } | undefined;
  /** For the page file: its number and page offset. */
  readonly pagefile: { readonly number: number; readonly offset: number } | undefined;
}

/**
 * How a build writes PTEs that are not valid. Corresponds to `_MMPTE_SOFTWARE`, `_MMPTE_TRANSITION`, `_MMPTE_PROTOTYPE`.
 * Since the answer to L1TF the bits of `MiState.Hardware.InvalidPteMask` are turned over in such a PTE, unless its
 * SwizzleBit is set.
 */
export interface SoftwarePte {
  readonly transition: number;
  readonly prototype: number;
  /** Bit of the low word; 0: this build has none. */
  readonly swizzle: number;
  readonly invalidMaskLow: number;
  readonly invalidMaskHigh: number;
  /** First bit of the page file's number in the low word (4 bits). */
  readonly pagefileShift: number;
}

/** Until the profile is known: what all x64 builds share. */
export const SOFTWARE_PTE: SoftwarePte = {
  transition: 0x800, prototype: 0x400, swizzle: 0, invalidMaskLow: 0, invalidMaskHigh: 0, pagefileShift: 1,
};

/** @param invalidMask value of InvalidPteMask; 0n where the build has none */
export function softwarePte(profile: Profile, invalidMask: bigint): SoftwarePte {
  const swizzle = profile.field('_MMPTE_SOFTWARE', 'SwizzleBit')?.bits?.[0];
  return {
    ...SOFTWARE_PTE,
    swizzle: swizzle === undefined ? 0 : 1 << swizzle,
    invalidMaskLow: Number(invalidMask & 0xffff_ffffn),
    invalidMaskHigh: Number(invalidMask >> 32n),
    pagefileShift: profile.field('_MMPTE_SOFTWARE', 'PageFileLow')?.bits?.[0] ?? SOFTWARE_PTE.pagefileShift,
  };
}
