import { isFiletime, textTime } from '../../src/bytes/filetime.js';
import { hex, hexAscii } from '../../src/bytes/hex.js';
import { sddl, securityDescriptor, type SecurityDescriptor } from '../../src/bytes/security-descriptor.js';
import { controlSet, type SetHive } from '../../src/registry/hive-set.js';
import { KEY_FLAGS, type Key } from '../../src/registry/key.js';
import { upcase } from '../../src/registry/name.js';
import { securityCell } from '../../src/registry/security.js';
import { dataText, nativeOf } from '../../src/registry/value-type.js';
import type { Value } from '../../src/registry/value.js';
import { listing, type DirectoryAbout } from '../../src/vfs/directory.js';
import { fileName, uniqueNames } from '../../src/vfs/name.js';
import type { BytesFile, Directory, Node } from '../../src/vfs/node.js';
import { safeLine, text } from '../../src/vfs/text.js';
import { exportedKey, fullPath } from './registry-export.js';
import { linkedKey, linkTarget, pathOfKey, type KeyPlace } from './registry-place.js';

/** The name of a key's default value. */
const DEFAULT_VALUE = '(Default)';
/** What describes a key, beside its sub-keys and values. */
export const KEY_CELL = '(_Key_)';
/** Data above this size takes longer than a quick answer may. */
const QUICK_BYTES = 1 << 20;
/** Keys with more sub-keys and values take longer to list. */
const QUICK_ROWS = 8192;
/** REG_DWORD, REG_DWORD_BIG_ENDIAN, REG_QWORD. */
const NUMBERS: ReadonlySet<number> = new Set([4, 5, 11]);
/** Directories kept for each place of a hive, so that a name is found without reading its key anew. */
const DIRECTORIES_KEPT = 1024;

/** A name in a key's directory. */
export interface KeyRow {
  /** Undefined: the file name says it whole. */
  readonly original?: string;
  readonly name: string;
  /** The sub-key that it shows. */
  readonly key?: Key;
  /** The key that is exported by its name, where that is another: of a link what it leads to. */
  readonly leadsTo?: { readonly hive: SetHive; readonly key: Key };
  /** It shows the key above itself, which is no name of the registry. */
  readonly self?: true;
  readonly node: () => Node;
}

/** The mtime that a FILETIME of the image gives; none when it says nothing. */
export function mtimeOf(time: bigint | undefined): { readonly mtime?: bigint } {
  return time !== undefined && isFiletime(time) ? { mtime: time } : {};
}

const kept = new WeakMap<KeyPlace, Map<number, Directory>>();

/**
 * A key as a directory: what describes it, its sub-keys as directories (links where they are symbolic links), each value as a raw file and
 * as text. `<sub-key>.reg` and `<sub-key>.json` answer besides.
 */
export function keyDirectory(place: KeyPlace, key: Key): Directory {
  let directories = kept.get(place);
  if (directories === undefined) kept.set(place, directories = new Map());
  const known = directories.get(key.cell);
  if (known !== undefined) return known;
  const made = rowsDirectory(() => keyRows(place, key), place.hive, {
    cost: key.subkeyCount + key.valueCount > QUICK_ROWS ? 'slow' : 'quick', ...mtimeOf(key.written),
    xattrs: () => ({ 'user.memlens.address': cellPlace(place.hive, key.cell), ...original(key.name, fileName(key.name)) }),
  });
  if (directories.size >= DIRECTORIES_KEPT) directories.delete(directories.keys().next().value as number);
  directories.set(key.cell, made);
  return made;
}

