import { rmSync } from 'node:fs';
import { join } from 'node:path';
import PQueue from 'p-queue';
import { Anomalies, type Anomaly } from '../src/bytes/anomaly.js';
import type { ScanFacts } from '../src/windows/pool.js';
import type { Windows } from '../src/windows/windows.js';
import { Board, type Line } from './board.js';
import { systemTag, writeGeneral, type JsonPrefix } from './json.js';
import { allPresent, removeUnfinished, type OutputFile } from './output.js';
import type { PassMessage, PassState } from './progress.js';
import { runStage, stageFiles } from './run-stage.js';
import { inSlices, Overrun, Stopped } from './slices.js';
import { DATABASE_FILE, SNAPSHOT_FILE, Snapshots } from './snapshots.js';
import type { Stage } from './stage.js';
import { Store, type Identity } from './store.js';
import { timelineFiles, writeTimeline } from './timeline.js';

export interface PassOptions {
  /** Our own folder for this image. */
  readonly folder: string;
  readonly identity: Identity;
  readonly stages: readonly Stage[];
  /** Opens the model, which adds its anomalies to those given; asked only when there is work. */
  readonly windows: (anomalies: Anomalies) => Windows;
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

const BUDGET = 600_000;

/**
 * The forensic pass: runs the stages one after another, each in slices, so that it can be paused and stopped at any time.
 * A stage that fails or runs too long is a line in the progress, and the others go on. What is done is kept for the next run.
 */
export class Pass {
  readonly #store: Store;
  readonly #snapshots: Snapshots;
  readonly #board: Board;
  readonly #closings: readonly Closing[];
  readonly #queue = new PQueue({ concurrency: 1 });
  readonly #queued = new Set<string>();
  readonly #abort = new AbortController();
  readonly #anomalies = new Anomalies();
  /** How many of them the database has. */
  #kept = 0;
  #model: Windows | undefined;
  #prefix: JsonPrefix | undefined;
  #scan: { readonly facts: ScanFacts | undefined } | undefined;
  #scanCame: () => void = () => undefined;
  #gate: Promise<void> | undefined;
  #open: () => void = () => undefined;

