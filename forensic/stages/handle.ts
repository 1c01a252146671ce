import { hex } from '../../src/bytes/hex.js';
import type { Handle } from '../../src/windows/handle.js';
import type { Process } from '../../src/windows/process.js';
import type { Table } from '../../src/vfs/column.js';
import { stage } from '../stage.js';

interface HandleRow {
  readonly process: Process;
  readonly handle: Handle;
}

/** A file's name in two: the device and the path on it. */
function onDevice({ type, name }: Handle): readonly [device: string, path: string] {
  const parts = type === 'File' ? /^\\(?:Device\\)?([^\\]+)(\\.*)?$/.exec(name) : undefined;
  return parts?.[1] === undefined ? ['', name] : [parts[1], parts[2] ?? ''];
}

const HANDLE: Table<HandleRow> = {
  name: 'handle',
  doc: 'The open handles of all processes.',
  heading: '',
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: (r) => r.process.pid, doc: 'process id' },
    { name: 'handle', csv: 'Handle', kind: 'hex', value: (r) => r.handle.value, doc: 'value of the handle' },
    { name: 'object', csv: 'Object', kind: 'address', value: (r) => r.handle.object, doc: 'address of the object' },
    { name: 'access', csv: 'Access', kind: 'hex', value: (r) => r.handle.access, doc: 'granted access' },
    { name: 'type', csv: 'Type', kind: 'text', value: (r) => r.handle.type, doc: 'type of the object' },
    { name: 'tag', csv: 'Tag', kind: 'text', value: (r) => r.handle.tag, doc: 'pool tag of the type' },
    { name: 'handle_count', csv: 'HandleCount', kind: 'hex', value: (r) => r.handle.handleCount, doc: 'open handles of the object' },
    { name: 'device', csv: 'Device', kind: 'text', value: (r) => onDevice(r.handle)[0], doc: 'device of a file' },
    { name: 'description', csv: 'Description', kind: 'text', value: (r) => onDevice(r.handle)[1], doc: 'what the handle leads to' },
  ],
};

export const handleStage = stage<HandleRow>({
  name: 'handle',
  table: HANDLE,
  waitsForScan: false,
  csv: 'handles',
  json: { file: 'general', line: ({ process, handle }) => ({
    type: 'handle', pid: process.pid, proc: process.name, obj: hex(handle.object, 16), num: handle.value, hex: hex(handle.access),
    desc: handle.type, desc2: handle.name,
  }) },
  * rows(windows, { step }) {
    const processes = windows.processes();
    for (const [done, process] of processes.entries()) {
      step(done, processes.length);
      for (const handle of process.handles()) yield { process, handle };
    }
  },
});
