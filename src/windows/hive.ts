import type { Kernel } from './kernel.js';

/** A registry hive in memory. Corresponds to `_CMHIVE`. */
export interface Hive {
  readonly address: bigint;
  /** `\REGISTRY\MACHINE\SYSTEM`; the first of HiveRootPath, FileUserName, FileFullPath, base block file name that says something. */
  readonly name: string;
  readonly rootPath: string;
  readonly filePath: string;
}

/** The hives by CmpHiveListHead, and those that only the pool scan found. */
export function hives(kernel: Kernel, scanned: readonly bigint[]): readonly Hive[] {
  throw new Error(`not built: ${kernel.base} ${scanned.length}`);
}
