import { FormatError } from '../bytes/errors.js';
import { guidDigits } from '../bytes/guid.js';
import { Msf, type ByteSource } from './msf.js';
import { pdbTypes } from './pdb-types.js';
import type { Profile } from './profile.js';
import { SymbolCollector, tableProfile, type SymbolTable } from './symbol-table.js';
import { terminatedName } from './type-record.js';

/** Numbers of the streams that every PDB has. */
const STREAM = { info: 1, types: 2, debug: 3 } as const;
const ABSENT = 0xffff;
const DEBUG_HEADER = 64;
const SECTION_HEADER = 40;
const S_PUB32 = 0x110e;
const S_PUB32_ST = 0x1009;
const MACHINES_32 = [0x14c, 0x1c0, 0x1c2, 0x1c4];

/** Which symbol file it is. */
export interface PdbIdentity {
  /** 32 upper-case digits. */
  readonly guid: string;
  /** As images name it: the age of the debug stream; where there is none, that of the file. */
  readonly age: number;
  /** The file's own age, which grows when a tool rewrites it. */
  readonly fileAge: number;
}

/** Reads the GUID and ages alone. @throws FormatError when the file is no PDB */
export function pdbIdentity(source: ByteSource): PdbIdentity {
  return identity(new Msf(source));
}

function identity(file: Msf): PdbIdentity {
  const info = file.start(STREAM.info, 28);
  if (info === undefined || info.length < 28) throw new FormatError('the PDB does not say its GUID');
  const debug = file.start(STREAM.debug, DEBUG_HEADER);
  const fileAge = info.readUInt32LE(8);
  return { guid: guidDigits(info, 12), age: debug === undefined || debug.length < DEBUG_HEADER ? fileAge : debug.readUInt32LE(8), fileAge };
}

/**
 * Reads a PDB of version 7: structures of its type stream and public symbols.
 * @param name what the file is called, `ntkrnlmp.pdb`
 * @throws FormatError when the file is none, is cut off or contradicts itself
 */
export function pdbTable(source: ByteSource, name: string): SymbolTable {
  const file = new Msf(source);
  const { guid, age } = identity(file);
  const debug = file.stream(STREAM.debug) ?? Buffer.alloc(0);
  const header = debug.length < DEBUG_HEADER ? undefined : debug;
  const machine = header?.readUInt16LE(58) || undefined;
  const pointerSize = machine !== undefined && MACHINES_32.includes(machine) ? 4 : 8;
  const types = file.stream(STREAM.types);
  // A file of public symbols alone has an empty type stream.
  const { structs, scalars } = types === undefined || types.length === 0 ? { structs: undefined, scalars: new Map<string, number>() } : pdbTypes(types, pointerSize);
  return {
    pdbName: name, guid, age, pointerSize, machine,
    structs: structs?.structs ?? new Map(), scalars, skipped: structs?.skipped ?? 0,
    symbols: header === undefined ? new Map() : publicSymbols(file, header),
  };
}

/** As `pdbTable`, as a profile. @param version of the build; empty: not known */
export function pdbProfile(source: ByteSource, name: string, version = ''): Profile {
  return tableProfile(pdbTable(source, name), version);
}

/** What turns a section and an offset into an address; undefined: it lies in no section, or was left out of the image. */
type Place = (section: number, offset: number) => number | undefined;

/** The optional streams that the debug stream's end lists (llvm.org/docs/PDB/DbiStream.html). */
function place(file: Msf, debug: Buffer): Place {
  const before = [24, 28, 32, 36, 40, 52].map((at) => debug.readInt32LE(at));
  const size = debug.readInt32LE(48);
  const start = DEBUG_HEADER + before.reduce((sum, one) => sum + one, 0);
  if (before.some((one) => one < 0) || size < 0 || start + size > debug.length) throw new FormatError('the PDB\'s debug stream has a header that cannot be');
  const optional = (index: number): Buffer | undefined => {
    const stream = index * 2 + 2 > size ? ABSENT : debug.readUInt16LE(start + index * 2);
    return stream === ABSENT ? undefined : file.stream(stream);
  };
  // Images that were reordered after linking: symbols name the sections before, a map leads to where they went.
  const [moved, before5, original] = [optional(4), optional(5), optional(10)];
  const reordered = moved !== undefined && moved.length >= 8 && original !== undefined && original.length >= SECTION_HEADER;
  const headers = (reordered ? original : before5) ?? Buffer.alloc(0);
  const sections = Array.from({ length: Math.floor(headers.length / SECTION_HEADER) }, (_, i) => headers.readUInt32LE(i * SECTION_HEADER + 12));
  return (section, offset) => {
    const base = sections[section - 1];
    const address = base === undefined ? undefined : base + offset;
    if (address === undefined || address > 0xffff_ffff) return undefined;
    return reordered ? movedTo(moved, address) : address;
  };
}

/** Pairs of addresses, ascending by the first: from here on it went there, 0: nowhere. */
function movedTo(map: Buffer, address: number): number | undefined {
  let [low, high] = [0, Math.floor(map.length / 8)];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (map.readUInt32LE(middle * 8) <= address) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return undefined;
  const to = map.readUInt32LE((low - 1) * 8 + 4);
  return to === 0 ? undefined : to + address - map.readUInt32LE((low - 1) * 8);
}

function publicSymbols(file: Msf, debug: Buffer): ReadonlyMap<string, number> {
  const index = debug.readUInt16LE(20);
  const records = index === ABSENT ? undefined : file.stream(index);
  const collector = new SymbolCollector();
  if (records === undefined) return collector.finish();
  const where = place(file, debug);
  for (let at = 0; at + 4 <= records.length;) {
    const length = records.readUInt16LE(at);
    const end = at + 2 + length;
    if (length < 2 || end > records.length) throw new FormatError('a symbol record that cannot be', at);
    const kind = records.readUInt16LE(at + 2);
    if ((kind === S_PUB32 || kind === S_PUB32_ST) && length >= 13) {
      const rva = where(records.readUInt16LE(at + 12), records.readUInt32LE(at + 8));
      const name = kind === S_PUB32 ? terminatedName(records, at + 14, end).text : records.toString('utf8', at + 15, Math.min(at + 15 + records[at + 14]!, end));
      if (rva !== undefined) collector.add(name, rva);
    }
    at = end;
  }
  return collector.finish();
}
