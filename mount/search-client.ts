import { Worker } from 'node:worker_threads';
import type { Searched, SearchMessage } from './search-worker.js';
import type { TreeFacts } from './tree/root.js';

/**
 * Looks through all of an image for a kernel, in a worker: minutes on a large image without one, in which this thread goes on.
 * @param onProgress told 0 to 100
 */
export function searchImage(facts: TreeFacts, onProgress: (percent: number) => void): Promise<Searched> {
  const worker = new Worker(new URL('./search-worker.js', import.meta.url), { workerData: facts });
  return new Promise((resolve, reject) => {
    worker.on('message', (message: SearchMessage) => {
      if (message.kind === 'progress') onProgress(message.percent);
      else resolve(message.found);
    });
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`the search of ${facts.path} ended early (${code})`)));
  });
}
