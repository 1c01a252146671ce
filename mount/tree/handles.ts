import type { Table } from '../../src/vfs/column.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import type { Handle } from '../../src/windows/handle.js';
import type { Process } from '../../src/windows/process.js';

/** The name of a type takes no more room than this in the text; the other forms keep it whole. */
const TYPE_WIDTH = 16;

/** The name without the device, which has its own column in the CSV. */
function description({ name, device }: Handle): string {
  return device === undefined ? name : name.slice(device.length + 1);
}

/** The open handles of processes. */
export const handlesTable: Table<Handle> = {
  name: 'handles',
  doc: 'The open handles of a process: the object, the rights granted, and what it leads to.',
  heading: '   #    PID  Handle Object Address   Access Type             Description',
  index: 4,
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ pid }) => pid, text: { width: 6, align: 'right' }, doc: 'The process that holds the handle.' },
    { name: 'handle', csv: 'Handle', kind: 'hex', value: ({ value }) => value, text: { width: 7, align: 'right' }, doc: 'The handle\'s value.' },
    { name: 'object', csv: 'Object', kind: 'address', value: ({ object }) => object, text: { width: 16, align: 'right' }, doc: 'Address of the object.' },
    { name: 'access', csv: 'Access', kind: 'hex', value: ({ access }) => access, text: { width: 6, align: 'right' }, doc: 'The access mask granted.' },
    {
      name: 'type', csv: 'Type', kind: 'text', value: ({ type }) => type,
      text: { width: TYPE_WIDTH, align: 'left', show: ({ type }) => type.slice(0, TYPE_WIDTH) }, doc: 'The object type\'s name; *** when it cannot be told.',
    },
    { name: 'tag', csv: 'Tag', kind: 'text', value: ({ tag }) => tag, doc: 'The pool tag of the type.' },
    { name: 'handle_count', csv: 'HandleCount', kind: 'hex', value: ({ handleCount }) => handleCount, doc: 'How many handles the object has in all processes.' },
    { name: 'device', csv: 'Device', kind: 'text', value: ({ device }) => device ?? '', doc: 'For a file: its device.' },
    {
      name: 'description', csv: 'Description', kind: 'text', value: description,
      text: { width: 64, align: 'left', show: ({ name }) => name }, doc: 'What it leads to: the file, key, process, thread, or the object\'s name.',
    },
    { name: 'path', kind: 'text', value: ({ path }) => path, doc: 'The same in full, as the kernel names it.' },
  ],
};

/** `handles/` of a process. */
export function handlesDirectory(process: Process): Directory {
  return directory({
    'handles.txt': tableFile(handlesTable, () => process.handles(), {
      cost: 'slow', xattrs: () => addressXattr(process.facts.objectTable),
    }),
  }, { doc: 'its open handles' });
}
