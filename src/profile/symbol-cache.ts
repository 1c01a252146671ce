import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { FormatError } from '../bytes/errors.js';
import { isFileError } from './file-source.js';
import { Profile, type StructFact } from './profile.js';
import { symbolId, type SymbolTable } from './symbol-table.js';

/** Which file a cached profile was made from: it is made anew when the file has changed. */
export interface SourceFile {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}

interface Header {
  /** Of this layout of the file. */
  readonly format: 1;
  readonly id: string;
  readonly pdbName: string;
  readonly pointerSize: 4 | 8;
  readonly machine: number | undefined;
  readonly scalars: Readonly<Record<string, number>>;
  readonly source: SourceFile;
}

/** A profile from the cache, and what it was made from. */
export interface CachedProfile {
  readonly source: SourceFile;
  readonly profile: (version: string) => Profile;
}

const MOST_BYTES = 256 << 20;

/*
 * A cached profile is Brotli of text: a line of JSON (Header), a line `name TAB JSON of a StructFact` for each structure, an empty
 * line, a line `name TAB relative address` for each symbol, ascending by name. Structures are parsed when they are asked for, symbols are
 * looked up in the text: nothing is built at a start.
 */

/** A table as the cache keeps it. */
export function packTable(table: SymbolTable, source: SourceFile): Buffer {
  const header: Header = {
    format: 1, id: symbolId(table), pdbName: table.pdbName, pointerSize: table.pointerSize, machine: table.machine, scalars: Object.fromEntries(table.scalars), source,
  };
  const lines = [JSON.stringify(header)];
  for (const [name, struct] of table.structs) lines.push(`${name}\t${JSON.stringify(struct)}`);
  lines.push('');
  for (const name of [...table.symbols.keys()].sort(byCodeUnits)) lines.push(`${name}\t${table.symbols.get(name)}`);
  const text = Buffer.from(`${lines.join('\n')}\n`);
  return brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_SIZE_HINT]: text.length } });
}

/** @throws FormatError when the bytes are none of ours */
export function unpackTable(bytes: Buffer): CachedProfile & { readonly id: string } {
  const text = unpacked(bytes);
  const [first = '', rest] = cut(text, '\n');
  const header = parsed(first);
  if (!isHeader(header)) throw new FormatError('a cached profile of another layout');
  const [structLines = '', symbolLines] = cut(rest ?? '', '\n\n');
  const structs = lines(structLines);
  const scalars = new Map(Object.entries(header.scalars));
  const struct = (name: string): StructFact | undefined => {
    const json = structs.get(name);
    if (json !== undefined) {
      const fact = parsed(json);
      if (!isStructFact(fact)) throw new FormatError(`the cached profile says nothing of ${name}`);
      return fact;
    }
    const size = scalars.get(name);
    return size === undefined ? undefined : [size, []];
  };
  const symbol = (name: string): number | undefined => {
    const rva = sortedLine(symbolLines ?? '', name);
    return rva === undefined ? undefined : Number(rva);
  };
  const named = function* all(): Generator<readonly [string, number]> {
    for (const [name, rva] of lines(symbolLines ?? '')) yield [name, Number(rva)];
  };
  return { id: header.id, source: header.source, profile: (version) => new Profile(header.id, version, 'exact', header.pointerSize, struct, symbol, `symbols of ${header.pdbName}`, header.machine, named) };
}

/** The profile of this name in a cache folder; undefined when there is none that can be read. */
export function cachedProfile(folder: string, id: string): CachedProfile | undefined {
  try {
    const found = unpackTable(readFileSync(cachePath(folder, id)));
    return found.id === id ? found : undefined;
  } catch (error) {
    // It is made anew.
    if (error instanceof FormatError || isFileError(error)) return undefined;
    throw error;
  }
}

/** Keeps a table for the next start. @returns a sentence when that is not possible */
export function keepProfile(folder: string, table: SymbolTable, source: SourceFile): string | undefined {
  const path = cachePath(folder, symbolId(table));
  try {
    mkdirSync(join(folder, 'profiles'), { recursive: true });
    const unfinished = `${path}.${process.pid}`;
    writeFileSync(unfinished, packTable(table, source));
    renameSync(unfinished, path);
    return undefined;
  } catch (error) {
    if (!isFileError(error)) throw error;
    return `the symbols of ${table.pdbName} are not kept for the next start: ${error.message}`;
  }
}

function cachePath(folder: string, id: string): string {
  return join(folder, 'profiles', `${id}.br`);
}

function unpacked(bytes: Buffer): string {
  try {
    return brotliDecompressSync(bytes, { maxOutputLength: MOST_BYTES, chunkSize: 1 << 20 }).toString('utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!/^(ERR_|Z_)/.test(code)) throw error;
    throw new FormatError('a cached profile does not unpack');
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new FormatError('a cached profile is damaged');
  }
}

function isHeader(value: unknown): value is Header {
  if (typeof value !== 'object' || !value) return false;
  const { format, id, scalars, source } = value as Partial<Header>;
  return format === 1 && typeof id === 'string' && typeof scalars === 'object' && typeof source?.path === 'string';
}

function isStructFact(value: unknown): value is StructFact {
  return Array.isArray(value) && typeof value[0] === 'number' && Array.isArray(value[1]) && value[1].every((field) => Array.isArray(field) && typeof field[2] === 'string');
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What follows `name TAB` in a text of lines that ascend by name. */
function sortedLine(text: string, name: string): string | undefined {
  for (let low = 0, high = text.length; low < high;) {
    const middle = (low + high) >>> 1;
    const start = middle === 0 ? 0 : text.lastIndexOf('\n', middle - 1) + 1;
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const tab = text.indexOf('\t', start);
    const found = text.slice(start, tab < 0 || tab > end ? end : tab);
    if (found === name) return text.slice(tab + 1, end);
    if (found < name) low = end + 1;
    else high = start;
  }
  return undefined;
}

function cut(text: string, mark: string): [before: string, after: string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + mark.length)];
}

function lines(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const tab = text.indexOf('\t', at);
    if (tab > at && tab < end) found.set(text.slice(at, tab), text.slice(tab + 1, end));
    at = end + 1;
  }
  return found;
}
