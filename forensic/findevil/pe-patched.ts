import type { Process } from '../../src/windows/process.js';
import type { Vad } from '../../src/windows/vad.js';
import { userProcesses, type Detector } from '../detector.js';
import { executablePages, MAX_PER_VAD, pageText, sectionPage, type MappedPage } from './pages.js';

const PAGE = 4096;

/** The executable pages of an image that are private copies with other content than the image's own. */
function* patched(process: Process, vad: Vad): Generator<MappedPage> {
  const { physical } = process.kernel;
  let found = 0;
  for (const page of executablePages(process, vad)) {
    const original = sectionPage(process, vad, page.address);
    if (original === undefined || original === page.physical) continue;
    const [own, section] = [physical.read(page.physical, PAGE), physical.read(original, PAGE)];
    if (own === undefined || section === undefined || own.equals(section)) continue;
    yield page;
    found += 1;
    if (found >= MAX_PER_VAD) return;
  }
}

export const pePatched: Detector = {
  type: 'PE_PATCHED',
  severity: 0x5000,
  meaning: 'Code of a mapped image was changed in this process alone: a hook or a patch.',
  * find(windows) {
    for (const process of userProcesses(windows)) {
      for (const vad of process.vads()) {
        if (!vad.image || vad.firstPrototype === undefined) continue;
        yield undefined;
        for (const page of patched(process, vad)) yield { process, address: page.address, description: pageText(process, vad, page) };
      }
    }
  },
};
