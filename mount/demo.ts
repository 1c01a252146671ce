// `npm start`: mounts the bundled demo image, runs the forensic pass, and says what to look at. Ctrl-C takes the mount away.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { lstatSync, mkdirSync, rmdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { demoImage } from './demo-image.js';
import { EXIT, UserError } from './exit-codes.js';
import { fuseProblem, mountAt } from './mount-point.js';
import { cacheFolder } from './work-folder.js';

/** Something worth looking at, in a mount and without one. */
interface Look {
  readonly why: string;
  /** A shell command; `$M` is the mount. */
  readonly shell: string;
  /** The same through the command line. */
  readonly plain: readonly [command: 'cat' | 'ls' | 'find', ...args: string[]];
}

const LOOKS: readonly Look[] = [
  { why: 'Who started whom?', shell: 'cat $M/sys/proc/proc.txt', plain: ['cat', '/sys/proc/proc.txt'] },
  { why: 'Who talks to whom?', shell: 'grep ESTABLISHED $M/sys/net/netstat.txt', plain: ['cat', '/sys/net/netstat.txt'] },
  {
    why: 'What starts with the user?', shell: 'head -n 5 $M/registry/HKU/alice/Software/Microsoft/Windows/CurrentVersion/Run/*.txt',
    plain: ['ls', '/registry/HKU/alice/Software/Microsoft/Windows/CurrentVersion/Run'],
  },
  { why: 'Which browsers run, and since when?', shell: 'ls -ld $M/name/{chrome,firefox}*', plain: ['find', '/name', '-name', 'chrome.exe-*'] },
  { why: 'What happened last?', shell: 'head -n 20 $M/forensic/timeline/timeline_all.txt', plain: ['cat', '/forensic/timeline/timeline_all.txt'] },
];

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));
/** The guide is shown once the pass has ended, or after this time. */
const PATIENCE_MS = 60_000;
/** Lines of each look that are shown without a mount. */
const SHOWN = 8;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Our own folder for the mount, seen by this user alone. */
function mountFolder(): string {
  const runtime = process.env['XDG_RUNTIME_DIR'];
  const ours = runtime !== undefined && lstatSync(runtime, { throwIfNoEntry: false })?.isDirectory() === true;
  return ours ? join(runtime, 'memlens-demo') : join(tmpdir(), `memlens-demo-${process.getuid?.() ?? 0}`);
}

/** Resolves when the pass has ended, the mount has gone, or patience has. */
async function passEnded(child: ChildProcess, folder: string): Promise<void> {
  for (const start = Date.now(); Date.now() - start < PATIENCE_MS && typeof child.exitCode !== 'number';) {
    await new Promise((resolve) => { setTimeout(resolve, 200); });
    if (await mountAt(folder) === undefined) continue;
    const percent = await readFile(join(folder, 'forensic/progress_percent.txt'), 'utf8').catch(() => '');
    if (Number.parseInt(percent, 10) >= 100) return;
  }
}

function guide(folder: string): void {
  say(`\nThe demo image, a Windows 10 workstation, is mounted on ${folder}. In another terminal, try:\n`);
  say(`  M=${folder}`);
  for (const { why, shell } of LOOKS) say(`  ${shell.padEnd(96)} # ${why}`);
  say(`\nWhat is there is told in docs/the-tree.md. Your own image: npx memlens mount IMAGE FOLDER`);
  say('Ctrl-C here takes the mount away.');
}

async function withMount(image: string): Promise<number> {
  const folder = mountFolder();
  if (await mountAt(folder) === undefined) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const child = spawn(process.execPath, [MAIN, 'mount', image, folder], { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = new Promise<number>((resolve) => { child.once('exit', (code) => resolve(code ?? EXIT.unforeseen)); });
  // A terminal's Ctrl-C reaches the child by itself; a signal to us alone is passed on. We end when it has unmounted.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  await passEnded(child, folder);
  if (typeof child.exitCode !== 'number' && await mountAt(folder) !== undefined) guide(folder);
  const code = await ended;
  if (await mountAt(folder) === undefined) rmdirSync(folder);
  return code;
}

function withoutMount(image: string, problem: string): number {
  say(`${problem}\n\nMeanwhile, the same tree without FUSE:`);
  for (const { why, plain: [command, ...args] } of LOOKS) {
    say(`\n# ${why}\n$ npx memlens ${command} ${image} ${args.join(' ')}`);
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, command, image, ...args], { encoding: 'utf8', maxBuffer: 1 << 26 });
    if (status !== 0) {
      say(stderr);
      return status ?? EXIT.unforeseen;
    }
    const lines = stdout.trimEnd().split('\n');
    say(lines.slice(0, SHOWN).join('\n'));
    if (lines.length > SHOWN) say(`… ${lines.length - SHOWN} more lines`);
  }
  return EXIT.ok;
}

/** Where the demo image lies; a sentence for the user when it cannot be unpacked. */
async function unpacked(): Promise<string> {
  try {
    return await demoImage();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UserError(`The demo image cannot be unpacked into ${cacheFolder()} (${why}); make the folder writable, or set XDG_CACHE_HOME to another.`, EXIT.folder);
  }
}

try {
  say('memlens demo: unpacking the bundled image …');
  const image = await unpacked();
  const problem = fuseProblem();
  process.exitCode = problem === undefined ? await withMount(image) : withoutMount(image, problem);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`memlens: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
