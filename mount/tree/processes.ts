import { processState } from '../../src/tables/processes.js';
import { listing } from '../../src/vfs/directory.js';
import { fileName, uniqueNames } from '../../src/vfs/name.js';
import type { Directory } from '../../src/vfs/node.js';
import type { Process } from '../../src/windows/process.js';
import type { Windows } from '../../src/windows/windows.js';
import { processDirectory } from './process.js';
import type { TreeServices } from './services.js';

const directories = new WeakMap<Process, Directory>();

/** The directory of a process, one for all its names. */
function directoryOf(process: Process, services: TreeServices): Directory {
  let known = directories.get(process);
  if (known === undefined) directories.set(process, known = processDirectory(process, services));
  return known;
}

/** How surely a process is the one that its PID means: it runs and is listed, it was known without the scan, it is newer. */
function byClaim(a: Process, b: Process): number {
  const rank = (process: Process): number =>
    (process.terminated ? 0 : 4) + (process.linked ? 2 : 0) + (process.sources.size === 1 && process.sources.has('scan') ? 0 : 1);
  const newer = (b.created ?? 0n) - (a.created ?? 0n);
  return rank(b) - rank(a) || (newer > 0n ? 1 : newer < 0n ? -1 : 0);
}

/** A directory a process. Where several share a name (a PID used again), the surest has it plain and the others get `~2`, `~3`…. */
function processesDirectory(windows: Windows, services: TreeServices, doc: string, nameOf: (process: Process) => string): Directory {
  let listed: readonly Process[] | undefined;
  let names = new Map<string, Process>();
  const current = (): Map<string, Process> => {
    const processes = windows.processes();
    if (processes === listed) return names;
    const sure = [...processes].sort(byClaim);
    const unique = uniqueNames(sure.map(nameOf));
    const nameByProcess = new Map(sure.map((process, i) => [process, unique[i] ?? '']));
    names = new Map(processes.map((process) => [nameByProcess.get(process) ?? '', process]));
    listed = processes;
    return names;
  };
  return listing({
    * entries() {
      for (const [name, process] of current()) yield [name, directoryOf(process, services)] as const;
    },
    lookup(name) {
      const process = current().get(name);
      return process && directoryOf(process, services);
    },
  }, { doc });
}

/** `/name`: `<name>-<pid>`, of those that have ended `<name>-(<state>)-<pid>`. */
export function nameDirectory(windows: Windows, services: TreeServices): Directory {
  return processesDirectory(windows, services, 'all processes, by name and process ID', (process) => {
    const state = processState(process);
    return fileName(process.facts.shortName, `${state === 0 ? '' : `-(${state.toString(16)})`}-${process.pid}`);
  });
}

/** `/pid`: `<pid>`. */
export function pidDirectory(windows: Windows, services: TreeServices): Directory {
  return processesDirectory(windows, services, 'all processes, by process ID', (process) => String(process.pid));
}
