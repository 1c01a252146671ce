import { codeView, peHeader, type CodeView } from '../pe/header.js';
import { tcpipSymbols, type TcpipSymbols } from '../profile/bundled.js';
import { walk } from '../bytes/walk.js';
import { wordAt } from '../bytes/word.js';
import type { Kernel } from './kernel.js';
import { kernelModules } from './module.js';
import type { NetworkLayout } from './network-layouts.js';
import { NETWORK_TAGS, type NetworkKind } from './network-object.js';
import { poolTag } from './pool.js';

/** An object that tcpip's own tables lead to. */
export interface TableObject {
  readonly address: bigint;
  readonly kind: NetworkKind;
}

const WHERE = 'network';
const TCPIP_SYMBOLS = ['PartitionTable', 'PartitionCount', 'TcpCompartmentSet', 'UdpCompartmentSet'] as const;
/** Partitions: one a processor at most. */
const MOST_PARTITIONS = 64;
/** Bytes from one `_PARTITION` to the next, by build; told by their own shape. */
const STRIDES = [0xc0, 0x80, 0x78, 0x70, 0x48];
const HASH_TABLE_SIZE = 0x28;
const MOST_BUCKETS = 0x10000;
const MOST_LINKS = 200_000;
/** Where the links of a hash table lie in the objects they chain. */
const LINK_OFFSETS = [0x28, 0x40, 0x30, 0];
/** The longest way back from a link in a port's chain to the object's start. */
const MOST_BEFORE_LINK = 0x100;
const MOST_DATA = 0x20_0000;

/** The objects in tcpip's partitions (connections) and port pools (listeners, UDP), each once. */
export function tableObjects(kernel: Kernel, layout: NetworkLayout): readonly TableObject[] {
  const found = new Map<bigint, TableObject>();
  const tables = locate(kernel, layout);
  if (tables === undefined) return [];
  for (const table of tables.partitions) {
    for (const object of partitionObjects(kernel, table)) found.set(object.address, object);
  }
  for (const pool of new Set([...tables.pools, ...tables.compartments.flatMap((set) => [...portPools(kernel, set)])])) {
    for (const object of poolObjects(kernel, layout, pool)) found.set(object.address, object);
  }
  return [...found.values()];
}

interface Tables {
  /** Addresses of arrays of `_PARTITION` with their count. */
  readonly partitions: readonly { readonly address: bigint; readonly count: number }[];
  /** Addresses of `_INET_COMPARTMENT_SET`. */
  readonly compartments: readonly bigint[];
  /** Addresses of `_INET_PORT_POOL` that the module names itself (before Windows 10 1607). */
  readonly pools: readonly bigint[];
}

function locate(kernel: Kernel, layout: NetworkLayout): Tables | undefined {
  const { anomalies } = kernel;
  const module = kernelModules(kernel).find(({ name }) => name.toLowerCase() === 'tcpip.sys');
  if (module === undefined) {
    anomalies.add(WHERE, 'tcpip.sys is not in the list of kernel modules: connections come from the pool scan alone');
    return undefined;
  }
  const header = peHeader(kernel.memory, module.base);
  const record = header === undefined ? undefined : codeView(kernel.memory, module.base, header);
  const symbols = record === undefined ? undefined : tcpipSymbols(`${record.guid}-${record.age}`) ?? fromUser(kernel, record);
  const named = symbols === undefined ? undefined : bySymbols(kernel, module.base, symbols);
  if (named !== undefined) return named;
  anomalies.add(WHERE, `no table addresses are known for this build of tcpip.sys (${record === undefined
    ? 'its symbol file is not named in the image' : `${record.guid}-${record.age}`}); they are searched for by shape in its data`, module.base);
  const data = header?.sections.filter(({ name }) => name === '.data') ?? [];
  return byShape(kernel, layout, data.map(({ rva, virtualSize }) =>
    ({ start: module.base + BigInt(rva), length: Math.min(virtualSize, MOST_DATA) })));
}

