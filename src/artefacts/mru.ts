import { utf16 } from '../bytes/utf16.js';
import type { Key } from '../registry/key.js';
import { upcase } from '../registry/name.js';
import type { Value } from '../registry/value.js';

/** A value of a list of what was used most recently. */
export interface Recent {
  /** 0: the most recent; undefined: the list's order does not name it. */
  readonly position: number | undefined;
  readonly value: Value;
}

const END = 0xffff_ffff;
const ORDERS = ['MRUListEx', 'MRUList'];

/** Names of values in the list's order: words up to all ones in MRUListEx, letters in MRUList. */
function order(key: Key): readonly string[] {
  const numbers = key.value('MRUListEx')?.data();
  if (numbers !== undefined) {
    const names: string[] = [];
    for (let at = 0; at + 4 <= numbers.length; at += 4) {
      const number = numbers.readUInt32LE(at);
      if (number === END) break;
      names.push(String(number));
    }
    return names;
  }
  const letters = key.value('MRUList')?.native();
  return typeof letters === 'string' ? [...letters] : [];
}

/** The values of a list, the most recent first, then those that the order does not name. */
export function recents(key: Key): readonly Recent[] {
  const places = new Map<string, number>();
  for (const name of order(key)) if (!places.has(upcase(name))) places.set(upcase(name), places.size);
  const values = [...key.values()].filter(({ name }) => name !== '' && !ORDERS.some((one) => upcase(one) === upcase(name)));
  const placed = values.map((value): Recent => ({ position: places.get(upcase(value.name)), value }));
  return placed.sort((a, b) => (a.position ?? END) - (b.position ?? END));
}

/** UTF-16 up to its NUL, and what follows it. */
export function nameAndRest(data: Buffer): { readonly name: string; readonly rest: Buffer } {
  let end = 0;
  while (end + 2 <= data.length && data.readUInt16LE(end) !== 0) end += 2;
  return { name: utf16(data.subarray(0, end)), rest: data.subarray(Math.min(end + 2, data.length)) };
}

/** When an entry was used last, as far as a list tells: its key was written with its most recent entry. */
export function usedAt(key: Key, position: number | undefined): bigint | undefined {
  return position === 0 ? key.written : undefined;
}
