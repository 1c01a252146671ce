import { accessSync, constants, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadFuseNative } from '../../native-bindings/fuse-native.js';
import { programPath, fuseProblem, userAllowOther } from '../mount-point.js';
import { printLine } from './output.js';

interface Check {
  readonly name: string;
  /** What is well. */
  readonly ok?: string;
  /** What is wrong and what to do. */
  readonly wrong?: string;
  /** Not needed by everybody: a note, no failure. */
  readonly note?: string;
}

/** Free space that a forensic pass of an ordinary image needs. */
const NEEDED = 2 * 2 ** 30;

function nodeVersion(): Check {
  const major = Number(process.versions.node.split('.')[0]);
  return major >= 20 ? { name: 'Node', ok: process.version } : { name: 'Node', wrong: `${process.version} is too old; install Node 20 or newer.` };
}

function fuse(): Check {
  const problem = fuseProblem();
  return problem === undefined ? { name: 'FUSE', ok: '/dev/fuse can be opened' } : { name: 'FUSE', wrong: problem };
}

function fusermount(): Check {
  const path = programPath('fusermount') ?? programPath('fusermount3');
  if (path !== undefined) return { name: 'fusermount', ok: path };
  return { name: 'fusermount', wrong: 'missing: install Debian\'s `fuse3`; it mounts for ordinary users and takes dead mounts away.' };
}

function others(): Check {
  if (process.getuid?.() === 0) return { name: 'allow_other', ok: 'root may use -o allow_other' };
  return userAllowOther() ? { name: 'allow_other', ok: '/etc/fuse.conf has user_allow_other' }
    : { name: 'allow_other', note: 'only you will see your mounts; for -o allow_other add the line user_allow_other to /etc/fuse.conf' };
}

async function addon(name: string, load: () => unknown, remedy: string): Promise<Check> {
  try {
    await load();
    return { name, ok: 'loads' };
  } catch (error) {
    const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { name, wrong: `does not load (${why}); ${remedy}` };
  }
}

function space(folder: string): Check {
  for (let at = folder; ; at = dirname(at)) {
    try {
      accessSync(at, constants.W_OK);
      const { bavail, bsize } = statfsSync(at);
      const free = bavail * bsize;
      const text = `${(free / 2 ** 30).toFixed(1)} GiB free in ${at}`;
      return free >= NEEDED ? { name: 'work folder', ok: text } : { name: 'work folder', wrong: `only ${text}; give a roomier folder with --work.` };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' || dirname(at) === at) return { name: 'work folder', wrong: `${at} cannot be written (${code ?? ''}); give another with --work.` };
    }
  }
}

/** The addon is loaded with the first database. */
async function openAnyDatabase(): Promise<void> {
  const { openDatabase } = await import('../../native-bindings/sqlite.js');
  const folder = mkdtempSync(join(tmpdir(), 'memlens-doctor-'));
  try {
    openDatabase(join(folder, 'database')).close();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `memlens doctor`: a line for each thing memlens needs. @returns whether all is well */
export async function doctor(work: string): Promise<boolean> {
  const checks = [
    nodeVersion(), fuse(), fusermount(), others(),
    await addon('fuse-native', loadFuseNative, 'run `npm ci` again; without it use `memlens ls`, `cat`, `find` and `export`.'),
    await addon('SQLite', openAnyDatabase, 'run `npm ci` again with python3, make and g++ installed; without it there is no forensic pass.'),
    space(work),
  ];
  for (const { name, ok, wrong, note } of checks) {
    printLine(`${wrong !== undefined ? 'no  ' : note !== undefined ? 'note' : 'ok  '}  ${name.padEnd(15)}${wrong ?? note ?? ok ?? ''}`);
  }
  return checks.every((check) => check.wrong === undefined);
}
