/** Kinds of triggers by the word that stands before each in the value Triggers. */
const KINDS: Readonly<Record<number, string>> = {
  0x6666: 'WNF state', 0x7777: 'session change', 0x8888: 'registration', 0xaaaa: 'logon', 0xcccc: 'event', 0xdddd: 'time', 0xeeee: 'idle', 0xffff: 'boot',
};
/** Bytes before what belongs to the job: version, start and end of all triggers. */
const HEADER = 0x28;
const MOST = 64;

/**
 * What starts a task, each kind once, in order. All parts of the value begin at multiples of eight, and a trigger with its
 * kind in 32 bits and 32 bits of zero; what follows is of many shapes and is not read.
 */
export function triggerKinds(blob: Buffer): readonly string[] {
  const kinds = new Set<string>();
  for (let at = HEADER; at + 8 <= blob.length && kinds.size < MOST; at += 8) {
    const kind = KINDS[blob.readUInt32LE(at)];
    if (kind !== undefined && blob.readUInt32LE(at + 4) === 0) kinds.add(kind);
  }
  return [...kinds];
}
