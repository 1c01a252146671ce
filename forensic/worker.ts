import { mkdirSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { openImage } from '../src/image/image.js';
import type { KernelFacts } from '../src/windows/kernel.js';
import { openWindows } from '../src/windows/open.js';
import type { ScanFacts } from '../src/windows/pool.js';
import type { Windows } from '../src/windows/windows.js';
import { Pass } from './pass.js';
import type { PassMessage } from './progress.js';
import { STAGES } from './stages.js';
import type { Identity } from './store.js';

/** What the worker is started with. Plain facts. */
export interface ForensicTask {
  /** The image file. */
  readonly path: string;
  readonly kernel: KernelFacts | undefined;
  /** Our own folder for this image. */
  readonly folder: string;
  readonly identity: Identity;
  /** Milliseconds a stage may take; undefined: the pass's own. */
  readonly budget: number | undefined;
}

/** What the worker is told. */
export type ForensicOrder =
  | { readonly kind: 'join'; readonly facts: ScanFacts | undefined }
  | { readonly kind: 'pause' | 'resume' | 'abort' };

async function main(): Promise<void> {
  const port = parentPort ?? undefined;
  if (port === undefined) throw new Error('the forensic pass runs in a worker');
  const task = workerData as ForensicTask;
  mkdirSync(task.folder, { recursive: true, mode: 0o700 });
  const pass = new Pass({
    folder: task.folder,
    identity: task.identity,
    stages: STAGES,
    windows: () => openModel(task),
    report: (message: PassMessage) => port.postMessage(message),
    ...(task.budget === undefined ? {} : { budget: task.budget }),
  });
  port.on('message', (order: ForensicOrder) => {
    if (order.kind === 'join') pass.join(order.facts);
    else pass[order.kind]();
  });
  await pass.run();
  port.close();
}

function openModel({ path, kernel }: ForensicTask): Windows {
  const { windows } = openWindows(openImage(path), kernel);
  if (windows === undefined) throw new Error(`no Windows was recognised in ${path}; diagnose.txt says why`);
  return windows;
}

await main();
