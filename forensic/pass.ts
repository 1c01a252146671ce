import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import PQueue from 'p-queue';
import type { ScanFacts } from '../src/windows/pool.js';
import type { Windows } from '../src/windows/windows.js';
import { systemTag, writeGeneral } from './json.js';
import { allPresent, removeUnfinished, type OutputFile } from './output.js';
import type { PassMessage, PassState, StepProgress } from './progress.js';
import { runStage, stageFiles } from './run-stage.js';
import { DATABASE_FILE, SNAPSHOT_FILE, Snapshots } from './snapshots.js';
import type { Stage } from './stage.js';
import { Store, type Identity } from './store.js';
import { timelineFiles, writeTimeline } from './timeline.js';

export interface PassOptions {
  /** Our own folder for this image. */
  readonly folder: string;
  readonly identity: Identity;
  readonly stages: readonly Stage[];
  /** Opens the model; asked only when there is work. */
  readonly windows: () => Windows;
  readonly report: (message: PassMessage) => void;
  /** Milliseconds of work that a stage may take before it is cut; ten minutes when not said. */
  readonly budget?: number;
}

/** What is made from all stages, when they have ended. */
interface Closing {
  readonly name: string;
  readonly files: readonly string[];
  write(): Generator<undefined, readonly OutputFile[]>;
}

/** Milliseconds of work between two looks at messages. */
const SLICE = 12;
/** Milliseconds between two reports of progress. */
const REPORT = 100;
const BUDGET = 600_000;

class Stopped extends Error {}
class Overrun extends Error {}

interface Line { state: StepProgress['state']; rows: number; percent: number; rate: number; failure: string | undefined; notes: string[] }

/**
 * The forensic pass: runs the stages one after another, each in slices, so that it can be paused and stopped at any time.
 * A stage that fails or runs too long is a line in the progress, and the others go on. What is done is kept for the next run.
 */
export class Pass {
  readonly #store: Store;
  readonly #queue = new PQueue({ concurrency: 1 });
  readonly #abort = new AbortController();
  readonly #lines = new Map<string, Line>();
  readonly #closings: readonly Closing[];
  readonly #snapshots: Snapshots;
  readonly #begun = performance.now();
  #windows: Windows | undefined;
  #scan: { readonly facts: ScanFacts | undefined } | undefined;
  #scanCame: () => void = () => undefined;
  #gate: Promise<void> | undefined;
  #open: () => void = () => undefined;
  #state: PassState = 'running';
  #failure: string | undefined;
  #stage: string | undefined;
  #reported = 0;
  #anomalies = 0;

