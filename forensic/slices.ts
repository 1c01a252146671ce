import { setImmediate as breathe } from 'node:timers/promises';

/** Milliseconds of work between two looks at messages. */
const SLICE = 12;

/** The work was asked to stop. */
export class Stopped extends Error {}
/** The work took longer than it may. */
export class Overrun extends Error {}

export interface Limits {
  /** Milliseconds of work; what passes between slices does not count. */
  readonly budget: number;
  /** Between slices, after messages were handled: may wait, and may throw to stop. */
  readonly between: () => Promise<void>;
}

/**
 * Runs work slice by slice, so that the thread's messages are handled meanwhile; what it returns.
 * @throws Overrun, and what the work and `between` throw; the work's own clean-up has run then
 */
export async function inSlices<T>(work: Generator<undefined, T>, { budget, between }: Limits): Promise<T> {
  let busy = 0;
  let ended = false;
  try {
    for (;;) {
      const begun = performance.now();
      let now = begun;
      while (now - begun < SLICE) {
        const next = work.next();
        if (next.done === true) {
          ended = true;
          return next.value;
        }
        now = performance.now();
      }
      busy += now - begun;
      if (busy > budget) throw new Overrun(`it was cut after ${Math.round(budget / 1000)} seconds`);
      await breathe();
      await between();
    }
  } finally {
    if (!ended) work.return(undefined as T);
  }
}
