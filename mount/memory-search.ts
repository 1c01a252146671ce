import { rm } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import type { ScanFacts } from '../src/windows/pool.js';
import type { ResultFiles, SearchOrder, SearchProgress, SearchQuestion, SearchReport, SearchRequest, SearchScope, SearchWorkerData } from './memory-search-protocol.js';
import type { SearchKind } from './memory-search-results.js';
import type { ScopeSearch, SearchService, SearchSettings, SearchState } from './search-service.js';

/** A worker with nothing to do is ended after this. */
const IDLE_MS = 30_000;
/** An expression may work on one piece of memory for so long. */
const PATIENCE_S = 5;
const WATCH_MS = 500;
/** Scopes that are remembered, and bytes of results kept for them; the oldest go first. */
const KEPT = 1024;
const KEPT_BYTES = 512 * 2 ** 20;

const NOTHING: SearchProgress = { scanned: 0, total: 0, at: 0n, hits: 0, milliseconds: 0, searching: 0 };

const unset = (): SearchSettings => ({ min: undefined, max: undefined, align: 1, skip: new Uint8Array(0) });

/** What the service does for one scope's searches. */
interface Conductor {
  enqueue(search: KeptSearch): void;
  abandon(search: KeptSearch): void;
  drop(files: ResultFiles): void;
}

class KeptSearch implements ScopeSearch {
  settings = unset();
  query = '';
  state: SearchState = 'NOT_STARTED';
  progress = NOTHING;
  remark: string | undefined;
  files: ResultFiles | undefined;
  order: SearchOrder | undefined;
  /** Given out anew for each start. */
  id = 0;
  /** Who has looked them up opens them a moment later. */
  #before: ResultFiles | undefined;

  constructor(private readonly scope: SearchScope, private readonly conductor: Conductor) {}

  start(query: string, question: SearchQuestion, limits: { readonly min: bigint; readonly max: bigint }): void {
    this.#clear();
    this.query = query;
    this.order = { scope: this.scope, question, min: this.settings.min ?? limits.min, max: this.settings.max ?? limits.max };
    this.state = 'WAITING';
    this.conductor.enqueue(this);
  }

  reset(): void {
    const ran = this.state === 'RUNNING' || this.state === 'WAITING';
    this.#clear();
    this.settings = unset();
    this.query = '';
    if (ran) this.state = 'CANCELLED';
  }

