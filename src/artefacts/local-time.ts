import { UNIX_EPOCH_FILETIME } from '../bytes/filetime.js';
import type { HiveSet } from '../registry/hive-set.js';
import type { Key } from '../registry/key.js';
import { inControlSet } from './found.js';
import { valuesOf } from './key-values.js';

/** A SYSTEMTIME of sixteen bytes ([MS-DTYP] 2.3.13). In a rule for the change of clocks, `day` is the week of the month, 5 the last. */
export interface SystemTime {
  readonly year: number;
  readonly month: number;
  readonly weekday: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
}

/** How a zone's local time becomes UTC. Minutes. */
export interface ZoneRule {
  readonly bias: number | undefined;
  readonly standardBias: number;
  readonly daylightBias: number;
  /** When standard time and daylight saving time begin; undefined: clocks never change. */
  readonly standard: SystemTime | undefined;
  readonly daylight: SystemTime | undefined;
}

const TICKS_PER_MS = 10_000n;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const WEEKS = ['first', 'second', 'third', 'fourth', 'last'];

/** The SYSTEMTIME at the start of `bytes`; undefined when it is none: too short, all zero, or no date. */
export function systemTime(bytes: Buffer | undefined): SystemTime | undefined {
  if (bytes === undefined || bytes.length < 16) return undefined;
  const word = (index: number): number => bytes.readUInt16LE(index * 2);
  const time = {
    year: word(0), month: word(1), weekday: word(2), day: word(3), hour: word(4), minute: word(5), second: word(6), millisecond: word(7),
  };
  const good = time.month >= 1 && time.month <= 12 && time.weekday <= 6 && time.day >= 1 && time.day <= 31
    && time.hour <= 23 && time.minute <= 59 && time.second <= 59 && time.millisecond <= 999;
  return good ? time : undefined;
}

/** Milliseconds since 1970 of a SYSTEMTIME taken as UTC. */
function milliseconds(time: SystemTime): number {
  return Date.UTC(time.year, time.month - 1, time.day, time.hour, time.minute, time.second, time.millisecond);
}

/** `YYYY-MM-DD hh:mm:ss` of a local time. */
export function localText(time: SystemTime | undefined): string | undefined {
  if (time === undefined || time.year < 1601 || time.year > 9999) return undefined;
  return new Date(milliseconds(time)).toISOString().slice(0, 19).replace('T', ' ');
}

/** `second Sunday of March 02:00` */
export function ruleText(time: SystemTime | undefined): string | undefined {
  if (time === undefined) return undefined;
  const clock = `${String(time.hour).padStart(2, '0')}:${String(time.minute).padStart(2, '0')}`;
  if (time.year !== 0) return `${localText(time)?.slice(0, 10) ?? ''} ${clock}`;
  return `${WEEKS[Math.min(time.day, 5) - 1]} ${WEEKDAYS[time.weekday]} of ${MONTHS[time.month - 1]} ${clock}`;
}

/** The rule in the values of a TimeZoneInformation key. */
export function ruleAt(key: Key): ZoneRule {
  const values = valuesOf(key);
  const signed = (name: string): number | undefined => {
    const number = values.number(name);
    return number === undefined ? undefined : number | 0;
  };
  const change = (name: string): SystemTime | undefined => {
    const bytes = values.bytes(name);
    if (bytes === undefined || bytes.length < 16) return undefined;
    // In the registry the words stand in another order than in a SYSTEMTIME: the weekday is the last.
    const word = (index: number): Buffer => bytes.subarray(index * 2, index * 2 + 2);
    return systemTime(Buffer.concat([word(0), word(1), word(7), word(2), word(3), word(4), word(5), word(6)]));
  };
  return {
    bias: signed('Bias'), standardBias: signed('StandardBias') ?? 0, daylightBias: signed('DaylightBias') ?? 0,
    standard: change('StandardStart'), daylight: change('DaylightStart'),
  };
}

/** When clocks change in a year, as milliseconds of local time. */
function changeIn(year: number, rule: SystemTime): number {
  if (rule.year !== 0) return milliseconds(rule);
  const first = Date.UTC(year, rule.month - 1, 1);
  const days = (rule.weekday - new Date(first).getUTCDay() + 7) % 7 + (Math.min(rule.day, 5) - 1) * 7;
  const length = new Date(Date.UTC(year, rule.month, 0)).getUTCDate();
  return first + (days >= length ? days - 7 : days) * DAY + (rule.hour * 60 + rule.minute) * MINUTE;
}

/** Turns the machine's local times into FILETIMEs; undefined when its zone is not known. */
export type LocalClock = (time: SystemTime | undefined) => bigint | undefined;

/** The clock of a rule, which is taken to have held always: Windows keeps one rule only. */
export function clockOf(rule: ZoneRule): LocalClock {
  const { bias, standard, daylight } = rule;
  return (time) => {
    if (bias === undefined || time === undefined || time.year < 1601 || time.year > 9999) return undefined;
    const local = milliseconds(time);
    let extra = 0;
    if (standard !== undefined && daylight !== undefined) {
      const on = changeIn(time.year, daylight);
      const off = changeIn(time.year, standard);
      const summer = on < off ? local >= on && local < off : local >= on || local < off;
      extra = summer ? rule.daylightBias : rule.standardBias;
    }
    return BigInt(local + (bias + extra) * MINUTE) * TICKS_PER_MS + UNIX_EPOCH_FILETIME;
  };
}

/** The clock of the machine whose hives these are, by its SYSTEM hive. */
export function localTime(set: HiveSet): LocalClock {
  for (const { key } of inControlSet(set, 'Control\\TimeZoneInformation')) return clockOf(ruleAt(key));
  return () => undefined;
}
