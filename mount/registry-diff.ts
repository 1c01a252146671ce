import { textTime } from '../src/bytes/filetime.js';
import type { HiveSet, SetHive } from '../src/registry/hive-set.js';
import type { Key } from '../src/registry/key.js';
import { upcase } from '../src/registry/name.js';
import { securityCell } from '../src/registry/security.js';
import type { Value } from '../src/registry/value.js';
import type { Table } from '../src/vfs/column.js';
import { dataLine } from './registry-data.js';

/** A key or value that is in one registry and not in the other, or differs. */
export interface RegistryChange {
  readonly change: 'added' | 'removed' | 'changed';
  readonly kind: 'key' | 'value';
  /** Path of the key. */
  readonly path: string;
  readonly before: { readonly key: Key; readonly value: Value | undefined } | undefined;
  readonly after: { readonly key: Key; readonly value: Value | undefined } | undefined;
  /** What of a key differs besides its time: `class`, `security`. */
  readonly parts: readonly string[];
}

const SIGNS = { added: '+', removed: '-', changed: '~' } as const;
const BYTES_SHOWN = 48;

export const REGISTRY_CHANGES: Table<RegistryChange> = {
  name: 'registry_changes',
  doc: 'What differs between two registries.',
  heading: '  What   Key written              Where',
  columns: [
    { name: 'change', csv: 'Change', kind: 'text', value: (r) => r.change, ours: true, text: { width: 1, align: 'left', show: (r) => SIGNS[r.change] }, doc: 'added, removed or changed; in the text + - ~' },
    { name: 'kind', csv: 'Kind', kind: 'text', value: (r) => r.kind, ours: true, text: { width: 5, align: 'left' }, doc: 'a key or a value' },
    { name: 'written', csv: 'KeyWritten', kind: 'time', value: (r) => (r.after ?? r.before)?.key.written, text: { width: 23, align: 'left', lead: '  ' }, doc: 'last write of the key: in the second registry, of what was removed in the first' },
    { name: 'written_before', csv: 'KeyWrittenBefore', kind: 'time', value: (r) => (r.change === 'changed' ? r.before?.key.written : undefined), doc: 'last write of the key in the first registry' },
    { name: 'key', csv: 'Key', kind: 'text', value: (r) => r.path, text: { width: 0, align: 'left', lead: '  ' }, doc: 'path of the key' },
    { name: 'value', csv: 'Value', kind: 'text', value: (r) => (r.after ?? r.before)?.value?.name, text: { width: 0, align: 'left', lead: '', show: shownName }, doc: 'name of the value; empty for the default one' },
    { name: 'parts', csv: 'Parts', kind: 'text', value: (r) => (r.parts.length === 0 ? undefined : r.parts.join(' ')), ours: true, doc: 'what of a key changed: written, class, security' },
    { name: 'type_before', csv: 'TypeBefore', kind: 'text', value: (r) => r.before?.value?.typeName, doc: 'type of the value in the first registry' },
    { name: 'data_before', csv: 'DataBefore', kind: 'text', value: (r) => r.before?.value && dataLine(r.before.value), doc: 'its data' },
    { name: 'type_after', csv: 'TypeAfter', kind: 'text', value: (r) => r.after?.value?.typeName, doc: 'type of the value in the second registry' },
    { name: 'data_after', csv: 'DataAfter', kind: 'text', value: (r) => r.after?.value && dataLine(r.after.value), text: { width: 0, align: 'left', lead: '', show: shownData }, doc: 'its data' },
  ],
};

function shownName({ before, after }: RegistryChange): string {
  const value = (after ?? before)?.value;
  return value === undefined ? '' : `  ${value.name === '' ? '(Default)' : value.name} =`;
}

function shownData({ before, after, parts, kind }: RegistryChange): string {
  const typed = (value: Value): string => `${value.typeName} ${dataLine(value, BYTES_SHOWN)}`;
  if (kind === 'value') return [before, after].flatMap((side) => (side?.value === undefined ? [] : [typed(side.value)])).join(' -> ').replace(/^/, ' ');
  if (before === undefined || after === undefined) return '';
  return `  ${parts.map((part) => (part === 'written' ? `written before: ${textTime(before.key.written).trim()}` : part)).join(', ')}`;
}

/** A hive of one registry and the one of the other that it is held against. */
interface Pair {
  readonly mount: string;
  readonly before: SetHive | undefined;
  readonly after: SetHive | undefined;
}