  /** @throws SqliteFailure with `busy` when another pass works in the folder */
  constructor(private readonly options: PassOptions) {
    const { folder, stages } = options;
    this.#closings = [
      { name: 'timeline', files: [...timelineFiles('all'), 'json/timeline.json'], write: () => writeTimeline(this.#store, folder, 'all', undefined, this.#prefix()) },
      { name: 'general', files: ['json/general.json'], write: () => writeGeneral(folder, this.#generalStages()) },
    ];
    this.#store = Store.open(join(folder, DATABASE_FILE), stages, this.#closings.map(({ name }) => name), options.identity);
    removeUnfinished(folder);
    rmSync(join(folder, SNAPSHOT_FILE), { force: true });
    this.#snapshots = new Snapshots(this.#store, folder, () => performance.now() - this.#begun);
    for (const { name } of [...stages, ...this.#closings]) {
      const { state, rows, failure } = this.#store.record(name);
      this.#lines.set(name, { state, rows, percent: state === 'done' ? 100 : 0, rate: 0, failure, notes: [] });
    }
  }

  /** What the pool scan found; undefined: it failed, and the stages run without. */
  join(facts: ScanFacts | undefined): void {
    this.#scan ??= { facts };
    this.#scanCame();
  }

  pause(): void {
    if (this.#state !== 'running') return;
    this.#state = 'paused';
    this.#queue.pause();
    this.#gate = new Promise((resolve) => { this.#open = resolve; });
    this.#report(true);
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    this.#gate = undefined;
    this.#open();
    this.#queue.start();
    this.#report(true);
  }

  /** Stops as soon as possible; what is not done will be done by the next run. */
  abort(): void {
    this.#abort.abort();
    this.#queue.clear();
    this.#queue.start();
    this.#open();
    this.#scanCame();
  }

  /** Runs to the end. Never rejects: a pass that cannot go on says so in its last progress. */
  async run(): Promise<PassState> {
    try {
      await this.#run();
      this.#state = this.#abort.signal.aborted ? 'stopped' : 'done';
    } catch (error) {
      this.#state = this.#abort.signal.aborted ? 'stopped' : 'failed';
      this.#failure = error instanceof Stopped ? undefined : sentence(error);
    }
    try {
      if (this.#state === 'done') {
        this.#store.finish();
        this.#finished('database.sqlite', DATABASE_FILE);
      } else {
        this.#store.close();
      }
    } catch (error) {
      this.#state = 'failed';
      this.#failure = sentence(error);
    }
    this.#stage = undefined;
    this.#report(true);
    return this.#state;
  }

  async #run(): Promise<void> {
    const { stages } = this.options;
    for (const stage of stages) if (!this.#isOpen(stage)) this.#publish(stageFiles(stage));
    this.#report(true);
    if (stages.every((stage) => !this.#isOpen(stage) && this.#store.record(stage.name).joined)) {
      await this.#close();
      return;
    }
    this.#windows = this.options.windows();
    if (this.#scan === undefined) {
      for (const stage of stages) {
        if (!stage.waitsForScan) this.#enqueue(stage);
        else if (this.#isOpen(stage)) this.#line(stage.name).state = 'waiting';
      }
      this.#report(true);
      await this.#scanEnd();
    }
    const grew = this.#joinScan();
    for (const stage of stages) this.#enqueue(stage);
    await this.#idle();
    for (const stage of stages) {
      const { state, joined } = this.#store.record(stage.name);
      if (state !== 'done' || joined || this.#scan?.facts === undefined) continue;
      if (grew) this.#enqueue(stage, true);
      else this.#store.mark(stage.name, { ...this.#store.record(stage.name), joined: true });
    }
    await this.#idle();
    await this.#close();
  }

  /** It is to be run: not done, or done without its files, or without the scan that it shows. */
  #isOpen(stage: Stage): boolean {
    const { state, joined } = this.#store.record(stage.name);
    return state !== 'done' || !allPresent(this.options.folder, stageFiles(stage)) || (stage.waitsForScan && !joined);
  }

  readonly #queued = new Set<string>();

  #enqueue(stage: Stage, again = false): void {
    if (!again && (this.#queued.has(stage.name) || !this.#isOpen(stage))) return;
    this.#queued.add(stage.name);
    const line = this.#line(stage.name);
    if (line.state === 'waiting' || line.state === 'failed' || line.state === 'cut') line.state = 'pending';
    void this.#queue.add(() => this.#runStage(stage), { priority: -this.options.stages.indexOf(stage) });
  }

  async #scanEnd(): Promise<void> {
    while (this.#scan === undefined && !this.#abort.signal.aborted) {
      await new Promise<void>((resolve) => { this.#scanCame = resolve; });
    }
    this.#throwIfStopped();
  }

  /** Joins the scan to the model. @returns whether it knows processes now that have handles, VADs or modules and were not read before */
  #joinScan(): boolean {
    const windows = this.#windows;
    if (windows === undefined || this.#scan?.facts === undefined) return false;
    const before = new Set(windows.processes().map(({ address }) => address));
    windows.join(this.#scan.facts);
    return windows.processes().some((process) => !before.has(process.address)
      && (process.handles().length > 0 || process.vads().length > 0 || process.modules().length > 0));
  }

  async #idle(): Promise<void> {
    await this.#queue.onIdle();
    this.#throwIfStopped();
  }

  #throwIfStopped(): void {
    if (this.#abort.signal.aborted) throw new Stopped('stopped');
  }

  async #runStage(stage: Stage): Promise<void> {
    const windows = this.#windows;
    if (windows === undefined || this.#abort.signal.aborted) return;
    const line = this.#begin(stage.name);
    const begun = performance.now();
    try {
      const files = await this.#drive(runStage(stage, windows, {
        store: this.#store,
        folder: this.options.folder,
        prefix: this.#prefix(),
        joined: windows.scan !== undefined,
        step: (done, total) => { line.percent = total === 0 ? 100 : Math.min(99, (100 * done) / total); },
        note: (text) => { line.notes.push(text); },
        wrote: (rows) => {
          line.rows = rows;
          line.rate = rows / Math.max(0.05, (performance.now() - begun) / 1000);
        },
      }));
      line.state = 'done';
      line.percent = 100;
      this.#publish(files);
    } catch (error) {
      this.#ended(line, error, () => this.#store.clear(stage, { state: line.state === 'cut' ? 'cut' : 'failed', rows: 0, joined: false, failure: line.failure }));
      return;
    }
    line.rate = 0;
    this.#copy();
    this.#report(true);
  }

  /** What is made from all stages. */
  async #close(): Promise<void> {
    for (const closing of this.#closings) {
      const done = this.#store.record(closing.name).state === 'done' && allPresent(this.options.folder, closing.files);
      if (!done) void this.#queue.add(() => this.#runClosing(closing));
      else this.#publish(closing.files);
    }
    await this.#idle();
  }

  async #runClosing(closing: Closing): Promise<void> {
    if (this.#abort.signal.aborted) return;
    const line = this.#begin(closing.name);
    try {
      this.#windows ??= this.options.windows();
      const outputs = await this.#drive(closing.write());
      for (const output of outputs) output.commit();
      this.#store.mark(closing.name, { state: 'done', joined: true });
      line.state = 'done';
      line.percent = 100;
      this.#publish(closing.files);
      this.#report(true);
    } catch (error) {
      this.#ended(line, error, () => this.#store.mark(closing.name, { state: line.state === 'cut' ? 'cut' : 'failed', failure: line.failure }));
    }
  }

  #begin(name: string): Line {
    const line = this.#line(name);
    Object.assign(line, { state: 'running', rows: 0, percent: 0, rate: 0, failure: undefined, notes: [] });
    this.#stage = name;
    this.#report(true);
    return line;
  }

  /** A stage that did not come to its end: stopped, too long, or failed, which is shown and not fatal. */
  #ended(line: Line, error: unknown, record: () => void): void {
    line.rate = 0;
    line.rows = 0;
    if (error instanceof Stopped) {
      line.state = 'pending';
      return;
    }
    line.state = error instanceof Overrun ? 'cut' : 'failed';
    line.failure = sentence(error);
    record();
    this.#report(true);
  }

  /** Runs work slice by slice; between slices messages are handled. @throws Stopped, Overrun, and what the work throws */
  async #drive<T>(work: Generator<undefined, T>): Promise<T> {
    const budget = this.options.budget ?? BUDGET;
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
        this.#report(false);
        await breathe();
        if (this.#gate !== undefined) await this.#gate;
        this.#throwIfStopped();
      }
    } finally {
      if (!ended) work.return(undefined as T);
    }
  }

  #copy(): void {
    const path = this.#snapshots.offer();
    if (path !== undefined) this.options.report({ kind: 'finished', name: 'database.sqlite', path });
  }

