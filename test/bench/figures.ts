import { performance } from 'node:perf_hooks';

/** The value below which `share` of the sorted values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Milliseconds of one call. */
export async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Milliseconds of each of `times` calls. */
export async function repeated(times: number, work: () => unknown): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < times; i += 1) taken.push(await timed(work));
  return taken;
}

/** One line of the report: what, its figure, and what it is measured against. */
export function report(what: string, figure: string, against = ''): void {
  console.log(`  ${what.padEnd(44)}${figure.padStart(18)}   ${against}`.trimEnd());
}