  /** @throws SqliteFailure with `busy` when another pass works in the folder */
  constructor(private readonly options: PassOptions) {
    const { folder, stages, report } = options;
    this.#closings = [
      { name: 'timeline', files: [...timelineFiles('all'), 'json/timeline.json'], write: () => writeTimeline(this.#store, folder, 'all', undefined, this.#jsonPrefix()) },
      { name: 'general', files: ['json/general.json'], write: () => writeGeneral(folder, this.#generalStages()) },
    ];
    this.#store = Store.open(join(folder, DATABASE_FILE), stages, this.#closings.map(({ name }) => name), options.identity);
    removeUnfinished(folder);
    rmSync(join(folder, SNAPSHOT_FILE), { force: true });
    const begun = performance.now();
    this.#snapshots = new Snapshots(this.#store, folder, () => performance.now() - begun);
    for (const { where, what, address } of this.#store.anomalies()) this.#anomalies.add(where, what, address);
    this.#kept = this.#anomalies.list.length;
    this.#board = new Board(report, this.#anomalies);
    for (const { name } of [...stages, ...this.#closings]) this.#board.add(name, this.#store.record(name));
  }

  /** What the pool scan found and noticed; undefined facts: it failed, and the stages run without. */
  join(facts: ScanFacts | undefined, anomalies: readonly Anomaly[] = []): void {
    for (const { where, what, address } of anomalies) this.#anomalies.add(where, what, address);
    this.#scan ??= { facts };
    this.#scanCame();
  }

  pause(): void {
    if (this.#board.state !== 'running') return;
    this.#board.state = 'paused';
    this.#queue.pause();
    this.#gate = new Promise((resolve) => { this.#open = resolve; });
    this.#board.tell();
  }

  resume(): void {
    if (this.#board.state !== 'paused') return;
    this.#board.state = 'running';
    this.#gate = undefined;
    this.#open();
    this.#queue.start();
    this.#board.tell();
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
    const board = this.#board;
    try {
      await this.#runAll();
      this.#store.finish();
      this.#publish('database.sqlite', DATABASE_FILE);
      board.state = 'done';
    } catch (error) {
      board.state = error instanceof Stopped ? 'stopped' : 'failed';
      board.failure = error instanceof Stopped ? undefined : sentence(error);
      this.#store.close();
    }
    board.stage = undefined;
    board.tell();
    return board.state;
  }

  async #runAll(): Promise<void> {
    const { stages } = this.options;
    for (const stage of stages) if (!this.#isOpen(stage)) this.#publishAll(stageFiles(stage));
    this.#board.tell();
    if (stages.some((stage) => this.#isOpen(stage) || !this.#store.record(stage.name).joined)) await this.#runStages();
    for (const closing of this.#closings) {
      const done = this.#store.record(closing.name).state === 'done' && allPresent(this.options.folder, closing.files);
      if (done) this.#publishAll(closing.files);
      else void this.#queue.add(() => this.#runClosing(closing));
    }
    await this.#idle();
  }

  async #runStages(): Promise<void> {
    const { stages } = this.options;
    // An image that cannot be opened ends the pass here, and not every stage.
    this.#windows();
    if (this.#scan === undefined) {
      for (const stage of stages) {
        if (!stage.waitsForScan) this.#enqueue(stage);
        else if (this.#isOpen(stage)) this.#board.line(stage.name).state = 'waiting';
      }
      this.#board.tell();
      await this.#scanEnd();
    }
    const grew = this.#joinScan();
    for (const stage of stages) this.#enqueue(stage);
    await this.#idle();
    if (this.#scan?.facts === undefined) return;
    for (const stage of stages) {
      const record = this.#store.record(stage.name);
      if (record.state !== 'done' || record.joined) continue;
      if (grew) this.#enqueue(stage, true);
      else this.#store.mark(stage.name, { ...record, joined: true });
    }
    await this.#idle();
  }

  /** It is to be run: not done, or done without its files, or without the scan that it shows. */
  #isOpen(stage: Stage): boolean {
    const { state, joined } = this.#store.record(stage.name);
    return state !== 'done' || !allPresent(this.options.folder, stageFiles(stage)) || (stage.waitsForScan && !joined);
  }

  #enqueue(stage: Stage, again = false): void {
    if (!again && (this.#queued.has(stage.name) || !this.#isOpen(stage))) return;
    this.#queued.add(stage.name);
    this.#board.line(stage.name).state = 'pending';
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
    if (this.#scan?.facts === undefined) return false;
    const windows = this.#windows();
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
    if (this.#abort.signal.aborted) return;
    const line = this.#board.begin(stage.name);
    const begun = performance.now();
    try {
      const windows = this.#windows();
      const files = await this.#drive(runStage(stage, windows, {
        store: this.#store,
        folder: this.options.folder,
        prefix: this.#jsonPrefix(),
        joined: windows.scan !== undefined,
        step: (done, total) => { line.percent = total === 0 ? 100 : Math.min(99, (100 * done) / total); },
        note: (text) => { line.notes.push(text); },
        noticed: () => {
          const noticed = this.#anomalies.list.slice(this.#kept);
          this.#kept = this.#anomalies.list.length;
          return noticed;
        },
        wrote: (rows) => {
          line.rows = rows;
          line.rate = rows / Math.max(0.05, (performance.now() - begun) / 1000);
        },
      }));
      this.#ended(line, files);
      const copy = this.#snapshots.offer();
      if (copy !== undefined) this.#publish('database.sqlite', copy);
    } catch (error) {
      const record = this.#failed(line, error);
      if (record !== undefined) this.#store.clear(stage, { ...record, rows: 0, joined: false });
    }
  }

  async #runClosing(closing: Closing): Promise<void> {
    if (this.#abort.signal.aborted) return;
    const line = this.#board.begin(closing.name);
    try {
      const outputs = await this.#drive(closing.write());
      for (const output of outputs) output.commit();
      this.#store.mark(closing.name, { state: 'done', joined: true });
      this.#ended(line, closing.files);
    } catch (error) {
      const record = this.#failed(line, error);
      if (record !== undefined) this.#store.mark(closing.name, record);
    }
  }

  #drive<T>(work: Generator<undefined, T>): Promise<T> {
    return inSlices(work, {
      budget: this.options.budget ?? BUDGET,
      between: async () => {
        this.#board.tellNowAndThen();
        if (this.#gate !== undefined) await this.#gate;
        this.#throwIfStopped();
      },
    });
  }

  #ended(line: Line, files: readonly string[]): void {
    Object.assign(line, { state: 'done', percent: 100, rate: 0 } satisfies Partial<Line>);
    this.#publishAll(files);
    this.#board.tell();
  }

  /** A stage that did not come to its end. @returns what the store keeps of it; undefined when it was stopped, and will be run again */
  #failed(line: Line, error: unknown): { readonly state: 'cut' | 'failed'; readonly failure: string } | undefined {
    Object.assign(line, { rate: 0, rows: 0, state: 'pending' } satisfies Partial<Line>);
    if (error instanceof Stopped) return undefined;
    const record = { state: error instanceof Overrun ? 'cut' : 'failed', failure: sentence(error) } as const;
    Object.assign(line, record);
    this.#board.tell();
    return record;
  }

  #windows(): Windows {
    return this.#model ??= this.options.windows(this.#anomalies);
  }

  #jsonPrefix(): JsonPrefix {
    return this.#prefix ??= { ver: this.options.identity.version, sys: systemTag(this.#windows()) };
  }

  /** The stages with lines in general.json that are done, in the order of the list. */
  #generalStages(): readonly string[] {
    return this.options.stages.filter(({ name, json }) => json === 'general' && this.#store.record(name).state === 'done').map(({ name }) => name);
  }

  #publishAll(files: readonly string[]): void {
    for (const file of files) if (!file.startsWith('parts/')) this.#publish(file, file);
  }

  #publish(name: string, file: string): void {
    this.options.report({ kind: 'finished', name, path: join(this.options.folder, file) });
  }
}

/** An error as one line. */
function sentence(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}
