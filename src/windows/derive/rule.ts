import type { DerivedFact } from './fact.js';
import type { Sample } from './evidence.js';

/** What one structure says of a place: it holds the field, it cannot, or it tells nothing (zero, bytes missing). */
export type Verdict = 'yes' | 'no' | 'silent';

/** How a field is found: a row of the tables in this folder. */
export interface FieldRule<C> {
  /** `_EPROCESS` and Windows' own path in it. */
  readonly struct: string;
  readonly path: string;
  /** As symbol tables spell it; a size of its own by pointer size where that differs. */
  readonly type: string;
  /** Offsets are multiples of this; undefined: of a pointer. */
  readonly step?: number;
  /** Where it may lie: [first, end) in bytes; undefined when what it rests on is not known. */
  readonly range: (context: C) => readonly [first: number, end: number] | undefined;
  readonly test: (sample: Sample, offset: number, context: C) => Verdict;
  /** The test in words, for the diagnosis. */
  readonly how: string;
  /** Structures that must say yes; three unless the field is rare. */
  readonly atLeast?: number;
  /** Share of those that say yes or no that may say no (smeared or tampered structures); 0.05. */
  readonly tolerance?: number;
  /** Which of several places that fit alike is meant: the first, unless Windows keeps copies before it. */
  readonly takes?: 'first' | 'last';
  /** Share of the best place's agreement that is as good as the best; 1. */
  readonly nearly?: number;
  /** Why other places may hold the same: then they are no reason for doubt. */
  readonly copies?: string;
}

/** How well a place fits a rule. */
export interface Score {
  readonly offset: number;
  readonly yes: number;
  readonly no: number;
}

/** What a rule found: the best place and those that fit exactly as well. */
export interface Found extends Score {
  readonly rivals: readonly number[];
}

const TOLERANCE = 0.05;
export const AT_LEAST = 3;

/** How one place fits. Stops early, with `no` above what is tolerated. */
export function score<C>(rule: FieldRule<C>, samples: readonly Sample[], offset: number, context: C): Score {
  const most = Math.floor(samples.length * (rule.tolerance ?? TOLERANCE));
  let yes = 0;
  let no = 0;
  for (const sample of samples) {
    if (offset + 16 > sample.length) continue;
    switch (rule.test(sample, offset, context)) {
      case 'yes': yes += 1; break;
      case 'no': no += 1; break;
      case 'silent': break;
    }
    if (no > most) break;
  }
  return { offset, yes, no };
}

/** Whether a score satisfies the rule. */
export function satisfies<C>(rule: FieldRule<C>, { yes, no }: Score): boolean {
  return yes >= (rule.atLeast ?? AT_LEAST) && no <= (yes + no) * (rule.tolerance ?? TOLERANCE);
}

/** Tries every place of a rule's range: most agreement wins, the lower offset among equals. Undefined when none satisfies it. */
export function find<C>(rule: FieldRule<C>, samples: readonly Sample[], pointerSize: number, context: C): Found | undefined {
  const range = rule.range(context);
  if (range === undefined) return undefined;
  const step = rule.step ?? pointerSize;
  const fitting: Score[] = [];
  let best = 0;
  for (let offset = Math.ceil(range[0] / step) * step; offset < range[1]; offset += step) {
    const got = score(rule, samples, offset, context);
    if (!satisfies(rule, got)) continue;
    fitting.push(got);
    best = Math.max(best, got.yes - got.no);
  }
  const equals = fitting.filter(({ yes, no }) => yes - no >= best * (rule.nearly ?? 1));
  const taken = rule.takes === 'last' ? equals.at(-1) : equals[0];
  return taken === undefined ? undefined : { ...taken, rivals: equals.filter((each) => each !== taken).map((each) => each.offset) };
}

/** What was found as a fact of the diagnosis. */
export function factOf<C>(rule: FieldRule<C>, found: Found): DerivedFact {
  const all = found.yes + found.no;
  // Rule of succession: three that agree say less than sixty; each place that fits as well takes its share.
  const agreement = (found.yes + 1) / (all + 2);
  const doubt = rule.copies === undefined ? found.rivals.length : 0;
  const others = found.rivals.length === 0 ? '' : rule.copies === undefined
    ? `; ${found.rivals.length} other places fit as well, the ${rule.takes ?? 'first'} was taken` : `; ${rule.copies}`;
  return {
    what: `${rule.struct}.${rule.path}`, value: found.offset, how: rule.how + others,
    confidence: Math.round((agreement / (doubt + 1)) * 100) / 100, checkedOn: found.yes,
  };
}
