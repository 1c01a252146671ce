import { hex } from '../../src/bytes/hex.js';
import { isFiletime, textTime } from '../../src/bytes/filetime.js';
import { KEY_FLAGS, type Key } from '../../src/registry/key.js';
import { dataText } from '../../src/registry/value-type.js';
import type { Value } from '../../src/registry/value.js';
import { listing } from '../../src/vfs/directory.js';
import { fileName, uniqueNames } from '../../src/vfs/name.js';
import type { BytesFile, Directory, Node } from '../../src/vfs/node.js';
import { safeLine, text } from '../../src/vfs/text.js';
import type { Hive } from '../../src/windows/hive.js';

/** The name of a key's default value. */
const DEFAULT_VALUE = '(Default)';
/** Data above this size takes longer than a quick answer may. */
const QUICK_BYTES = 1 << 20;
/** Keys with more sub-keys and values take longer to list. */
const QUICK_ROWS = 8192;
/** Directories kept for each hive, so that a name is found without reading its key anew. */
const DIRECTORIES_KEPT = 1024;

interface Row {
  /** Undefined: the file name says it whole. */
  readonly original?: string;
  readonly name: string;
  readonly node: () => Node;
}

/** The mtime that a FILETIME of the image gives; none when it says nothing. */
export function mtimeOf(time: bigint | undefined): { readonly mtime?: bigint } {
  return time !== undefined && isFiletime(time) ? { mtime: time } : {};
}

const kept = new WeakMap<Hive, Map<number, Directory>>();

/** A key as a directory: what describes it, its sub-keys as directories, each value as a raw file and as text. */
export function keyDirectory(hive: Hive, key: Key): Directory {
  let directories = kept.get(hive);
  if (directories === undefined) kept.set(hive, directories = new Map());
  const known = directories.get(key.cell);
  if (known !== undefined) return known;
  const made = makeDirectory(hive, key);
  if (directories.size >= DIRECTORIES_KEPT) directories.delete(directories.keys().next().value as number);
  directories.set(key.cell, made);
  return made;
}

function makeDirectory(hive: Hive, key: Key): Directory {
  let rows: ReadonlyMap<string, Row> | undefined;
  let aliases: ReadonlyMap<string, Row> | undefined;
  const listed = (): ReadonlyMap<string, Row> => rows ??= namedRows(hive, key);
  return listing({
    * entries() {
      for (const [name, row] of listed()) yield [name, row.node()] as const;
    },
    lookup(name) {
      const row = listed().get(name) ?? (aliases ??= aliasesOf(listed())).get(aliasOf(name));
      return row?.node();
    },
  }, { cost: key.subkeyCount + key.valueCount > QUICK_ROWS ? 'slow' : 'quick', ...mtimeOf(key.written), xattrs: () => ({ 'user.memlens.address': place(hive, key.cell), ...original(key.name, fileName(key.name)) }) });
}

function namedRows(hive: Hive, key: Key): ReadonlyMap<string, Row> {
  const rows = [...rowsOf(hive, key)];
  const names = uniqueNames(rows.map((row) => row.name));
  return new Map(rows.map((row, i) => [names[i] ?? row.name, row]));
}

function* rowsOf(hive: Hive, key: Key): Generator<Row> {
  yield { name: '(_Key_)', node: () => keyCell(hive, key) };
  yield { name: '(_Key_).txt', node: () => text(() => keyText(hive, key), { xattrs: () => ({ 'user.memlens.address': place(hive, key.cell) }) }) };
  for (const subkey of key.subkeys()) {
    yield { name: fileName(subkey.name), original: subkey.name, node: () => keyDirectory(hive, subkey) };
  }
  for (const value of key.values()) {
    const name = value.name === '' ? DEFAULT_VALUE : value.name;
    yield { name: fileName(name), original: name, node: () => valueFile(hive, value) };
    yield { name: fileName(name, '.txt'), original: `${name}.txt`, node: () => valueText(hive, value) };
  }
}

/**
 * Names that answer besides the listed ones: MemProcFS writes `_` for what Windows' file names cannot hold,
 * and the registry does not tell upper from lower case.
 */
