import { DETECTORS } from '../../forensic/detectors.js';
import type { StageContext } from '../../forensic/stage.js';
import { STAGES } from '../../forensic/stages.js';
import { scanPool } from '../../src/windows/pool-scan.js';
import type { Windows } from '../../src/windows/windows.js';

const CONTEXT: StageContext = { step: () => undefined, note: () => undefined };

/** How many of each the model gave. */
export type Counts = Readonly<Record<string, number>>;

/** Asks a model for everything that it can be asked, as a recursive walk over the mount and the forensic pass would. */
export function drain(windows: Windows, { scan = true } = {}): Counts {
  const counts: Record<string, number> = {};
  const count = (what: string, things: Iterable<unknown> | undefined): void => {
    for (const thing of things ?? []) if (thing !== undefined) counts[what] = (counts[what] ?? 0) + 1;
  };
  if (scan) windows.join(scanPool(windows.kernel, { start: 0, end: windows.kernel.physical.size }));
  void windows.system;
  for (const process of windows.processes()) {
    count('processes', [process]);
    count('parameters', [process.parameters()]);
    count('modules', process.modules());
    count('vads', process.vads());
    count('handles', process.handles());
    count('threads', process.threads());
    count('tokens', [process.token()]);
    count('mappings', process.memory.mappings(0n, 0x8000_0000_0000n, true));
  }
  count('drivers', windows.drivers());
  count('endpoints', windows.endpoints());
  count('hives', windows.hives());
  for (const stage of STAGES) count(`stage ${stage.name}`, stage.written(windows, CONTEXT));
  for (const detector of DETECTORS) count(`detector ${detector.type}`, detector.find(windows));
  return counts;
}
