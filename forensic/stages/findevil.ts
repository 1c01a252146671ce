import { hex } from '../../src/bytes/hex.js';
import type { Table } from '../../src/vfs/column.js';
import type { Windows } from '../../src/windows/windows.js';
import type { Detector, Evidence } from '../detector.js';
import { DETECTORS } from '../detectors.js';
import { stage, type StageContext } from '../stage.js';

export interface Finding extends Evidence {
  readonly type: string;
  readonly severity: number;
}

/** More than anyone reads; a hostile image could make any number. */
const MAX_FINDINGS = 50_000;

export const FINDEVIL: Table<Finding> = {
  name: 'findevil',
  doc: 'Signs of malware, worst first.',
  heading: '   #    PID Process        Type            Address          Description',
  index: 4,
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: (f) => f.process.pid, text: { width: 7, align: 'right', lead: '' }, doc: 'process id' },
    { name: 'process', csv: 'ProcessName', kind: 'text', value: (f) => f.process.name, doc: 'process name',
      text: { width: 14, align: 'left', show: (f) => f.process.name.slice(0, 14) } },
    { name: 'type', csv: 'Type', kind: 'text', value: (f) => f.type, text: { width: 15, align: 'left' }, doc: 'the detector' },
    { name: 'address', csv: 'Address', kind: 'address', value: (f) => f.address, text: { width: 16, align: 'right' }, doc: 'where it is, 0 when it is no place' },
    { name: 'description', csv: 'Description', kind: 'text', value: (f) => f.description, text: { width: 0, align: 'left' }, doc: 'what was found' },
    { name: 'severity', kind: 'hex', value: (f) => f.severity, doc: 'greater is worse' },
  ],
};

function worstFirst(a: Finding, b: Finding): number {
  if (a.severity !== b.severity) return b.severity - a.severity;
  if (a.process.pid !== b.process.pid) return a.process.pid - b.process.pid;
  return a.address < b.address ? -1 : a.address > b.address ? 1 : 0;
}

/** Runs the detectors; one that fails is noted, and the others go on. The findings are sorted, worst first. */
export function* findings(windows: Windows, detectors: readonly Detector[], context: StageContext): Generator<Finding | undefined> {
  const found: Finding[] = [];
  for (const [done, { type, severity, find }] of detectors.entries()) {
    context.step(done, detectors.length);
    try {
      for (const evidence of find(windows)) {
        yield undefined;
        if (evidence !== undefined) found.push({ ...evidence, type, severity });
        if (found.length >= MAX_FINDINGS) {
          context.note(`stopped after ${MAX_FINDINGS} findings`);
          break;
        }
      }
    } catch (error) {
      context.note(`${type} failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  yield* found.sort(worstFirst);
}

export const findEvilStage = stage<Finding>({
  name: 'findevil',
  table: FINDEVIL,
  waitsForScan: true,
  csv: 'findevil',
  text: 'findevil/findevil',
  json: { file: 'general', line: (f) => ({
    type: 'evil', pid: f.process.pid, proc: f.process.name, addr: hex(f.address), num: f.severity, desc: f.type, desc2: f.description,
  }) },
  rows: (windows, context) => findings(windows, DETECTORS, context),
});
