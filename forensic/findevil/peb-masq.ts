import { userProcesses, type Detector } from '../detector.js';

/** The path below the volume or the Windows folder, in lower case: what both spellings share. */
function tail(path: string): string {
  return path.toLowerCase().replace(/^\\\?\?\\/, '').replace(/^\\\\\?\\/, '').replace(/^[a-z]:/, '').replace(/^(\\|%)?systemroot%?(?=\\)/, '');
}

const extension = (path: string): string => /\.[^.\\]*$/.exec(path)?.[0] ?? '';

export const pebMasq: Detector = {
  type: 'PEB_MASQ',
  severity: 0x9000,
  meaning: 'The PEB names another image than the kernel: the process pretends to be another program.',
  * find(windows) {
    for (const process of userProcesses(windows)) {
      const shown = tail(process.parameters()?.imagePath ?? '');
      const real = process.facts.kernelPath.toLowerCase();
      // Short (8.3) names are another spelling of the same path, and only a whole path can be compared.
      if (shown === '' || real === '' || shown.includes('~') || !shown.includes('\\')) continue;
      if (extension(shown) !== extension(real) || real.endsWith(shown)) continue;
      yield { process, address: 0n, description: '' };
    }
  },
};
