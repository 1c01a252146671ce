import { seeded } from './random.js';

/** 4096 bytes as a page of a process might be: pointers that differ little, text, zeros, some noise. The same for the same seed. */
export function pageBytes(seed: number): Buffer {
  const next = seeded(seed + 1);
  const page = Buffer.alloc(4096);
  for (let at = 0; at < page.length;) {
    const kind = next();
    if (kind < 0.3) {
      page.writeBigUInt64LE(0x7ffa_2222_0000n + BigInt(Math.floor(next() * 64) * 0x20), at);
      at += 8;
    } else if (kind < 0.6) {
      at += page.write(`value ${Math.floor(next() * 50)} of page ${seed}; `.slice(0, page.length - at), at, 'latin1');
      at = Math.ceil(at / 8) * 8;
    } else if (kind < 0.9) {
      at += 8 * (1 + Math.floor(next() * 12));
    } else {
      page[at] = next() * 256;
      at += 8;
    }
  }
  return page;
}
