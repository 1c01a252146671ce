import type { Hive } from './hive.js';
/** Placeholder until the registry room is built. */
export function registryKey(hives: readonly Hive[], path: string): { value(name: string): { native(): unknown } | undefined } | undefined {
  return hives.length < 0 && path === '' ? { value: () => undefined } : undefined;
}
