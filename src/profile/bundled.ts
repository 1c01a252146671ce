import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { Profile, type ProfileSource, type StructFact } from './profile.js';

/** Addresses of tcpip.sys's tables, relative to its base. */
export type TcpipSymbols = Readonly<Partial<Record<'PartitionTable' | 'PartitionCount' | 'TcpCompartmentSet' | 'UdpCompartmentSet', number>>>;

/** `rvas` is JSON of a list of numbers, in the order of `symbolNames`. */
type KernelRow = readonly [id: string, version: string, machine: number, layoutSet: number, rvas: string];

/** The file that data/build-profiles.mjs makes. A variant of -1 or an address of 0 means: not in this build. */
interface Database {
  /** Variants of each structure, each JSON of a StructFact. */
  readonly structs: Readonly<Record<string, readonly string[]>>;
  readonly structNames: readonly string[];
  readonly layoutSets: readonly (readonly number[])[];
  readonly symbolNames: readonly string[];
  readonly kernels: readonly KernelRow[];
  readonly tcpip: readonly (readonly [id: string, label: string, symbols: TcpipSymbols])[];
}

let database: Database | undefined;

/** Read at the first need: about 5 ms; layouts are parsed one by one as they are asked for. */
function bundled(): Database {
  if (database === undefined) {
    // The built file lies two folders deeper than the source.
    const found = ['../../data/profiles.json.br', '../../../data/profiles.json.br']
      .map((path) => fileURLToPath(new URL(path, import.meta.url)))
      .find((path) => existsSync(path));
    if (found === undefined) throw new Error('data/profiles.json.br is missing from this installation');
    database = JSON.parse(brotliDecompressSync(readFileSync(found)).toString('utf8')) as Database;
  }
  return database;
}

/** A kernel that the database knows. */
export interface KnownKernel {
  readonly id: string;
  readonly version: string;
}

export function knownKernels(): readonly KnownKernel[] {
  return bundled().kernels.map(([id, version]) => ({ id, version }));
}

/** The profile of exactly this kernel, by GUID and age of its symbol file; undefined when it is not bundled. */
export function bundledProfile(id: string): Profile | undefined {
  const data = bundled();
  const row = data.kernels.find(([known]) => known === id);
  if (row === undefined) return undefined;
  const rvas = JSON.parse(row[4]) as readonly number[];
  const index = new Map(data.symbolNames.map((name, at) => [name, at]));
  const symbol = (name: string): number | undefined => rvas[index.get(name) ?? -1] || undefined;
  return profileOf(row, 'exact', symbol);
}

/**
 * Layouts of the bundled kernels nearest to a version, best first, at most one a layout set: the same build by distance
 * of revision, then the builds around it. Their symbols are not this kernel's: the caller gives its own.
 *
 * @param build of the kernel in the image
 * @param revision undefined when not known
 */
export function* nearestProfiles(build: number, revision: number | undefined, symbol: (name: string) => number | undefined): Generator<Profile> {
  const distance = ([, version]: KernelRow): number => {
    const [, , rowBuild = 0, rowRevision = 0] = version.split('.').map(Number);
    return Math.abs(rowBuild - build) * 100_000 + Math.abs(rowRevision - (revision ?? 0));
  };
  const seen = new Set<number>();
  for (const row of [...bundled().kernels].sort((a, b) => distance(a) - distance(b))) {
    if (seen.has(row[3])) continue;
    seen.add(row[3]);
    yield profileOf(row, 'nearest', symbol);
  }
}

/** Table addresses of a build of tcpip.sys, by GUID and age of its symbol file. */
export function tcpipSymbols(id: string): TcpipSymbols | undefined {
  return bundled().tcpip.find(([known]) => known === id)?.[2];
}

function profileOf([id, version, , set]: KernelRow, source: ProfileSource, symbol: (name: string) => number | undefined): Profile {
  const data = bundled();
  const variants = data.layoutSets[set]!;
  const index = new Map(data.structNames.map((name, at) => [name, at]));
  const parsed = new Map<string, StructFact | undefined>();
  const struct = (name: string): StructFact | undefined => {
    if (!parsed.has(name)) {
      const variant = variants[index.get(name) ?? -1] ?? -1;
      const json = variant < 0 ? undefined : data.structs[name]?.[variant];
      parsed.set(name, json === undefined ? undefined : JSON.parse(json) as StructFact);
    }
    return parsed.get(name);
  };
  return new Profile(id, version, source, 8, struct, symbol);
}
