import { textTime } from '../../src/bytes/filetime.js';
import { kernelPath, PROCESSES, processMarks } from '../../src/tables/processes.js';
import { PSXVIEW } from '../../src/tables/psxview.js';
import { directory } from '../../src/vfs/directory.js';
import type { BytesFile, Cost, Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { safeLine } from '../../src/vfs/text.js';
import { crossView } from '../../src/windows/cross-view.js';
import type { Process } from '../../src/windows/process.js';
import type { Windows } from '../../src/windows/windows.js';

/** Where Windows' own programs lie, below the volume. */
const STANDARD_PATHS = [
  /^\\Windows\\(System32|SysWOW64|SystemApps|ImmersiveControlPanel|WinSxS|Microsoft\.NET|servicing|UUS)\\/i,
  /^\\Windows\\explorer\.exe$/i,
  /^\\Users\\[^\\]+\\AppData\\Local\\Microsoft\\OneDrive\\/i,
];

/** Whether the program lies where Windows' own do; processes without a file (System, Registry) count as its own. */
export function isStandardPath(kernelPath: string): boolean {
  if (!kernelPath.startsWith('\\')) return true;
  const path = kernelPath.replace(/^\\Device\\[^\\]+/i, '');
  return STANDARD_PATHS.some((standard) => standard.test(path));
}

const hasUser = (process: Process): boolean => {
  const token = process.token();
  return token !== undefined && token.user !== undefined && !token.wellKnown;
};

/** `32` WoW64, `E` not on the active list, `T` ended, `U` a person's account, `*` not from a standard path: each in its place. */
function flags(process: Process): string {
  return processMarks(process)
    + (hasUser(process) ? 'U' : ' ')
    + (isStandardPath(process.facts.kernelPath) ? ' ' : '*');
}

interface Branch {
  readonly process: Process;
  readonly depth: number;
}

/** The processes as a tree: below the parent that was there when they began, else at the top; by PID. */
export function processTree(processes: readonly Process[]): readonly Branch[] {
  const children = new Map<Process | undefined, Process[]>();
  for (const process of processes) {
    const parent = parentOf(process, processes);
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [process]);
    else siblings.push(process);
  }
  const branches: Branch[] = [];
  const open = [...children.get(undefined) ?? []].reverse().map((process) => ({ process, depth: 1 }));
  for (let branch = open.pop(); branch !== undefined; branch = open.pop()) {
    const { process, depth } = branch;
    branches.push(branch);
    open.push(...[...children.get(process) ?? []].reverse().map((child) => ({ process: child, depth: depth + 1 })));
  }
  return branches;
}

/**
 * The process that a PPID meant: of those with that PID the newest that began before the child. Of equal time only a
 * lower PID counts, so that no two are each other's parent.
 */
function parentOf(child: Process, processes: readonly Process[]): Process | undefined {
  if (child.pid === 4 || child.ppid === 0) return undefined;
  const began = child.created ?? 0n;
  let parent: Process | undefined;
  for (const candidate of processes) {
    if (candidate.pid !== child.ppid) continue;
    const time = candidate.created ?? 0n;
    if (time > began || (time === began && candidate.pid >= child.pid)) continue;
    if (parent === undefined || time >= (parent.created ?? 0n)) parent = candidate;
  }
  return parent;
}

const NAME_WIDTH = 27;

/** A line's beginning: name, PID, parent, flags, user. */
function lead(name: string, width: number, process: Process): string {
  return `${name.padEnd(width)}${String(process.pid).padStart(7)}${String(process.ppid).padStart(7)} ${flags(process)} `
    + safeLine(process.token()?.user ?? '').padEnd(16);
}

function branchName({ process, depth }: Branch): string {
  return `${'-'.repeat(depth)} ${safeLine(process.facts.shortName)}`;
}

const times = ({ created, exited }: Process): string => `${textTime(created)}  ${textTime(exited)}`;

/** Heading, dashes as long as it, and lines, all of one length of at least `least`, with newlines. */
function page(heading: string, lines: readonly string[], least = heading.length): Buffer {
  const width = lines.reduce((most, line) => Math.max(most, Buffer.byteLength(line)), least);
  return Buffer.from([heading, '-'.repeat(heading.length), ...lines]
    .map((line) => `${line}${' '.repeat(width - Buffer.byteLength(line))}\n`).join(''));
}

function treeText(processes: readonly Process[]): Buffer {
  const branches = processTree(processes);
  const names = branches.map(branchName);
  const width = names.reduce((most, name) => Math.max(most, name.length), NAME_WIDTH);
  return page(PROCESSES.heading, branches.map(({ process }, i) => `${lead(names[i] ?? '', width, process)} ${times(process)}`));
}

const VERBOSE_HEADING = '  Process                      Pid Parent   Flag User             Path / Command / Time / Integrity';

function verboseText(processes: readonly Process[]): Buffer {
  const branches = processTree(processes);
  const names = branches.map(branchName);
  const width = names.reduce((most, name) => Math.max(most, name.length), NAME_WIDTH);
  const lines = branches.flatMap(({ process }, i) => {
    const parameters = process.parameters();
    const first = lead(names[i] ?? '', width, process);
    const details = [
      parameters?.imagePath, parameters?.commandLine, `${textTime(process.created)} -> ${textTime(process.exited)}`, process.token()?.integrity,
    ].flatMap((detail) => (detail === undefined || detail === '' ? [] : [`${' '.repeat(first.length)} ${safeLine(detail)}`]));
    return [`${first} ${safeLine(kernelPath(process))}`, ...details, ''];
  });
  return Buffer.from(`${[VERBOSE_HEADING, '-'.repeat(VERBOSE_HEADING.length), ...lines].join('\n')}\n`);
}

const TIME_HEADING = 'Process            Pid Parent   Flag User             Create Time              Exit Time                Process Full Name';

function timeText(processes: readonly Process[]): Buffer {
  const when = (process: Process): bigint => process.created ?? 0n;
  const ordered = [...processes].sort((a, b) => (when(a) < when(b) ? -1 : when(a) > when(b) ? 1 : 0));
  return page(TIME_HEADING, ordered.map((process) =>
    `${lead(safeLine(process.facts.shortName), 15, process)} ${times(process)}  ${safeLine(process.name)}`), 139);
}

/** The processes of the system: as a tree, with their command lines, and by creation time. */
export function procDirectory(windows: Windows): Directory {
  // Identity and token are a few reads a process; paths and command lines, which the verbose text and the twins show, are many.
  const file = (doc: string, cost: Cost, render: (processes: readonly Process[]) => Buffer): BytesFile => ({
    ...tableFile(PROCESSES, () => windows.processes(), { cost: 'slow' }),
    doc,
    cost,
    render: () => render(windows.processes()),
  });
  return directory({
    'proc.txt': file('processes as a tree: who started whom', 'quick', treeText),
    'proc-time.txt': file('processes by the time they began', 'quick', timeText),
    'proc-v.txt': file('the tree with paths, command lines, times and integrity', 'slow', verboseText),
    'psxview.txt': tableFile(PSXVIEW, () => crossView(windows), { cost: 'slow' }),
  }, { doc: 'the processes of the system' });
}