  #line(name: string): Line {
    const line = this.#lines.get(name);
    if (line === undefined) throw new Error(`there is no stage ${name}`);
    return line;
  }

  #prefix(): { ver: string; sys: string } {
    return { ver: this.options.identity.version, sys: this.#tag ??= systemTag(this.#windows ??= this.options.windows()) };
  }

  #tag: string | undefined;

  /** The stages with lines in general.json that are done, in the order of the list. */
  #generalStages(): readonly string[] {
    return this.options.stages.filter(({ name, json }) => json === 'general' && this.#store.record(name).state === 'done').map(({ name }) => name);
  }

  #publish(files: readonly string[]): void {
    for (const file of files) if (!file.startsWith('parts/')) this.#finished(file, file);
  }

  #finished(name: string, file: string): void {
    this.options.report({ kind: 'finished', name, path: join(this.options.folder, file) });
  }

  #report(always: boolean): void {
    const now = performance.now();
    if (!always && now - this.#reported < REPORT) return;
    this.#reported = now;
    const found = this.#windows?.anomalies.list ?? [];
    if (found.length > this.#anomalies) {
      this.options.report({ kind: 'anomalies', anomalies: found.slice(this.#anomalies) });
      this.#anomalies = found.length;
    }
    const lines = [...this.#lines];
    const ended = this.#state === 'done' || this.#state === 'failed';
    const percent = lines.reduce((sum, [, { percent: part, state }]) => sum + (state === 'failed' || state === 'cut' ? 100 : part), 0) / lines.length;
    this.options.report({ kind: 'progress', progress: {
      state: this.#state, failure: this.#failure, stage: this.#stage,
      percent: ended ? 100 : Math.min(99, Math.floor(percent)),
      steps: lines.map(([name, line]) => ({ name, ...line, notes: [...line.notes] })),
    } });
  }
}

/** An error as one line. */
function sentence(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}
