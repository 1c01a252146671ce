/** What the truth holds and what memlens found, for one kind of thing in one image. */
export interface Comparison {
  readonly kind: string;
  readonly expected: number;
  readonly found: number;
  /** In the truth, not found. */
  readonly missing: readonly string[];
  /** Found, not in the truth. */
  readonly extra: readonly string[];
}

/** Compares two collections of described things; equal descriptions count as often as they occur. */
export function compare(kind: string, expected: Iterable<string>, found: Iterable<string>): Comparison {
  const left = new Map<string, number>();
  let expectedCount = 0;
  for (const one of expected) {
    left.set(one, (left.get(one) ?? 0) + 1);
    expectedCount += 1;
  }
  const extra: string[] = [];
  let foundCount = 0;
  for (const one of found) {
    foundCount += 1;
    const count = left.get(one) ?? 0;
    if (count === 0) extra.push(one);
    else if (count === 1) left.delete(one);
    else left.set(one, count - 1);
  }
  const missing = [...left].flatMap(([one, count]) => Array<string>(count).fill(one));
  return { kind, expected: expectedCount, found: foundCount, missing, extra };
}

/** The share of the truth that was found, 0–1. */
export function recall({ expected, missing }: Comparison): number {
  return expected === 0 ? 1 : (expected - missing.length) / expected;
}

/** The share of what was found that is true, 0–1. */
export function precision({ found, extra }: Comparison): number {
  return found === 0 ? 1 : (found - extra.length) / found;
}
