import { userProcesses, type Detector } from '../detector.js';
import { pageText, writableAndExecutable } from './pages.js';

export const noImageRwx: Detector = {
  type: 'NOIMAGE_RWX',
  severity: 0x3000,
  meaning: 'Shared memory that is no image can be written and executed: room for injected code.',
  * find(windows) {
    for (const process of userProcesses(windows)) {
      yield undefined;
      for (const vad of process.vads()) {
        if (vad.private || vad.image) continue;
        for (const page of writableAndExecutable(process, vad)) {
          yield { process, address: page.address, description: pageText(process, vad, page) };
        }
      }
    }
  },
};
