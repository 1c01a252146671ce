import { hex } from '../../src/bytes/hex.js';
import { HANDLES, type HandleRow } from '../../src/tables/handles.js';
import type { Process } from '../../src/windows/process.js';
import { stage } from '../stage.js';

interface HandleOf extends HandleRow {
  readonly process: Process;
}

export const handleStage = stage<HandleOf>({
  name: 'handle',
  table: HANDLES,
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
