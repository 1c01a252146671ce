import type { PagingMode } from '../paging/mode.js';
import { bundledProfile } from '../profile/bundled.js';
import { layoutProfiles, type LayoutsWanted } from '../profile/layouts.js';
import { Profile, type StructFact } from '../profile/profile.js';
import { symbolsFor, type WantedSymbols } from '../profile/symbol-folder.js';

/** Where the layouts of a profile are from. */
export type LayoutSource =
  /** A kernel's own, bundled, by GUID and age of its symbol file; its symbols too. */
  | { readonly from: 'bundled'; readonly id: string }
  /** A kernel's own, from symbol files of the user. */
  | { readonly from: 'symbols'; readonly wanted: WantedSymbols; readonly folders: readonly string[]; readonly cache: string | undefined }
  /** Those of another build, by their label among those that answer for a kernel. */
  | { readonly from: 'layouts'; readonly wanted: LayoutsWanted; readonly label: string };

/** Structures and symbols that were derived from the image; they go before those of the layouts. */
export interface DerivedTables {
  readonly structs: Readonly<Record<string, StructFact>>;
  /** Addresses relative to the kernel's base. */
  readonly symbols: Readonly<Record<string, number>>;
}

/** What the same profile is made from again, in another thread or at the next mount. Plain facts. */
export interface ProfileFacts {
  readonly layouts: LayoutSource | undefined;
  /** With derived tables: the kernel's version, `10.0.26100.1`, zeros where it is not known. */
  readonly version?: string | undefined;
  readonly derived?: DerivedTables | undefined;
}

/**
 * The profile; undefined when what it is made from is not there any more.
 * @param exported relative addresses of the exports of the kernel in the image
 */
export function profileFrom(facts: ProfileFacts, { machine, pointerSize }: PagingMode, exported: (name: string) => number | undefined): Profile | undefined {
  const base = layoutsFrom(facts.layouts, exported);
  if (base === undefined && facts.layouts !== undefined) return undefined;
  const { derived, version = '0.0.0.0' } = facts;
  if (derived === undefined) return base;
  // Own properties alone: the names may come from a file.
  const structs = new Map(Object.entries(derived.structs));
  const symbols = new Map(Object.entries(derived.symbols));
  return new Profile(
    base?.id ?? 'derived', version, base === undefined ? 'derived' : base.source, pointerSize,
    (name) => structs.get(name) ?? base?.fact(name),
    (name) => symbols.get(name) ?? base?.symbol(name) ?? exported(name),
    base === undefined ? 'derived from the image' : base.label, machine,
  );
}

function layoutsFrom(layouts: LayoutSource | undefined, exported: (name: string) => number | undefined): Profile | undefined {
  switch (layouts?.from) {
    case undefined: return undefined;
    case 'bundled': return bundledProfile(layouts.id);
    case 'symbols': return symbolsFor(layouts.folders, layouts.wanted, { cache: layouts.cache });
    case 'layouts':
      for (const profile of layoutProfiles(layouts.wanted, exported)) if (profile.label === layouts.label) return profile;
      return undefined;
  }
}
