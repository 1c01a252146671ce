import type { Anomaly } from '../src/bytes/anomaly.js';
import { FormatError } from '../src/bytes/errors.js';
import { MODES } from '../src/paging/mode.js';
import type { FieldFact, StructFact } from '../src/profile/profile.js';
import type { Diagnosis } from '../src/windows/diagnosis.js';
import type { KernelFacts } from '../src/windows/kernel.js';
import type { ScanFacts } from '../src/windows/pool.js';
import type { DerivedTables, LayoutSource, ProfileFacts } from '../src/windows/profile-facts.js';
import type { ScanResult } from './scan-client.js';

/** What an earlier opening of an image found. */
export interface OpeningRecord {
  readonly kernel: KernelFacts;
  readonly diagnosis: Diagnosis;
  /** Undefined while its pool scan has not ended. */
  readonly scan: ScanResult | undefined;
}

const MAX_LINES = 1000;
const MAX_TEXT = 4096;
const MAX_ADDRESSES = 1_000_000;
const MAX_STRUCTS = 4096;
const MAX_FIELDS = 4096;
const MAX_RVA = 0x7fff_ffff;
/** Lower than any kernel half. */
const LOWEST_KERNEL = 0x8000_0000n;

/** The record as JSON text. */
export function recordText({ kernel, diagnosis, scan }: OpeningRecord): string {
  const address = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value);
  return JSON.stringify({ kernel, diagnosis, scan }, address);
}

/**
 * The record that a text holds: every value is checked, since the file may be anybody's.
 * @param size one past the highest physical address of the image
 * @throws FormatError says what is not as it should be
 */
export function parseRecord(text: string, size: number): OpeningRecord {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new FormatError('it is no JSON');
  }
  const record = object(parsed, 'record');
  return {
    kernel: kernelFacts(object(record['kernel'], 'kernel'), size),
    diagnosis: diagnosisOf(object(record['diagnosis'], 'diagnosis')),
    scan: maybe(record['scan'], (scan) => scanResult(object(scan, 'scan'), size)),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function wrong(what: string): FormatError {
  return new FormatError(`its ${what} is not as it should be`);
}

function object(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === undefined || Array.isArray(value) || !(value instanceof Object)) throw wrong(what);
  return value as Fields;
}

function list<T>(value: unknown, what: string, most: number, each: (value: unknown) => T): T[] {
  if (!Array.isArray(value) || value.length > most) throw wrong(what);
  return value.map(each);
}

function string(value: unknown, what: string, most = MAX_TEXT): string {
  if (typeof value !== 'string' || value.length > most) throw wrong(what);
  return value;
}

function integer(value: unknown, what: string, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most) throw wrong(what);
  return value;
}

function kernelAddress(value: unknown, what: string): bigint {
  if (typeof value !== 'string' || !/^0x[0-9a-f]{1,16}$/.test(value)) throw wrong(what);
  const address = BigInt(value);
  if (address < LOWEST_KERNEL) throw wrong(what);
  return address;
}

function maybe<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined ? undefined : read(value);
}

const text = (what: string) => (value: unknown): string => string(value, what);

function kernelFacts(facts: Fields, size: number): KernelFacts {
  const mode = MODES.find(({ name }) => name === facts['mode']);
  if (mode === undefined) throw wrong('paging mode');
  const dtb = integer(facts['dtb'], 'page table', size - 1);
  if (mode.tableOf(dtb) !== dtb) throw wrong('page table');
  return {
    dtb, mode: mode.name,
    base: kernelAddress(facts['base'], 'kernel base'),
    size: integer(facts['size'], 'kernel size', MAX_RVA),
    symbolFile: maybe(facts['symbolFile'], text('symbol file')),
    system: maybe(facts['system'], (value) => kernelAddress(value, 'System')),
    profile: maybe(facts['profile'], (value) => profileFacts(object(value, 'profile'))),
    symbols: maybe(facts['symbols'], (value) => {
      const { folders, cache } = object(value, 'symbols');
      return { folders: list(folders, 'symbols', 100, text('symbols')), cache: maybe(cache, text('symbols')) };
    }),
  };
}

function profileFacts({ layouts, version, derived }: Fields): ProfileFacts {
  return {
    version: maybe(version, text('version')),
    layouts: maybe(layouts, (value) => layoutSource(object(value, 'layouts'))),
    derived: maybe(derived, (value) => derivedTables(object(value, 'derived'))),
  };
}

function layoutSource(source: Fields): LayoutSource {
  switch (source['from']) {
    case 'bundled': return { from: 'bundled', id: string(source['id'], 'profile') };
    case 'symbols': {
      const { pdbName, guid, age, version } = object(source['wanted'], 'symbols');
      return {
        from: 'symbols', folders: list(source['folders'], 'symbols', 100, text('symbols')), cache: maybe(source['cache'], text('symbols')),
        wanted: { pdbName: string(pdbName, 'symbols'), guid: string(guid, 'symbols'), age: integer(age, 'symbols', 0xffff_ffff), version: maybe(version, text('version')) },
      };
    }
    case 'layouts': {
      const { machine, build, revision, pae } = object(source['wanted'], 'layouts');
      if (pae !== undefined && typeof pae !== 'boolean') throw wrong('layouts');
      return {
        from: 'layouts', label: string(source['label'], 'layouts'),
        wanted: {
          machine: integer(machine, 'machine', 0xffff), build: integer(build, 'build', 0xffff_ffff),
          revision: maybe(revision, (value) => integer(value, 'revision', 0xffff_ffff)), pae,
        },
      };
    }
    default: throw wrong('layouts');
  }
}

