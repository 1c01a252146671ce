import type { Detector } from '../detector.js';

/** Where the modules of drivers lie, below the Windows folder or the volume. */
const PLACES = [
  /^\\system32\\(?:drivers|driverstore|en-us)\\/, /^\\system32\\[^\\]+\.(?:sys|exe|dll)$/, /^\\system32\\[^\\]+\\[^\\]+\.sys$/,
  /^\\syswow64\\drivers\\/, /^\\winsxs\\/, /^\\inf\\/,
  /^\\program files(?: \(x86\))?\\/, /^\\programdata\\microsoft\\windows defender\\/,
];

/** `\SystemRoot\…`, `\??\C:\Windows\…`, `\Device\HarddiskVolume3\Windows\…` as one spelling. */
function place(path: string): string {
  return path.toLowerCase().replace(/^\\\?\?\\/, '').replace(/^[a-z]:/, '').replace(/^\\device\\[^\\]+/, '')
    .replace(/^(?:\\systemroot|%systemroot%|\\windows)(?=\\)/, '').replace(/^system32\\/, '\\system32\\');
}

/** A bare name is a boot driver that the loader took from its own folder. */
const isUsual = (path: string): boolean => !path.includes('\\') || PLACES.some((known) => known.test(place(path)));

export const driverPath: Detector = {
  type: 'DRIVER_PATH',
  severity: 0x8000,
  meaning: 'A driver belongs to no kernel module, or to one that lies where drivers do not belong.',
  * find(windows) {
    const system = windows.process(4);
    if (system === undefined) return;
    for (const { address, name, start, path } of windows.drivers()) {
      // The kernel's own drivers (\Driver\PnpManager) are made without an image.
      if (start === 0n || (path !== undefined && isUsual(path))) continue;
      yield { process: system, address, description: `Driver:[${name}] Module:[${path ?? 'NOT_FOUND'}]` };
    }
  },
};
