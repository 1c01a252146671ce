import { bundledFile, structsOf, type PackedLayouts } from './layout-set.js';
import { MACHINE } from './machine.js';
import { Profile } from './profile.js';

/** Addresses of tcpip.sys's tables, relative to its base. */
export type TcpipSymbols = Readonly<Partial<Record<'PartitionTable' | 'PartitionCount' | 'TcpCompartmentSet' | 'UdpCompartmentSet', number>>>;

/** `rvas` is a list of numbers with commas, in the order of `symbolNames`; 0 means: not in this build. */
export type KernelRow = readonly [id: string, version: string, machine: number, layoutSet: number, rvas: string];

/** data/profiles.json.br: the kernels that are known exactly. */
interface Database extends PackedLayouts {
  readonly symbolNames: readonly string[];
  readonly kernels: readonly KernelRow[];
  readonly tcpip: readonly (readonly [id: string, label: string, symbols: TcpipSymbols])[];
}

let database: Database | undefined;

/** Read at the first need: about 5 ms; layouts are parsed one by one as they are asked for. */
export function exactKernels(): Database {
  return database ??= bundledFile('profiles') as Database;
}

/** A kernel that the database knows. */
export interface KnownKernel {
  readonly id: string;
  readonly version: string;
}

export function knownKernels(): readonly KnownKernel[] {
  return exactKernels().kernels.map(([id, version]) => ({ id, version }));
}

/** The profile of exactly this kernel, by GUID and age of its symbol file; undefined when it is not bundled. */
export function bundledProfile(id: string): Profile | undefined {
  const data = exactKernels();
  const row = data.kernels.find(([known]) => known === id);
  if (row === undefined) return undefined;
  const [, version, machine, set, list] = row;
  const rvas = list.split(',').map(Number);
  const index = new Map(data.symbolNames.map((name, at) => [name, at]));
  const symbol = (name: string): number | undefined => rvas[index.get(name) ?? -1] || undefined;
  return new Profile(id, version, 'exact', machine === MACHINE.x86 ? 4 : 8, structsOf(data, set), symbol, `symbols of ${version}`, machine);
}

/** Table addresses of a build of tcpip.sys, by GUID and age of its symbol file. */
export function tcpipSymbols(id: string): TcpipSymbols | undefined {
  return exactKernels().tcpip.find(([known]) => known === id)?.[2];
}
