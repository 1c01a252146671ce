import { exportDirectory, peHeader } from '../pe/header.js';
import { big, struct } from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import { kernelModules, type Module } from './module.js';
import { namespace } from './namespace.js';

const DRIVER = struct('_DRIVER_OBJECT', { start: big('DriverStart') });
/** The directories of the namespace that hold driver objects. */
const DIRECTORIES = ['Driver', 'FileSystem'];
const PAGE_MASK = 0xfffn;

/**
 * The modules of System: PsLoadedModuleList in its order, then the images that driver objects name and the list does not (`not-linked`,
 * named by their exports, else by the driver object).
 */
export function systemModules(kernel: Kernel): readonly Module[] {
  const listed = kernelModules(kernel);
  const hidden = kernel.anomalies.attempt('drivers', () => hiddenModules(kernel, listed)) ?? [];
  return [...listed, ...hidden];
}

function hiddenModules(kernel: Kernel, listed: readonly Module[]): readonly Module[] {
  const found = new Map<bigint, Module>();
  for (const { address, name, type } of namespace(kernel, DIRECTORIES)) {
    const base = type?.name === 'Driver' ? kernel.read(DRIVER, address)?.start : undefined;
    if (base === undefined || !kernel.isKernelAddress(base) || (base & PAGE_MASK) !== 0n || found.has(base)) continue;
    if (listed.some((module) => base >= module.base && base < module.base + BigInt(module.size))) continue;
    const header = peHeader(kernel.memory, base);
    if (header === undefined) continue;
    found.set(base, {
      kind: 'not-linked', base, size: header.sizeOfImage, entry: header.entry === 0 ? 0n : base + BigInt(header.entry),
      name: exportDirectory(kernel.memory, base, header)?.name ?? name, path: '',
      kernelPath: undefined, wow64: false, ldrEntry: undefined, loaded: undefined,
    });
  }
  return [...found.values()];
}
