import { readdirSync, rmSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** All spool files together; the oldest go first. */
const CAP = 4 * 2 ** 30;

/** Removes what processes that died left in the work folder. */
export function sweepSpools(work: string): void {
  let names: string[];
  try {
    names = readdirSync(work);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  for (const name of names) {
    const pid = /^spool-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(work, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The folder of this process under the work folder; the next mount removes it when we could not. */
export function spoolFolder(work: string): string {
  return join(work, `spool-${process.pid}`);
}

/** Rendered files that are too large to keep in memory, in a folder of this process under the work folder. */
export class Spool {
  readonly #folder: string;
  readonly #sizes = new Map<string, number>();
  #total = 0;
  #next = 1;
  #made = false;

  constructor(work: string) {
    this.#folder = spoolFolder(work);
  }

  /** A path for a new spool file. The folder need not exist yet. */
  path(): string {
    return join(this.#folder, String(this.#next++));
  }

  async write(bytes: Uint8Array): Promise<string> {
    const file = this.path();
    if (!this.#made) await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    this.#made = true;
    await writeFile(file, bytes, { mode: 0o600 });
    return file;
  }

  /** Counts a finished file; returns the files that have to go for it. */
  keep(file: string, size: number): string[] {
    this.#sizes.set(file, size);
    this.#total += size;
    const gone: string[] = [];
    for (const oldest of this.#sizes.keys()) {
      if (this.#total <= CAP || oldest === file) break;
      gone.push(oldest);
      this.drop(oldest);
    }
    return gone;
  }

  /** Removes a file; whoever has it open still reads it. */
  drop(file: string): void {
    const size = this.#sizes.get(file);
    if (size === undefined) return;
    this.#sizes.delete(file);
    this.#total -= size;
    void rm(file, { force: true });
  }

  /** Removes the folder. */
  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
