import type { Detector } from '../detector.js';

export const procNoLink: Detector = {
  type: 'PROC_NOLINK',
  severity: 0xd000,
  meaning: 'A running process is not on the list of active processes: it was hidden.',
  * find(windows) {
    for (const process of windows.processes()) {
      // A process that has ended, or has no thread yet, leaves or joins the list in the normal course.
      if (process.linked || process.terminated || process.pid === 0 || process.facts.activeThreads === 0) continue;
      yield { process, address: process.address, description: '' };
    }
  },
};
