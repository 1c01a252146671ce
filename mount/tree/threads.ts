import { THREADS } from '../../src/tables/threads.js';
import { threadVerboseRows, THREADS_VERBOSE } from '../../src/tables/threads-verbose.js';
import { listing } from '../../src/vfs/directory.js';
import { uniqueNames } from '../../src/vfs/name.js';
import type { Directory, Node } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import type { Process } from '../../src/windows/process.js';
import { allThreads, type FoundThread } from '../../src/windows/thread-sources.js';
import { threadDirectory } from './thread.js';

/** `~2` and more: threads that share a TID that was used again. */
const THREAD_NAME = /^\d+(~\d+)?$/;

/** `threads/` of a process: the tables, and a directory a thread by its TID. */
export function threadsDirectory(process: Process): Directory {
  const files = new Map<string, Node>([
    ['threads.txt', tableFile(THREADS, () => allThreads(process), { cost: 'slow' })],
    ['threads-v.txt', tableFile(THREADS_VERBOSE, () => threadVerboseRows(process, allThreads(process)), { cost: 'slow' })],
  ]);
  const directories = new Map<string, Directory>();
  const directoryOf = (name: string, found: FoundThread): Directory => {
    let known = directories.get(name);
    if (known === undefined) directories.set(name, known = threadDirectory(process, found));
    return known;
  };
  // Of several with one TID the listed one comes first and keeps the plain name.
  let all: ReadonlyMap<string, FoundThread> | undefined;
  const named = (): ReadonlyMap<string, FoundThread> => {
    if (all === undefined) {
      const threads = allThreads(process);
      const names = uniqueNames(threads.map(({ thread }) => String(thread.tid)));
      all = new Map(threads.map((found, i) => [names[i] ?? '', found]));
    }
    return all;
  };
  let listed: ReadonlyMap<number, FoundThread> | undefined;
  const byTid = (tid: number): FoundThread | undefined =>
    (listed ??= new Map([...process.threads()].reverse().map((thread) => [thread.tid, { thread, source: 'list' }]))).get(tid);
  return listing({
    * entries() {
      for (const [name, found] of named()) yield [name, directoryOf(name, found)] as const;
      yield* files;
    },
    lookup(name) {
      const file = files.get(name);
      if (file !== undefined || !THREAD_NAME.test(name)) return file;
      // Those of the process's list are known at once, the others take a walk through all threads there are.
      const found = (name.includes('~') || String(Number(name)) !== name ? undefined : byTid(Number(name))) ?? named().get(name);
      return found && directoryOf(name, found);
    },
  }, { doc: 'its threads; their call stacks are always there, so that there is no callstack_enable.txt', cost: 'slow' });
}
