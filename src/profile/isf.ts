import { gunzipSync } from 'node:zlib';
import { FormatError } from '../bytes/errors.js';
import { isXz, unpackXz } from '../compress/xz.js';
import type { Profile } from './profile.js';
import { isName, StructCollector, SymbolCollector, tableProfile, type RawMember, type SymbolTable } from './symbol-table.js';

/** Bytes of JSON. Real tables of Windows kernels are of 6 to 12 MB; a parser makes up to twenty times as many of hostile ones. */
export const MOST_ISF_BYTES = 32 << 20;
/** Places looked at for the identity: real files have one. */
const MOST_MENTIONS = 64;
/** Some structures lay over whole regions of addresses. */
const MOST_SIZE = 0x100_0000_0000;
const MOST_NESTING = 16;
const UNNAMED = /^__(anonymous|unnamed)|<(unnamed|anonymous)-/;
const MACHINES_32 = [0x14c, 0x1c4];

type Json = Readonly<Record<string, unknown>>;

function object(value: unknown, what: string): Json {
  if (typeof value !== 'object' || !value || Array.isArray(value)) throw new FormatError(`${what} is no object`);
  return value as Json;
}

function optional(value: unknown, what: string): Json {
  return value === undefined ? {} : object(value, what);
}

function own(value: Json, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

function count(value: unknown, most: number, what: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most) throw new FormatError(`${what} is no number that can be`);
  return value;
}

function named(value: unknown, what: string): string {
  if (!isName(value)) throw new FormatError(`${what} is no name`);
  return value;
}

/** Whether a file can be an ISF file: xz, gzip, or JSON's first bracket. */
export function isIsf(start: Buffer): boolean {
  return isXz(start) || isGzip(start) || start.subarray(0, 16).toString('latin1').trimStart().startsWith('{');
}

function isGzip(bytes: Buffer): boolean {
  return bytes.length > 2 && bytes.readUInt16BE(0) === 0x1f8b;
}

/** The JSON of an ISF file, unpacked. @throws FormatError when it does not unpack, or becomes more than can be */
export function isfText(file: Buffer): Buffer {
  if (isXz(file)) return unpackXz(file, MOST_ISF_BYTES);
  if (isGzip(file)) {
    try {
      return gunzipSync(file, { maxOutputLength: MOST_ISF_BYTES });
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (!/^(Z_|ERR_BUFFER_TOO_LARGE)/.test(code)) throw error;
      throw new FormatError(`the file does not unpack: ${code}`);
    }
  }
  if (file.length > MOST_ISF_BYTES) throw new FormatError(`an ISF file of more than ${MOST_ISF_BYTES} bytes`);
  return file;
}

/** What an ISF file says about the symbol file that it was made from. */
export interface SymbolFileIdentity {
  readonly pdbName: string;
  readonly guid: string;
  readonly age: number;
}

/** Looks for the identity in an ISF file's JSON without reading all of it; undefined when it names none. */
export function isfIdentity(json: Buffer): SymbolFileIdentity | undefined {
  for (let at = json.indexOf('"pdb"'), mentions = 0; at >= 0 && mentions < MOST_MENTIONS; at = json.indexOf('"pdb"', at + 5), mentions += 1) {
    const [, members] = /^"pdb"\s*:\s*\{([^{}]*)\}/.exec(json.toString('latin1', at, at + 1024)) ?? [];
    if (members === undefined) continue;
    const value = (key: string): string | undefined => new RegExp(`"${key}"\\s*:\\s*"?([^",\\s]+)`).exec(members)?.[1];
    const [guid, age, pdbName] = [value('GUID'), value('age'), value('database')];
    if (guid === undefined || age === undefined || pdbName === undefined || !/^[0-9a-f]{32}$/i.test(guid) || !/^\d{1,9}$/.test(age)) continue;
    return { pdbName, guid: guid.toUpperCase(), age: Number(age) };
  }
  return undefined;
}

/**
 * Reads an ISF file (Volatility 3's intermediate symbol format, versions 4 to 6), plain, gzip or xz.
 * @throws FormatError when it is none
 */
