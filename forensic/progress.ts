import type { Anomaly } from '../src/bytes/anomaly.js';
import type { StageState } from './store.js';

/** `waiting`: for what the pool scan finds. */
export type StepState = StageState | 'waiting';
/** `stopped`: aborted; what is done stays done. `failed`: the pass itself could not go on. */
export type PassState = 'running' | 'paused' | 'done' | 'stopped' | 'failed';

/** Where a stage stands. */
export interface StepProgress {
  readonly name: string;
  readonly state: StepState;
  readonly rows: number;
  /** 0 to 100. */
  readonly percent: number;
  /** Rows a second while it runs; 0 otherwise. */
  readonly rate: number;
  /** Why it failed or was cut; undefined when it did not. One sentence. */
  readonly failure: string | undefined;
  /** Parts that failed while the stage went on. */
  readonly notes: readonly string[];
}

/** Where the pass stands. */
export interface PassProgress {
  readonly state: PassState;
  /** 0 to 100; 100 only when all has ended. */
  readonly percent: number;
  /** The stage that runs; undefined between stages. */
  readonly stage: string | undefined;
  /** Why the pass failed. */
  readonly failure: string | undefined;
  readonly steps: readonly StepProgress[];
}

/** What the worker tells the thread that started it. */
export type PassMessage =
  | { readonly kind: 'progress'; readonly progress: PassProgress }
  /** A file is in its place and complete. `name` is its name in the tree: `csv/process.csv`. */
  | { readonly kind: 'finished'; readonly name: string; readonly path: string }
  /** Anomalies since the last message. */
  | { readonly kind: 'anomalies'; readonly anomalies: readonly Anomaly[] };

export const NOTHING_YET: PassProgress = { state: 'running', percent: 0, stage: undefined, failure: undefined, steps: [] };
