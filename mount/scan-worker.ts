import { parentPort, workerData } from 'node:worker_threads';
import type { Anomaly } from '../src/bytes/anomaly.js';
import { openImage } from '../src/image/image.js';
import type { KernelFacts } from '../src/windows/kernel.js';
import { openWindows } from '../src/windows/open.js';
import { factsOf, type ScanFacts } from '../src/windows/pool.js';
import { scanPool, type ScanRange } from '../src/windows/pool-scan.js';

/** What a scan worker is started with. Plain facts. */
export interface ScanTask {
  /** The image file. */
  readonly path: string;
  readonly kernel: KernelFacts;
  readonly range: ScanRange;
}

/** What a scan worker says: how far it is, and at the end what it found. */
export type ScanMessage =
  | { readonly kind: 'progress'; readonly scanned: number }
  | { readonly kind: 'done'; readonly facts: ScanFacts; readonly anomalies: readonly Anomaly[] };

/** Bytes between two reports of progress. */
const REPORT = 64 << 20;

const { path, kernel, range } = workerData as ScanTask;
const say = (message: ScanMessage): void => parentPort?.postMessage(message);
const image = openImage(path);
const { windows, anomalies } = openWindows(image, { known: kernel });
let reported = 0;
const facts = windows === undefined ? factsOf(new Map(), 0) : scanPool(windows.kernel, range, (scanned) => {
  if (scanned - reported < REPORT) return;
  reported = scanned;
  say({ kind: 'progress', scanned });
});
image.memory.close();
say({ kind: 'done', facts, anomalies: anomalies.list.filter(({ where }) => where === 'pool scan') });
