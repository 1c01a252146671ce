import { closeSync, existsSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

const CHUNK = 1 << 18;
const PART = '.part';

/** A file that is written beside its place and appears there whole. Nobody sees it before `commit`. */
export class OutputFile {
  readonly path: string;
  #fd: number;
  #pending = '';
  #open = true;

  /** @param name path below `folder`, of our own making: `csv/process.csv` */
  constructor(folder: string, readonly name: string) {
    this.path = join(folder, name);
    mkdirSync(dirname(this.path), { recursive: true });
    this.#fd = openSync(this.path + PART, 'w', 0o600);
  }

  write(text: string): void {
    this.#pending += text;
    if (this.#pending.length >= CHUNK) this.flush();
  }

  writeBytes(bytes: Uint8Array): void {
    this.flush();
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
  }

  /** All that was written is in the file that is not yet in its place. */
  flush(): void {
    if (this.#pending === '') return;
    const bytes = Buffer.from(this.#pending, 'utf8');
    this.#pending = '';
    this.writeBytes(bytes);
  }

  /** Closes it and puts it in its place. */
  commit(): void {
    if (!this.#open) return;
    this.flush();
    this.#open = false;
    closeSync(this.#fd);
    renameSync(this.path + PART, this.path);
  }

  /** Closes it and throws away what was written. After `commit` this does nothing. */
  discard(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
    rmSync(this.path + PART, { force: true });
  }
}

/** Whether all of these files are in their places below `folder`. */
export function allPresent(folder: string, names: readonly string[]): boolean {
  return names.every((name) => existsSync(join(folder, name)));
}

/** Removes what a killed pass left unfinished. */
export function removeUnfinished(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) removeUnfinished(path);
    else if (entry.name.endsWith(PART)) rmSync(path, { force: true });
  }
}
