import { parentPort, workerData } from 'node:worker_threads';
import { loadYara } from '../native-bindings/yara.js';
import type { SearchReport, SearchRequest, SearchWorkerData } from './memory-search-protocol.js';
import { writeResults } from './memory-search-results.js';
import { runSearch } from './memory-search-run.js';
import { openTree, type TreeFacts } from './tree/root.js';

const { facts, watch } = workerData as SearchWorkerData<TreeFacts>;
const tree = openTree(facts, undefined, false);
const image = { windows: tree.opened.windows, physical: tree.opened.image.memory };
const clock = new Int32Array(watch);
const port = parentPort ?? undefined;
if (port === undefined) throw new Error('searches run in a worker');
const say = (report: SearchReport): void => port.postMessage(report);

const waiting: Extract<SearchRequest, { kind: 'search' }>[] = [];
const cancelled = new Set<number>();
let busy = false;

async function search({ id, order, folder }: Extract<SearchRequest, { kind: 'search' }>): Promise<void> {
  let part = 0;
  const write = (hits: Parameters<typeof writeResults>[3]) => writeResults(folder, `${id}-${++part}`, order, hits);
  let last = { scanned: 0, total: 0, at: 0n, hits: 0, milliseconds: 0, searching: 0 };
  const { hits, progress, complete, remark } = await runSearch(image, order, {
    cancelled: () => cancelled.has(id),
    progress: (now) => {
      last = now;
      say({ kind: 'progress', id, progress: now, files: undefined });
    },
    found: (soFar) => say({ kind: 'progress', id, progress: { ...last, hits: soFar.length }, files: write(soFar) }),
    watch: (on) => { Atomics.store(clock, 0, on ? Math.floor(Date.now() / 1000) : 0); },
  });
  say({ kind: 'ended', id, progress, files: write(hits), complete, remark });
}

async function proceed(): Promise<void> {
  if (busy) return;
  busy = true;
  for (let request = waiting.shift(); request !== undefined; request = waiting.shift()) {
    const { id } = request;
    try {
      if (!cancelled.has(id)) await search(request);
    } catch (error) {
      // Whatever it was, who asked reads it in status.txt.
      say({ kind: 'failed', id, sentence: error instanceof Error ? error.message : String(error) });
    }
    cancelled.delete(id);
  }
  busy = false;
}

port.on('message', (request: SearchRequest) => {
  switch (request.kind) {
    case 'join':
      tree.join(request.facts);
      break;
    case 'cancel':
      cancelled.add(request.id);
      break;
    case 'check': {
      const yara = loadYara();
      say({ kind: 'checked', id: request.id, sentence: typeof yara === 'string' ? yara : yara.problem(request.rules) });
      break;
    }
    case 'search':
      waiting.push(request);
      void proceed();
  }
});