function aliasOf(name: string): string {
  return name.replace(/[\\/:*?"<>|]/g, '_').toUpperCase();
}

function aliasesOf(rows: ReadonlyMap<string, Row>): ReadonlyMap<string, Row> {
  const aliases = new Map<string, Row>();
  for (const [name, row] of rows) {
    for (const spelling of [name, row.original ?? name]) {
      const alias = aliasOf(spelling);
      if (!aliases.has(alias)) aliases.set(alias, row);
    }
  }
  return aliases;
}

/** A place in a hive, as in the texts: the `_CMHIVE`'s address and the cell's index. */
function place(hive: Hive, cell: number): string {
  return `${hex(hive.address, 16)}:${hex(cell, 8)}`;
}

/** The xattr that keeps a name that its file cannot have. */
function original(name: string, file: string): Record<string, string> {
  return name === file ? {} : { 'user.memlens.name': safeLine(name) };
}

/** The key's cell as it lies in its bin, size field included. */
function keyCell(hive: Hive, key: Key): BytesFile {
  return {
    kind: 'bytes', cost: 'quick', mime: 'application/octet-stream',
    render: () => hive.registry.anomalies.attempt(hive.registry.where, () => hive.registry.cells.whole(key.cell))?.bytes ?? Buffer.alloc(0),
    xattrs: () => ({ 'user.memlens.address': place(hive, key.cell) }),
  };
}

const FLAG_WORDS: readonly (readonly [number, string])[] = [
  [KEY_FLAGS.hiveExit, 'hive exit'], [KEY_FLAGS.hiveEntry, 'hive entry'], [KEY_FLAGS.noDelete, 'no delete'],
  [KEY_FLAGS.symbolicLink, 'symbolic link'], [KEY_FLAGS.predefinedHandle, 'predefined handle'],
];

function keyText(hive: Hive, key: Key): string {
  const words = FLAG_WORDS.filter(([flag]) => key.has(flag)).map(([, word]) => word);
  const security = key.securityCell;
  return [
    place(hive, key.cell),
    'REG_KEY',
    safeLine(key.name),
    textTime(key.written),
    `Path:      ${safeLine([hive.rootPath || hive.name, key.path].filter((part) => part !== '').join('\\'))}`,
    `Storage:   ${key.volatile ? 'volatile' : 'stable'}`,
    `Sub-keys:  ${key.stableSubkeyCount} stable, ${key.volatileSubkeyCount} volatile`,
    `Values:    ${key.valueCount}`,
    `Class:     ${safeLine(key.className() ?? '')}`,
    `Security:  ${security === undefined ? '' : place(hive, security)}`,
    `Flags:     ${hex(key.flags, 4)}${words.length === 0 ? '' : ` (${words.join(', ')})`}`,
  ].map((line) => `${line.trimEnd()}\n`).join('');
}

function valueXattrs(hive: Hive, value: Value, file: string): Record<string, string> {
  return {
    'user.winreg.type': value.typeName, 'user.memlens.address': place(hive, value.cell),
    ...original(value.name === '' ? DEFAULT_VALUE : value.name, file),
  };
}

function costOf(value: Value): BytesFile['cost'] {
  return value.length > QUICK_BYTES ? 'slow' : 'quick';
}

/** The data as it is. */
function valueFile(hive: Hive, value: Value): BytesFile {
  const name = value.name === '' ? DEFAULT_VALUE : value.name;
  return {
    kind: 'bytes', cost: costOf(value), mime: 'application/octet-stream',
    render: () => value.content()?.bytes ?? Buffer.alloc(0),
    ...(value.resident || value.length === 0 ? { size: Math.min(value.length, 4) } : {}),
    xattrs: () => {
      const content = value.content();
      const missing = content === undefined ? value.length : content.missing;
      return { ...valueXattrs(hive, value, fileName(name)), ...(missing > 0 ? { 'user.memlens.missing': `${missing}` } : {}) };
    },
  };
}

/** Where it is, its type, and what it means. */
function valueText(hive: Hive, value: Value): BytesFile {
  const name = value.name === '' ? DEFAULT_VALUE : value.name;
  return {
    ...text(() => {
      const data = value.data();
      const shown = data === undefined ? '(not in the image, or damaged)' : dataText(value.type, data);
      return `${place(hive, value.cell)}\n${value.typeName}\n${shown}${shown.endsWith('\n') ? '' : '\n'}`;
    }, { xattrs: () => valueXattrs(hive, value, fileName(name)) }),
    cost: costOf(value),
  };
}
