import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { PageFileOption } from '../src/windows/options.js';
import { EXIT, UserError } from './exit-codes.js';
import { workFolder } from './work-folder.js';

/** What the detached child tells its parent. */
export type DaemonMessage =
  | { readonly mounted: number }
  | { readonly sentence: string; readonly exitCode: number };

/**
 * Starts this program again, detached, with the same command line but for `--daemon`, and waits until it has mounted.
 * @returns the child's PID
 * @throws UserError the child's own sentence
 */
export async function startDaemon(image: string, work: string | undefined, pageFiles: readonly PageFileOption[] = []): Promise<number> {
  const folder = workFolder(image, work, pageFiles);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const logFile = join(folder, 'memlens.log');
  const log = openSync(logFile, 'w', 0o600);
  const child = spawn(process.execPath, process.argv.slice(1).filter((argument) => argument !== '--daemon'), {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    // glibc keeps an arena of freed memory a thread; two for all threads hold 80 MB less after a walk over the whole mount.
    env: { MALLOC_ARENA_MAX: '2', ...process.env },
  });
  closeSync(log);
  try {
    return await new Promise<number>((done, fail) => {
      child.once('message', (message: DaemonMessage) => {
        if ('mounted' in message) done(message.mounted);
        else fail(new UserError(message.sentence, message.exitCode as UserError['exitCode']));
      });
      child.once('error', fail);
      child.once('exit', () => fail(new UserError(`The daemon ended before it had mounted; ${logFile} says why.`, EXIT.unforeseen)));
    });
  } finally {
    child.removeAllListeners();
    if (child.connected) child.disconnect();
    child.unref();
  }
}
