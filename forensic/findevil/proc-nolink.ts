import { list, place, struct } from '../../src/profile/struct.js';
import type { Process } from '../../src/windows/process.js';
import { isTorn, type Detector } from '../detector.js';

const LINKS = struct('_EPROCESS', { links: list('ActiveProcessLinks'), place: place('ActiveProcessLinks') });

/**
 * Whether the neighbours that a process names leave it out. The list itself is torn: only they can tell a hidden process
 * from one that stands in the lost part.
 */
function leftOut({ kernel, address, anomalies, where }: Process): boolean {
  const record = anomalies.attempt(where, () => kernel.read(LINKS, address));
  if (record === undefined) return false;
  const { flink, blink } = record.links;
  const back = [kernel.pointer(flink + BigInt(kernel.pointerSize)), kernel.pointer(blink)]
    .filter((pointer) => pointer !== undefined && kernel.isKernelAddress(pointer));
  return back.length > 0 && (flink === record.place || !back.includes(record.place));
}

export const procNoLink: Detector = {
  type: 'PROC_NOLINK',
  severity: 0xd000,
  meaning: 'A running process is not on the list of active processes: it was hidden.',
  * find(windows) {
    const torn = isTorn(windows.anomalies, 'active process list');
    for (const process of windows.processes()) {
      // A process that has ended, or has no thread yet, leaves or joins the list in the normal course.
      if (process.linked || process.terminated || process.pid === 0 || process.facts.activeThreads === 0) continue;
      if (torn && !leftOut(process)) continue;
      yield { process, address: process.address, description: '' };
    }
  },
};
