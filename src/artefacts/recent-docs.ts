import { artefact } from './artefact.js';
import { below, inUsers, USER, WHERE, type Found } from './found.js';
import { nameAndRest, recents, usedAt } from './mru.js';
import { count, plainTable, text, time } from './plain-table.js';
import { itemList } from './shell-item.js';

interface RecentDocument extends Found {
  readonly list: string;
  readonly position: number | undefined;
  readonly name: string;
  readonly link: string | undefined;
}

const RECENT = 'Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\RecentDocs';

function* documents(list: Found, name: string): Generator<RecentDocument> {
  for (const { position, value } of recents(list.key)) {
    const data = value.data();
    if (data === undefined || data.length < 2) continue;
    const read = nameAndRest(data);
    yield { ...list, list: name, position, name: read.name, link: itemList(read.rest)[0]?.name };
  }
}

/** Documents and folders that a user opened by Explorer, in the order of use. */
export const RECENT_DOCS = artefact<RecentDocument>({
  reads: [`NTUSER.DAT\\${RECENT}`, `NTUSER.DAT\\${RECENT}\\<extension>`],
  table: plainTable({
    name: 'recent_docs',
    doc: 'Documents and folders that a user opened by Explorer: one list of all, and one for each extension, the most recent first.',
    columns: [
      text('list', (r) => r.list, '`all`, `Folder`, or the extension', 10),
      count('position', (r) => r.position, '0: the most recent of its list'),
      text('name', (r) => r.name, 'document or folder', 48),
      text('link', (r) => r.link, 'its shortcut in the folder Recent', 32),
      time('opened', (r) => usedAt(r.key, r.position), 'when it was opened, of the most recent of a list'),
      USER,
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'RECENT',
    events: (r) => [{ time: usedAt(r.key, r.position), action: 'RD', text: `${r.hive.user ?? r.hive.mount} opened ${r.name} (${r.list})` }],
  },
  * rows(set) {
    for (const all of inUsers(set, RECENT)) {
      yield* documents(all, 'all');
      for (const list of below(all)) yield* documents(list, list.key.name);
    }
  },
});
