import { hex } from '../../src/bytes/hex.js';
import type { Process } from '../../src/windows/process.js';
import { protectionName, type Vad } from '../../src/windows/vad.js';
import type { Table } from '../../src/vfs/column.js';
import { stage } from '../stage.js';
import { vadFlags, vadType } from '../vad-text.js';

interface VadRow {
  readonly process: Process;
  readonly vad: Vad;
}

const VAD: Table<VadRow> = {
  name: 'vad',
  doc: 'The virtual address descriptors of all processes.',
  heading: '',
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: (r) => r.process.pid, doc: 'process id' },
    { name: 'process', csv: 'Process', kind: 'text', value: (r) => r.process.name, doc: 'process name' },
    { name: 'vad', csv: 'Object', kind: 'address', value: (r) => r.vad.address, doc: 'address of the VAD' },
    { name: 'start', csv: 'Start', kind: 'address', value: (r) => r.vad.start, doc: 'first byte' },
    { name: 'end', csv: 'End', kind: 'address', value: (r) => r.vad.end, doc: 'last byte' },
    { name: 'commit', csv: 'Commit', kind: 'hex', value: (r) => r.vad.commit, doc: 'committed pages' },
    { name: 'mem_commit', csv: 'MemCommit', kind: 'flag', value: (r) => r.vad.memCommit, doc: 'committed when it was made' },
    { name: 'type', csv: 'Type', kind: 'text', value: (r) => vadType(r.vad), doc: 'Image, File, Heap, Stack, Teb, Pf' },
    { name: 'flags', kind: 'text', ours: true, value: (r) => vadFlags(r.vad), doc: 'p private; m, g, n modifiers; r w x; c copy on write' },
    { name: 'protection', csv: 'Protection', kind: 'text', value: (r) => protectionName(r.vad.protection), doc: 'protection as Windows names it' },
    { name: 'private', csv: 'Private', kind: 'flag', value: (r) => r.vad.private, doc: 'private memory' },
    { name: 'description', csv: 'Description', kind: 'text', value: (r) => r.vad.file ?? r.vad.what?.text ?? '', doc: 'file, heap, stack, TEB or section' },
  ],
};

export const vadStage = stage<VadRow>({
  name: 'vad',
  table: VAD,
  waitsForScan: false,
  csv: 'vads',
  json: { file: 'general', line: ({ process, vad }) => ({
    type: 'vad', pid: process.pid, proc: process.name, obj: hex(vad.address, 16), addr: hex(vad.start, 16), addr2: hex(vad.end, 16),
    size: Number(vad.end - vad.start) + 1, num: vad.commit, desc: `${vadType(vad)} ${vadFlags(vad)}`.trim(), desc2: vad.file ?? vad.what?.text ?? '',
  }) },
  * rows(windows, { step }) {
    const processes = windows.processes();
    for (const [done, process] of processes.entries()) {
      step(done, processes.length);
      for (const vad of process.vads()) yield { process, vad };
    }
  },
});
