import { userProcesses, type Detector } from '../detector.js';

export const peNoLink: Detector = {
  type: 'PE_NOLINK',
  severity: 0x6000,
  meaning: 'An executable image is mapped that no list of the loader names: a module was hidden.',
  * find(windows) {
    for (const process of userProcesses(windows)) {
      yield undefined;
      // Without any list there is nothing to be missing from.
      const modules = process.modules();
      if (!modules.some(({ kind }) => kind === 'ldr')) continue;
      for (const { kind, base, name, kernelPath } of modules) {
        if (kind === 'not-linked') yield { process, address: base, description: `Module:[${name}] VAD:[${kernelPath ?? ''}]` };
      }
    }
  },
};
