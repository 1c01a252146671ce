import type { Anomalies } from '../src/bytes/anomaly.js';
import type { PassMessage, PassState, StepProgress } from './progress.js';
import type { StageRecord } from './store.js';

/** A stage's line, as it changes. */
export interface Line {
  state: StepProgress['state'];
  rows: number;
  percent: number;
  rate: number;
  failure: string | undefined;
  notes: string[];
}

/** Milliseconds between two reports while a stage works. */
const REPORT = 100;

/** What the pass says of itself: keeps a line a stage and tells it, not more often than anyone would read. */
export class Board {
  state: PassState = 'running';
  /** Why the pass could not go on. */
  failure: string | undefined;
  /** The stage that runs. */
  stage: string | undefined;
  readonly #lines = new Map<string, Line>();
  #reported = 0;
  #told = 0;

  /** @param anomalies where the pass collects them */
  constructor(private readonly report: (message: PassMessage) => void, private readonly anomalies: Anomalies) {}

  add(name: string, { state, rows, failure }: StageRecord): void {
    this.#lines.set(name, { state, rows, percent: state === 'done' ? 100 : 0, rate: 0, failure, notes: [] });
  }

  line(name: string): Line {
    const line = this.#lines.get(name);
    if (line === undefined) throw new Error(`there is no stage ${name}`);
    return line;
  }

  /** A stage begins anew. */
  begin(name: string): Line {
    const line = Object.assign(this.line(name), { state: 'running', rows: 0, percent: 0, rate: 0, failure: undefined, notes: [] } satisfies Line);
    this.stage = name;
    this.tell();
    return line;
  }

  /** Tells where the pass stands. */
  tell(): void {
    this.#reported = performance.now();
    const found = this.anomalies.list;
    if (found.length > this.#told) {
      this.report({ kind: 'anomalies', anomalies: found.slice(this.#told) });
      this.#told = found.length;
    }
    const lines = [...this.#lines];
    const sum = lines.reduce((all, [, { percent, state }]) => all + (state === 'failed' || state === 'cut' ? 100 : percent), 0);
    const ended = this.state === 'done' || this.state === 'failed';
    this.report({ kind: 'progress', progress: {
      state: this.state, failure: this.failure, stage: this.stage,
      percent: ended ? 100 : Math.min(99, Math.floor(sum / Math.max(1, lines.length))),
      steps: lines.map(([name, line]) => ({ name, ...line, notes: [...line.notes] })),
    } });
  }

  /** Tells it when the last time was long enough ago. */
  tellNowAndThen(): void {
    if (performance.now() - this.#reported >= REPORT) this.tell();
  }
}
