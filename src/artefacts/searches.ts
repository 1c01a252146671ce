import { artefact } from './artefact.js';
import { below, inUsers, USER, WHERE, type Found } from './found.js';
import { textOf } from './key-values.js';
import { nameAndRest, recents, usedAt } from './mru.js';
import { count, plainTable, text, time } from './plain-table.js';

interface Search extends Found {
  readonly position: number | undefined;
  readonly words: string;
  readonly list: string;
}

const WHEEL = 'Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\WordWheelQuery';
const XP = 'Software\\Microsoft\\Search Assistant\\ACMru';
/** What a list of Windows XP's search assistant is for. */
const XP_LISTS: Readonly<Record<string, string>> = { 5001: 'internet', 5603: 'file names', 5604: 'words in files', 5647: 'computers' };

/** What a user searched for in Explorer. */
export const SEARCHES = artefact<Search>({
  reads: [`NTUSER.DAT\\${WHEEL}`, `NTUSER.DAT\\${XP}\\<list>`],
  table: plainTable({
    name: 'word_wheel_query',
    doc: 'What a user searched for in Explorer, the most recent first; also the search assistant of Windows XP.',
    columns: [
      count('position', (r) => r.position, '0: the most recent'),
      text('words', (r) => r.words, 'what was searched for', 32),
      text('list', (r) => r.list, 'where', 8),
      time('searched', (r) => usedAt(r.key, r.position), 'when, of the most recent'),
      USER,
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'SEARCH',
    events: (r) => [{ time: usedAt(r.key, r.position), action: 'RD', text: `${r.hive.user ?? r.hive.mount} searched for ${r.words}` }],
  },
  * rows(set) {
    for (const wheel of inUsers(set, WHEEL)) {
      for (const found of [wheel, ...below(wheel)]) {
        for (const { position, value } of recents(found.key)) {
          const data = value.data();
          if (data !== undefined) yield { ...found, position, words: nameAndRest(data).name, list: found === wheel ? 'Explorer' : found.key.name };
        }
      }
    }
    for (const lists of inUsers(set, XP)) {
      for (const list of below(lists)) {
        // Names are their places: 000 is the most recent.
        for (const value of list.key.values()) {
          const words = textOf(value);
          if (words !== undefined && /^\d{3}$/.test(value.name)) yield { ...list, position: Number(value.name), words, list: XP_LISTS[list.key.name] ?? list.key.name };
        }
      }
    }
  },
});