/** Two single hives are held against each other, whatever they are called; others by where they are mounted. */
function pairs(before: HiveSet, after: HiveSet): readonly Pair[] {
  const [one, other] = [before.hives[0], after.hives[0]];
  if (one !== undefined && other !== undefined && before.hives.length === 1 && after.hives.length === 1) return [{ mount: one.mount, before: one, after: other }];
  const later = new Map(after.hives.map((hive) => [upcase(hive.mount), hive]));
  const found = before.hives.map((hive): Pair => {
    const name = upcase(hive.mount);
    const its = later.get(name);
    later.delete(name);
    return { mount: hive.mount, before: hive, after: its };
  });
  return [...found, ...[...later.values()].map((hive): Pair => ({ mount: hive.mount, before: undefined, after: hive }))];
}

/** All differences, hive by hive, a key's own before those of its values, and these before those of its sub-keys. */
export function* registryChanges(before: HiveSet, after: HiveSet): Generator<RegistryChange> {
  for (const pair of pairs(before, after)) yield* keyChanges(pair.mount, pair.before?.registry.root(), pair.after?.registry.root());
}

interface Open {
  readonly path: string;
  readonly before: Key | undefined;
  readonly after: Key | undefined;
}

/** The walk ends because that of each hive does: a key is reached by its one parent, and no deeper than 512 levels. */
function* keyChanges(path: string, before: Key | undefined, after: Key | undefined): Generator<RegistryChange> {
  const waiting: Open[] = [{ path, before, after }];
  for (let open = waiting.pop(); open !== undefined; open = waiting.pop()) {
    yield* ownChanges(open);
    yield* valueChanges(open);
    const below = matched([...open.before?.subkeys() ?? []], [...open.after?.subkeys() ?? []]);
    for (const [one, other] of below.reverse()) waiting.push({ path: `${open.path}\\${(other ?? one)?.name ?? ''}`, before: one, after: other });
  }
}

function* ownChanges({ path, before, after }: Open): Generator<RegistryChange> {
  const own = { kind: 'key', path, before: before && { key: before, value: undefined }, after: after && { key: after, value: undefined } } as const;
  if (before === undefined && after === undefined) return;
  if (before === undefined) yield { change: 'added', ...own, parts: [] };
  else if (after === undefined) yield { change: 'removed', ...own, parts: [] };
  else {
    const parts = [
      ...(before.written === after.written ? [] : ['written']),
      ...(before.className() === after.className() ? [] : ['class']),
      ...(sameBytes(security(before), security(after)) ? [] : ['security']),
    ];
    if (parts.length > 0) yield { change: 'changed', ...own, parts };
  }
}

function* valueChanges({ path, before, after }: Open): Generator<RegistryChange> {
  for (const [one, other] of matched([...before?.values() ?? []], [...after?.values() ?? []])) {
    const row = {
      kind: 'value', path, parts: [],
      before: one && before && { key: before, value: one }, after: other && after && { key: after, value: other },
    } as const;
    if (one === undefined) yield { change: 'added', ...row };
    else if (other === undefined) yield { change: 'removed', ...row };
    else if (one.type !== other.type || one.length !== other.length || !sameBytes(one.content()?.bytes, other.content()?.bytes)) yield { change: 'changed', ...row };
  }
}

/** Pairs what has the same name in any case, in the order of names. Of equal names the first goes with the first. */
function matched<T extends { readonly name: string }>(before: readonly T[], after: readonly T[]): (readonly [T | undefined, T | undefined])[] {
  const later = new Map<string, T[]>();
  for (const one of after) {
    const name = upcase(one.name);
    const same = later.get(name);
    if (same === undefined) later.set(name, [one]);
    else same.push(one);
  }
  const found = before.map((one) => ({ name: upcase(one.name), pair: [one, later.get(upcase(one.name))?.shift()] as const }));
  const left = [...later].flatMap(([name, rest]) => rest.map((one) => ({ name, pair: [undefined, one] as const })));
  return [...found, ...left].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)).map(({ pair }) => pair);
}

function security(key: Key): Buffer | undefined {
  const cell = key.securityCell;
  return cell === undefined ? undefined : key.hive.anomalies.attempt(key.hive.where, () => securityCell(key.hive, cell))?.descriptor;
}

function sameBytes(one: Buffer | undefined, other: Buffer | undefined): boolean {
  return one === undefined || other === undefined ? one === other : one.equals(other);
}
