import { THREADS } from '../../src/tables/threads.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import type { Process } from '../../src/windows/process.js';

/** `threads/` of a process. */
export function threadsDirectory(process: Process): Directory {
  return directory({
    'threads.txt': tableFile(THREADS, () => process.threads().map((thread) => ({ thread, source: 'list' })), { cost: 'slow' }),
  }, { doc: 'its threads' });
}