function derivedTables({ structs, symbols }: Fields): DerivedTables {
  return {
    structs: table(structs, 'structures', structFact),
    symbols: table(symbols, 'symbols', (value) => integer(value, 'symbol', MAX_RVA)),
  };
}

function table<T>(value: unknown, what: string, each: (value: unknown) => T): Record<string, T> {
  const entries = Object.entries(object(value, what));
  if (entries.length > MAX_STRUCTS) throw wrong(what);
  return Object.fromEntries(entries.map(([name, one]) => [string(name, what, 256), each(one)]));
}

function structFact(value: unknown): StructFact {
  const [size, fields] = list(value, 'structure', 2, (part) => part);
  return [integer(size, 'structure', MAX_RVA), list(fields, 'structure', MAX_FIELDS, (field): FieldFact => {
    const [name, offset, type] = list(field, 'field', 3, (part) => part);
    return [string(name, 'field', 256), integer(offset, 'field', MAX_RVA), string(type, 'field', 256)];
  })];
}

function scanResult({ facts, anomalies }: Fields, size: number): ScanResult {
  const found = object(facts, 'scan');
  const addresses = (kind: Exclude<keyof ScanFacts, 'scanned'>): bigint[] =>
    list(found[kind], kind, MAX_ADDRESSES, (value) => kernelAddress(value, kind));
  return {
    facts: {
      processes: addresses('processes'), threads: addresses('threads'), drivers: addresses('drivers'), hives: addresses('hives'),
      endpoints: addresses('endpoints'), scanned: integer(found['scanned'], 'scan', size),
    },
    anomalies: list(anomalies, 'anomalies', MAX_ADDRESSES, (value): Anomaly => {
      const { where, what, address } = object(value, 'anomaly');
      return {
        where: string(where, 'anomaly'), what: string(what, 'anomaly'),
        address: maybe(address, (at) => (typeof at === 'number' ? integer(at, 'anomaly', Number.MAX_SAFE_INTEGER) : anyAddress(at))),
      };
    }),
  };
}

function anyAddress(value: unknown): bigint {
  if (typeof value !== 'string' || !/^0x[0-9a-f]{1,16}$/.test(value)) throw wrong('anomaly');
  return BigInt(value);
}

/** The container is left to who opens the image. */
function diagnosisOf(fields: Fields): Diagnosis {
  const lines = (name: string): string[] => list(fields[name], name, MAX_LINES, text(name));
  const rows = <T>(name: string, each: (row: Fields) => T): T[] => list(fields[name], name, MAX_LINES, (row) => each(object(row, name)));
  const taken = (value: unknown): boolean => {
    if (typeof value !== 'boolean') throw wrong('page tables');
    return value;
  };
  return {
    container: { path: '', format: '', reason: '', size: 0, ranges: [] },
    overrides: lines('overrides'),
    dtbs: rows('dtbs', ({ dtb, mode, how, taken: was, why }) => ({
      dtb: integer(dtb, 'page table', Number.MAX_SAFE_INTEGER), ...(mode === undefined ? {} : { mode: string(mode, 'paging mode') }),
      how: string(how, 'page tables'), taken: taken(was), why: string(why, 'page tables'),
    })),
    kernel: maybe(fields['kernel'], (value) => {
      const kernel = object(value, 'kernel');
      const one = (name: string): string | undefined => maybe(kernel[name], text(name));
      return {
        base: string(kernel['base'], 'kernel'), size: integer(kernel['size'], 'kernel', MAX_RVA), symbolFile: one('symbolFile'), path: one('path'),
        machine: one('machine'), timestamp: one('timestamp'), version: one('version'), versionFrom: one('versionFrom'),
      };
    }),
    profile: maybe(fields['profile'], (value) => {
      const { id, version, source, label, checks } = object(value, 'profile');
      return {
        id: string(id, 'profile'), version: string(version, 'profile'), source: string(source, 'profile'),
        label: maybe(label, text('profile')), checks: list(checks, 'profile', MAX_LINES, text('profile')),
      };
    }),
    refused: rows('refused', ({ profile, why }) => ({ profile: string(profile, 'profiles'), why: string(why, 'profiles') })),
    derived: rows('derived', ({ what, value, how, confidence, checkedOn }) => ({
      what: string(what, 'derived'), value: string(value, 'derived'), how: string(how, 'derived'),
      confidence: string(confidence, 'derived'), checkedOn: integer(checkedOn, 'derived', MAX_ADDRESSES),
    })),
    degraded: lines('degraded'),
    next: lines('next'),
  };
}
