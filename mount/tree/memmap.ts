import { mappedRanges, PTES } from '../../src/tables/page-tables.js';
import { VADS } from '../../src/tables/vads.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import type { Process } from '../../src/windows/process.js';

/** The memory maps of a process. */
export function memmapDirectory(process: Process): Directory {
  return directory({
    'pte.txt': tableFile(PTES, () => mappedRanges(process), { cost: 'slow' }),
    'vad.txt': tableFile(VADS, () => process.vads().map((vad) => ({ process, vad })), { cost: 'slow' }),
  }, { doc: 'what its address space consists of' });
}