/** The same of a symbol file that the user has. */
function fromUser(kernel: Kernel, record: CodeView): TcpipSymbols | undefined {
  const profile = kernel.moduleSymbols(record);
  if (profile === undefined) return undefined;
  const symbols: { -readonly [name in keyof TcpipSymbols]: number } = {};
  for (const name of TCPIP_SYMBOLS) {
    const rva = profile.symbol(name);
    if (rva !== undefined) symbols[name] = rva;
  }
  return symbols;
}

/** Undefined when a table is where the symbols say, but is not what it must be: the symbols are not this module's. */
function bySymbols(kernel: Kernel, base: bigint, symbols: TcpipSymbols): Tables | undefined {
  const pointer = (rva: number | undefined): bigint | undefined => {
    const value = rva === undefined ? undefined : kernel.pointer(base + BigInt(rva));
    return value !== undefined && kernel.isKernelAddress(value) ? value : undefined;
  };
  const table = pointer(symbols.PartitionTable);
  const sets = [pointer(symbols.TcpCompartmentSet), pointer(symbols.UdpCompartmentSet)].filter((set) => set !== undefined);
  if (table === undefined && sets.length === 0) return undefined;
  const counted = symbols.PartitionCount === undefined ? undefined : kernel.memory.read(base + BigInt(symbols.PartitionCount), 4)?.readUInt32LE(0);
  const count = counted !== undefined && counted > 0 && counted <= MOST_PARTITIONS ? counted : MOST_PARTITIONS;
  return { partitions: table === undefined ? [] : [{ address: table, count }], compartments: sets, pools: [] };
}

/** Pointers in the module's data to an array of partitions (their hash tables lie in a block tagged TcHT), to compartment sets (InCS), to port pools. */
function byShape(kernel: Kernel, layout: NetworkLayout, ranges: readonly { readonly start: bigint; readonly length: number }[]): Tables {
  const partitions: { address: bigint; count: number }[] = [];
  const compartments: bigint[] = [];
  const pools: bigint[] = [];
  const seen = new Set<bigint>();
  const size = kernel.pointerSize;
  for (const { start, length } of ranges) {
    const bytes = Buffer.alloc(length);
    kernel.memory.fill(start, bytes);
    for (let at = 0; at + size <= length; at += size) {
      // High words first: nearly all words of a data section are told from kernel addresses by them.
      if (size === 8 && bytes.readUInt32LE(at + 4) < 0xffff_8000) continue;
      const target = size === 8 ? bytes.readBigUInt64LE(at) : BigInt(bytes.readUInt32LE(at));
      if (!kernel.isKernelAddress(target) || target % BigInt(size) !== 0n || seen.has(target)) continue;
      seen.add(target);
      if (poolTag(kernel, target) === 'InCS') compartments.push(target);
      else if (hashTablesOf(kernel, target)?.tag === 'TcHT') partitions.push({ address: target, count: MOST_PARTITIONS });
      else if ((target & 0xfffn) === 0n && isPortPool(kernel, layout, target)) pools.push(target);
    }
  }
  if (compartments.length === 0 && pools.length === 0) kernel.anomalies.add(WHERE, 'no port pools were found: listeners and UDP come from the pool scan alone');
  if (partitions.length === 0) kernel.anomalies.add(WHERE, 'no connection tables were found: connections come from the pool scan alone');
  return { partitions, compartments, pools };
}

/** The three hash tables that begin a `_PARTITION`, and the tag of the block they lie in; undefined when it is none. */
function hashTablesOf(kernel: Kernel, partition: bigint): { readonly tables: readonly bigint[]; readonly tag: string | undefined } | undefined {
  const size = kernel.pointerSize;
  const bytes = kernel.memory.read(partition, 3 * size);
  if (bytes === undefined) return undefined;
  const tables = [0, 1, 2].map((i) => (size === 8 ? bytes.readBigUInt64LE(i * 8) : BigInt(bytes.readUInt32LE(i * 4))));
  const [first = 0n, second = 0n, third = 0n] = tables;
  const near = (from: bigint, to: bigint): boolean => to > from && to - from < 0x1000n;
  if (!tables.every((table) => kernel.isKernelAddress(table)) || !near(first, second) || !near(second, third)) return undefined;
  return { tables, tag: poolTag(kernel, first) };
}

