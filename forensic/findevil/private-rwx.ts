import { userProcesses, type Detector } from '../detector.js';
import { pageText, writableAndExecutable } from './pages.js';

/** Processes that write code as a matter of course. */
const WRITES_CODE = new Set(['msmpeng.exe', 'phoneexperiencehost.exe']);

export const privateRwx: Detector = {
  type: 'PRIVATE_RWX',
  severity: 0x4000,
  meaning: 'Private memory can be written and executed: room for injected code.',
  * find(windows) {
    for (const process of userProcesses(windows)) {
      if (WRITES_CODE.has(process.name.toLowerCase())) continue;
      yield undefined;
      for (const vad of process.vads()) {
        if (!vad.private || vad.image) continue;
        for (const page of writableAndExecutable(process, vad)) {
          yield { process, address: page.address, description: pageText(process, vad, page) };
        }
      }
    }
  },
};
