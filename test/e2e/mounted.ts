import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { accessSync, constants as fsConstants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { lstat, open, readdir, readFile, readlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { View } from './cases.js';

const run = promisify(execFile);

/** Why nothing can be mounted here; undefined when it can. */
export function noMount(): string | undefined {
  try {
    accessSync('/dev/fuse', fsConstants.R_OK | fsConstants.W_OK);
  } catch {
    return '/dev/fuse cannot be opened here';
  }
  if (spawnSync('getfattr', ['--version']).error !== undefined) return 'getfattr is not installed here (Debian: attr)';
  return spawnSync('fusermount', ['--version']).error === undefined ? undefined : 'fusermount is not installed here (Debian: fuse3)';
}

/** The view of a mounted tree through the kernel. */
export function mountedView(root: string): View {
  const kind = (its: { isDirectory(): boolean; isSymbolicLink(): boolean }): 'directory' | 'file' | 'link' =>
    (its.isDirectory() ? 'directory' : its.isSymbolicLink() ? 'link' : 'file');
  const getfattr = async (options: string[]): Promise<string> => {
    try {
      return (await run('getfattr', ['--absolute-names', ...options])).stdout;
    } catch (error) {
      throw Object.assign(new Error('getfattr failed'), { code: String(error).includes('No such attribute') ? 'ENODATA' : 'other' });
    }
  };
  return {
    list: (path) => readdir(root + path),
    read: (path) => readFile(root + path),
    async readAt(path, offset, length) {
      const file = await open(root + path, 'r');
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
      await file.close();
      return buffer.subarray(0, bytesRead);
    },
    async stat(path) {
      const its = await lstat(root + path);
      return { size: its.size, mtimeMs: its.mtimeMs, ino: its.ino, kind: kind(its) };
    },
    readlink: (path) => readlink(root + path),
    xattr: (path, name) => getfattr(['--only-values', '-n', name, root + path]),
    xattrNames: async (path) => (await getfattr([root + path])).split('\n').filter((line) => line.startsWith('user.')),
    async openForWriting(path) {
      await (await open(root + path, 'r+')).close();
    },
    write: (path, data, how = 'replace') => writeFile(root + path, data, { flag: how === 'append' ? 'a' : how === 'replace' ? 'w' : 'r+' }),
    truncate: (path, size) => truncate(root + path, size),
    touch: (path) => utimes(root + path, 1, 1),
    mode: async (path) => (await lstat(root + path)).mode & 0o777,
  };
}

/** A mount of the fixture tree in a child process. */
export class FixtureMount {
  readonly folder = mkdtempSync(join(tmpdir(), 'memlens-e2e-'));
  readonly mountPoint = join(this.folder, 'mnt');
  readonly host = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));
  process: ChildProcess | undefined;
  stderr = '';

  constructor(private readonly driver: string, readonly many: number, readonly memory: number) {
    mkdirSync(this.mountPoint);
    writeFileSync(join(this.folder, 'host.bin'), this.host);
  }

  async start(): Promise<void> {
    const script = fileURLToPath(new URL('./fixture-mount.js', import.meta.url));
    const child = spawn(process.execPath, [
      script, this.driver, this.mountPoint, join(this.folder, 'work'), join(this.folder, 'host.bin'), String(this.many), String(this.memory),
    ], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.process = child;
    child.stderr.on('data', (bytes: Buffer) => { this.stderr += bytes.toString(); });
    const mounted = once(child.stdout, 'data');
    const ended = once(child, 'exit').then(() => { throw new Error(`the mount did not start: ${this.stderr}`); });
    ended.catch(() => undefined);
    await Promise.race([mounted, ended]);
  }

  /** Sends a signal and waits for the end. @returns the exit code, undefined when it was the signal that ended it */
  async stop(signal: NodeJS.Signals): Promise<number | undefined> {
    const child = this.process;
    if (child === undefined || typeof child.exitCode === 'number') return child?.exitCode ?? undefined;
    const ended = once(child, 'exit') as Promise<[number | undefined]>;
    child.kill(signal);
    return (await ended)[0] ?? undefined;
  }

  isMounted(): boolean {
    return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${this.mountPoint} `);
  }

  async until(condition: () => boolean): Promise<void> {
    for (let i = 0; i < 200 && !condition(); i += 1) await new Promise((resolve) => { setTimeout(resolve, 25); });
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    if (this.isMounted()) spawnSync('umount', ['-l', this.mountPoint]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
