import { hex } from '../../src/bytes/hex.js';
import { HANDLES } from '../../src/tables/handles.js';
import { directory, listing } from '../../src/vfs/directory.js';
import { fileName } from '../../src/vfs/name.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import { heldObject, heldObjects, type HeldObject } from '../../src/windows/handle.js';
import type { Process } from '../../src/windows/process.js';
import { handleDirectory } from './handle.js';
import type { TreeServices } from './services.js';

/** What stands in a name for the type of an object whose type cannot be told. */
const UNKNOWN_TYPE = 'Unknown';

/** `0001C-File`: the handle in upper-case hex, five digits at least, and the type, as MemProcFS names them. */
function nameOf({ value, header }: HeldObject): string {
  return fileName(`${hex(value, 5).toUpperCase()}-${header?.type?.name ?? UNKNOWN_TYPE}`);
}

/** A directory a handle. */
function byId(process: Process, services: TreeServices): Directory {
  return listing({
    * entries() {
      for (const held of process.anomalies.attempt(`${process.where} handles`, () => [...heldObjects(process)]) ?? []) {
        yield [nameOf(held), handleDirectory(process, held, services)] as const;
      }
    },
    lookup(name) {
      const value = /^([0-9A-F]{5,8})-/.exec(name)?.[1];
      const held = value === undefined ? undefined : heldObject(process, Number.parseInt(value, 16));
      return held === undefined || nameOf(held) !== name ? undefined : handleDirectory(process, held, services);
    },
  }, { doc: 'its open handles, a directory each: the object, its header, and what it means', cost: 'slow' });
}

/** `handles/` of a process. */
export function handlesDirectory(process: Process, services: TreeServices): Directory {
  return directory({
    'by-id': () => byId(process, services),
    'handles.txt': tableFile(HANDLES, () => process.handles().map((handle) => ({ handle })), {
      cost: 'slow', xattrs: () => addressXattr(process.facts.objectTable),
    }),
  }, { doc: 'its open handles' });
}
