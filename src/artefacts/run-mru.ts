import { artefact } from './artefact.js';
import { inUsers, USER, WHERE, type Found } from './found.js';
import { textOf } from './key-values.js';
import { recents, usedAt } from './mru.js';
import { count, plainTable, text, time } from './plain-table.js';

interface RunCommand extends Found {
  readonly position: number | undefined;
  readonly command: string;
}

const RUN = 'Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\RunMRU';

/** What a user typed into the Run dialog. */
export const RUN_MRU = artefact<RunCommand>({
  reads: [`NTUSER.DAT\\${RUN}`],
  table: plainTable({
    name: 'run_mru',
    doc: 'Commands that a user typed into the Run dialog, the most recent first.',
    columns: [
      count('position', (r) => r.position, '0: the most recent'),
      text('command', (r) => r.command, 'command', 48),
      time('run', (r) => usedAt(r.key, r.position), 'when it was run, of the most recent'),
      USER,
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'RUNMRU',
    events: (r) => [{ time: usedAt(r.key, r.position), action: 'RD', text: `${r.hive.user ?? r.hive.mount} typed into Run: ${r.command}` }],
  },
  * rows(set) {
    for (const found of inUsers(set, RUN)) {
      for (const { position, value } of recents(found.key)) {
        // A command ends in `\1`, which keeps the window's state.
        const command = textOf(value)?.replace(/\\1$/, '');
        if (command !== undefined) yield { ...found, position, command };
      }
    }
  },
});
