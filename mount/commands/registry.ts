import { UNIX_EPOCH_FILETIME } from '../../src/bytes/filetime.js';
import { VALUE_TYPES } from '../../src/registry/value-type.js';
import { EXIT, UserError } from '../exit-codes.js';
import type { OpeningFlags } from '../opening-options.js';
import { registryChanges, REGISTRY_CHANGES } from '../registry-diff.js';
import { PLACES, registryHits, REGISTRY_HITS, type Place, type SearchScope, type Sought } from '../registry-search.js';
import { soughtBytes, soughtText } from '../registry-sought.js';
import { withRegistry } from '../registry-source.js';
import { oldestFirst, registryEvents, REGISTRY_TIMELINE } from '../registry-timeline.js';
import { printRows, type RowFlags } from './rows.js';

export interface TimelineFlags extends OpeningFlags, RowFlags {
  readonly from?: string;
  readonly to?: string;
  readonly deleted?: true;
}

/** `memlens registry timeline`: last writes of keys and times of artefacts, oldest first. */
export async function registryTimeline(paths: readonly string[], flags: TimelineFlags): Promise<void> {
  const from = flags.from === undefined ? undefined : timeOf(flags.from, 'start');
  const to = flags.to === undefined ? undefined : timeOf(flags.to, 'end');
  await withRegistry(paths, flags, (set) => printRows(REGISTRY_TIMELINE, oldestFirst(registryEvents(set, { from, to, deleted: flags.deleted === true })), flags));
}

const WRITTEN = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?)?(?:Z| ?UTC)?$/;
const TICKS = { day: 864_000_000_000n, minute: 600_000_000n, second: 10_000_000n } as const;

/**
 * A time in UTC as it is written: `2023-02-01`, `2023-02-01 11:48`, `2023-02-01T11:48:58.1234567Z`.
 * @param edge `end`: one past the day, minute, second or tick that is written, so that all of it is within
 * @returns FILETIME
 */
export function timeOf(written: string, edge: 'start' | 'end'): bigint {
  const parts = WRITTEN.exec(written) ?? undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (parts ?? []).slice(1, 7).map((part) => Number(part ?? 0));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  if (parts === undefined || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) {
    throw new UserError(`${written} is no time; write it in UTC, such as 2023-02-01 or 2023-02-01T11:48:58Z.`, EXIT.usage);
  }
  const start = BigInt(date.getTime()) * 10_000n + UNIX_EPOCH_FILETIME + BigInt((parts[7] ?? '').padEnd(7, '0'));
  if (edge === 'start') return start;
  const unit = parts[4] === undefined ? TICKS.day : parts[6] === undefined ? TICKS.minute : parts[7] === undefined ? TICKS.second : 10n ** BigInt(7 - parts[7].length);
  return start + unit;
}

export interface RegistrySearchFlags extends OpeningFlags, RowFlags {
  readonly ignoreCase?: true;
  /** Places, separated by commas. */
  readonly in?: string;
  readonly type?: readonly string[];
  readonly hex?: true;
  readonly deleted?: true;
}

/** `memlens registry search`: keys and values that hold a pattern. The exit code says whether there were any. */
export async function registrySearch(words: readonly string[], flags: RegistrySearchFlags): Promise<void> {
  const pattern = words.at(-1) ?? '';
  if (words.length < 2) throw new UserError('registry search takes hives (or a memory image) and what to look for: a text, or /a regular expression/.', EXIT.usage);
  const sought = flags.hex === true ? soughtBytes(pattern) : soughtText(pattern, flags.ignoreCase === true);
  if (typeof sought === 'string') throw new UserError(sought, EXIT.usage);
  const found = await searched(words.slice(0, -1), sought, { places: placesOf(flags.in), types: typesOf(flags.type), deleted: flags.deleted === true }, flags);
  if (found === 0) process.exitCode = EXIT.no;
}

function searched(paths: readonly string[], sought: Sought, scope: SearchScope, flags: RegistrySearchFlags): Promise<number> {
  return withRegistry(paths, flags, (set) => printRows(REGISTRY_HITS, registryHits(set, sought, scope), flags));
}

function placesOf(written: string | undefined): ReadonlySet<Place> {
  if (written === undefined) return new Set(PLACES);
  return new Set(written.split(',').map((word) => {
    const place = PLACES.find((one) => one === word.toLowerCase().replace(/s$/, ''));
    if (place === undefined) throw new UserError(`--in takes keys, names, data, or some of them separated by commas; ${word} is none.`, EXIT.usage);
    return place;
  }));
}

function typesOf(written: readonly string[] | undefined): ReadonlySet<string> | undefined {
  if (written === undefined) return undefined;
  const known: readonly string[] = VALUE_TYPES;
  return new Set(written.map((word) => {
    const name = /^\d+$/.test(word) ? known[Number(word)] : known.find((one) => one === word.toUpperCase() || one === `REG_${word.toUpperCase()}`);
    if (name === undefined) throw new UserError(`--type takes a type of registry values, such as REG_SZ or DWORD; ${word} is none.`, EXIT.usage);
    return name;
  }));
}

/** `memlens registry diff`: what differs between two registries. The exit code says whether anything does. */
export async function registryDiff(before: string, after: string, flags: OpeningFlags & RowFlags): Promise<void> {
  const differences = await withRegistry([before], flags, (one) => withRegistry([after], flags, (other) =>
    printRows(REGISTRY_CHANGES, registryChanges(one, other), flags)));
  if (differences > 0) process.exitCode = EXIT.no;
}
