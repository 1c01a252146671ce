import { userProcesses, type Detector } from '../detector.js';

const SYSTEM = 'S-1-5-18';

export const procDebug: Detector = {
  type: 'PROC_DEBUG',
  severity: 0x7800,
  meaning: 'A process that does not run as SYSTEM has the privilege to debug all others enabled.',
  * find(windows) {
    for (const process of userProcesses(windows)) {
      const token = process.token();
      if (token === undefined || token.userSid === SYSTEM) continue;
      const debug = token.privileges.find(({ name }) => name === 'SeDebugPrivilege');
      if (debug?.present === true && debug.enabled) yield { process, address: 0n, description: '' };
    }
  },
};
