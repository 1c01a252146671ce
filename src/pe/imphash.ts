import { createHash } from 'node:crypto';
import type { PeImport } from './import.js';
import { ordinalName } from './import-ordinals.js';

const EXTENSION = /\.(?:ocx|sys|dll)$/;

/**
 * The import hash as pefile and YARA reckon it: MD5, in hex, of `module.function` in lower case, in the order of the import directory, joined
 * by commas. Undefined without imports, or when some of their names are not in memory: another hash would come of it.
 */
export function importHash(imported: Generator<PeImport, boolean>): string | undefined {
  const names: string[] = [];
  let step = imported.next();
  for (; step.done !== true; step = imported.next()) {
    const { module, name, ordinal } = step.value;
    const lower = module.toLowerCase();
    const called = ordinal === undefined ? name : ordinalName(lower, ordinal);
    if (called === undefined) return undefined;
    names.push(`${lower.replace(EXTENSION, '')}.${called.toLowerCase()}`);
  }
  return step.value && names.length > 0 ? createHash('md5').update(names.join(','), 'latin1').digest('hex') : undefined;
}