function* partitionObjects(kernel: Kernel, { address, count }: { address: bigint; count: number }): Generator<TableObject> {
  const partitions = (stride: number): (readonly bigint[])[] => {
    const all: (readonly bigint[])[] = [];
    for (let i = 0; i < count; i += 1) {
      const found = hashTablesOf(kernel, address + BigInt(i * stride));
      if (found === undefined) break;
      all.push(found.tables);
    }
    return all;
  };
  const best = STRIDES.map(partitions).reduce((most, one) => (one.length > most.length ? one : most), []);
  if (best.length === 0 || (count < MOST_PARTITIONS && best.length < count)) {
    kernel.anomalies.add(WHERE, `${best.length} of ${count} partitions of the connection table are as they must be`, address);
  }
  for (const table of best.flat()) {
    // A partition's block may hold one table after the other.
    for (let i = 0; i < MOST_PARTITIONS; i += 1) {
      const hashed = hashTable(kernel, table + BigInt(i * HASH_TABLE_SIZE));
      if (hashed === undefined) break;
      yield* hashTableObjects(kernel, hashed);
    }
  }
}

interface HashTable {
  readonly buckets: number;
  readonly directory: bigint;
}

/** Corresponds to `_RTL_DYNAMIC_HASH_TABLE`; undefined when it is none: the size is always the divisor plus the buckets already split. */
function hashTable(kernel: Kernel, table: bigint): HashTable | undefined {
  const bytes = kernel.memory.read(table, HASH_TABLE_SIZE);
  if (bytes === undefined) return undefined;
  const [buckets, pivot, mask] = [bytes.readUInt32LE(8), bytes.readUInt32LE(0xc), bytes.readUInt32LE(0x10)];
  const directory = wordAt(bytes, 0x20, kernel.pointerSize);
  if (mask === 0 || mask >= MOST_BUCKETS || (mask & (mask + 1)) !== 0 || pivot > mask || buckets !== mask + 1 + pivot) return undefined;
  return kernel.isKernelAddress(directory) ? { buckets, directory } : undefined;
}

/** Up to 128 buckets lie in one array, more in a directory of arrays of 128, 256, 512 … buckets. */
function* hashTableObjects(kernel: Kernel, { buckets, directory }: HashTable): Generator<TableObject> {
  if (buckets <= 128) {
    yield* bucketObjects(kernel, directory, buckets);
    return;
  }
  for (let level = 0, done = 0; done < buckets; level += 1) {
    const part = kernel.pointer(directory + BigInt(level * kernel.pointerSize));
    const size = Math.min(128 << level, buckets - done);
    if (part !== undefined && kernel.isKernelAddress(part)) yield* bucketObjects(kernel, part, size);
    done += size;
  }
}

function* bucketObjects(kernel: Kernel, heads: bigint, count: number): Generator<TableObject> {
  const size = kernel.pointerSize;
  const bytes = kernel.memory.read(heads, count * 2 * size);
  if (bytes === undefined) return;
  for (let i = 0; i < count; i += 1) {
    const head = heads + BigInt(i * 2 * size);
    const first = size === 8 ? bytes.readBigUInt64LE(i * 16) : BigInt(bytes.readUInt32LE(i * 8));
    if (first === head || !kernel.isKernelAddress(first)) continue;
    const links = walk([first], (link) => link, (link) => {
      const next = kernel.pointer(link);
      return next === undefined ? undefined : { value: link, next: kernel.isKernelAddress(next) ? [next] : [] };
    }, { where: WHERE, cap: MOST_LINKS, anomalies: kernel.anomalies }, (link) => link === head);
    for (const link of links) {
      const object = linked(kernel, link, LINK_OFFSETS);
      if (object !== undefined) yield object;
    }
  }
}

/** The object that holds a link at one of these offsets, known by the tag of its block. */
function linked(kernel: Kernel, link: bigint, offsets: Iterable<number>): TableObject | undefined {
  for (const offset of offsets) {
    const address = link - BigInt(offset);
    const kind = NETWORK_TAGS[poolTag(kernel, address) ?? ''];
    if (kind !== undefined) return { address, kind };
  }
  return undefined;
}

