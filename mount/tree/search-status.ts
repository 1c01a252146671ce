import { hex } from '../../src/bytes/hex.js';
import { safeLine } from '../../src/vfs/text.js';
import type { SearchKind } from '../memory-search-results.js';
import type { ScopeSearch } from '../search-service.js';
import type { SearchedScope } from './search.js';

/** A query is shown up to here. */
const SHOWN = 200;

/** `status.txt`: MemProcFS's lines, and what more there is to say. */
export function statusText(search: ScopeSearch | undefined, scope: SearchedScope, kind: SearchKind): string {
  const { scanned = 0, total = 0, at = 0n, hits = 0, milliseconds = 0, searching = 0 } = search?.progress ?? {};
  const state = search?.state ?? 'NOT_STARTED';
  const query = search?.query ?? '';
  const rate = searching === 0 ? 0 : scanned / searching / 1e6;
  const done = state === 'COMPLETED' ? 100 : total === 0 ? 0 : Math.min(99, Math.floor((scanned / total) * 100));
  const lines: (readonly [string, string])[] = [['Status', state]];
  if (kind === 'bin') lines.push(['Search size', String(Math.ceil(query.replaceAll(/\s|^0x/g, '').length / 2))], ['Search align', String(search?.settings.align ?? 1)]);
  if (kind === 'strings') lines.push(['Query', query.slice(0, SHOWN)]);
  lines.push(
    ['Min address', `0x${hex(search?.settings.min ?? scope.min)}`],
    ['Max address', `0x${hex(search?.settings.max ?? scope.max)}`],
    ['Current address', `0x${hex(at)}`],
    ['Bytes read', `0x${hex(scanned)}`],
    ['Search hits', String(hits)],
    ['Progress', `${done} %`],
    ['Rate', `${rate.toFixed(2)} GB/s`],
    ['Time', `${(milliseconds / 1000).toFixed(2)} s`],
    ['Remark', search?.remark ?? ''],
  );
  return lines.map(([name, value]) => `${`${name}:`.padEnd(17)}${safeLine(value)}`.trimEnd()).join('\n').concat('\n');
}
