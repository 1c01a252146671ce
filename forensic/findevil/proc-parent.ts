import { parentOf, type Detector } from '../detector.js';

/** The parents that Windows gives its own processes. An empty list: none. */
const PARENTS: Readonly<Record<string, readonly string[]>> = {
  'system': [],
  'memcompression': ['system'],
  'registry': ['system'],
  // The first one starts another for each session.
  'smss.exe': ['system', 'smss.exe'],
  'csrss.exe': ['smss.exe'],
  'winlogon.exe': ['smss.exe'],
  'wininit.exe': ['smss.exe'],
  'services.exe': ['wininit.exe'],
  'lsass.exe': ['wininit.exe'],
  'svchost.exe': ['services.exe'],
  'sihost.exe': ['svchost.exe'],
  'userinit.exe': ['winlogon.exe'],
};

export const procParent: Detector = {
  type: 'PROC_PARENT',
  severity: 0xc000,
  meaning: 'A process with the name of a Windows process has a parent that Windows never gives it.',
  * find(windows) {
    for (const process of windows.processes()) {
      const expected = process.terminated ? undefined : PARENTS[process.name.toLowerCase()];
      if (expected === undefined) continue;
      const parent = parentOf(windows, process);
      if (parent === undefined || expected.includes(parent.name.toLowerCase())) continue;
      yield { process, address: 0n, description: `ParentProcess:[${parent.name}:${parent.pid}]` };
    }
  },
};
