import { UNIX_EPOCH_FILETIME } from '../bytes/filetime.js';
import { utf16 } from '../bytes/utf16.js';
import type { Key } from '../registry/key.js';
import { upcase } from '../registry/name.js';
import type { Value } from '../registry/value.js';

/** The most strings taken of a REG_MULTI_SZ. */
const MOST_STRINGS = 4096;
const TICKS_PER_SECOND = 10_000_000n;

/** The values of one key, read once and asked by name in the types that artefacts need. Undefined: not there, or of another kind. */
export interface KeyValues {
  /** Of REG_SZ and REG_EXPAND_SZ; of a REG_MULTI_SZ its strings, joined by `, `; of a number its digits. */
  text(name: string): string | undefined;
  /** Of a REG_MULTI_SZ up to its first empty string; a REG_SZ counts as one. */
  texts(name: string): readonly string[] | undefined;
  /** Of a REG_DWORD; of a REG_SZ of digits too, as old programs write numbers. */
  number(name: string): number | undefined;
  bytes(name: string): Buffer | undefined;
  /** A FILETIME of 8 bytes, whatever the value's type. */
  time(name: string): bigint | undefined;
  /** A REG_DWORD of seconds since 1970, as a FILETIME. */
  unixTime(name: string): bigint | undefined;
  value(name: string): Value | undefined;
}

/** Seconds since 1970 as a FILETIME; zero is no time. */
export function ofUnixSeconds(seconds: number | undefined): bigint | undefined {
  return seconds === undefined || seconds <= 0 ? undefined : filetime(BigInt(Math.trunc(seconds)) * TICKS_PER_SECOND + UNIX_EPOCH_FILETIME);
}

/** A FILETIME; undefined where it is none: zero, or all that is too large to be one, by which Windows means "never". */
export function filetime(ticks: bigint): bigint | undefined {
  return ticks <= 0n || ticks >= 0x7fff_ffff_ffff_ffffn ? undefined : ticks;
}

/** The FILETIME at an offset; undefined where there is none. */
export function filetimeAt(bytes: Buffer, offset = 0): bigint | undefined {
  return bytes.length < offset + 8 ? undefined : filetime(bytes.readBigUInt64LE(offset));
}

/** The strings of a REG_MULTI_SZ's data, with the empty ones between them; what follows the last NUL is no string. */
export function multiSz(data: Buffer): readonly string[] {
  return utf16(data).split('\0').slice(0, MOST_STRINGS);
}

export function valuesOf(key: Key): KeyValues {
  let byName: Map<string, Value> | undefined;
  const value = (name: string): Value | undefined => {
    if (byName === undefined) {
      byName = new Map();
      for (const one of key.values()) if (!byName.has(upcase(one.name))) byName.set(upcase(one.name), one);
    }
    return byName.get(upcase(name));
  };
  const number = (name: string): number | undefined => {
    const native = value(name)?.native();
    if (typeof native === 'number') return native;
    if (typeof native === 'bigint') return Number(native);
    return typeof native === 'string' && /^\d{1,15}$/.test(native) ? Number(native) : undefined;
  };
  const bytes = (name: string): Buffer | undefined => value(name)?.data();
  return {
    value,
    number,
    bytes,
    text: (name) => textOf(value(name)),
    texts: (name) => textsOf(value(name)),
    time: (name) => {
      const data = bytes(name);
      return data?.length === 8 ? filetimeAt(data) : undefined;
    },
    unixTime: (name) => ofUnixSeconds(number(name)),
  };
}

/** A value as one line: characters, strings joined by `, `, digits; undefined for bytes. */
export function textOf(value: Value | undefined): string | undefined {
  const native = value?.native();
  if (value === undefined || native === undefined) return undefined;
  if (typeof native === 'string') return native;
  if (typeof native === 'number' || typeof native === 'bigint') return String(native);
  return textsOf(value)?.join(', ');
}

/** The strings of a REG_MULTI_SZ, up to the first empty one, or of a REG_SZ the one. Undefined for other types. */
export function textsOf(value: Value | undefined): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const native = value.native();
  if (typeof native === 'string') return native === '' ? [] : [native];
  if (value.type !== 7) return undefined;
  const data = value.data();
  if (data === undefined) return undefined;
  const strings = multiSz(data);
  // The list ends at an empty string; what follows is what the memory held before.
  const end = strings.indexOf('');
  return end < 0 ? strings : strings.slice(0, end);
}
