import type { Kernel } from './kernel.js';

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

/** The driver objects in \Driver and \FileSystem, and those that only the pool scan found. */
export function drivers(kernel: Kernel, scanned: readonly bigint[]): readonly Driver[] {
  throw new Error(`not built: ${kernel.base} ${scanned.length}`);
}
