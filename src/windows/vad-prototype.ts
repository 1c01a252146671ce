import { vadAt, type Vad } from './vad.js';

/** Where the prototype PTE of a page lies, by the VAD that covers it; undefined when none does or it has no prototypes. */
export function prototypeIn(vads: readonly Vad[], address: bigint, entryBytes: number): bigint | undefined {
  const vad = vadAt(vads, address);
  if (vad?.firstPrototype === undefined) return undefined;
  const entry = vad.firstPrototype + ((address - vad.start) >> 12n) * BigInt(entryBytes);
  return vad.lastPrototype !== undefined && entry > vad.lastPrototype ? undefined : entry;
}
