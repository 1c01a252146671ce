import { isoTime } from '../../src/bytes/filetime.js';
import { walk } from '../../src/bytes/walk.js';
import type { SetHive } from '../../src/registry/hive-set.js';
import { KEY_FLAGS, KEY_NODE_SIZE, type Key } from '../../src/registry/key.js';
import type { Native } from '../../src/registry/value-type.js';
import type { Value } from '../../src/registry/value.js';
import type { About, BytesFile } from '../../src/vfs/node.js';
import { encoded, piecedFile } from '../../src/vfs/pieces.js';
import { jsonText as jsonLine } from '../../src/vfs/table.js';
import { safeLine } from '../../src/vfs/text.js';

/** A line of hex is wrapped behind this column, as regedit does. */
const WRAP = 76;
/** What would end or change a line of a .reg file. */
const CONTROL = /[\x00-\x1f\x7f\ufffe\uffff\p{Surrogate}]/u;
/** Bytes that are encoded at once; a multiple of three, since base64 writes three by three. */
const PART = 3 << 18;
/** What larger data means is left to its bytes. */
const MAX_MEANING = 16 << 20;
const REG_SZ = 1;
const REG_BINARY = 3;
const REG_DWORD = 4;

/** A key and all below it as one file: what `reg import` reads, or JSON. Never held whole. */
export function exportedKey(hive: SetHive, key: Key, form: 'reg' | 'json', about: About): BytesFile {
  return form === 'reg'
    ? piecedFile(() => encoded(regText(hive, key), 'utf16le'), { ...about, mime: 'text/x-ms-regedit' })
    : piecedFile(() => encoded(jsonText(hive, key), 'utf8'), { ...about, mime: 'application/json' });
}

/** `HKLM\SYSTEM\Select`: a key by the names that users know. */
export function fullPath(hive: SetHive, key: Key): string {
  return key.path === '' ? hive.mount : `${hive.mount}\\${key.path}`;
}

/** The key and all below it, each before its sub-keys. */
function keysBelow(hive: SetHive, key: Key): Generator<Key> {
  const { registry: { cells, where, anomalies } } = hive;
  const cap = Math.ceil((cells.stable.length + cells.volatile.length) / KEY_NODE_SIZE);
  return walk<Key, Key>([key], ({ cell }) => cell, (one) => ({ value: one, next: one.subkeys() }), { where, cap, anomalies });
}

/** The path as .reg files name it; a hive that is mounted nowhere is written as if it were loaded under HKEY_LOCAL_MACHINE. */
function regPath(hive: SetHive, key: Key): string {
  const path = fullPath(hive, key);
  if (/^HKLM(\\|$)/i.test(path)) return `HKEY_LOCAL_MACHINE${path.slice(4)}`;
  if (/^HKU(\\|$)/i.test(path)) return `HKEY_USERS${path.slice(3)}`;
  return `HKEY_LOCAL_MACHINE\\${path.replace(/^\\+/, '')}`;
}

