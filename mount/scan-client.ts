import { Worker } from 'node:worker_threads';
import type { Anomaly } from '../src/bytes/anomaly.js';
import type { KernelFacts } from '../src/windows/kernel.js';
import { mergeFacts, type ScanFacts } from '../src/windows/pool.js';
import type { ScanRange } from '../src/windows/pool-scan.js';
import type { ScanMessage, ScanTask } from './scan-worker.js';

/** What all scan workers found together. */
export interface ScanResult {
  readonly facts: ScanFacts;
  readonly anomalies: readonly Anomaly[];
}

export interface ScanOptions {
  /** Threads that share the image; 2 when not said. */
  readonly workers?: number;
  /** Told now and then: bytes scanned of all bytes. */
  readonly progress?: (scanned: number, total: number) => void;
}

/** A pool scan that runs beside this thread. */
export interface PoolScan {
  /** Ends when all workers have; rejects when one failed or the scan was stopped. */
  readonly result: Promise<ScanResult>;
  /** Ends the workers. */
  stop(): Promise<void>;
}

const MIB = 1 << 20;
/** A smaller part is not worth a thread's start. */
const LEAST_PART = 64 * MIB;

/** Ranges of whole MiB that cover [0, size), one a worker. */
export function scanRanges(size: number, workers: number): readonly ScanRange[] {
  const count = Math.max(1, Math.min(workers, Math.floor(size / LEAST_PART)));
  const part = Math.ceil(size / count / MIB) * MIB;
  return Array.from({ length: count }, (_, i) => ({ start: i * part, end: Math.min(size, (i + 1) * part) })).filter(({ start, end }) => end > start);
}

/**
 * Starts the pool scan of an image in workers, each over its part of physical memory.
 * @param size one past the highest physical address, in bytes
 */
export function startPoolScan(path: string, kernel: KernelFacts, size: number, options: ScanOptions = {}): PoolScan {
  const ranges = scanRanges(size, options.workers ?? 2);
  const scanned = ranges.map(() => 0);
  const parts = ranges.map((range, i) => scanPart({ path, kernel, range }, (bytes) => {
    scanned[i] = bytes;
    options.progress?.(scanned.reduce((sum, one) => sum + one, 0), size);
  }));
  const stop = async (): Promise<void> => {
    await Promise.all(parts.map(({ worker }) => worker.terminate()));
  };
  const result = Promise.all(parts.map(({ ended }) => ended)).then((results) => ({
    facts: mergeFacts(results.map(({ facts }) => facts)),
    anomalies: results.flatMap(({ anomalies }) => anomalies),
  }));
  // One failed part makes the whole useless: the others need not go on.
  result.catch(() => void stop());
  return { result, stop };
}

function scanPart(task: ScanTask, progress: (bytes: number) => void): { worker: Worker; ended: Promise<ScanResult> } {
  const worker = new Worker(new URL('./scan-worker.js', import.meta.url), { workerData: task });
  const ended = new Promise<ScanResult>((resolve, reject) => {
    worker.on('message', (message: ScanMessage) => {
      if (message.kind === 'progress') {
        progress(message.scanned);
        return;
      }
      progress(message.facts.scanned);
      resolve(message);
    });
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`the pool scan of ${task.path} ended early (${code})`)));
  });
  return { worker, ended };
}
