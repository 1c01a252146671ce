import { Anomalies } from '../../../src/bytes/anomaly.js';
import { layoutProfiles } from '../../../src/profile/layouts.js';
import { Kernel } from '../../../src/windows/kernel.js';

/** The same kernel, known by layouts alone but for what symbols it still has. */
export function withoutSymbols(kernel: Kernel, ...absent: readonly string[]): Kernel {
  const symbol = (name: string): number | undefined => (absent.includes(name) ? undefined : kernel.profile.symbol(name));
  for (const profile of layoutProfiles({ machine: kernel.profile.machine, build: kernel.profile.build, revision: Number(kernel.profile.version.split('.')[3]) }, symbol)) {
    return new Kernel(kernel.physical, kernel.mode, kernel.software, kernel.facts, profile, new Anomalies());
  }
  throw new Error('no layout is near');
}
