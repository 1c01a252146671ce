import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { EXIT, UserError } from './exit-codes.js';

const run = promisify(execFile);
/** A mount that does not answer in this time is stuck. */
const PATIENCE_MS = 3000;

export interface MountEntry {
  readonly type: string;
  readonly source: string;
}

/** The last mount at a path in the text of /proc/self/mountinfo (proc(5)). */
function entryIn(mountinfo: string, path: string): MountEntry | undefined {
  let found: MountEntry | undefined;
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const at = before.split(' ')[4]?.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
    if (at === undefined || Buffer.from(at, 'latin1').toString('utf8') !== path) continue;
    const [type = '', source = ''] = after.split(' ');
    found = { type, source };
  }
  return found;
}

/** What is mounted at an absolute path; asks nothing of the mounted file system itself. */
export async function mountAt(path: string): Promise<MountEntry | undefined> {
  return entryIn(await readFile('/proc/self/mountinfo', 'latin1'), path);
}

/** The full path of a program on the PATH, or in the folders for administrators. */
export function programPath(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/bin', '/usr/sbin', '/sbin'];
  return folders.filter((folder) => folder !== '').map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether /dev/fuse can be opened; the sentence says what is wrong. */
export function fuseProblem(): string | undefined {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      return '/dev/fuse is missing: load the kernel module with `modprobe fuse`, or start the container with `--device /dev/fuse --cap-add SYS_ADMIN`; without FUSE use `memlens ls`, `cat`, `find` and `export`.';
    }
    return '/dev/fuse may not be opened by you: run as root, or let the administrator `chmod 666 /dev/fuse`.';
  }
  if (process.getuid?.() !== 0 && programPath('fusermount') === undefined) {
    return 'fusermount is missing, which a mount by an ordinary user needs: install Debian\'s `fuse3`.';
  }
  return undefined;
}

/** Users other than root may let others look in only with this line in /etc/fuse.conf. */
export function userAllowOther(): boolean {
  try {
    return /^\s*user_allow_other\s*$/m.test(readFileSync('/etc/fuse.conf', 'utf8'));
  } catch {
    return false;
  }
}

/** Takes a mount away, lazily: files that are open keep their handles. @returns the complaint when it did not go */
export async function unmount(path: string): Promise<string | undefined> {
  const ways: [string, string[]][] = [
    ['fusermount3', ['-u', '-z', path]], ['fusermount', ['-u', '-z', path]], ['umount', ['-l', path]],
  ];
  let complaint = 'no fusermount and no umount was found';
  for (const [name, options] of ways) {
    const program = programPath(name);
    if (program === undefined) continue;
    try {
      await run(program, options);
      return undefined;
    } catch (error) {
      complaint = ((error as { stderr?: string }).stderr ?? '').trim().split('\n').at(-1) ?? String(error);
    }
    if (await mountAt(path) === undefined) return undefined;
  }
  return complaint;
}

async function answers(path: string): Promise<'yes' | 'dead' | 'stuck'> {
  const timeout = new Promise<'stuck'>((resolve) => { setTimeout(resolve, PATIENCE_MS, 'stuck').unref(); });
  const asked = stat(path).then(() => 'yes' as const, (error: NodeJS.ErrnoException) =>
    (error.code === 'ENOTCONN' || error.code === 'ECONNABORTED' || error.code === 'EIO' ? 'dead' as const : 'yes' as const));
  return Promise.race([asked, timeout]);
}

/**
 * Makes sure that a folder can be mounted on: it exists, is a directory, is empty. A dead mount of an earlier process is taken away.
 * @param path absolute
 * @throws UserError a sentence that says what to do
 */
export async function prepareMountPoint(path: string): Promise<void> {
  const fail = (sentence: string): never => { throw new UserError(sentence, EXIT.folder); };
  const mounted = await mountAt(path);
  if (mounted !== undefined && mounted.type.startsWith('fuse')) {
    switch (await answers(path)) {
      case 'yes':
        return fail(`${path} already has something mounted on it (${mounted.source}); take it away with \`memlens umount ${path}\` or choose another folder.`);
      case 'stuck':
        return fail(`The file system mounted on ${path} does not answer; take it away with \`memlens umount ${path}\`.`);
      case 'dead': {
        const complaint = await unmount(path);
        if (complaint !== undefined) return fail(`${path} has a dead mount that cannot be taken away (${complaint}); run \`umount -l ${path}\` as root.`);
      }
    }
  }
  let names: string[];
  try {
    names = await readdir(path);
  } catch (error) {
    switch ((error as NodeJS.ErrnoException).code) {
      case 'ENOENT': return fail(`The mount point ${path} does not exist; create it with \`mkdir ${path}\`.`);
      case 'ENOTDIR': return fail(`The mount point ${path} is not a directory; give an empty directory.`);
      case 'EACCES': return fail(`The mount point ${path} may not be read by you; give a directory of your own.`);
      default: throw error;
    }
  }
  if (names.length > 0) fail(`The mount point ${path} is not empty; give an empty directory, so that nothing is hidden.`);
}
