/** Numbers in [0, 1) that look random and are the same for the same seed (mulberry32), so that a broken image can be made again. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Fills bytes with noise. */
export function noise(target: Uint8Array, seed: number): void {
  const next = seeded(seed);
  const words = new DataView(target.buffer, target.byteOffset, target.byteLength);
  let at = 0;
  for (; at + 4 <= target.length; at += 4) words.setUint32(at, next() * 4_294_967_296, true);
  for (; at < target.length; at += 1) target[at] = next() * 256;
}
