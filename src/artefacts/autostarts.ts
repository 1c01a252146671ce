import type { HiveSet } from '../registry/hive-set.js';
import { upcase } from '../registry/name.js';
import { artefact } from './artefact.js';
import { PLACES, type AutostartPlace } from './autostart-places.js';
import { below, inAllSoftware, inControlSet, inUsers, USER, WHERE, type Found } from './found.js';
import { filetimeAt, textOf, textsOf, valuesOf } from './key-values.js';
import { flag, plainTable, text, time } from './plain-table.js';

interface Autostart extends Found {
  readonly kind: string;
  readonly name: string;
  readonly command: string | undefined;
  /** The library of the class that the command or name is. */
  readonly library: string | undefined;
  readonly disabled: boolean | undefined;
  readonly disabledAt: bigint | undefined;
}

type Entry = Pick<Autostart, 'name' | 'command'> & { readonly at: Found };

const APPROVED = 'Microsoft\\Windows\\CurrentVersion\\Explorer\\StartupApproved';
const CLASS_ID = /^\{[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\}$/i;

function places(set: HiveSet, { under, path }: AutostartPlace): Iterable<Found> {
  switch (under) {
    case 'software': return inAllSoftware(set, path);
    case 'system': return inControlSet(set, path);
    case 'user': return inUsers(set, path);
  }
}

function* allValues(at: Found, prefix = ''): Generator<Entry> {
  for (const value of at.key.values()) {
    const command = textOf(value);
    if (command !== undefined && command !== '') yield { at, name: `${prefix}${value.name}`, command };
  }
}

function* entries(place: AutostartPlace, at: Found): Generator<Entry> {
  const { read } = place;
  if (read === 'values') yield* allValues(at);
  else if (read === 'classes') for (const child of below(at)) yield { at: child, name: child.key.name, command: undefined };
  else if (read === 'trees') for (const child of below(at)) yield* allValues(child, `${child.key.name}\\`);
  else if ('values' in read) {
    const values = valuesOf(at.key);
    for (const name of read.values) for (const command of textsOf(values.value(name)) ?? []) yield { at, name, command };
  } else {
    for (const child of below(at)) {
      const command = valuesOf(child.key).text(read.subkeys);
      if (command !== undefined && command !== '') yield { at: child, name: child.key.name, command };
    }
  }
}

/** The library of a class, by the class ids of the users first, as Windows looks. */
function libraryOf(set: HiveSet, id: string, known: Map<string, string | undefined>): string | undefined {
  const name = upcase(id);
  if (!known.has(name)) {
    const roots = [...set.of('USRCLASS'), ...set.of('SOFTWARE')].flatMap(({ registry, kind }) => {
      const classes = kind === 'USRCLASS' ? '' : 'Classes\\';
      return ['CLSID', 'Wow6432Node\\CLSID'].map((where) => registry.key(`${classes}${where}\\${id}\\InprocServer32`));
    });
    known.set(name, roots.flatMap((key) => (key === undefined ? [] : [textOf(key.value(''))])).find((library) => library !== undefined && library !== ''));
  }
  return known.get(name);
}

interface Approval {
  readonly disabled: boolean;
  readonly disabledAt: bigint | undefined;
  readonly list: Found;
  readonly name: string;
}

/** What Task Manager's list says of an entry: an odd first byte has disabled it, at the time that follows. */
function approvals(set: HiveSet): ReadonlyMap<string, Approval> {
  const found = new Map<string, Approval>();
  for (const approved of inAllSoftware(set, APPROVED)) {
    for (const list of below(approved)) {
      for (const value of list.key.values()) {
        const data = value.data();
        if (data === undefined || data.length < 12) continue;
        found.set(approvalKey(list, upcase(list.key.name), value.name), { disabled: (data.readUInt8(0) & 1) !== 0, disabledAt: filetimeAt(data, 4), list, name: value.name });
      }
    }
  }
  return found;
}

function approvalKey({ hive }: Found, list: string, name: string): string {
  return `${hive.mount}\0${list}\0${upcase(name)}`;
}

function* autostarts(set: HiveSet): Generator<Autostart> {
  const approved = approvals(set);
  const libraries = new Map<string, string | undefined>();
  for (const place of PLACES) {
    for (const at of places(set, place)) {
      for (const { at: found, name, command } of entries(place, at)) {
        const id = [command, name].find((one) => one !== undefined && CLASS_ID.test(one));
        const list = /(?:^|\\)Wow6432Node\\/i.test(found.key.path) ? ['RUN32'] : ['RUN', 'RUN32'];
        const approval = place.kind !== 'Run' ? undefined : list.map((one) => approved.get(approvalKey(found, one, name))).find((one) => one !== undefined);
        yield {
          ...found, kind: place.kind, name, command, library: id === undefined ? undefined : libraryOf(set, id, libraries),
          disabled: approval?.disabled, disabledAt: approval?.disabledAt,
        };
      }
    }
  }
  for (const { list, name, disabled, disabledAt } of approved.values()) {
    if (upcase(list.key.name) === 'STARTUPFOLDER') yield { ...list, kind: 'Startup folder', name, command: undefined, library: undefined, disabled, disabledAt };
  }
}

/** Programs that start by themselves, of the machine and of its users. Services, tasks and injected libraries have tables of their own. */
export const AUTOSTARTS = artefact<Autostart>({
  reads: [
    ...PLACES.map(({ under, path }) => ({ software: `SOFTWARE\\${path}`, system: `SYSTEM\\<control set>\\${path}`, user: `NTUSER.DAT\\${path}` })[under]),
    `SOFTWARE\\${APPROVED}\\<list>`,
  ],
  table: plainTable({
    name: 'autostarts',
    doc: 'Programs that start by themselves at boot, logon or with Explorer, of the machine and its users. Services, scheduled tasks and libraries that are loaded into all programs have tables '
      + 'of their own. The places of SOFTWARE are also read below Wow6432Node, and below Software of the users.',
    columns: [
      text('kind', (r) => r.kind, 'how it starts', 20),
      text('name', (r) => r.name, 'name of the entry', 24),
      text('command', (r) => r.command, 'command, library or class', 56),
      text('library', (r) => r.library, 'the library of the class', 32),
      flag('disabled', (r) => r.disabled, 'switched off in Task Manager; empty: it does not say'),
      time('disabled_at', (r) => r.disabledAt, 'when it was switched off'),
      USER,
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'START',
    * events(r) {
      yield { time: r.key.written, action: 'MOD', text: `${r.kind} ${r.name} ${r.command ?? r.library ?? ''}`.trimEnd() };
      yield { time: r.disabledAt, action: '---', text: `${r.kind} ${r.name} was disabled` };
    },
  },
  rows: autostarts,
});