export function isfTable(file: Buffer): SymbolTable {
  const root = parse(isfText(file));
  const pdb = object(own(object(own(object(own(root, 'metadata'), 'metadata'), 'windows'), 'metadata.windows'), 'pdb'), 'metadata.windows.pdb');
  const guid = own(pdb, 'GUID');
  if (typeof guid !== 'string' || !/^[0-9a-f]{32}$/i.test(guid)) throw new FormatError('the ISF file names no GUID');
  const bases = optional(own(root, 'base_types'), 'base_types');
  const types = new Types(optional(own(root, 'user_types'), 'user_types'));
  const collected = types.collect();
  const machine = own(pdb, 'machine_type');
  return {
    pdbName: named(own(pdb, 'database'), 'metadata.windows.pdb.database'),
    guid: guid.toUpperCase(),
    age: count(own(pdb, 'age'), 0xffff_ffff, 'age'),
    pointerSize: pointerSize(bases, machine),
    machine: typeof machine === 'number' && machine > 0 && machine <= 0xffff ? machine : undefined,
    structs: collected.structs,
    scalars: new Map([...sizes(bases), ...sizes(optional(own(root, 'enums'), 'enums'))]),
    symbols: symbols(optional(own(root, 'symbols'), 'symbols')),
    skipped: collected.skipped,
  };
}

/** As `isfTable`, as a profile. @param version of the build; empty: not known */
export function isfProfile(file: Buffer, version = ''): Profile {
  return tableProfile(isfTable(file), version);
}

function parse(json: Buffer): Json {
  try {
    return object(JSON.parse(json.toString('utf8')), 'the ISF file');
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new FormatError('the file is no JSON');
  }
}

function pointerSize(bases: Json, machine: unknown): 4 | 8 {
  const pointer = own(bases, 'pointer');
  const size = pointer === undefined ? undefined : own(object(pointer, 'base_types.pointer'), 'size');
  if (size === 4 || size === 8) return size;
  if (size !== undefined) throw new FormatError('pointers are of neither 4 nor 8 bytes');
  return MACHINES_32.includes(Number(machine)) ? 4 : 8;
}

function* sizes(types: Json): Generator<[string, number]> {
  for (const [name, type] of Object.entries(types)) {
    if (isName(name)) yield [name, count(own(object(type, name), 'size'), 64, `the size of ${name}`)];
  }
}

function symbols(all: Json): ReadonlyMap<string, number> {
  const collector = new SymbolCollector();
  for (const [name, symbol] of Object.entries(all)) {
    const address = own(object(symbol, 'a symbol'), 'address');
    // Absolute addresses are of no module.
    if (typeof address === 'number' && Number.isInteger(address) && address >= 0 && address <= 0xffff_ffff) collector.add(name, address);
  }
  return collector.finish();
}

class Types {
  /** Members of anonymous types, which are asked for again and again. */
  readonly #entries = new Map<Json, readonly (readonly [string, unknown])[]>();

  constructor(private readonly all: Json) {}

  collect(): StructCollector {
    const collector = new StructCollector();
    for (const [name, type] of Object.entries(this.all)) {
      if (!isName(name)) continue;
      const { size, fields } = object(type, name);
      collector.add(name, count(size, MOST_SIZE, `the size of ${name}`), () => this.#members(object(fields, `the fields of ${name}`)));
    }
    return collector;
  }

  *#members(fields: Json): Generator<RawMember> {
    let entries = this.#entries.get(fields);
    if (entries === undefined) this.#entries.set(fields, entries = Object.entries(fields));
    for (const [name, value] of entries) {
      const field = object(value, name);
      const type = object(own(field, 'type'), `the type of ${name}`);
      const inner = this.#anonymous(type);
      yield {
        name: named(name, 'a field'), offset: count(own(field, 'offset'), MOST_SIZE, `the offset of ${name}`),
        type: inner === undefined ? spelled(type, 0) : undefined, inner,
      };
    }
  }

  #anonymous({ kind, name }: Json): (() => Iterable<RawMember>) | undefined {
    if ((kind !== 'struct' && kind !== 'union' && kind !== 'class') || typeof name !== 'string' || !UNNAMED.test(name)) return undefined;
    const definition = own(this.all, name);
    return definition === undefined ? undefined : () => this.#members(object(own(object(definition, name), 'fields'), `the fields of ${name}`));
  }
}

/** A type as profiles spell it. */
function spelled(type: Json, depth: number): string {
  if (depth > MOST_NESTING) throw new FormatError('a type is nested too deep');
  switch (type['kind']) {
    case 'base': case 'struct': case 'union': case 'class': case 'enum': return named(own(type, 'name'), 'a type');
    case 'pointer': return `*${spelled(object(own(type, 'subtype'), 'a pointer\'s type'), depth + 1)}`;
    case 'array': return `${spelled(object(own(type, 'subtype'), 'an array\'s type'), depth + 1)}[${count(own(type, 'count'), MOST_SIZE, 'an array\'s count')}]`;
    case 'function': return 'fn';
    case 'bitfield': {
      const base = spelled(object(own(type, 'type'), 'a bit field\'s type'), depth + 1);
      return `${base}:${count(own(type, 'bit_position'), 63, 'a bit position')},${count(own(type, 'bit_length'), 64, 'a bit length')}`;
    }
    default: throw new FormatError('a type of no known kind');
  }
}
