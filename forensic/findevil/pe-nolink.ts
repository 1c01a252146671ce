import { isTorn, userProcesses, type Detector } from '../detector.js';

export const peNoLink: Detector = {
  type: 'PE_NOLINK',
  severity: 0x6000,
  meaning: 'An executable image is mapped that no list of the loader names: a module was hidden.',
  * find(windows) {
    for (const process of userProcesses(windows)) {
      yield undefined;
      const modules = process.modules();
      // Without any list there is nothing to be missing from.
      if (!modules.some(({ kind }) => kind === 'ldr')) continue;
      for (const { kind, base, name, kernelPath, wow64 } of modules) {
        if (kind === 'not-linked' && !isTorn(process.anomalies, `${process.where} ${wow64 ? '32-bit ' : ''}modules in`)) yield { process, address: base, description: `Module:[${name}] VAD:[${kernelPath ?? ''}]` };
      }
    }
  },
};
