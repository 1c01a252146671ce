import { mkdirSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { SqliteFailure } from '../native-bindings/sqlite.js';
import type { Anomalies, Anomaly } from '../src/bytes/anomaly.js';
import { openImage } from '../src/image/image.js';
import type { KernelFacts } from '../src/windows/kernel.js';
import { openWindows } from '../src/windows/open.js';
import type { PageFileOption } from '../src/windows/options.js';
import type { ScanFacts } from '../src/windows/pool.js';
import type { Windows } from '../src/windows/windows.js';
import { Pass } from './pass.js';
import type { PassMessage } from './progress.js';
import { STAGES } from './stages.js';
import type { Identity } from './store.js';

/** The detectors ask all processes one after another: on all but large machines each is read once. */
const REMEMBERED = 256;

/** What the worker is started with. Plain facts. */
export interface ForensicTask {
  /** The image file. */
  readonly path: string;
  readonly kernel: KernelFacts | undefined;
  /** Page files that belong to the image. */
  readonly pageFiles: readonly PageFileOption[] | undefined;
  /** Our own folder for this image. */
  readonly folder: string;
  /** The folder to take while another process has that one; the starter removes it. */
  readonly beside: string;
  readonly identity: Identity;
  /** Milliseconds a stage may take; undefined: the pass's own. */
  readonly budget: number | undefined;
}

/** What the worker is told. */
export type ForensicOrder =
  | { readonly kind: 'join'; readonly facts: ScanFacts | undefined; readonly anomalies: readonly Anomaly[] }
  | { readonly kind: 'pause' | 'resume' | 'abort' };

async function main(): Promise<void> {
  const port = parentPort ?? undefined;
  if (port === undefined) throw new Error('the forensic pass runs in a worker');
  const task = workerData as ForensicTask;
  const pass = openPass(task, (message) => port.postMessage(message));
  port.on('message', (order: ForensicOrder) => {
    if (order.kind === 'join') pass.join(order.facts, order.anomalies);
    else pass[order.kind]();
  });
  await pass.run();
  port.close();
}

/** The pass in the image's folder; in a folder of its own while another pass works there. */
function openPass(task: ForensicTask, report: (message: PassMessage) => void): Pass {
  const inFolder = (folder: string): Pass => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { identity, budget } = task;
    return new Pass({ folder, identity, stages: STAGES, windows: (anomalies) => openModel(task, anomalies), report, ...(budget === undefined ? {} : { budget }) });
  };
  try {
    return inFolder(task.folder);
  } catch (error) {
    if (!(error instanceof SqliteFailure && error.busy)) throw error;
    return inFolder(task.beside);
  }
}

function openModel({ path, kernel, pageFiles }: ForensicTask, anomalies: Anomalies): Windows {
  const { windows } = openWindows(openImage(path), { known: kernel, pageFiles, anomalies, remembered: REMEMBERED });
  if (windows === undefined) throw new Error(`no Windows was recognised in ${path}; diagnose.txt says why`);
  return windows;
}

await main();
