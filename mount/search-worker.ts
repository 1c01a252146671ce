import { parentPort, workerData } from 'node:worker_threads';
import { openImage } from '../src/image/image.js';
import type { Diagnosis } from '../src/windows/diagnosis.js';
import type { KernelFacts } from '../src/windows/kernel.js';
import { openWindows } from '../src/windows/open.js';
import type { TreeFacts } from './tree/root.js';

/** What a search found, as plain facts; undefined kernel: no Windows, and the diagnosis says why. */
export interface Searched {
  readonly kernel: KernelFacts | undefined;
  readonly diagnosis: Diagnosis;
}

/** What the search worker says: 0 to 100 while it looks through the image, and at the end what it found. */
export type SearchMessage = { readonly kind: 'progress'; readonly percent: number } | { readonly kind: 'done'; readonly found: Searched };

const { path, overrides, pageFiles, symbolFolders, symbolCache } = workerData as TreeFacts;
const say = (message: SearchMessage): void => parentPort?.postMessage(message);
const image = openImage(path);
const { facts: kernel, diagnosis } = openWindows(image, {
  overrides, pageFiles, symbolFolders, symbolCache, onProgress: (percent) => say({ kind: 'progress', percent }),
});
image.memory.close();
say({ kind: 'done', found: { kernel, diagnosis } });
