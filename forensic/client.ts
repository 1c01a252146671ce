import { createHash } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Anomaly } from '../src/bytes/anomaly.js';
import { UNIX_EPOCH_FILETIME } from '../src/bytes/filetime.js';
import type { KernelFacts } from '../src/windows/kernel.js';
import type { PageFileOption } from '../src/windows/options.js';
import type { ScanFacts } from '../src/windows/pool.js';
import { NOTHING_YET, type PassMessage, type PassProgress, type PassState } from './progress.js';
import type { ForensicView } from './tree.js';
import type { ForensicOrder, ForensicTask } from './worker.js';

export type { PassProgress, PassState, StepProgress } from './progress.js';

export interface ForensicOptions {
  /** The image file. */
  readonly path: string;
  /** What was recognised in it already. */
  readonly kernel: KernelFacts | undefined;
  /** Page files that belong to the image. */
  readonly pageFiles?: readonly PageFileOption[] | undefined;
  /** Our own folder for this image and these page files: the database and the finished files live there, and a stopped pass goes on there. */
  readonly folder: string;
  /** Our version: a database of another is made anew. */
  readonly version: string;
  /** Milliseconds a stage may take before it is cut; ten minutes when not said. */
  readonly budget?: number;
  readonly onProgress?: (progress: PassProgress) => void;
  /** A file is complete. `name` is its path below /forensic. */
  readonly onFinished?: (name: string) => void;
}

/** A forensic pass that runs beside this thread. */
export interface ForensicPass {
  /** What /forensic shows. */
  readonly view: ForensicView;
  /** How it ended: all stages ran or failed (`done`), it was stopped, or it could not go on (`failed`). Never rejects. */
  readonly ended: Promise<PassState>;
  /** Gives it what the pool scan found and noticed; undefined facts when the scan failed. Stages that show it wait for this. */
  join(facts: ScanFacts | undefined, anomalies: readonly Anomaly[]): void;
  pause(): void;
  resume(): void;
  /** Asks it to stop at the next slice; `ended` says when it has. */
  abort(): void;
  /** Stops it and ends its thread, whatever it does. */
  close(): Promise<void>;
}

/** Anomalies kept; the worker's own collection is bounded too. */
const MAX_ANOMALIES = 20_000;
/** Milliseconds that a pass has to stop by itself. */
const GRACE = 2000;

/** What tells an image from another at the same place (path, size and time of last change), and a reading of it from another: by which kernel, by which layouts. */
function imageIdentity(path: string, kernel: KernelFacts | undefined): string {
  const { size, mtimeNs } = statSync(path, { bigint: true });
  const facts = JSON.stringify(kernel, canonical) ?? '';
  return `${path} ${size} ${mtimeNs} ${createHash('sha256').update(facts).digest('hex').slice(0, 16)}`;
}

/** For JSON that is the same for the same facts: members by name, whatever order they were made in. */
function canonical(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString(16);
  if (!(value instanceof Object) || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Starts the pass in a worker. @throws when the image cannot be looked at */
export function startForensic(options: ForensicOptions): ForensicPass {
  const { path, kernel, pageFiles, folder, version, budget } = options;
  const beside = `${folder}.${process.pid}`;
  const task: ForensicTask = { path, kernel, pageFiles, folder, beside, budget, identity: { image: imageIdentity(path, kernel), version } };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: task });
  const files = new Map<string, string>();
  const anomalies: Anomaly[] = [];
  let progress = NOTHING_YET;
  let changed = now();

  const tell = (next: PassProgress): void => {
    progress = next;
    changed = now();
    options.onProgress?.(next);
  };
  worker.on('message', (message: PassMessage) => {
    switch (message.kind) {
      case 'progress': return tell(message.progress);
      case 'finished':
        files.set(message.name, message.path);
        return options.onFinished?.(message.name);
      case 'anomalies': anomalies.push(...message.anomalies.slice(0, MAX_ANOMALIES - anomalies.length));
    }
  });
  const ended = new Promise<PassState>((resolve) => {
    worker.on('error', (error) => tell({ ...progress, state: 'failed', failure: error.message.split('\n', 1)[0] ?? '' }));
    worker.on('exit', () => {
      if (progress.state === 'running' || progress.state === 'paused') tell({ ...progress, state: 'stopped' });
      resolve(progress.state);
    });
  });
  const order = (message: ForensicOrder): void => worker.postMessage(message);
  return {
    view: {
      files,
      get progress() { return progress; },
      get changed() { return progress.state === 'done' ? undefined : changed; },
      get anomalies() { return anomalies; },
    },
    ended,
    join: (facts, anomalies) => order({ kind: 'join', facts, anomalies }),
    pause: () => order({ kind: 'pause' }),
    resume: () => order({ kind: 'resume' }),
    abort: () => order({ kind: 'abort' }),
    async close() {
      order({ kind: 'abort' });
      const grace = setTimeout(() => void worker.terminate(), GRACE);
      await ended;
      clearTimeout(grace);
      rmSync(beside, { recursive: true, force: true });
    },
  };
}

/** The time as FILETIME. */
function now(): bigint {
  return BigInt(Date.now()) * 10_000n + UNIX_EPOCH_FILETIME;
}
