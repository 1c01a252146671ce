import { hexBytes, regularExpression, textQuery } from '../src/search/query.js';
import type { Sought } from './registry-search.js';

/**
 * What a pattern of `memlens registry search` looks for: a text, or `/a regular expression/`. In bytes it is looked for as ASCII and as UTF-16.
 * A number fits a text that writes it whole.
 * @returns what is wrong with the pattern, as a sentence
 */
export function soughtText(pattern: string, ignoreCase: boolean): Sought | string {
  const query = textQuery(pattern);
  if (typeof query === 'string') return query;
  if (query.kind === 'text') return plain(query.text, ignoreCase || query.ignoreCase);
  const made = regularExpression({ source: query.source, flags: ignoreCase ? `${query.flags}i` : query.flags });
  if (typeof made === 'string') return made;
  return expression(new RegExp(made.source, made.flags.replace('g', '')));
}

/** Bytes written in hex, `?` for a digit that may be any; looked for in the data of all types. @returns what is wrong, as a sentence */
export function soughtBytes(written: string): Sought | string {
  const bytes = hexBytes(written);
  if (typeof bytes === 'string') return bytes;
  const { value, ignore } = bytes;
  const exactly = Buffer.from(value);
  const exact = ignore.every((bits) => bits === 0);
  const fitsAt = (data: Buffer, at: number): boolean => value.every((byte, i) => (((data[at + i] ?? 0) ^ byte) & ~(ignore[i] ?? 0)) === 0);
  const anywhere = (data: Buffer): boolean => {
    for (let at = 0; at + value.length <= data.length; at += 1) if (fitsAt(data, at)) return true;
    return false;
  };
  return { inText: () => false, inNumber: () => false, inBytes: () => false, inRaw: exact ? (data) => data.includes(exactly) : anywhere };
}

function plain(text: string, ignoreCase: boolean): Sought {
  const fold = ignoreCase ? (one: string): string => one.toLowerCase() : (one: string): string => one;
  const wanted = fold(text);
  const wide = Buffer.from(text, 'utf16le');
  const narrow = Buffer.from(text, 'latin1');
  const isNarrow = narrow.toString('latin1') === text;
  return {
    inText: (given) => fold(given).includes(wanted),
    inNumber: (spellings) => spellings.some((one) => one.toLowerCase() === text.toLowerCase()),
    inBytes: ignoreCase ? (data) => renderings(data).some((one) => fold(one).includes(wanted)) : (data) => data.includes(wide) || (isNarrow && data.includes(narrow)),
  };
}

function expression(sought: RegExp): Sought {
  return {
    inText: (given) => sought.test(given),
    inNumber: (spellings) => spellings.some((one) => sought.test(one)),
    inBytes: (data) => renderings(data).some((one) => sought.test(one)),
  };
}

/** Bytes as the texts that may lie in them: single bytes, and UTF-16 at even and odd places. */
function renderings(data: Buffer): readonly string[] {
  return [data.toString('latin1'), data.toString('utf16le', 0, data.length & ~1), data.toString('utf16le', 1, 1 + ((data.length - 1) & ~1))];
}