  found(files: ResultFiles): void {
    if (this.#before !== undefined) this.conductor.drop(this.#before);
    this.#before = this.files;
    this.files = files;
  }

  /** What was found takes too much room. */
  forget(): void {
    for (const files of [this.#before, this.files]) if (files !== undefined) this.conductor.drop(files);
    this.#before = undefined;
    this.files = undefined;
  }

  #clear(): void {
    this.conductor.abandon(this);
    this.forget();
    this.state = 'NOT_STARTED';
    this.progress = NOTHING;
    this.remark = undefined;
    this.order = undefined;
  }
}

/** @param facts what the worker opens the image from; asked when it is first needed */
export class MemorySearch<F> implements SearchService {
  readonly #searches = new Map<string, KeptSearch>();
  readonly #queue: KeptSearch[] = [];
  readonly #checks = new Map<number, (sentence: string | undefined) => void>();
  readonly #watch = new SharedArrayBuffer(4);
  readonly #clock = new Int32Array(this.#watch);
  readonly #conductor: Conductor;
  #worker: Worker | undefined;
  /** What the worker is at, and under which id it was given it: it may have been asked for something else since. */
  #running: { readonly search: KeptSearch; readonly id: number } | undefined;
  #scan: ScanFacts | undefined;
  #next = 1;
  #idle: NodeJS.Timeout | undefined;
  #watcher: NodeJS.Timeout | undefined;
  #closed = false;
  readonly #patience: number;

  /**
   * @param script the worker's module
   * @param folder where results go; removed at the end
   * @param patience seconds that an expression may take on one piece of memory
   */
  constructor(private readonly script: URL, private readonly folder: string, private readonly facts: () => F, { patience = PATIENCE_S } = {}) {
    this.#patience = patience;
    this.#conductor = {
      enqueue: (search) => {
        search.id = this.#next++;
        this.#queue.push(search);
        this.#proceed();
      },
      abandon: (search) => this.#abandon(search),
      drop: ({ txt, csv, jsonl, verbose }) => {
        for (const path of [txt, csv, jsonl, verbose]) if (path !== undefined) void rm(path, { force: true });
      },
    };
  }

  searches(scope: SearchScope, kind: SearchKind): ScopeSearch {
    const key = `${kind} ${scope.kind === 'process' ? scope.address : 'physical'}`;
    const search = this.#searches.get(key) ?? new KeptSearch(scope, this.#conductor);
    // The one that was used last goes last.
    this.#searches.delete(key);
    this.#searches.set(key, search);
    this.#bound(search);
    return search;
  }

  problemOf(rules: string): Promise<string | undefined> {
    const id = this.#next++;
    return new Promise((resolve) => {
      this.#checks.set(id, resolve);
      this.#ask({ kind: 'check', id, rules });
    });
  }

  /** What the pool scan found; also for a worker that is started later. */
  join(facts: ScanFacts): void {
    this.#scan = facts;
    this.#worker?.postMessage({ kind: 'join', facts } satisfies SearchRequest);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    clearInterval(this.#watcher);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
    await rm(this.folder, { recursive: true, force: true });
  }

  #proceed(): void {
    if (this.#running !== undefined || this.#closed) return;
    const search = this.#queue.shift();
    if (search?.order === undefined) return;
    this.#running = { search, id: search.id };
    search.state = 'RUNNING';
    this.#watcher ??= setInterval(() => this.#look(), WATCH_MS);
    this.#ask({ kind: 'search', id: search.id, order: search.order, folder: this.folder });
  }

  #abandon(search: KeptSearch): void {
    const at = this.#queue.indexOf(search);
    if (at >= 0) this.#queue.splice(at, 1);
    if (this.#running?.search !== search || this.#running.id !== search.id) return;
    // It goes on until it hears of it; what it says until then is nobody's.
    this.#worker?.postMessage({ kind: 'cancel', id: search.id } satisfies SearchRequest);
    search.id = -1;
  }

  #ask(request: SearchRequest): void {
    clearTimeout(this.#idle);
    const worker = this.#start();
    worker.ref();
    worker.postMessage(request);
    this.#rest();
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    Atomics.store(this.#clock, 0, 0);
    const worker = new Worker(this.script, { workerData: { facts: this.facts(), watch: this.#watch } satisfies SearchWorkerData<F> });
    this.#worker = worker;
    worker.on('message', (report: SearchReport) => {
      if (this.#worker === worker) this.#hear(report);
    });
    worker.on('error', (error) => this.#lost(worker, error.message));
    worker.on('exit', (code) => this.#lost(worker, `the search worker ended with code ${code}`));
    worker.unref();
    if (this.#scan !== undefined) worker.postMessage({ kind: 'join', facts: this.#scan } satisfies SearchRequest);
    return worker;
  }

  #hear(report: SearchReport): void {
    if (report.kind === 'checked') {
      this.#checks.get(report.id)?.(report.sentence);
      this.#checks.delete(report.id);
      this.#rest();
      return;
    }
    const its = this.#current();
    if (report.kind === 'progress') {
      if (its !== undefined) its.progress = report.progress;
      this.#keep(its, report.files);
      return;
    }
    if (report.kind === 'ended') {
      if (its !== undefined) {
        its.progress = report.progress;
        its.remark = report.remark;
        its.state = report.complete ? 'COMPLETED' : 'STOPPED';
      }
      this.#keep(its, report.files);
    } else if (its !== undefined) {
      its.state = 'FAILED';
      its.remark = report.sentence;
    }
    this.#finished();
  }

  /** The search that the worker is at, when it is still wanted. */
  #current(): KeptSearch | undefined {
    return this.#running !== undefined && this.#running.search.id === this.#running.id ? this.#running.search : undefined;
  }

  #finished(): void {
    this.#running = undefined;
    if (this.#queue.length === 0) {
      clearInterval(this.#watcher);
      this.#watcher = undefined;
    }
    this.#proceed();
    this.#rest();
  }

  /** Files of a search that nobody wants any more go at once. */
  #keep(search: KeptSearch | undefined, files: ResultFiles | undefined): void {
    if (files === undefined) return;
    if (search === undefined) this.#conductor.drop(files);
    else {
      search.found(files);
      this.#bound(search);
    }
  }

  #bound(used: KeptSearch): void {
    let bytes = 0;
    for (const { files } of this.#searches.values()) bytes += files?.size ?? 0;
    for (const [key, search] of this.#searches) {
      if (bytes <= KEPT_BYTES && this.#searches.size <= KEPT) return;
      if (search === used || search.state === 'RUNNING' || search.state === 'WAITING') continue;
      bytes -= search.files?.size ?? 0;
      search.forget();
      search.remark = 'What was found had to make room; search again.';
      if (this.#searches.size > KEPT) this.#searches.delete(key);
    }
  }

  /** Ends the worker when nothing is asked of it for a while. */
  #rest(): void {
    clearTimeout(this.#idle);
    if (this.#running !== undefined || this.#checks.size > 0 || this.#closed) return;
    this.#worker?.unref();
    this.#idle = setTimeout(() => {
      const worker = this.#worker;
      this.#worker = undefined;
      void worker?.terminate();
    }, IDLE_MS);
    this.#idle.unref();
  }

  /** An expression that goes through all ways to fail is ended with its worker; it hears nothing. */
  #look(): void {
    const since = Atomics.load(this.#clock, 0);
    if (since === 0 || Date.now() / 1000 - since <= this.#patience || this.#worker === undefined) return;
    const worker = this.#worker;
    const at = this.#running?.search.progress.at ?? 0n;
    this.#lost(worker, `The expression took more than ${this.#patience} s on one piece of memory (at or behind 0x${at.toString(16)}) and was ended; repeats inside of repeats, such as (a+)+, do that.`);
    void worker.terminate();
  }

  #lost(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const settle of this.#checks.values()) settle(`The rules could not be checked: ${why}.`);
    this.#checks.clear();
    const search = this.#current();
    if (search !== undefined) {
      search.state = 'FAILED';
      search.remark = why;
    }
    this.#finished();
  }
}
