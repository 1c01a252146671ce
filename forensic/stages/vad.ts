import { hex } from '../../src/bytes/hex.js';
import { vadDescription, vadFlags, VADS, vadType, type VadRow } from '../../src/tables/vads.js';
import { stage } from '../stage.js';

export const vadStage = stage<VadRow>({
  name: 'vad',
  table: VADS,
  waitsForScan: false,
  csv: 'vads',
  json: { file: 'general', line: ({ process, vad }) => ({
    type: 'vad', pid: process.pid, proc: process.name, obj: hex(vad.address, 16), addr: hex(vad.start, 16), addr2: hex(vad.end, 16),
    size: Number(vad.end - vad.start) + 1, num: vad.commit, desc: `${vadType(vad) ?? ''} ${vadFlags(vad)}`.trim(), desc2: vadDescription(vad) ?? '',
  }) },
  * rows(windows, { step }) {
    const processes = windows.processes();
    for (const [done, process] of processes.entries()) {
      step(done, processes.length);
      for (const vad of process.vads()) yield { process, vad };
    }
  },
});