/** The port pools of a compartment set, one a compartment. */
function* portPools(kernel: Kernel, set: bigint): Generator<bigint> {
  const size = kernel.pointerSize;
  const bytes = kernel.memory.read(set, 0x170);
  if (bytes === undefined) return;
  for (let at = 0; at + size <= bytes.length; at += size) {
    const compartment = size === 8 ? bytes.readBigUInt64LE(at) : BigInt(bytes.readUInt32LE(at));
    if (!kernel.isKernelAddress(compartment) || poolTag(kernel, compartment) !== 'InCo') continue;
    const protocol = kernel.pointer(compartment + BigInt(4 * size));
    const pool = protocol === undefined || !kernel.isKernelAddress(protocol) ? undefined : kernel.pointer(protocol);
    if (pool !== undefined && kernel.isKernelAddress(pool)) yield pool;
  }
}

/** Whether the assignments of a port pool lie where they must: the first that there is has its own tag. */
function isPortPool(kernel: Kernel, layout: NetworkLayout, pool: bigint): boolean {
  const size = kernel.pointerSize;
  const bytes = kernel.memory.read(pool + BigInt(layout.assignments), 256 * size);
  if (bytes === undefined) return false;
  for (let at = 0; at < bytes.length; at += size) {
    const assignment = size === 8 ? bytes.readBigUInt64LE(at) : BigInt(bytes.readUInt32LE(at));
    if (assignment !== 0n) return kernel.isKernelAddress(assignment) && poolTag(kernel, assignment) === 'InPA';
  }
  return false;
}

/** Corresponds to `_INET_PORT_POOL`: 256 assignments of 256 ports each. */
function* poolObjects(kernel: Kernel, layout: NetworkLayout, pool: bigint): Generator<TableObject> {
  const size = kernel.pointerSize;
  const assignments = kernel.memory.read(pool + BigInt(layout.assignments), 256 * size);
  if (assignments === undefined) return;
  for (let high = 0; high < 256; high += 1) {
    const assignment = size === 8 ? assignments.readBigUInt64LE(high * 8) : BigInt(assignments.readUInt32LE(high * 4));
    if (assignment === 0n || !kernel.isKernelAddress(assignment)) continue;
    const page = [3, 4].map((word) => kernel.pointer(assignment + BigInt(word * size)))
      .find((value) => value !== undefined && kernel.isKernelAddress(value) && (value & 0xfffn) === 0n);
    if (page === undefined) continue;
    const entries = Buffer.alloc(256 * layout.entrySize);
    // A missing second page leaves the ports of the first.
    if (kernel.memory.fill(page, entries) === entries.length) continue;
    for (let low = 0; low < 256; low += 1) {
      const at = low * layout.entrySize + layout.entryObject;
      const link = (size === 8 ? entries.readBigUInt64LE(at) : BigInt(entries.readUInt32LE(at))) & ~7n;
      if (kernel.isKernelAddress(link)) yield* chained(kernel, layout, link);
    }
  }
}

/** The objects of one port: each link points at the next object's own link. */
function* chained(kernel: Kernel, layout: NetworkLayout, first: bigint): Generator<TableObject> {
  const links = walk([first], (link) => link, (link) => {
    const next = kernel.pointer(link);
    return next === undefined ? undefined : { value: link, next: kernel.isKernelAddress(next & ~7n) ? [next & ~7n] : [] };
  }, { where: WHERE, cap: MOST_LINKS, anomalies: kernel.anomalies });
  for (const link of links) {
    const object = linked(kernel, link, offsetsBefore(layout, Number(link & 0xfn)));
    if (object !== undefined) yield object;
  }
}

/** The known offsets first, then every other at which an object could begin. */
function* offsetsBefore(layout: NetworkLayout, low: number): Generator<number> {
  yield layout.listener.next;
  yield layout.udp.next;
  for (let offset = low; offset < MOST_BEFORE_LINK; offset += 16) yield offset;
}
