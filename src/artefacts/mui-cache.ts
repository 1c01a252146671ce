import type { HiveSet } from '../registry/hive-set.js';
import { artefact } from './artefact.js';
import { inHives, inUsers, USER, WHERE, type Found } from './found.js';
import { textOf } from './key-values.js';
import { plainTable, text } from './plain-table.js';

interface Mui extends Found {
  readonly path: string;
  readonly what: string | undefined;
  readonly shown: string | undefined;
}

const CACHE = 'Local Settings\\Software\\Microsoft\\Windows\\Shell\\MuiCache';
const XP = 'Software\\Microsoft\\Windows\\ShellNoRoam\\MUICache';
const SUFFIX = /\.(FriendlyAppName|ApplicationCompany|ApplicationDescription)$/i;

function* caches(set: HiveSet): Generator<Found> {
  yield* inHives(set.of('USRCLASS'), CACHE);
  yield* inUsers(set, `Software\\Classes\\${CACHE}`);
  yield* inUsers(set, XP);
}

/** Programs whose name Explorer has looked up: those that a user started. No times but that of the key. */
export const MUI_CACHE = artefact<Mui>({
  reads: [`USRCLASS.DAT\\${CACHE}`, `NTUSER.DAT\\Software\\Classes\\${CACHE}`, `NTUSER.DAT\\${XP}`],
  table: plainTable({
    name: 'muicache',
    doc: 'Programs whose name Explorer looked up when a user started them. It keeps no times.',
    columns: [
      text('path', (r) => r.path, 'program, or the resource that a name was read from', 64),
      text('shown', (r) => r.shown, 'what was read', 32),
      text('what', (r) => r.what, 'FriendlyAppName, ApplicationCompany; empty before Windows 8', 18),
      USER,
      ...WHERE,
    ],
  }),
  * rows(set) {
    for (const found of caches(set)) {
      for (const value of found.key.values()) {
        if (/^LangID$/i.test(value.name) || value.name === '') continue;
        yield { ...found, path: value.name.replace(SUFFIX, ''), what: SUFFIX.exec(value.name)?.[1], shown: textOf(value) };
      }
    }
  },
});
