import { handlesDirectory } from '../../mount/tree/handles.js';
import type { BytesFile, Directory, Node } from '../../src/vfs/node.js';
import { crossView } from '../../src/windows/cross-view.js';
import { namespace } from '../../src/windows/namespace.js';
import type { Windows } from '../../src/windows/windows.js';
import { NO_SERVICES } from '../unit/mount/tree/nodes.js';
import { compare, type Comparison } from './comparison.js';
import type { Truth } from './truth.js';

const line = (...fields: readonly unknown[]): string => fields.map((field) => (typeof field === 'bigint' ? field.toString(16) : String(field))).join(' ');

const textOf = (node: Node | undefined): string => (node?.kind === 'bytes' ? Buffer.from((node as BytesFile).render()).toString() : '');

/** A value of `info.txt`. */
function fact(directory: Directory, label: string): string | undefined {
  return new RegExp(`^${label}: +(.*)$`, 'm').exec(textOf(directory.lookup('info.txt')))?.[1];
}

/** What names an object in the truth: its place in the namespace, a file's path without its volume, a process, a key. */
function nameOf(directory: Directory, type: string): string | undefined {
  switch (type) {
    case 'Process': return fact(directory, 'Process')?.replace(/^\d+ /, '');
    case 'File': return fact(directory, 'Path')?.replace(/^\\Device\\HarddiskVolume\d+/, '');
    case 'Key': return fact(directory, 'Key')?.toUpperCase();
    default: return fact(directory, 'Path');
  }
}

const SHORT_NAME = 14;

/** `handles/by-id` of all running processes: the directories, and in them address, type and name. */
export function compareHandleDirectories(windows: Windows, truth: Truth): Comparison[] {
  const paths = new Map(truth.namespace.map(({ va, path }) => [va, path]));
  const expected: string[] = [];
  const found: string[] = [];
  const names: [string[], string[]] = [[], []];
  for (const process of truth.processes.filter(({ exit_time }) => exit_time === undefined)) {
    const listed = new Set<string>();
    for (const { value, type, object, name } of process.handles) {
      const directory = `${value.toString(16).toUpperCase().padStart(5, '0')}-${type}`;
      expected.push(line(process.pid, directory, object.toString(16).padStart(16, '0'), type));
      const path = type === 'Process' ? name?.slice(0, SHORT_NAME) : type === 'File' ? name : type === 'Key' ? name?.toUpperCase() : paths.get(object);
      if (path === undefined) continue;
      listed.add(directory);
      names[0].push(line(process.pid, value, path));
    }
    const own = windows.process(process.pid);
    const byId = own === undefined ? undefined : handlesDirectory(own, NO_SERVICES).lookup('by-id');
    if (byId?.kind !== 'directory') continue;
    for (const [name] of byId.entries()) {
      const directory = byId.lookup(name);
      if (directory?.kind !== 'directory') continue;
      const type = textOf(directory.lookup('obj-type.txt'));
      found.push(line(process.pid, name, textOf(directory.lookup('obj-address.txt')), type));
      if (listed.has(name)) names[1].push(line(process.pid, Number.parseInt(name, 16), nameOf(directory, type)));
    }
  }
  return [compare('handles by id', expected, found), compare('handle info names', ...names)];
}

/** Every process by where it is known from. */
export function compareCrossView(windows: Windows, truth: Truth): Comparison[] {
  const seen = crossView(windows);
  return [
    compare('psxview', truth.processes.map(({ pid, eprocess, in_list, exit_time }) => line(pid, eprocess, in_list, true, exit_time ?? '-', !in_list && exit_time === undefined)),
      seen.map(({ facts, views, hidden: hides }) => line(facts.pid, facts.address, views.list, views.scan, facts.exited ?? '-', hides))),
    // The one that hides is "in pool, PspCidTable, session list, threads", as all others that run.
    compare('psxview of running ones', truth.processes.filter(({ exit_time }) => exit_time === undefined).map(({ pid, in_list, session }) => line(pid, !in_list, true, true, session === undefined ? undefined : true, true)),
      seen.filter(({ facts }) => facts.exited === undefined).map(({ facts, views, hidden: hides }) => line(facts.pid, hides, views.cid, views.threads, views.session, views.tables))),
  ];
}

/** The objects of the namespace by path. */
export function compareNamespace(windows: Windows, truth: Truth): Comparison[] {
  const found = [...namespace(windows.kernel)].filter(({ path }) => path !== '\\');
  return [compare('namespace', truth.namespace.map(({ path, type, va }) => line(path, type, va)), found.map(({ path, type, address }) => line(path, type?.name, address)))];
}
