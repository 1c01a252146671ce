import { big, struct } from '../../src/profile/struct.js';
import { hex } from '../../src/bytes/hex.js';
import { userProcesses, type Detector } from '../detector.js';

const PEB = struct('_PEB', { imageBase: big('ImageBaseAddress') });

export const procBaseAddress: Detector = {
  type: 'PROC_BASEADDR',
  severity: 0x9c00,
  meaning: 'The PEB names another image base than the one that the kernel mapped: the process was hollowed out.',
  * find(windows) {
    for (const process of userProcesses(windows)) {
      const { peb, sectionBase } = process.facts;
      if (peb === undefined || sectionBase === 0n) continue;
      const imageBase = process.anomalies.attempt(`${process.where} PEB`, () => process.kernel.reader(PEB).read(process.memory, peb)?.imageBase);
      if (imageBase === undefined || imageBase === sectionBase) continue;
      yield { process, address: imageBase, description: `ImageBase:[${hex(imageBase)}] SectionBase:[${hex(sectionBase)}]` };
    }
  },
};
