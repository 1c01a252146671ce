import { walk } from '../bytes/walk.js';
import { wordAt } from '../bytes/word.js';
import { big, raw, struct } from '../profile/struct.js';
import type { Kernel } from './kernel.js';

const DIRECTORY = struct('_OBJECT_DIRECTORY', { buckets: raw('HashBuckets') });
const ENTRY = struct('_OBJECT_DIRECTORY_ENTRY', { next: big('ChainLink'), object: big('Object') });

const MAX_ENTRIES = 1 << 17;

/** The objects of one directory: its hash buckets and their chains, in the order they stand. Addresses of bodies. */
export function directoryObjects(kernel: Kernel, directory: bigint): readonly bigint[] {
  const record = kernel.read(DIRECTORY, directory);
  if (record === undefined) return [];
  const { buckets } = record;
  const heads: bigint[] = [];
  for (let at = 0; at + kernel.pointerSize <= buckets.length; at += kernel.pointerSize) {
    const head = wordAt(buckets, at, kernel.pointerSize);
    if (head !== 0n) heads.push(head);
  }
  const entries = walk(heads, (entry) => entry, (entry) => {
    const link = kernel.read(ENTRY, entry);
    return link === undefined ? undefined : { value: link.object, next: link.next === 0n ? [] : [link.next] };
  }, { where: 'object directory', cap: MAX_ENTRIES, anomalies: kernel.anomalies });
  return [...entries].filter((object) => kernel.isKernelAddress(object));
}
