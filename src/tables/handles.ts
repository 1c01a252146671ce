import type { Table } from '../vfs/column.js';
import { UNKNOWN } from '../vfs/table.js';
import type { Handle } from '../windows/handle.js';

/** An open handle, as its table shows it. */
export interface HandleRow {
  readonly handle: Handle;
}

/** The name of a type takes no more room than this in the text; the other forms keep it whole. */
const TYPE_WIDTH = 16;

/** The name without the device, which has a column of its own. */
function onDevice({ name, device }: Handle): string {
  return device === undefined ? name : name.slice(device.length + 1);
}

/** Whether the type can be told: only then it is known that an object without a name has none. */
const isKnown = ({ type }: Handle): boolean => type !== UNKNOWN;

/** The open handles of processes. */
export const HANDLES: Table<HandleRow> = {
  name: 'handle',
  doc: 'The open handles of processes: the object, the rights granted, and what it leads to.',
  heading: '   #    PID  Handle Object Address   Access Type             Description',
  index: 4,
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ handle }) => handle.pid, text: { width: 6, align: 'right' }, doc: 'the process that holds the handle' },
    { name: 'handle', csv: 'Handle', kind: 'hex', value: ({ handle }) => handle.value, text: { width: 7, align: 'right' }, doc: 'the handle\'s value' },
    { name: 'object', csv: 'Object', kind: 'address', value: ({ handle }) => handle.object, text: { width: 16, align: 'right' }, doc: 'address of the object' },
    { name: 'access', csv: 'Access', kind: 'hex', value: ({ handle }) => handle.access, text: { width: 6, align: 'right' }, doc: 'the access mask granted' },
    {
      name: 'type', csv: 'Type', kind: 'text', value: ({ handle }) => (isKnown(handle) ? handle.type : undefined),
      text: { width: TYPE_WIDTH, align: 'left', show: ({ handle }) => handle.type.slice(0, TYPE_WIDTH) },
      doc: 'the object type\'s name; absent (*** in the text) when it cannot be told',
    },
    { name: 'tag', csv: 'Tag', kind: 'text', value: ({ handle }) => handle.tag || undefined, doc: 'the pool tag of the type' },
    { name: 'handle_count', csv: 'HandleCount', kind: 'hex', value: ({ handle }) => handle.handleCount, doc: 'how many handles the object has in all processes' },
    { name: 'device', csv: 'Device', kind: 'text', value: ({ handle }) => handle.device, doc: 'for a file: its device' },
    {
      name: 'description', csv: 'Description', kind: 'text', value: ({ handle }) => onDevice(handle) || (isKnown(handle) ? '' : undefined),
      text: { width: 64, align: 'left', show: ({ handle }) => handle.name },
      doc: 'what it leads to: the file, key, process, thread, or the object\'s name; in the text with the device',
    },
    { name: 'path', kind: 'text', value: ({ handle }) => handle.path, doc: 'the same in full, as the kernel names it' },
  ],
};
