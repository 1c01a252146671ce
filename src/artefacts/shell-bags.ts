import type { HiveSet } from '../registry/hive-set.js';
import { artefact } from './artefact.js';
import { inHives, inUsers, USER, WHERE, type Found } from './found.js';
import { valuesOf } from './key-values.js';
import { recents } from './mru.js';
import { count, plainTable, text, time } from './plain-table.js';
import { itemList, joinItems, type ShellItem } from './shell-item.js';

interface Bag extends Found {
  readonly path: string;
  readonly item: ShellItem;
  readonly position: number | undefined;
  /** When the folder was visited, where the tree tells: it is the most recent below its parent. */
  readonly visited: bigint | undefined;
  readonly slot: number | undefined;
}

const SHELL = 'Software\\Microsoft\\Windows\\Shell\\BagMRU';
const NO_ROAM = 'Software\\Microsoft\\Windows\\ShellNoRoam\\BagMRU';
const LOCAL = 'Local Settings\\Software\\Microsoft\\Windows\\Shell\\BagMRU';
/** Deeper than any path; a deeper tree is a trap. */
const MAX_DEPTH = 128;

function* trees(set: HiveSet): Generator<Found> {
  yield* inHives(set.of('USRCLASS'), LOCAL);
  yield* inHives(set.of('USRCLASS'), `Wow6432Node\\${LOCAL}`);
  yield* inUsers(set, SHELL);
  yield* inUsers(set, NO_ROAM);
  yield* inUsers(set, `Software\\Classes\\${LOCAL}`);
  yield* inUsers(set, `Software\\Classes\\Wow6432Node\\${LOCAL}`);
}

/** The folders below one: each value is a shell item, and the sub-key of the same name leads on. */
function* bags(parent: Found, above: readonly string[]): Generator<Bag> {
  if (above.length >= MAX_DEPTH) return;
  for (const { position, value } of recents(parent.key)) {
    if (!/^\d{1,10}$/.test(value.name)) continue;
    const data = value.data();
    const item = data === undefined ? undefined : itemList(data)[0];
    if (item === undefined) {
      parent.hive.registry.anomalies.add(parent.hive.registry.where, 'a shell item of BagMRU is damaged or not in the image', value.cell);
      continue;
    }
    const own = parent.key.subkey(value.name);
    const found = own === undefined ? parent : { hive: parent.hive, key: own };
    const names = [...above, item.name];
    const slot = own === undefined ? undefined : valuesOf(own).number('NodeSlot');
    yield { ...found, path: joinItems(names), item, position, slot, visited: position === 0 ? parent.key.written : undefined };
    if (own !== undefined) yield* bags(found, names);
  }
}

/** Folders that a user has seen in Explorer, also such as are gone: of sticks, shares and archives. */
export const SHELL_BAGS = artefact<Bag>({
  reads: [`USRCLASS.DAT\\${LOCAL}`, `NTUSER.DAT\\${SHELL}`, `NTUSER.DAT\\${NO_ROAM}`],
  table: plainTable({
    name: 'shellbags',
    doc: 'Folders that a user has seen in Explorer, also such as are gone: of sticks, shares and archives. The item\'s times are the folder\'s own when it was first seen.',
    columns: [
      text('path', (r) => r.path, 'path in the shell\'s namespace', 64),
      text('kind', (r) => r.item.kind, 'folder (of the shell), volume, directory, file, network, uri, control panel, device', 9),
      count('position', (r) => r.position, '0: the most recent below its parent'),
      time('visited', (r) => r.visited, 'when it was visited last, of the most recent below its parent'),
      time('created', (r) => r.item.created, 'creation of the folder, to two seconds'),
      time('modified', (r) => r.item.modified, 'last modification'),
      time('accessed', (r) => r.item.accessed, 'last access'),
      count('mft_record', (r) => r.item.mftRecord, 'record of the folder in the MFT'),
      count('mft_sequence', (r) => r.item.mftSequence, 'its sequence number'),
      text('short_name', (r) => r.item.shortName, 'the MS-DOS name', 12),
      count('slot', (r) => r.slot, 'the bag that keeps how the folder was shown'),
      USER,
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'SHBAG',
    * events(r) {
      yield { time: r.visited, action: 'RD', text: `${r.hive.user ?? r.hive.mount} visited ${r.path}` };
      yield { time: r.item.created, action: 'CRE', text: `folder ${r.path}` };
      yield { time: r.item.modified, action: 'MOD', text: `folder ${r.path}` };
    },
  },
  * rows(set) {
    for (const tree of trees(set)) yield* bags(tree, []);
  },
});