/** A directory of a key's rows; names answer in any case and as MemProcFS spells them, and keys as their exports too. */
export function rowsDirectory(make: () => Iterable<KeyRow>, hive: SetHive, about: DirectoryAbout): Directory {
  let rows: ReadonlyMap<string, KeyRow> | undefined;
  let aliases: ReadonlyMap<string, KeyRow> | undefined;
  const listed = (): ReadonlyMap<string, KeyRow> => rows ??= namedRows([...make()]);
  const find = (name: string): KeyRow | undefined => listed().get(name) ?? (aliases ??= aliasesOf(listed())).get(aliasOf(name));
  return listing({
    * entries() {
      for (const [name, row] of listed()) yield [name, row.node()] as const;
    },
    lookup: (name) => find(name)?.node() ?? exported(name, (stem) => exportOf(hive, find(stem))),
  }, about);
}

function exportOf(hive: SetHive, row: KeyRow | undefined): { readonly hive: SetHive; readonly key: Key } | undefined {
  return row?.leadsTo ?? (row?.key && { hive, key: row.key });
}

/** The export of a key that `<name>.reg` or `<name>.json` names; undefined when there is none. */
export function exported(name: string, find: (stem: string) => { readonly hive: SetHive; readonly key: Key | undefined } | undefined): Node | undefined {
  const form = /\.(reg|json)$/i.exec(name)?.[1]?.toLowerCase();
  if (form !== 'reg' && form !== 'json') return undefined;
  const found = find(name.slice(0, -form.length - 1));
  return found?.key === undefined ? undefined : exportedKey(found.hive, found.key, form, mtimeOf(found.key.written));
}

function namedRows(rows: readonly KeyRow[]): ReadonlyMap<string, KeyRow> {
  const names = uniqueNames(rows.map((row) => row.name));
  return new Map(rows.map((row, i) => [names[i] ?? row.name, row]));
}

/** What a key's directory lists, in its order. */
export function* keyRows(place: KeyPlace, key: Key): Generator<KeyRow> {
  const { hive } = place;
  yield { name: KEY_CELL, self: true, node: () => keyCell(hive, key) };
  yield { name: `${KEY_CELL}.txt`, self: true, node: () => text(() => keyText(hive, key), { xattrs: () => ({ 'user.memlens.address': cellPlace(hive, key.cell) }) }) };
  let current = false;
  for (const subkey of key.subkeys()) {
    if (upcase(subkey.name) === 'CURRENTCONTROLSET') current = true;
    yield* subkeyRows(place, key, subkey);
  }
  // Files do not have the link that Windows makes at boot.
  if (!current && hive.kind === 'SYSTEM' && key.cell === hive.registry.rootCell && place.path.length > 0) {
    const set = controlSet(hive);
    if (set !== undefined) yield { name: 'CurrentControlSet', key: set, node: () => ({ kind: 'link', target: fileName(set.name), ...mtimeOf(set.written) }) };
  }
  for (const value of key.values()) yield* valueRows(hive, value);
}

/** What a value's files ask of it, deleted or not. */
type ShownValue = Pick<Value, 'cell' | 'name' | 'type' | 'typeName' | 'length' | 'resident' | 'content'>;

/** A value: its data as it is, and as text. */
export function* valueRows(hive: SetHive, value: ShownValue, more?: () => Readonly<Record<string, string>>): Generator<KeyRow> {
  const name = value.name === '' ? DEFAULT_VALUE : value.name;
  yield { name: fileName(name), original: name, node: () => valueFile(hive, value, more) };
  yield { name: fileName(name, '.txt'), original: `${name}.txt`, node: () => valueText(hive, value, more) };
}

/** A sub-key: a directory; or a link to the key that it stands for, and then the key itself beside it. */
function* subkeyRows(place: KeyPlace, above: Key, subkey: Key): Generator<KeyRow> {
  const name = fileName(subkey.name);
  const target = linkTarget(subkey);
  const link = target === undefined ? undefined : linkedKey(place, pathOfKey(place, above), target);
  if (target === undefined || link === undefined || link.path === name) {
    yield { name, original: subkey.name, key: subkey, node: () => keyDirectory(place, subkey) };
    return;
  }
  yield { name, original: subkey.name, key: subkey, leadsTo: link, node: () => ({
    kind: 'link', target: link.path, ...mtimeOf(subkey.written),
    xattrs: () => ({ 'user.memlens.address': cellPlace(place.hive, subkey.cell), 'user.winreg.target': target }),
  }) };
  yield { name: fileName(subkey.name, KEY_CELL), key: subkey, node: () => keyDirectory(place, subkey) };
}

