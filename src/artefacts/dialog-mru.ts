import { ascii } from '../bytes/utf16.js';
import { artefact } from './artefact.js';
import { below, inUsers, USER, WHERE, type Found } from './found.js';
import { textOf } from './key-values.js';
import { nameAndRest, recents, usedAt } from './mru.js';
import { count, plainTable, text, time } from './plain-table.js';
import { itemList, itemPath } from './shell-item.js';

interface DialogEntry extends Found {
  readonly list: string;
  readonly extension: string | undefined;
  readonly position: number | undefined;
  readonly program: string | undefined;
  readonly path: string | undefined;
}

const DIALOG = 'Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\ComDlg32';

/** How the lists keep an entry: an item list, a path, a program before an item list, a program before a path, a program. */
const LISTS: Readonly<Record<string, (data: Buffer) => Pick<DialogEntry, 'program' | 'path'>>> = {
  OpenSavePidlMRU: (data) => ({ program: undefined, path: itemPath(itemList(data)) }),
  LastVisitedPidlMRU: programAndItems,
  LastVisitedPidlMRULegacy: programAndItems,
  LastVisitedMRU: (data) => {
    const { name, rest } = nameAndRest(data);
    return { program: name, path: nameAndRest(rest).name };
  },
  CIDSizeMRU: (data) => ({ program: nameAndRest(data).name, path: undefined }),
  FirstFolder: (data) => {
    const { name, rest } = nameAndRest(data);
    return { program: name, path: nameAndRest(rest).name };
  },
};

function programAndItems(data: Buffer): Pick<DialogEntry, 'program' | 'path'> {
  const { name, rest } = nameAndRest(data);
  return { program: name, path: itemPath(itemList(rest)) };
}

function* entries(found: Found, list: string, extension: string | undefined): Generator<DialogEntry> {
  const read = LISTS[list];
  for (const { position, value } of recents(found.key)) {
    const data = value.data();
    if (data === undefined) continue;
    // Before Windows Vista OpenSaveMRU kept paths.
    const entry = value.type === 3 ? read?.(data) ?? { program: undefined, path: ascii(data) } : { program: undefined, path: textOf(value) };
    yield { ...found, list, extension, position, ...entry };
  }
}

/** Files that a user opened or saved by the usual dialog, and the folders programs were last in. */
export const DIALOG_MRU = artefact<DialogEntry>({
  reads: [`NTUSER.DAT\\${DIALOG}\\OpenSavePidlMRU\\<extension>`, `NTUSER.DAT\\${DIALOG}\\LastVisitedPidlMRU`, `NTUSER.DAT\\${DIALOG}\\OpenSaveMRU`, `NTUSER.DAT\\${DIALOG}\\LastVisitedMRU`],
  table: plainTable({
    name: 'dialog_mru',
    doc: 'Files that a user opened or saved by the common dialog, and the folder each program was last in, the most recent first.',
    columns: [
      text('list', (r) => r.list, 'which list', 18),
      text('extension', (r) => r.extension, 'extension of the files; `*` all', 9),
      count('position', (r) => r.position, '0: the most recent of its list'),
      text('program', (r) => r.program, 'program that showed the dialog', 24),
      text('path', (r) => r.path, 'file or folder', 64),
      time('used', (r) => usedAt(r.key, r.position), 'when, of the most recent of a list'),
      USER,
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'DIALOG',
    events: (r) => [{ time: usedAt(r.key, r.position), action: 'RD', text: `${r.hive.user ?? r.hive.mount} ${r.list} ${r.program ?? ''} ${r.path ?? ''}`.replace(/ +/g, ' ').trimEnd() }],
  },
  * rows(set) {
    for (const dialog of inUsers(set, DIALOG)) {
      for (const list of below(dialog)) {
        const opened = /^OpenSave/i.test(list.key.name);
        yield* entries(list, list.key.name, opened ? '' : undefined);
        if (opened) for (const extension of below(list)) yield* entries(extension, list.key.name, extension.key.name);
      }
    }
  },
});
