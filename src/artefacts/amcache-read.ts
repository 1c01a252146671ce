import { UNIX_EPOCH_FILETIME } from '../bytes/filetime.js';
import type { HiveSet } from '../registry/hive-set.js';
import { below, inHives, type Found } from './found.js';

const TICKS_PER_MS = 10_000n;

/** The keys below an inventory, or below a key of the old form (`File`, `Programs`), of every Amcache hive. */
export function* amcacheKeys(set: HiveSet, name: string): Generator<Found> {
  for (const inventory of inHives(set.of('AMCACHE'), `Root\\${name}`)) yield* below(inventory);
}

/** `0000` and 40 digits of SHA-1; undefined when it is no hash. */
export function sha1Of(id: string | undefined): string | undefined {
  return /^0000([\da-f]{40})$/i.exec(id ?? '')?.[1]?.toLowerCase();
}

/** `03/08/2019 14:24:11`, which is UTC, as a FILETIME; undefined when it is no such date. */
export function inventoryDate(text: string | undefined): bigint | undefined {
  const parts = /^(\d\d?)\/(\d\d?)\/(\d{4})(?: (\d\d?):(\d\d?):(\d\d?))?$/.exec(text ?? '')?.slice(1).map((part) => Number(part || 0));
  if (parts === undefined) return undefined;
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = parts;
  if (month < 1 || month > 12 || day < 1 || day > 31 || year < 1970 || hour > 23 || minute > 59 || second > 59) return undefined;
  return BigInt(Date.UTC(year, month - 1, day, hour, minute, second)) * TICKS_PER_MS + UNIX_EPOCH_FILETIME;
}
