import { number, struct } from '../profile/struct.js';
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
export const POOL_HEADER = struct('_POOL_HEADER', {
  blockSize: number('BlockSize'), poolType: number('PoolType'), tag: number('PoolTag'),
});

/** Bytes between two places where a block may begin; `BlockSize` counts in them. */
export function poolGranule(kernel: Kernel): number {
  return 2 * kernel.pointerSize;
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
  const header = kernel.read(POOL_HEADER, body - BigInt(kernel.reader(POOL_HEADER).size));
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
