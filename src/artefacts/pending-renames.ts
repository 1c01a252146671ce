import { artefact } from './artefact.js';
import { inControlSet, WHERE, type Found } from './found.js';
import { multiSz } from './key-values.js';
import { plainTable, text } from './plain-table.js';

interface PendingRename extends Found {
  readonly action: 'delete' | 'rename' | 'replace';
  readonly from: string;
  readonly to: string | undefined;
}

/** An object manager's path as users write it. */
function path(name: string): string {
  return name.replace(/^\\\?\?\\/, '');
}

/** Files that the next start of Windows deletes or moves, before any program runs. */
export const PENDING_RENAMES = artefact<PendingRename>({
  reads: ['SYSTEM\\<control set>\\Control\\Session Manager (PendingFileRenameOperations, PendingFileRenameOperations2)'],
  table: plainTable({
    name: 'pending_renames',
    doc: 'Files that the next start of Windows deletes or moves before any program runs: updates, uninstallers, and what wants to be gone.',
    columns: [
      text('action', (r) => r.action, 'delete, rename, or replace what is there'),
      text('from', (r) => r.from, 'the file', 48),
      text('to', (r) => r.to, 'its new path', 48),
      ...WHERE,
    ],
  }),
  * rows(set) {
    for (const found of inControlSet(set, 'Control\\Session Manager')) {
      for (const name of ['PendingFileRenameOperations', 'PendingFileRenameOperations2']) {
        const data = found.key.value(name)?.data();
        // Pairs of strings: an empty second one deletes, a `!` before it replaces (MoveFileEx, Windows SDK).
        const strings = data === undefined ? [] : multiSz(data);
        for (let i = 0; i < strings.length; i += 2) {
          const [from, to] = [strings[i] ?? '', strings[i + 1] ?? ''];
          if (from === '') continue;
          if (to === '') yield { ...found, action: 'delete', from: path(from), to: undefined };
          else if (to.startsWith('!')) yield { ...found, action: 'replace', from: path(from), to: path(to.slice(1)) };
          else yield { ...found, action: 'rename', from: path(from), to: path(to) };
        }
      }
    }
  },
});
