import { userProcesses, type Detector } from '../detector.js';

const MAX_SIZE = 64 << 20;

export const peInject: Detector = {
  type: 'PE_INJECT',
  severity: 0xe000,
  meaning: 'An executable image lies in memory that no file backs and that no loader list names: code was injected.',
  * find(windows) {
    for (const process of userProcesses(windows)) {
      yield undefined;
      for (const { kind, base, size, name } of process.modules()) {
        if (kind === 'injected' && size < MAX_SIZE) yield { process, address: base, description: `Module:[${name}]` };
      }
    }
  },
};
