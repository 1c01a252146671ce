import { HANDLES } from '../../src/tables/handles.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import type { Process } from '../../src/windows/process.js';

/** `handles/` of a process. */
export function handlesDirectory(process: Process): Directory {
  return directory({
    'handles.txt': tableFile(HANDLES, () => process.handles().map((handle) => ({ handle })), {
      cost: 'slow', xattrs: () => addressXattr(process.facts.objectTable),
    }),
  }, { doc: 'its open handles' });
}
