import type { StructFact } from '../../profile/profile.js';
import type { Draft } from './draft.js';
import type { Look, Sample } from './evidence.js';
import type { ProcessContext } from './process-context.js';
import { factOf, find, satisfies, type FieldRule, type Found } from './rule.js';
import type { EntryForm, HeaderForm } from './object-rules.js';
import type { ActiveList } from './system.js';
import type { FlagsForm, VadForm } from './vad-rules.js';

/** What is known while deriving. */
export interface Session {
  readonly look: Look;
  readonly draft: Draft;
  readonly list: ActiveList;
  readonly context: ProcessContext;
  /** Processes, System first. */
  readonly samples: readonly Sample[];
  /** How each place of a field would fit, by `_STRUCT.Path`: for verifying other layouts. */
  readonly judges: Map<string, Judge>;
  vad: { readonly form: VadForm; readonly flags: FlagsForm | undefined } | undefined;
  header: HeaderForm | undefined;
  entry: EntryForm | undefined;
  /** The form of `_HMAP_ENTRY`. */
  map: StructFact | undefined;
  /** Bodies of objects that the looked-at handle tables lead to. */
  readonly openObjects: Set<bigint>;
  /** Address of the `_OBJECT_TYPE` of processes, where ObTypeIndexTable was found. */
  processType: bigint | undefined;
}

/** What a rule found and how to ask it about other places. */
export interface Judge {
  readonly found: Found;
  readonly at: (offset: number) => { readonly yes: number; readonly no: number };
}

/** Finds one field by its rule and notes it, or that it is missing. */
export function apply<C>(session: Session, rule: FieldRule<C>, samples: readonly Sample[], context: C, note = rule.path): Found | undefined {
  const { look, draft } = session;
  const found = find(rule, samples, look.pointerSize, context);
  if (found === undefined || !satisfies(rule, found)) {
    draft.missing.push(`${rule.struct}.${note}: no place is, in enough structures, ${rule.how}`);
    return undefined;
  }
  draft.field(rule.struct, rule.path, found.offset, rule.type);
  draft.facts.push(factOf(rule, found));
  session.judges.set(`${rule.struct}.${rule.path}`, { found, at: (offset) => scoreAll(rule, samples, offset, context) });
  return found;
}

function scoreAll<C>(rule: FieldRule<C>, samples: readonly Sample[], offset: number, context: C): { yes: number; no: number } {
  let yes = 0;
  let no = 0;
  for (const sample of samples) {
    if (offset < 0 || offset % 4 !== 0 && rule.step !== 1 || offset + 16 > sample.length) continue;
    const verdict = rule.test(sample, offset, context);
    if (verdict === 'yes') yes += 1;
    if (verdict === 'no') no += 1;
  }
  return { yes, no };
}

/** Of the forms, the one that most structures agree with; undefined when none satisfies `atLeast`. */
export function bestForm<F>(forms: readonly F[], count: (form: F) => { readonly yes: number; readonly no: number }, atLeast: number):
  { readonly form: F; readonly yes: number; readonly no: number } | undefined {
  let best: { form: F; yes: number; no: number } | undefined;
  for (const form of forms) {
    const got = count(form);
    if (got.yes >= atLeast && got.yes > got.no && (best === undefined || got.yes - got.no > best.yes - best.no)) best = { form, ...got };
  }
  return best;
}

/** Confidence by the rule of succession, two decimals. */
export function confidence({ yes, no }: { readonly yes: number; readonly no: number }): number {
  return Math.round((100 * (yes + 1)) / (yes + no + 2)) / 100;
}
