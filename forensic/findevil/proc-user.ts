import type { Detector } from '../detector.js';

/** Run by Windows' own accounts only. */
const SYSTEM_ONLY = new Set(['system', 'registry', 'memcompression', 'smss.exe', 'csrss.exe', 'winlogon.exe', 'wininit.exe', 'services.exe', 'lsass.exe']);
/** Run by people only. */
const PEOPLE_ONLY = new Set(['sihost.exe', 'explorer.exe', 'powershell.exe', 'cmd.exe']);

export const procUser: Detector = {
  type: 'PROC_USER',
  severity: 0xa000,
  meaning: 'A process of the system runs as a person, or a process of people runs as the system.',
  * find(windows) {
    for (const process of windows.processes()) {
      const name = process.name.toLowerCase();
      if (process.terminated || (!SYSTEM_ONLY.has(name) && !PEOPLE_ONLY.has(name))) continue;
      const token = process.token();
      if (token === undefined || token.wellKnown === SYSTEM_ONLY.has(name)) continue;
      yield { process, address: 0n, description: `User:[${token.user ?? token.userSid}]` };
    }
  },
};
