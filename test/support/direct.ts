import { Anomalies } from '../../src/bytes/anomaly.js';
import { MODES } from '../../src/paging/mode.js';
import { softwarePte } from '../../src/paging/pte.js';
import { Kernel } from '../../src/windows/kernel.js';
import { WindowsModel, type Windows } from '../../src/windows/windows.js';
import type { Machine } from './machine.js';

/**
 * The model of a machine without any recognition: page table, kernel and layouts are taken from what was written.
 * For tests of the readers alone.
 * @param profile what is known of it, where that is less than it was written by
 */
export function direct(made: Machine, profile = made.kernel.profile): Windows {
  const { base, size, space, rules } = made.kernel;
  const mode = MODES.find(({ name }) => name === space.rules.name);
  if (mode === undefined) throw new Error(`no paging mode ${space.rules.name}`);
  return new WindowsModel(new Kernel(made.image().memory, mode, softwarePte(profile, rules.invalidMask), { dtb: Number(space.dtb), base, size, symbolFile: profile.id }, profile, new Anomalies()));
}
