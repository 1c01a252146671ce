import { Worker } from 'node:worker_threads';
import type { FileKind } from '../native-bindings/fuse.js';
import type { ScanFacts } from '../src/windows/pool.js';

/** A slow file, rendered: its bytes, or the spool file that holds them. */
export interface RenderedFile {
  readonly size: number;
  readonly digest: string;
  readonly bytes: Uint8Array | undefined;
  readonly file: string | undefined;
}

export type Listed = readonly (readonly [name: string, kind: FileKind])[];

/** What the main thread asks of the render worker. Paths are absolute in the tree. */
export type RenderQuestion =
  | { readonly kind: 'render'; readonly id: number; readonly path: string; readonly spool: string }
  | { readonly kind: 'list'; readonly id: number; readonly path: string }
  | { readonly kind: 'xattrs'; readonly id: number; readonly path: string };

export type RenderRequest = RenderQuestion | { readonly kind: 'join'; readonly facts: ScanFacts };

export type RenderAnswer =
  | { readonly id: number; readonly rendered: RenderedFile }
  | { readonly id: number; readonly listed: Listed }
  | { readonly id: number; readonly xattrs: Readonly<Record<string, string>> }
  | { readonly id: number; readonly absent: true }
  | { readonly id: number; readonly failure: string };

/** A render may take this long; then the worker is ended, and the request fails. */
const PATIENCE_MS = 120_000;

interface Job {
  readonly request: RenderQuestion;
  readonly resolve: (answer: RenderAnswer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The render worker, seen from the main thread. It is started at the first need, gets one request at a time, and is started
 * again after it died: the request it died of fails, those that wait go on.
 */
export class Renderer {
  readonly #queue: Job[] = [];
  #worker: Worker | undefined;
  #current: Job | undefined;
  #timer: NodeJS.Timeout | undefined;
  #facts: ScanFacts | undefined;
  #next = 1;
  #closed = false;

  /**
   * @param script the worker's module
   * @param data what it opens its tree from; plain facts
   */
  constructor(private readonly script: URL, private readonly data: unknown) {}

  /** Undefined when the path is no file there. */
  async render(path: string, spool: string): Promise<RenderedFile | undefined> {
    const answer = await this.#ask({ kind: 'render', id: this.#next++, path, spool });
    return 'rendered' in answer ? answer.rendered : undefined;
  }

  /** Undefined when the path is no directory there. */
  async list(path: string): Promise<Listed | undefined> {
    const answer = await this.#ask({ kind: 'list', id: this.#next++, path });
    return 'listed' in answer ? answer.listed : undefined;
  }

  /** The extended attributes that take long; undefined when nothing is there. */
  async xattrs(path: string): Promise<Readonly<Record<string, string>> | undefined> {
    const answer = await this.#ask({ kind: 'xattrs', id: this.#next++, path });
    return 'xattrs' in answer ? answer.xattrs : undefined;
  }

  /** Tells the worker's model what the pool scan found; also a worker that is started later. */
  join(facts: ScanFacts): void {
    this.#facts = facts;
    this.#worker?.postMessage({ kind: 'join', facts } satisfies RenderRequest);
  }

  /** Starts the worker ahead of the first need. */
  warm(): void {
    if (!this.#closed) this.#start();
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#fail(new Error('the mount is closing'));
    for (const job of this.#queue.splice(0)) job.reject(new Error('the mount is closing'));
    await worker?.terminate();
  }

  #ask(request: RenderQuestion): Promise<RenderAnswer> {
    if (this.#closed) return Promise.reject(new Error('the mount is closing'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject });
      this.#proceed();
    });
  }

  #proceed(): void {
    if (this.#current !== undefined) return;
    const job = this.#queue.shift();
    if (job === undefined) return;
    this.#current = job;
    const worker = this.#start();
    this.#timer = setTimeout(() => {
      this.#fail(new Error(`rendering took more than ${PATIENCE_MS / 1000} s`));
      void worker.terminate();
      this.#proceed();
    }, PATIENCE_MS);
    worker.ref();
    worker.postMessage(job.request);
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(this.script, { workerData: this.data });
    this.#worker = worker;
    const died = (error: Error): void => {
      if (this.#worker !== worker) return;
      this.#fail(error);
      this.#proceed();
    };
    worker.on('message', (answer: RenderAnswer) => {
      if (this.#worker === worker) this.#settle(answer);
    });
    worker.on('error', died);
    worker.on('exit', (code) => died(new Error(`the render worker ended with code ${code}`)));
    worker.unref();
    if (this.#facts !== undefined) worker.postMessage({ kind: 'join', facts: this.#facts } satisfies RenderRequest);
    return worker;
  }

  #settle(answer: RenderAnswer): void {
    const job = this.#current;
    if (job === undefined || job.request.id !== answer.id) return;
    clearTimeout(this.#timer);
    this.#current = undefined;
    this.#worker?.unref();
    if ('failure' in answer) job.reject(new Error(answer.failure));
    else job.resolve(answer);
    this.#proceed();
  }

  /** The worker is gone, or given up. */
  #fail(error: Error): void {
    this.#worker = undefined;
    clearTimeout(this.#timer);
    const job = this.#current;
    this.#current = undefined;
    job?.reject(error);
  }
}
