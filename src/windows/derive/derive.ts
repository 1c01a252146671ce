import type { AddressSpace } from '../../paging/address-space.js';
import type { Profile } from '../../profile/profile.js';
import { deriveHandles, deriveHeaders, deriveTokens, deriveTypes } from './derive-objects.js';
import { deriveHives } from './derive-hives.js';
import { deriveThreads } from './derive-threads.js';
import { deriveVads, filePointer } from './derive-vads.js';
import { Draft, type DerivedTables } from './draft.js';
import { Look, type Evidence, type Sample } from './evidence.js';
import type { DerivedFact } from './fact.js';
import { deriveGlobals } from './globals.js';
import { ProcessContext } from './process-context.js';
import { PROCESS_RULES } from './process-rules.js';
import { apply, type Session } from './session.js';
import { stableStructs } from './stable-layouts.js';
import { EPROCESS_WINDOW, findActiveList } from './system.js';

export type { DerivedTables } from './draft.js';
export type { DerivedFact } from './fact.js';
export type { Evidence } from './evidence.js';

/** What was derived from an image. */
export interface Derived {
  /** Over `base`, where one was given. */
  readonly profile: Profile;
  readonly facts: readonly DerivedFact[];
  /** What could not be derived, a sentence each. */
  readonly missing: readonly string[];
  /** Address of System's `_EPROCESS`; undefined when it was not found. */
  readonly system: bigint | undefined;
  /** What was derived, as plain data. */
  readonly tables: DerivedTables;
}

/** Versions by their first builds. */
const VERSIONS: readonly (readonly [build: number, version: string])[] = [
  [10_000, '10.0'], [9600, '6.3'], [9200, '6.2'], [7600, '6.1'], [6000, '6.0'], [3790, '5.2'], [2600, '5.1'],
];

/** More than these do not make a field surer. */
const MAX_SAMPLES = 96;
/** Processes that a walk must show before anything is derived from it. */
const AT_LEAST = 3;

/**
 * Derives the layouts of a kernel that no table knows: `_EPROCESS` from System and its neighbours, the rest from what they lead to.
 * Reads only; ends on any image.
 *
 * @param base layouts that supply what is not derived, structure by structure, where they agree with what is
 */
export function deriveProfile(input: Evidence & { readonly base?: Profile | undefined }): Derived {
  const { draft, session, build, facts, missing } = derivation(input);
  const version = `${VERSIONS.find(([first]) => build >= first)?.[1] ?? '0.0'}.${build}`;
  const profile = draft.profile(version, (name) => input.image?.exported(name), input.base);
  return { profile, facts, missing, tables: draft.tables(profile), system: session?.list.system };
}

/** What an image shows by itself. */
export interface Derivation {
  readonly draft: Draft;
  /** Undefined when not even a list of processes was found. */
  readonly session: Session | undefined;
  readonly build: number;
  readonly facts: readonly DerivedFact[];
  readonly missing: readonly string[];
}

/** Kept as long as the address space that was given: several layouts are held against one image. */
const known = new WeakMap<AddressSpace, Derivation>();

/** What the image that `evidence` is of shows by itself; worked out once for each address space. */
export function derivation(evidence: Evidence): Derivation {
  let found = known.get(evidence.space);
  if (found === undefined) {
    const look = new Look(evidence);
    const draft = new Draft(look.pointerSize);
    const session = begin(look, draft);
    const build = session === undefined ? 0 : derive(session);
    found = { draft, session, build, facts: draft.facts, missing: draft.missing };
    known.set(evidence.space, found);
  }
  return found;
}

/** The active list and its processes; undefined, with a sentence in `missing`, when there are too few. */
function begin(look: Look, draft: Draft): Session | undefined {
  const list = findActiveList(look);
  if (list === undefined) {
    draft.missing.push('System: no process object with its name and PID 4 stands in a list of processes that the kernel half maps');
    return undefined;
  }
  const samples = list.processes.slice(0, MAX_SAMPLES)
    .map((address) => look.sample(address, EPROCESS_WINDOW))
    .filter((sample) => sample !== undefined && sample.length >= list.linksOffset + 0x100) as Sample[];
  if (samples.length < AT_LEAST || samples[0]?.address !== list.system) {
    draft.missing.push(`_EPROCESS: only ${samples.length} processes of the active list are in the image`);
    return undefined;
  }
  const context = new ProcessContext(look, list, samples);
  return { look, draft, list, context, samples, judges: new Map(), vad: undefined, header: undefined, entry: undefined, map: undefined, openObjects: new Set(), processType: undefined };
}

/** Runs the rules; returns the build number that user processes were told, 0 when none says it. */
function derive(session: Session): number {
  const { look, draft, list } = session;
  const confidence = Math.round((list.mutual / (list.processes.length + 1)) * 100) / 100;
  for (const [path, offset, type] of [['UniqueProcessId', list.pidOffset, '*void'], ['ActiveProcessLinks', list.linksOffset, '_LIST_ENTRY']] as const) {
    draft.field('_EPROCESS', path, offset, type);
    draft.facts.push({ what: `_EPROCESS.${path}`, value: offset, how: `System: ${list.how}; neighbours on the list lead back to each other`, confidence, checkedOn: list.mutual });
  }
  for (const rule of PROCESS_RULES) {
    const found = apply(session, rule, session.samples, session.context);
    if (found !== undefined) session.context.know(rule.path, found.offset);
  }
  deriveVads(session);
  deriveHeaders(session);
  deriveHandles(session);
  const { hives } = deriveGlobals(session);
  deriveTypes(session);
  deriveTokens(session);
  deriveThreads(session);
  deriveHives(session, hives);
  const build = buildNumber(session);
  draft.add(stableStructs({ pointerSize: look.pointerSize, build: build === 0 ? ageOf(session) : build, filePointer: filePointer(session) }));
  return build;
}

/** A build of the age that VADs and object headers show, where none is told; 0 when they show none. */
function ageOf({ vad, header }: Session): number {
  if (vad === undefined) return 0;
  if (vad.form.direct) return 3790;
  if (vad.form.flags1 === undefined) return header?.indexed === false ? 6000 : 7600;
  return 9200;
}

/** `OSBuildNumber` of the PEBs: what most say; else NtBuildNumber, where the kernel exports it. */
function buildNumber({ look, context, samples }: Session): number {
  const counts = new Map<number, number>();
  for (const sample of samples) {
    const build = context.peb(sample)?.build;
    if (build !== undefined && build > 0) counts.set(build, (counts.get(build) ?? 0) + 1);
  }
  const told = [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
  const rva = look.image?.exported('NtBuildNumber');
  const exported = rva === undefined || look.image === undefined ? undefined : look.space.read(look.image.base + BigInt(rva), 2)?.readUInt16LE(0);
  return told ?? exported ?? 0;
}