/**
 * Names that answer besides the listed ones: MemProcFS writes `_` for what Windows' file names cannot hold,
 * and the registry does not tell upper from lower case.
 */
function aliasOf(name: string): string {
  return upcase(name.replace(/[\\/:*?"<>|]/g, '_'));
}

function aliasesOf(rows: ReadonlyMap<string, KeyRow>): ReadonlyMap<string, KeyRow> {
  const aliases = new Map<string, KeyRow>();
  for (const [name, row] of rows) {
    for (const spelling of [name, row.original ?? name]) {
      const alias = aliasOf(spelling);
      if (!aliases.has(alias)) aliases.set(alias, row);
    }
  }
  return aliases;
}

/** A place in a hive, as in the texts: the `_CMHIVE`'s address (of a file its name) and the cell's index. */
export function cellPlace({ address, source }: SetHive, cell: number): string {
  return `${address === undefined ? safeLine(source.split(/[\\/]/).at(-1) ?? source) : hex(address, 16)}:${hex(cell, 8)}`;
}

/** The xattrs that keep a name, exactly, that its file cannot have. */
function original(name: string, file: string): Record<string, string> {
  if (name === file) return {};
  // UTF-8 has no unpaired surrogates.
  const whole = /\p{Surrogate}/u.test(name) ? { 'user.memlens.name_utf16le': Buffer.from(name, 'utf16le').toString('hex') } : {};
  return { 'user.memlens.name': name, ...whole };
}

/** The key's cell as it lies in its bin, size field included. */
function keyCell(hive: SetHive, key: Key): BytesFile {
  return {
    kind: 'bytes', cost: 'quick', mime: 'application/octet-stream',
    render: () => hive.registry.anomalies.attempt(hive.registry.where, () => hive.registry.cells.whole(key.cell))?.bytes ?? Buffer.alloc(0),
    xattrs: () => ({ 'user.memlens.address': cellPlace(hive, key.cell) }),
  };
}

const FLAG_WORDS: readonly (readonly [number, string])[] = [
  [KEY_FLAGS.hiveExit, 'hive exit'], [KEY_FLAGS.hiveEntry, 'hive entry'], [KEY_FLAGS.noDelete, 'no delete'],
  [KEY_FLAGS.symbolicLink, 'symbolic link'], [KEY_FLAGS.predefinedHandle, 'predefined handle'],
];

/** How a layered key is seen with the one of the layer below, by its semantics. */
const LAYERS = ['merged with the key below', 'a tombstone: the key below is deleted', 'in place of the key below', 'in place of the key below'] as const;

/** What a security cell holds; undefined when it is not in the image or is none, which is an anomaly. */
function descriptorIn({ registry }: SetHive, cell: number): SecurityDescriptor | undefined {
  return registry.anomalies.attempt(`${registry.where} security`, () => {
    const found = securityCell(registry, cell);
    return found && securityDescriptor(found.descriptor);
  });
}

function keyText(hive: SetHive, key: Key): string {
  const words = FLAG_WORDS.filter(([flag]) => key.has(flag)).map(([, word]) => word);
  const security = key.securityCell;
  const descriptor = security === undefined ? undefined : descriptorIn(hive, security);
  return [
    cellPlace(hive, key.cell),
    'REG_KEY',
    safeLine(key.name),
    textTime(key.written),
    `Path:      ${safeLine(fullPath(hive, key))}`,
    `Storage:   ${key.volatile ? 'volatile' : 'stable'}`,
    `Sub-keys:  ${key.stableSubkeyCount} stable, ${key.volatileSubkeyCount} volatile`,
    `Values:    ${key.valueCount}`,
    `Class:     ${safeLine(key.className() ?? '')}`,
    `Security:  ${security === undefined ? '' : cellPlace(hive, security)}`,
    `Owner:     ${descriptor?.owner ?? ''}`,
    `Group:     ${descriptor?.group ?? ''}`,
    `SDDL:      ${descriptor === undefined ? '' : sddl(descriptor, 'key')}`,
    `Flags:     ${hex(key.flags, 4)}${words.length === 0 ? '' : ` (${words.join(', ')})`}`,
    // What few keys have is said of those alone.
    ...(key.userFlags === 0 && key.virtualizationFlags === 0 ? [] : [`User:      flags ${hex(key.userFlags, 1)}, virtualization ${hex(key.virtualizationFlags, 1)}`]),
    ...(key.layerSemantics === 0 && !key.inheritsClass ? [] : [`Layered:   ${LAYERS[key.layerSemantics] ?? ''}${key.inheritsClass ? ', class of the key below' : ''}`]),
  ].map((line) => `${line.trimEnd()}\n`).join('');
}

function valueXattrs(hive: SetHive, value: ShownValue, file: string, more: (() => Readonly<Record<string, string>>) | undefined): Record<string, string> {
  return {
    'user.winreg.type': value.typeName, 'user.memlens.address': cellPlace(hive, value.cell),
    ...original(value.name === '' ? DEFAULT_VALUE : value.name, file), ...more?.(),
  };
}

function costOf(value: ShownValue): BytesFile['cost'] {
  return value.length > QUICK_BYTES ? 'slow' : 'quick';
}

/** The data as it is. */
function valueFile(hive: SetHive, value: ShownValue, more: (() => Readonly<Record<string, string>>) | undefined): BytesFile {
  const name = value.name === '' ? DEFAULT_VALUE : value.name;
  return {
    kind: 'bytes', cost: costOf(value), mime: 'application/octet-stream',
    render: () => value.content()?.bytes ?? Buffer.alloc(0),
    ...(value.resident || value.length === 0 ? { size: Math.min(value.length, 4) } : {}),
    xattrs: () => {
      const content = value.content();
      const missing = content === undefined ? value.length : content.missing + Math.max(0, value.length - content.bytes.length);
      return { ...valueXattrs(hive, value, fileName(name), more), ...(missing > 0 ? { 'user.memlens.missing': `${missing}` } : {}) };
    },
  };
}

/** Where it is, its type, and what it means. */
function valueText(hive: SetHive, value: ShownValue, more: (() => Readonly<Record<string, string>>) | undefined): BytesFile {
  const name = value.name === '' ? DEFAULT_VALUE : value.name;
  return {
    ...text(() => {
      const shown = shownData(value);
      return `${cellPlace(hive, value.cell)}\n${value.typeName}\n${shown}${shown.endsWith('\n') ? '' : '\n'}`;
    }, { xattrs: () => valueXattrs(hive, value, fileName(name), more) }),
    cost: costOf(value),
  };
}

/** The data as its type says; where it is not whole, the bytes that there are. */
function shownData(value: ShownValue): string {
  const content = value.content();
  if (content === undefined) return '(not in the image, or damaged)';
  const missing = content.missing + Math.max(0, Math.min(value.length, value.resident ? 4 : value.length) - content.bytes.length);
  if (missing === 0) return wholeData(value.type, content.bytes);
  return `(${missing} of ${value.length} bytes are not in the image, or damaged)\n${hexAscii(content.bytes)}`;
}

/** As `dataText`; of a number the hex that MemProcFS shows, and a line with it in decimal. */
function wholeData(type: number, data: Buffer): string {
  const native = NUMBERS.has(type) ? nativeOf(type, data) : undefined;
  if (typeof native === 'number') return `${hex(native, 8)}\n${native}`;
  if (typeof native === 'bigint') return `${hex(native, 16)}\n${native}`;
  return dataText(type, data);
}
