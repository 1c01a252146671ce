import { matchesOf } from './matches.js';
import { seeded } from './random.js';

const BLOCK = 0x1_0000;
const END = 256;

/** What is written of a block: a symbol's code, then the bytes of a length, then the bits of a distance. */
interface Item {
  readonly symbol: number;
  readonly bytes: readonly number[];
  readonly distance: { readonly bits: number; readonly value: number };
}

const plain = (symbol: number): Item => ({ symbol, bytes: [], distance: { bits: 0, value: 0 } });

/** Packs bytes as LZ77 with Huffman codes ([MS-XCA] 2.1), in blocks of 64 KiB; codes are of all lengths, as the seed has it. */
export function xpressHuffmanBytes(data: Uint8Array, seed = 1): Buffer {
  const out: number[] = [];
  for (let from = 0; from < data.length || from === 0; from += BLOCK) {
    const last = from + BLOCK >= data.length;
    const items = itemsOf(data.subarray(from, from + BLOCK));
    if (last) items.push(plain(END));
    writeBlock(out, items, seed + from);
  }
  return Buffer.from(out);
}

function itemsOf(data: Uint8Array): Item[] {
  const items: Item[] = [];
  for (const { literals, distance, length } of matchesOf(data, 3, 65_535)) {
    items.push(...Array.from(literals, plain));
    if (length === 0) continue;
    const rest = length - 3;
    const bits = Math.floor(Math.log2(distance));
    const bytes = rest < 15 ? [] : rest < 15 + 255 ? [rest - 15] : rest < 0x1_0000 ? [255, rest & 0xff, rest >>> 8] : [255, 0, 0, rest & 0xff, (rest >>> 8) & 0xff, rest >>> 16, 0];
    items.push({ symbol: END + Math.min(rest, 15) + bits * 16, bytes, distance: { bits, value: distance - 2 ** bits } });
  }
  return items;
}

function writeBlock(out: number[], items: readonly Item[], seed: number): void {
  const used = [...new Set(items.map(({ symbol }) => symbol))].sort((a, b) => a - b);
  const codes = codesOf(used, seed);
  const table = new Uint8Array(256);
  for (const [symbol, { length }] of codes) table[symbol >>> 1]! |= length << ((symbol & 1) * 4);
  out.push(...table, 0, 0, 0, 0);
  let [first, second] = [out.length - 4, out.length - 2];
  let word = 0;
  let free = 16;
  const store = (at: number, value: number): void => {
    out[at] = value & 0xff;
    out[at + 1] = (value >>> 8) & 0xff;
  };
  const bits = (count: number, value: number): void => {
    if (count <= free) {
      word = (word << count) | value;
      free -= count;
      return;
    }
    store(first, (word << free) | (value >>> (count - free)));
    [first, second] = [second, out.length];
    out.push(0, 0);
    word = value & ((1 << (count - free)) - 1);
    free += 16 - count;
  };
  for (const { symbol, bytes, distance } of items) {
    const { length, code } = codes.get(symbol)!;
    bits(length, code);
    out.push(...bytes);
    bits(distance.bits, distance.value);
  }
  store(first, word << free);
  store(second, 0);
}

/** Codes of 1 to 15 bits that leave none over, for these symbols: a tree whose leaves are split here and there. */
function codesOf(symbols: readonly number[], seed: number): Map<number, { readonly length: number; readonly code: number }> {
  const next = seeded(seed);
  const depths = [1, 1];
  while (depths.length < symbols.length) {
    const at = Math.floor(next() * depths.length);
    if (depths[at]! < 15) depths.splice(at, 1, depths[at]! + 1, depths[at]! + 1);
  }
  const lengths = new Map(symbols.map((symbol, i) => [symbol, depths[i]!]));
  const codes = new Map<number, { length: number; code: number }>();
  let code = 0;
  for (let length = 1; length <= 15; length += 1, code <<= 1) {
    for (const symbol of symbols) {
      if (lengths.get(symbol) !== length) continue;
      codes.set(symbol, { length, code });
      code += 1;
    }
  }
  return codes;
}