/** The text of a .reg file of version 5, byte order mark included. */
function* regText(hive: SetHive, top: Key): Generator<string> {
  yield '\ufeffWindows Registry Editor Version 5.00\r\n';
  for (const key of keysBelow(hive, top)) {
    const path = regPath(hive, key);
    yield '\r\n';
    if (key.has(KEY_FLAGS.symbolicLink)) {
      // Importing its value would write through the link.
      yield `; [${safeLine(path)}] is a symbolic link to ${safeLine(key.value('SymbolicLinkValue')?.text() ?? '(unknown)')}\r\n`;
      continue;
    }
    if (CONTROL.test(path)) yield '; the name of the next key holds characters that this file cannot: they are written as escapes\r\n';
    yield `[${CONTROL.test(path) ? safeLine(path) : path}]\r\n`;
    for (const value of key.values()) yield* regValue(value);
  }
  yield '\r\n';
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

function* regValue(value: Value): Generator<string> {
  const { name, type } = value;
  const data = value.data();
  if (data === undefined) {
    yield `; ${quoted(safeLine(name))}: ${value.typeName}, ${value.length} bytes, not in the image or damaged\r\n`;
    return;
  }
  if (CONTROL.test(name)) yield '; the name of the next value holds characters that this file cannot: they are written as escapes\r\n';
  const start = name === '' ? '@=' : `${quoted(CONTROL.test(name) ? safeLine(name) : name)}=`;
  const text = type === REG_SZ ? plainText(data) : undefined;
  if (text !== undefined) {
    yield `${start}${quoted(text)}\r\n`;
  } else if (type === REG_DWORD && data.length === 4) {
    yield `${start}dword:${data.readUInt32LE(0).toString(16).padStart(8, '0')}\r\n`;
  } else {
    yield* hexLines(`${start}${type === REG_BINARY ? 'hex' : `hex(${type.toString(16)})`}:`, data);
  }
}

/** Characters of a REG_SZ that a quoted text keeps exactly: one NUL at the end, nothing that breaks the line. */
function plainText(data: Buffer): string | undefined {
  if (data.length < 2 || data.length % 2 !== 0 || data.readUInt16LE(data.length - 2) !== 0) return undefined;
  const text = data.toString('utf16le', 0, data.length - 2);
  return CONTROL.test(text) ? undefined : text;
}

/** Bytes as `hex:01,02,\` and lines that go on. */
function* hexLines(start: string, data: Buffer): Generator<string> {
  let line = start;
  for (let i = 0; i < data.length; i += 1) {
    line += (data[i] ?? 0).toString(16).padStart(2, '0');
    if (i + 1 === data.length) break;
    line += ',';
    if (line.length <= WRAP) continue;
    yield `${line}\\\r\n`;
    line = '  ';
  }
  yield `${line}\r\n`;
}

/** The keys as nested JSON objects; written while the keys are walked, depth by depth. */
function* jsonText(hive: SetHive, top: Key): Generator<string> {
  // For each open key: it has a sub-key already.
  const open: boolean[] = [];
  for (const key of keysBelow(hive, top)) {
    while (open.length > key.depth - top.depth) {
      yield open.pop() === true ? ']}' : '}';
    }
    if (open.length > 0) {
      yield open.at(-1) === true ? ',\n' : ',"keys":[\n';
      open[open.length - 1] = true;
    }
    yield jsonLine(keyObject(hive, key)).slice(0, -1);
    let first = true;
    for (const value of key.values()) {
      yield first ? ',"values":[' : ',';
      yield* valueJson(value);
      first = false;
    }
    if (!first) yield ']';
    open.push(false);
  }
  while (open.length > 0) yield open.pop() === true ? ']}' : '}';
  yield '\n';
}

function keyObject(hive: SetHive, key: Key): object {
  return {
    name: key.name, path: fullPath(hive, key), written: isoTime(key.written), class: key.className(), volatile: key.volatile || undefined,
    flags: key.flags, cell: key.cell,
  };
}

/** A value as an object; its bytes in parts, since a text in JavaScript has an end. */
function* valueJson(value: Value): Generator<string> {
  const content = value.content();
  const missing = content === undefined ? value.length : content.missing + Math.max(0, Math.min(value.length, value.resident ? 4 : value.length) - content.bytes.length);
  const data = missing > 0 || value.length > MAX_MEANING ? undefined : value.native();
  yield jsonLine({
    name: value.name, type: value.typeName, size: value.length, cell: value.cell,
    ...(missing > 0 ? { missing } : {}), ...(data === undefined ? {} : jsonData(data)),
  }).slice(0, -1);
  if (content !== undefined && !isWhole(content.bytes, data)) {
    for (const encoding of ['hex', 'base64'] as const) {
      yield `,"${encoding}":"`;
      for (let at = 0; at < content.bytes.length; at += PART) yield content.bytes.toString(encoding, at, at + PART);
      yield '"';
    }
  }
  yield '}';
}

/** What the data means, where JSON can say it. Numbers beyond 2^53 are text. */
function jsonData(data: Native): { readonly data?: unknown } {
  if (Buffer.isBuffer(data)) return {};
  if (typeof data === 'bigint') return { data: data <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(data) : data.toString() };
  return { data };
}

/** The meaning gives the bytes back exactly. */
function isWhole(bytes: Buffer, data: Native | undefined): boolean {
  if (data === undefined || Buffer.isBuffer(data)) return false;
  if (typeof data === 'number') return bytes.length === 4;
  if (typeof data === 'bigint') return bytes.length === 8;
  return (typeof data === 'string' ? `${data}\0` : `${data.map((one) => `${one}\0`).join('')}\0`) === utf16Exact(bytes);
}

function utf16Exact(bytes: Buffer): string | undefined {
  return bytes.length % 2 === 0 ? bytes.toString('utf16le') : undefined;
}
