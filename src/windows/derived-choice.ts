import type { Choice } from './choose-profile.js';
import type { Profile } from '../profile/profile.js';
import { deriveProfile, type DerivedFact, type Evidence } from './derive/derive.js';
import type { DerivedLine } from './diagnosis.js';
import type { KernelImage } from './find-kernel.js';
import type { KernelVersion } from './kernel-version.js';
import { profileFrom, type DerivedTables, type ProfileFacts } from './profile-facts.js';

type KernelEvidence = Evidence & { readonly image: KernelImage };

/** A profile that fits, with the structures and symbols that it lacks derived from the image. */
export function completed(choice: Choice, evidence: KernelEvidence, version: KernelVersion | undefined): Choice {
  const base = choice.profile;
  const { tables, facts, missing, system } = deriveProfile({ ...evidence, base });
  const lacking: DerivedTables = {
    structs: { ...only(tables.structs, (name) => base.fact(name) === undefined), ...lackingThreads(base, tables) },
    symbols: only(tables.symbols, (name) => base.symbol(name) === undefined),
  };
  const added = (what: string): boolean => {
    const [struct = '', ...path] = what.split('.');
    return Object.hasOwn(lacking.symbols, what) || (Object.hasOwn(lacking.structs, struct) && base.field(struct, path.join('.')) === undefined);
  };
  const lost = missing.filter((line) => !fieldKnown(choice, line));
  return chosen({ ...choice.facts, version: version?.text ?? base.version, derived: lacking }, evidence, { facts: facts.filter(({ what }) => added(what)), missing: lost, system });
}

/** `_ETHREAD` of layouts that keep only what a processor does not change in it (ARM64's, made from x64's): the rest is derived. */
function lackingThreads(base: Profile, { structs }: DerivedTables): DerivedTables['structs'] {
  const [own, derived] = [base.fact('_ETHREAD'), structs['_ETHREAD']];
  if (own === undefined || derived === undefined || base.field('_ETHREAD', 'ThreadListEntry') !== undefined) return {};
  const names = new Set(derived[1].map(([name]) => name));
  return { _ETHREAD: [Math.max(own[0], derived[0]), [...own[1].filter(([name]) => !names.has(name)), ...derived[1]]] };
}

/**
 * What can be derived where no layouts fit.
 * @param nearest layouts that did not fit as a whole: they supply the structures that nothing was derived of, and those that agree
 */
export function derivedChoice(nearest: Choice | undefined, evidence: KernelEvidence, version: KernelVersion | undefined): Choice {
  const derived = deriveProfile({ ...evidence, base: nearest?.profile });
  const { tables, profile } = derived;
  const text = version?.text ?? profile.version;
  return chosen({ layouts: nearest?.facts.layouts, version: text, derived: tables }, evidence, derived);
}

function chosen(facts: ProfileFacts, { space, image }: KernelEvidence, derived: NonNullable<Choice['derived']>): Choice {
  const profile = profileFrom(facts, space.mode, (name) => image.exported(name));
  if (profile === undefined) throw new Error('the layouts that were just used are gone');
  return { profile, facts, exact: false, derived };
}

/** Whether a sentence on what is missing begins with a field or symbol that the profile has all the same. */
function fieldKnown({ profile }: Choice, line: string): boolean {
  const [what = ''] = line.split(':', 1);
  const dot = what.indexOf('.');
  if (dot < 0) return profile.symbol(what) !== undefined || profile.sizeOf(what) !== undefined;
  return profile.field(what.slice(0, dot), what.slice(dot + 1)) !== undefined;
}

function only<T>(table: Readonly<Record<string, T>>, wanted: (name: string) => boolean): Record<string, T> {
  return Object.fromEntries(Object.entries(table).filter(([name]) => wanted(name)));
}

/** A derived fact as the diagnosis shows it. */
export function derivedLine({ what, value, how, confidence, checkedOn }: DerivedFact): DerivedLine {
  return { what, value: typeof value === 'number' ? `0x${value.toString(16)}` : value, how, confidence: `${Math.round(confidence * 100)} %`, checkedOn };
}
