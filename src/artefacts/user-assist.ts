import { artefact } from './artefact.js';
import { at, below, inUsers, USER, WHERE, type Found } from './found.js';
import { filetimeAt, valuesOf } from './key-values.js';
import { withKnownFolder } from './known-folder.js';
import { count, plainTable, text, time } from './plain-table.js';

interface Use extends Found {
  /** As Explorer keeps it, out of ROT13. */
  readonly path: string;
  /** GUID of the list: programs, shortcuts … */
  readonly list: string;
  readonly version: number | undefined;
  readonly session: number | undefined;
  readonly count: number | undefined;
  readonly focusCount: number | undefined;
  readonly focusMs: number | undefined;
  readonly last: bigint | undefined;
}

/** Bytes of an entry of Windows 7 and later (version 5), and of those before (version 3). */
const ENTRY = 72;
const OLD_ENTRY = 16;
/** Before Windows 7 a counter began with five. */
const OLD_COUNT_FROM = 5;

const LISTS: Readonly<Record<string, string>> = {
  '{CEBFF5CD-ACE2-4F4F-9178-9926F41749EA}': 'programs',
  '{F4E57C4B-2036-45F0-A9AB-443BCFE33D9F}': 'shortcuts',
  '{75048700-EF1F-11D0-9888-006097DEACF9}': 'desktop',
  '{5E6AB780-7743-11CF-A12B-00AA004AE837}': 'internet toolbar',
};

export function rot13(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => {
    const base = letter <= 'Z' ? 65 : 97;
    return String.fromCharCode((letter.charCodeAt(0) - base + 13) % 26 + base);
  });
}

/** What an entry says; undefined for entries of other lengths, which say nothing of a program (the session's own). */
function use(data: Buffer): Pick<Use, 'session' | 'count' | 'focusCount' | 'focusMs' | 'last'> | undefined {
  if (data.length === ENTRY) {
    return { session: data.readUInt32LE(0), count: data.readUInt32LE(4), focusCount: data.readUInt32LE(8), focusMs: data.readUInt32LE(12), last: filetimeAt(data, 60) };
  }
  if (data.length !== OLD_ENTRY) return undefined;
  const kept = data.readUInt32LE(4);
  return {
    session: data.readUInt32LE(0), count: kept >= OLD_COUNT_FROM ? kept - OLD_COUNT_FROM : kept, focusCount: undefined, focusMs: undefined, last: filetimeAt(data, 8),
  };
}

/** Programs that a user started by Explorer: how often, how long they were in front, and when last. */
export const USER_ASSIST = artefact<Use>({
  reads: ['NTUSER.DAT\\Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\UserAssist\\<list>\\Count'],
  table: plainTable({
    name: 'userassist',
    doc: 'Programs that a user started by Explorer (start menu, desktop, taskbar): how often, how long they were in front, and when last.',
    columns: [
      text('path', (r) => r.path, 'program or shortcut as Explorer keeps it, out of ROT13', 40),
      text('expanded', (r) => withKnownFolder(r.path), 'the same with the folder\'s name in place of its GUID', 40),
      count('run_count', (r) => r.count, 'how often it was started'),
      count('focus_count', (r) => r.focusCount, 'how often it came to the front (Windows 7 and later)'),
      count('focus_ms', (r) => r.focusMs, 'milliseconds in front (Windows 7 and later)'),
      time('last_run', (r) => r.last, 'when it was started last'),
      text('list', (r) => LISTS[r.list.toUpperCase()] ?? r.list, 'which list: programs, shortcuts', 9),
      count('version', (r) => r.version, 'version of the list: 3 before Windows 7, then 5'),
      count('session', (r) => r.session, 'number of the session'),
      USER,
      ...WHERE,
    ],
  }),
  timeline: { type: 'UASIST', events: (r) => [{ time: r.last, action: 'RD', text: `${r.hive.user ?? r.hive.mount} started ${withKnownFolder(r.path)}` }] },
  * rows(set) {
    for (const lists of inUsers(set, 'Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\UserAssist')) {
      for (const list of below(lists)) {
        const version = valuesOf(list.key).number('Version');
        for (const found of at(list, 'Count')) {
          for (const value of found.key.values()) {
            const data = value.data();
            const read = data === undefined ? undefined : use(data);
            if (read !== undefined) yield { ...found, path: rot13(value.name), list: list.key.name, version, ...read };
          }
        }
      }
    }
  },
});
