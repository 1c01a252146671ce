import { hex } from '../../src/bytes/hex.js';
import { moduleImages } from '../../src/tables/module-image.js';
import { moduleEnd, MODULES_ALL, type ModuleImageRow } from '../../src/tables/modules.js';
import { stage } from '../stage.js';

export const moduleStage = stage<ModuleImageRow>({
  name: 'module',
  table: MODULES_ALL,
  waitsForScan: false,
  csv: 'modules',
  json: { file: 'general', line: ({ process, module }) => ({
    type: 'module', pid: process.pid, proc: process.name, addr: hex(module.base, 16), addr2: hex(moduleEnd(module), 16), size: module.size,
    desc: module.name, desc2: module.path || module.kernelPath || '',
  }) },
  * rows(windows, { step }) {
    const processes = windows.processes();
    const image = moduleImages();
    for (const [done, process] of processes.entries()) {
      step(done, processes.length);
      for (const module of process.modules()) yield { process, module, image: image(process, module) };
    }
  },
});
