import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../mount/main.js', import.meta.url));
const PATIENCE_MS = 120_000;

/** An image mounted by the command line in a process of its own. */
export interface Mounted {
  readonly folder: string;
  readonly pid: number;
  /** From the command's start, in ms, to a complete `ls name` and `cat sys/proc/proc.txt`. */
  readonly listedMs: number;
  /** Waits for the forensic pass; ms from the command's start. */
  passed(): Promise<number>;
  /** Its most resident memory, MiB. */
  peakMiB(): number;
  unmount(): Promise<void>;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Asks until there is an answer. @throws Error after two minutes, or when the process has ended */
async function until<T>(child: ChildProcess, said: () => string, everyMs: number, ask: () => Promise<T | undefined>): Promise<T> {
  for (const start = performance.now(); performance.now() - start < PATIENCE_MS; await pause(everyMs)) {
    if (typeof child.exitCode === 'number') throw new Error(`memlens mount ended with code ${child.exitCode}: ${said()}`);
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
  throw new Error('memlens did not answer in two minutes');
}

/** Mounts `image` under the temporary folder with a work folder of its own, which `unmount` takes away. */
export async function mounted(image: string, driver: string, forensic: 'on' | 'off'): Promise<Mounted> {
  const base = mkdtempSync(join(tmpdir(), 'memlens-bench-'));
  const folder = join(base, 'mount');
  mkdirSync(folder);
  const start = performance.now();
  const child = spawn(process.execPath, [MAIN, 'mount', image, folder, `--forensic=${forensic}`, '--driver', driver, '--work', join(base, 'work')],
    { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => { said += text; });
  const ended = new Promise<void>((resolve) => { child.once('exit', () => resolve()); });
  await until(child, () => said, 2, async () => {
    const names = await readdir(folder);
    return names.length > 0 ? names : undefined;
  });
  await readdir(join(folder, 'name'));
  await readFile(join(folder, 'sys/proc/proc.txt'));
  const listedMs = performance.now() - start;
  return {
    folder,
    pid: child.pid ?? 0,
    listedMs,
    async passed() {
      await until(child, () => said, 20, async () => {
        const percent = await readFile(join(folder, 'forensic/progress_percent.txt'), 'utf8');
        return Number.parseInt(percent, 10) >= 100 ? true : undefined;
      });
      return performance.now() - start;
    },
    peakMiB() {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
    },
    async unmount() {
      child.kill('SIGTERM');
      await ended;
      rmSync(base, { recursive: true, force: true });
    },
  };
}
