import type { Column, Table } from '../src/vfs/column.js';
import type { FoundIn } from '../src/registry/deleted-item.js';
import { recoverDeleted } from '../src/registry/deleted.js';
import type { HiveSet, SetHive } from '../src/registry/hive-set.js';
import type { Key } from '../src/registry/key.js';
import { nativeOf } from '../src/registry/value-type.js';
import type { Value } from '../src/registry/value.js';
import { dataLine } from './registry-data.js';

/** Where something was found. */
export type Place = 'key' | 'name' | 'data';

export const PLACES: readonly Place[] = ['key', 'name', 'data'];

/** What a hit shows of a key, in the tree or deleted. */
type HitKey = Pick<Key, 'name' | 'written'>;
type HitValue = Pick<Value, 'name' | 'type' | 'typeName' | 'content'>;

/** A key, or a value, in which something was found. */
export interface RegistryHit {
  readonly place: Place;
  /** Path of the key; `?` where a deleted value's is lost. */
  readonly path: string;
  readonly key: HitKey | undefined;
  readonly value: HitValue | undefined;
  /** Where it was recovered from; undefined for what is in the tree. */
  readonly deleted?: FoundIn | undefined;
}

/** What is looked for: tells whether a text holds it, and whether bytes do. */
export interface Sought {
  inText(text: string): boolean;
  /** Data of a type that is no text. */
  inBytes(data: Buffer): boolean;
  /** A number as it is written, decimal or in hex: `2`, `0x2`, `00000002`. */
  inNumber(spellings: readonly string[]): boolean;
  /** Where it is bytes that are looked for: tells of data of any type. */
  readonly inRaw?: ((data: Buffer) => boolean) | undefined;
}

export interface SearchScope {
  readonly places: ReadonlySet<Place>;
  /** Only values of these types, by name; undefined: of all. */
  readonly types: ReadonlySet<string> | undefined;
  /** Deleted keys and values too, those of a hive behind what is in its tree. */
  readonly deleted: boolean;
}

export const REGISTRY_HITS: Table<RegistryHit> = {
  name: 'registry_hits',
  doc: 'Keys and values in which something was found.',
  heading: 'Found  Key written              Where',
  columns: [
    { name: 'found', csv: 'Found', kind: 'text', value: (r) => r.place, ours: true, text: { width: 5, align: 'left' }, doc: 'in a key\'s name, a value\'s name or its data' },
    { name: 'key_written', csv: 'KeyWritten', kind: 'time', value: (r) => r.key?.written, text: { width: 23, align: 'left', lead: '  ' }, doc: 'last write of the key' },
    { name: 'key', csv: 'Key', kind: 'text', value: (r) => r.path, text: { width: 0, align: 'left', lead: '  ' }, doc: 'path of the key' },
    valueColumn({ name: 'value', csv: 'Value', kind: 'text', value: (r) => r.value?.name, doc: 'name of the value; empty for the default one' }, (value) => `${value.name === '' ? '(Default)' : value.name} =`, '  '),
    valueColumn({ name: 'type', csv: 'Type', kind: 'text', value: (r) => r.value?.typeName, doc: 'type of the value' }, (value) => value.typeName, ' '),
    valueColumn({ name: 'data', csv: 'Data', kind: 'text', value: (r) => r.value && dataLine(r.value), doc: 'data of the value, cut after 4096 bytes' }, (value) => dataLine(value, 64), ' '),
    { name: 'deleted', csv: 'Deleted', kind: 'text', value: (r) => r.deleted, ours: true, text: { width: 0, align: 'left', lead: '', show: ({ deleted }) => (deleted === undefined ? '' : `  (deleted, in ${deleted})`) }, doc: 'where it was recovered from, when it is deleted: free cell, slack, unreferenced cell, no cell, behind the bins' },
  ],
};

function valueColumn(column: Column<RegistryHit>, show: (value: HitValue) => string, lead: string): Column<RegistryHit> {
  return { ...column, text: { width: 0, align: 'left', lead: '', show: ({ value }) => (value === undefined ? '' : lead + show(value)) } };
}

/** Every key and value that holds what is sought, in the order of the hives. A value is one hit, by its name before its data. */
export function* registryHits(set: HiveSet, sought: Sought, scope: SearchScope): Generator<RegistryHit> {
  for (const hive of set.hives) {
    for (const key of hive.registry.keys()) {
      const path = key.path === '' ? hive.mount : `${hive.mount}\\${key.path}`;
      if (isKeyHit(key, sought, scope)) yield { place: 'key', path, key, value: undefined };
      if (!scope.places.has('name') && !scope.places.has('data')) continue;
      for (const value of key.values()) {
        const place = placeIn(value, sought, scope);
        if (place !== undefined) yield { place, path, key, value };
      }
    }
    if (scope.deleted) yield* deletedHits(hive, sought, scope);
  }
}

function* deletedHits({ registry, mount }: SetHive, sought: Sought, scope: SearchScope): Generator<RegistryHit> {
  const { keys, values } = recoverDeleted(registry);
  for (const key of keys) {
    if (isKeyHit(key, sought, scope)) yield { place: 'key', path: `${mount}\\${key.path}`, key, value: undefined, deleted: key.foundIn };
  }
  for (const value of values) {
    const place = placeIn(value, sought, scope);
    const { key } = value;
    const path = key === undefined ? `${mount}\\?` : key.path === '' ? mount : `${mount}\\${key.path}`;
    if (place !== undefined) yield { place, path, key, value, deleted: value.foundIn };
  }
}

function isKeyHit(key: HitKey, sought: Sought, { places, types }: SearchScope): boolean {
  return types === undefined && places.has('key') && sought.inText(key.name);
}

function placeIn(value: HitValue, sought: Sought, { places, types }: SearchScope): Place | undefined {
  if (types !== undefined && !types.has(value.typeName)) return undefined;
  if (places.has('name') && sought.inText(value.name)) return 'name';
  return places.has('data') && inData(value, sought) ? 'data' : undefined;
}

/** Text is looked through whole, also behind its first NUL; numbers by how they are written. */
function inData(value: HitValue, sought: Sought): boolean {
  const data = value.content()?.bytes;
  if (data === undefined || data.length === 0) return false;
  if (sought.inRaw !== undefined) return sought.inRaw(data);
  const native = nativeOf(value.type, data);
  if (typeof native === 'number' || typeof native === 'bigint') {
    const digits = native.toString(16);
    return sought.inNumber([`${native}`, `0x${digits}`, `0x${digits.padStart(typeof native === 'number' ? 8 : 16, '0')}`]);
  }
  if (Buffer.isBuffer(native)) return sought.inBytes(data);
  // As the type means it, so that ^ and $ fit its ends; and all there is, for what is hidden behind a NUL.
  const strings = typeof native === 'string' ? [native] : native;
  return strings.some((text) => sought.inText(text)) || sought.inText(data.toString('utf16le', 0, data.length & ~1));
}
