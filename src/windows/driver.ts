import { big, number, struct, unicode } from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import { kernelModules, type Module } from './module.js';
import { namespace } from './namespace.js';
import { objectManager } from './object.js';

const DRIVER = struct('_DRIVER_OBJECT', {
  start: big('DriverStart'),
  size: number('DriverSize'),
  extension: big('DriverExtension'),
  name: unicode('DriverName'),
});
const EXTENSION = struct('_DRIVER_EXTENSION', { serviceKey: unicode('ServiceKeyName') });

/** The directories of the namespace that hold driver objects. */
const DIRECTORIES = ['Driver', 'FileSystem'];

/** A driver object. Corresponds to `_DRIVER_OBJECT`. */
export interface Driver {
  readonly address: bigint;
  /** The last part of the object's name: `CLFS`. */
  readonly name: string;
  /** DriverName: `\Driver\CLFS`. */
  readonly objectName: string;
  readonly serviceKey: string;
  /** DriverStart, DriverSize. */
  readonly start: bigint;
  readonly size: number;
  /** The path of the kernel module that holds DriverStart; undefined when no module does. */
  readonly path: string | undefined;
  readonly module: string | undefined;
  /** `namespace`: found in the object directory. `scan`: by the pool scan alone. */
  readonly source: 'namespace' | 'scan';
}

/** The driver objects in \Driver and \FileSystem, and those that only the pool scan found, by where they lie in memory. */
export function drivers(kernel: Kernel, scanned: readonly bigint[]): readonly Driver[] {
  const sources = new Map<bigint, Driver['source']>();
  for (const { address, type } of namespace(kernel, DIRECTORIES)) if (type?.name === 'Driver') sources.set(address, 'namespace');
  for (const address of scanned) if (!sources.has(address)) sources.set(address, 'scan');
  const modules = [...(kernel.anomalies.attempt('drivers', () => kernelModules(kernel)) ?? [])];
  const found: Driver[] = [];
  for (const [address, source] of sources) {
    const driver = kernel.anomalies.attempt('drivers', () => readDriver(kernel, address, source, modules));
    if (driver !== undefined) found.push(driver);
    else kernel.anomalies.add('drivers', 'a driver object cannot be read', address);
  }
  return found.sort((a, b) => order(a.start, b.start) || order(a.address, b.address));
}

function readDriver(kernel: Kernel, address: bigint, source: Driver['source'], modules: readonly Module[]): Driver | undefined {
  const record = kernel.read(DRIVER, address);
  if (record === undefined) return undefined;
  const objectName = kernel.text(record.name) ?? '';
  const extension = kernel.isKernelAddress(record.extension) ? kernel.read(EXTENSION, record.extension) : undefined;
  const module = modules.find(({ base, size }) => record.start >= base && record.start < base + BigInt(size));
  return {
    address,
    name: objectManager(kernel).name(address) ?? objectName.split('\\').at(-1) ?? '',
    objectName,
    serviceKey: (extension === undefined ? undefined : kernel.text(extension.serviceKey)) ?? '',
    start: record.start, size: record.size,
    path: module?.path, module: module?.name,
    source,
  };
}

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
