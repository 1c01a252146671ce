/** FILETIME: 100 ns since 1601-01-01 UTC, as `bigint` ([MS-DTYP] 2.3.3). */
export const UNIX_EPOCH_FILETIME = 116_444_736_000_000_000n;
const TICKS_PER_MS = 10_000n;
/** 9999-12-31T23:59:59.9999999Z, the last time that four digits can name. */
const LAST = 2_650_467_743_999_999_999n;

/** A time that a calendar with four-digit years can name and that is not "never" (zero). */
export function isFiletime(time: bigint): boolean {
  return time > 0n && time <= LAST;
}

/** Milliseconds since 1970 (negative before), rounded down. */
export function unixMs(time: bigint): number {
  const ticks = time - UNIX_EPOCH_FILETIME;
  const ms = ticks / TICKS_PER_MS;
  return Number(ticks % TICKS_PER_MS < 0n ? ms - 1n : ms);
}

/** `YYYY-MM-DD hh:mm:ss UTC`; `                    ***` of the same 23 characters when there is no time. */
export function textTime(time: bigint | undefined): string {
  if (time === undefined || !isFiletime(time)) return '***'.padStart(23);
  const iso = new Date(unixMs(time)).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/** ISO 8601 with seven decimals, as in JSON and SQLite; undefined when there is no time. */
export function isoTime(time: bigint | undefined): string | undefined {
  if (time === undefined || !isFiletime(time)) return undefined;
  const iso = new Date(unixMs(time)).toISOString();
  const fraction = (time % 10_000_000n).toString().padStart(7, '0');
  return `${iso.slice(0, 19)}.${fraction}Z`;
}
