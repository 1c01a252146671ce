import { Profile, type StructFact } from '../profile/profile.js';
import { number, Reader, struct } from '../profile/struct.js';
import type { Kernel } from './kernel.js';

/**
 * What the pool scan found, as plain facts that can cross threads: addresses of bodies, by kind, ascending,
 * each already checked for plausibility by the kind's own rule.
 */
export interface ScanFacts {
  /** `_EPROCESS` */
  readonly processes: readonly bigint[];
  /** `_ETHREAD` */
  readonly threads: readonly bigint[];
  /** `_DRIVER_OBJECT` */
  readonly drivers: readonly bigint[];
  /** `_CMHIVE` */
  readonly hives: readonly bigint[];
  /** `_TCP_ENDPOINT`, `_TCP_LISTENER`, `_UDP_ENDPOINT` */
  readonly endpoints: readonly bigint[];
  /** Bytes read, bytes of the image, for the record. */
  readonly scanned: number;
}

/** The lists of `ScanFacts`. */
export type PoolKind = Exclude<keyof ScanFacts, 'scanned'>;

/** The header of a pool block. Corresponds to `_POOL_HEADER`. */
const POOL_HEADER = struct('_POOL_HEADER', {
  blockSize: number('BlockSize'), poolType: number('PoolType'), tag: number('PoolTag'),
});

/** The same since Windows XP, and by pointer size for symbols that lack it (those of Windows 10 1511). */
const COMMON: Readonly<Record<4 | 8, StructFact>> = {
  4: [8, [['BlockSize', 2, 'unsigned short:0,9'], ['PoolType', 2, 'unsigned short:9,7'], ['PoolTag', 4, 'unsigned long']]],
  8: [16, [['BlockSize', 2, 'unsigned short:0,8'], ['PoolType', 2, 'unsigned short:8,8'], ['PoolTag', 4, 'unsigned long']]],
};

const readers = new WeakMap<Kernel, Reader<typeof POOL_HEADER>>();

/** Reads the pool headers of a kernel. */
export function poolHeaders(kernel: Kernel): Reader<typeof POOL_HEADER> {
  let reader = readers.get(kernel);
  if (reader === undefined) {
    const { profile, pointerSize } = kernel;
    const known = profile.sizeOf('_POOL_HEADER') !== undefined;
    reader = new Reader(POOL_HEADER, known ? profile
      : new Profile('', profile.version, 'nearest', pointerSize, (name) => (name === POOL_HEADER.name ? COMMON[pointerSize] : undefined), () => undefined));
    readers.set(kernel, reader);
  }
  return reader;
}

/** Bytes between two places where a block may begin; `BlockSize` counts in them. */
export function poolGranule(kernel: Kernel): number {
  return 2 * kernel.pointerSize;
}

/** The first build whose pool types are those of memory types: before, one more. */
const VISTA = 6000;

/** Whether a block's `PoolType`, as its header has it, says that it is in paged pool. */
export function isPaged({ profile }: Kernel, poolType: number): boolean {
  return poolType !== 0 && poolType % 2 === (profile.build >= VISTA || profile.build === 0 ? 1 : 0);
}

/** A tag's four characters as the number that memory holds. */
export function tagNumber(tag: string): number {
  return Buffer.from(tag, 'latin1').readUInt32LE(0);
}

/** The characters of a tag, without the bit that marks a protected block. */
export function tagText(tag: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE((tag & 0x7fff_ffff) >>> 0);
  return bytes.toString('latin1');
}

/** The tag of the pool block that begins right before `body`; undefined when it is not in the image. */
export function poolTag(kernel: Kernel, body: bigint): string | undefined {
  const reader = poolHeaders(kernel);
  const header = reader.read(kernel.memory, body - BigInt(reader.size));
  return header === undefined ? undefined : tagText(header.tag);
}

const LISTS: readonly PoolKind[] = ['processes', 'threads', 'drivers', 'hives', 'endpoints'];

/** Facts of several parts of an image as one: ascending, each address once. */
export function mergeFacts(parts: readonly ScanFacts[]): ScanFacts {
  const list = (kind: PoolKind): bigint[] => ascending(parts.flatMap((part) => part[kind]));
  return {
    processes: list('processes'), threads: list('threads'), drivers: list('drivers'), hives: list('hives'), endpoints: list('endpoints'),
    scanned: parts.reduce((sum, part) => sum + part.scanned, 0),
  };
}

/** Facts from what was found of each kind. */
export function factsOf(found: ReadonlyMap<PoolKind, Iterable<bigint>>, scanned: number): ScanFacts {
  const [processes = [], threads = [], drivers = [], hives = [], endpoints = []] = LISTS.map((kind) => ascending(found.get(kind) ?? []));
  return { processes, threads, drivers, hives, endpoints, scanned };
}

function ascending(addresses: Iterable<bigint>): bigint[] {
  return [...new Set(addresses)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
