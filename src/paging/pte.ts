import type { Profile } from '../profile/profile.js';
import type { BitPart, PrototypeAddress } from './mode.js';

/**
 * What a page is, by its PTE. `unmapped`: no PTE, or one that says nothing. `compressed`: in the store that compresses pages in memory.
 * `file`: only the mapped file itself has it.
 */
export const PAGE_KINDS = ['unmapped', 'present', 'transition', 'prototype', 'pagefile', 'compressed', 'file', 'demand-zero'] as const;
export type PageKind = typeof PAGE_KINDS[number];

/** Places of the kinds in PAGE_KINDS: what bulk walks compare. */
export const [UNMAPPED, PRESENT, TRANSITION, PROTOTYPE, PAGEFILE, COMPRESSED, FILE, DEMAND_ZERO] = [0, 1, 2, 3, 4, 5, 6, 7] as const;

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

/** The state of a page without PTE. */
export const NO_PAGE: PageState = { kind: 'unmapped', pte: 0n, physical: undefined, prototype: undefined, pagefile: undefined };

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
  /** How this build names prototype PTEs, and in entries of how many bytes; undefined: as its paging mode does. */
  readonly prototypeAddress: PrototypeAddress & { readonly entryBytes: 4 | 8 } | undefined;
}

/** Until the profile is known: what all builds share. */
export const SOFTWARE_PTE: SoftwarePte = {
  transition: 0x800, prototype: 0x400, swizzle: 0, invalidMaskLow: 0, invalidMaskHigh: 0, pagefileShift: 1, prototypeAddress: undefined,
};

/** MmPagedPoolStart of x86 kernels before Vista, from which they count prototype PTEs. */
const PAGED_POOL_START = 0xe100_0000n;
const KERNEL_HALF = 0x8000_0000n;

/**
 * @param invalidMask value of InvalidPteMask; 0n where the build has none
 * @param pagedPoolStart value of MmPagedPoolStart, where it is known
 */
export function softwarePte(profile: Profile, invalidMask: bigint, pagedPoolStart = PAGED_POOL_START): SoftwarePte {
  const swizzle = profile.field('_MMPTE_SOFTWARE', 'SwizzleBit')?.bits?.[0];
  return {
    ...SOFTWARE_PTE,
    // Where bits are turned over there is a SwizzleBit, in this place in every build, and the page file's number has moved with it: a layout
    // without is of the same build before its updates.
    swizzle: swizzle === undefined ? (invalidMask === 0n ? 0 : 0x10) : 1 << swizzle,
    invalidMaskLow: Number(invalidMask & 0xffff_ffffn),
    invalidMaskHigh: Number(invalidMask >> 32n),
    pagefileShift: swizzle === undefined && invalidMask !== 0n ? 12 : profile.field('_MMPTE_SOFTWARE', 'PageFileLow')?.bits?.[0] ?? SOFTWARE_PTE.pagefileShift,
    prototypeAddress: prototypeAddress(profile, pagedPoolStart),
  };
}

/** What the profile says of `_MMPTE_PROTOTYPE`; undefined where it says nothing, or what cannot be. */
function prototypeAddress(profile: Profile, pagedPoolStart: bigint): SoftwarePte['prototypeAddress'] {
  const bits = (field: string): readonly [number, number] | undefined => profile.field('_MMPTE_PROTOTYPE', field)?.bits;
  const part = ([first, count]: readonly [number, number], to: number): BitPart => ({ first, count, to });
  const whole = bits('ProtoAddress');
  // Some tables lack the place of signed bit fields: an address does not begin below the Prototype bit.
  if (whole !== undefined && whole[0] > 10 && whole[0] + whole[1] <= 64) {
    return { entryBytes: 8, parts: [part(whole, 0)], base: 0n, signedBits: whole[1] > 32 ? whole[1] : undefined };
  }
  const low = bits('ProtoAddressLow');
  const high = bits('ProtoAddressHigh');
  if (low === undefined || high === undefined || high[0] + high[1] > 32) return undefined;
  // 28 bits count from the paged pool; since Vista there is one more, enough for the kernel half.
  const base = low[1] + high[1] < 29 ? pagedPoolStart : KERNEL_HALF;
  return { entryBytes: 4, parts: [part(low, 2), part(high, 2 + low[1])], base, signedBits: undefined };
}
