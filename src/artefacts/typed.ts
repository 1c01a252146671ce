import type { HiveSet } from '../registry/hive-set.js';
import { artefact, type ArtefactEvent } from './artefact.js';
import { inUsers, USER, WHERE, type Found } from './found.js';
import { textOf, valuesOf } from './key-values.js';
import { count, plainTable, text, time } from './plain-table.js';

interface Typed extends Found {
  /** From 1: url1 is the most recent. */
  readonly number: number;
  readonly typed: string;
  readonly time: bigint | undefined;
}

const URLS = 'Software\\Microsoft\\Internet Explorer\\TypedURLs';
const PATHS = 'Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\TypedPaths';

/** The values url1, url2 …, and their times where another key keeps them under the same names. */
function* typed(set: HiveSet, path: string): Generator<Typed> {
  for (const found of inUsers(set, path)) {
    const times = found.hive.registry.key(`${path}Time`);
    const timeOf = times === undefined ? undefined : valuesOf(times);
    const rows: Typed[] = [];
    for (const value of found.key.values()) {
      const number = /^url(\d{1,5})$/i.exec(value.name)?.[1];
      const what = textOf(value);
      if (number !== undefined && what !== undefined) rows.push({ ...found, number: Number(number), typed: what, time: timeOf?.time(value.name) });
    }
    yield* rows.sort((a, b) => a.number - b.number);
  }
}

const events = (r: Typed): readonly ArtefactEvent[] =>
  [{ time: r.time ?? (r.number === 1 ? r.key.written : undefined), action: 'RD', text: `${r.hive.user ?? r.hive.mount} typed ${r.typed}` }];

/** Addresses that a user typed into Internet Explorer. */
export const TYPED_URLS = artefact<Typed>({
  reads: [`NTUSER.DAT\\${URLS}`, `NTUSER.DAT\\${URLS}Time`],
  table: plainTable({
    name: 'typed_urls',
    doc: 'Addresses that a user typed into Internet Explorer or Explorer, the most recent first.',
    columns: [
      count('number', (r) => r.number, '1: the most recent'),
      text('url', (r) => r.typed, 'address', 48),
      time('typed', (r) => r.time, 'when (Internet Explorer 10 and later)'),
      USER,
      ...WHERE,
    ],
  }),
  timeline: { type: 'TYPURL', events },
  rows: (set) => typed(set, URLS),
});

/** Paths that a user typed into Explorer's address bar. */
export const TYPED_PATHS = artefact<Typed>({
  reads: [`NTUSER.DAT\\${PATHS}`],
  table: plainTable({
    name: 'typed_paths',
    doc: 'Paths that a user typed into Explorer\'s address bar, the most recent first.',
    columns: [
      count('number', (r) => r.number, '1: the most recent'),
      text('path', (r) => r.typed, 'path', 48),
      USER,
      ...WHERE,
    ],
  }),
  timeline: { type: 'TYPATH', events },
  rows: (set) => typed(set, PATHS),
});
