import { closeSync, openSync, readSync } from 'node:fs';
import { startPoolScan } from '../../mount/scan-client.js';
import { openImage } from '../../src/image/image.js';
import { openWindows } from '../../src/windows/open.js';
import { scanPool } from '../../src/windows/pool-scan.js';

/** The pool scan's rate against plain 1 MiB reads of the same file in the same run. Usage: `scan.js IMAGE [ROUNDS]`. */
const [path, rounds = '5'] = process.argv.slice(2);
if (path === undefined) throw new Error('give the path of an image');

function plainRead(file: string): number {
  const fd = openSync(file, 'r');
  const buffer = Buffer.allocUnsafeSlow(1 << 20);
  let total = 0;
  for (;;) {
    const got = readSync(fd, buffer, 0, buffer.length, total);
    if (got === 0) break;
    total += got;
  }
  closeSync(fd);
  return total;
}

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const image = openImage(path);
const { windows, facts } = openWindows(image);
if (windows === undefined || facts === undefined) throw new Error(`no Windows was recognised in ${path}`);
const size = image.memory.size;
const ways: readonly (readonly [name: string, work: () => unknown])[] = [
  ['plain read, 1 MiB blocks', () => plainRead(path)],
  ['scan, this thread', () => scanPool(windows.kernel, { start: 0, end: size })],
  ['scan, one worker (with its start)', () => startPoolScan(path, facts, size, { workers: 1 }).result],
  ['scan, two workers (with their start)', () => startPoolScan(path, facts, size, { workers: 2 }).result],
];
const times = ways.map((): number[] => []);
for (let round = 0; round < Number(rounds); round += 1) {
  for (const [i, [, work]] of ways.entries()) times[i]?.push(await timed(work));
}
const best = times.map((all) => Math.min(...all));
const median = times.map((all) => all.sort((a, b) => a - b)[all.length >> 1] ?? Infinity);
for (const [i, [name]] of ways.entries()) {
  const of = (values: readonly number[]): number => values[i] ?? Infinity;
  console.log(`${name.padEnd(38)} best ${of(best).toFixed(0).padStart(6)} ms  ${(size / 1e6 / of(best)).toFixed(2).padStart(6)} GB/s`
    + `  ratio to plain: best ${((best[0] ?? 0) / of(best)).toFixed(2)}  median ${((median[0] ?? 0) / of(median)).toFixed(2)}`);
}
image.memory.close();
