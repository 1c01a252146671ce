import { ipText } from '../bytes/ip.js';
import type { Kernel } from './kernel.js';
import type { NetworkLayout, TcpLayout } from './network-layouts.js';
import {
  layoutOf, layoutVariants, NETWORK_TAGS, readNetworkObject, type NetworkKind, type NetworkObject,
} from './network-object.js';
import { tableObjects, type TableObject } from './network-tables.js';
import { poolTag } from './pool.js';
import type { Process } from './process.js';

export type TcpState = 'CLOSED' | 'LISTENING' | 'SYN_SENT' | 'SYN_RCVD' | 'ESTABLISHED' | 'FIN_WAIT_1' | 'FIN_WAIT_2' | 'CLOSE_WAIT'
  | 'CLOSING' | 'LAST_ACK' | 'TIME_WAIT' | 'DELETE_TCB' | '***';

/** A TCP or UDP endpoint or listener. Corresponds to tcpip's `_TCP_ENDPOINT`, `_TCP_LISTENER`, `_UDP_ENDPOINT`. */
export interface Endpoint {
  readonly address: bigint;
  readonly protocol: 'TCPv4' | 'TCPv6' | 'UDPv4' | 'UDPv6';
  /** Undefined for UDP. */
  readonly state: TcpState | undefined;
  /** Dotted or RFC 5952 text without brackets; undefined when not known. */
  readonly localAddress: string | undefined;
  readonly localPort: number;
  /** Undefined for listeners and UDP. */
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly pid: number | undefined;
  readonly process: Process | undefined;
  readonly created: bigint | undefined;
  /** `table`: by tcpip's own tables. `scan`: by the pool scan alone (closed, or hidden). */
  readonly source: 'table' | 'scan';
}

/** `_TCP_ENDPOINT.State` by number. */
const STATES: readonly TcpState[] = [
  'CLOSED', 'LISTENING', 'SYN_SENT', 'SYN_RCVD', 'ESTABLISHED', 'FIN_WAIT_1', 'FIN_WAIT_2', 'CLOSE_WAIT', 'CLOSING', 'LAST_ACK',
  '***', '***', 'TIME_WAIT', 'DELETE_TCB',
];
const WHERE = 'network';
/** Where a `_TCP_ENDPOINT` has been seen to keep its owner, and its time from there. */
const OWNERS = { first: 0x80, last: 0x378 } as const;
const TIMES_FROM_OWNER = [0x10, 0x18, -8];

/**
 * The endpoints by tcpip's tables, and those that only the pool scan found. None, and an anomaly, where no layout of tcpip's objects is
 * known: 32-bit systems, and all before Windows 7. `processes` resolves owners.
 * Ordered by protocol (TCP first), PID, local address and port, as analysts know the list.
 */
export function endpoints(kernel: Kernel, processes: readonly Process[], scanned: readonly bigint[]): readonly Endpoint[] {
  const known = layoutOf(kernel);
  if (known === undefined) {
    kernel.anomalies.add(WHERE, `the network tables of this build are not known (${kernel.profile.version}, pointers of ${kernel.pointerSize} bytes)`);
    return [];
  }
  const listed = kernel.anomalies.attempt(WHERE, () => tableObjects(kernel, known)) ?? [];
  const inTables = new Set(listed.map(({ address }) => address));
  const hidden = scanned.flatMap((address): TableObject[] => {
    const kind = inTables.has(address) ? undefined : NETWORK_TAGS[poolTag(kernel, address) ?? ''];
    return kind === undefined ? [] : [{ address, kind }];
  });
  const owners = new Map(processes.map((process) => [process.address, process]));
  const layout = known.verified ? known : fitted(kernel, known, [...listed, ...hidden], owners);
  const objects = [...listed, ...hidden].flatMap(({ address, kind }) => {
    const object = readNetworkObject(kernel, layout, kind, address);
    if (object === undefined && inTables.has(address)) kernel.anomalies.add(WHERE, `an object that the tables name is no ${kind} object`, address);
    return object === undefined ? [] : [object];
  });
  const owner = (object: NetworkObject): Process | undefined => (object.owner === undefined ? undefined : owners.get(object.owner));
  return objects
    .map((object) => ({ object, process: owner(object) }))
    .sort((a, b) => compare(a.object, b.object, a.process?.pid ?? 0, b.process?.pid ?? 0))
    .map(({ object, process }) => endpoint(object, process, inTables.has(object.address) ? 'table' : 'scan'));
}

function endpoint(object: NetworkObject, process: Process | undefined, source: 'table' | 'scan'): Endpoint {
  const text = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : ipText(bytes));
  return {
    address: object.address,
    protocol: `${object.kind === 'udp' ? 'UDP' : 'TCP'}v${object.version}`,
    state: object.kind === 'udp' ? undefined : object.kind === 'listener' ? 'LISTENING' : STATES[object.state ?? 10] ?? '***',
    localAddress: text(object.local), localPort: object.localPort,
    remoteAddress: text(object.remote), remotePort: object.remotePort,
    pid: process?.pid, process, created: object.created, source,
  };
}

/** TCP before UDP, then by PID, local address, local port, version, remote address. */
function compare(a: NetworkObject, b: NetworkObject, pidA: number, pidB: number): number {
  const order = (object: NetworkObject): number => (object.kind === 'udp' ? 1 : 0);
  return order(a) - order(b) || pidA - pidB || compareBytes(a.local, b.local) || a.localPort - b.localPort
    || a.version - b.version || compareBytes(a.remote, b.remote) || (a.address < b.address ? -1 : 1);
}

function compareBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): number {
  const padded = (bytes: Uint8Array | undefined): Buffer => Buffer.concat([bytes ?? Buffer.alloc(0), Buffer.alloc(16)], 16);
  return Buffer.compare(padded(a), padded(b));
}

/**
 * The layout as this image's own objects have it, for a build that no image has confirmed: of each kind the form that most objects
 * fit, and TCP's owner where most of them point at a known process.
 */
function fitted(kernel: Kernel, layout: NetworkLayout, objects: readonly TableObject[], owners: ReadonlyMap<bigint, Process>): NetworkLayout {
  const best = (from: NetworkLayout, kind: NetworkKind): NetworkLayout => {
    const of = objects.filter((object) => object.kind === kind).slice(0, 200);
    // Zeros read as a closed connection in every form: what says more counts more.
    const fits = (variant: NetworkLayout): number => of.reduce((points, { address }) => {
      const object = readNetworkObject(kernel, variant, kind, address);
      if (object === undefined) return points;
      return points + 1 + Number(object.local !== undefined) + Number(object.state !== 0) + Number(object.localPort !== 0 && object.remotePort !== 0);
    }, 0);
    return mostOf(layoutVariants(from, kind), fits) ?? from;
  };
  const shaped = best(best(layout, 'tcp'), 'udp');
  const connections = objects.filter(({ kind }) => kind === 'tcp').map(({ address }) => address);
  return { ...shaped, tcp: { ...shaped.tcp, ...ownerPlace(kernel, connections, owners) } };
}

/** Where the connections keep their owner and time; empty when no place can be told. */
function ownerPlace(kernel: Kernel, connections: readonly bigint[], owners: ReadonlyMap<bigint, Process>): Partial<TcpLayout> {
  const size = kernel.pointerSize;
  const votes = new Map<number, bigint[]>();
  for (const address of connections.slice(0, 200)) {
    const bytes = Buffer.alloc(OWNERS.last);
    kernel.memory.fill(address, bytes);
    for (let at = OWNERS.first; at + size <= bytes.length; at += size) {
      const value = size === 8 ? bytes.readBigUInt64LE(at) : BigInt(bytes.readUInt32LE(at));
      if (owners.has(value)) votes.set(at, [...votes.get(at) ?? [], address]);
    }
  }
  const owner = mostOf([...votes.keys()], (at) => votes.get(at)?.length ?? 0);
  if (owner === undefined) return {};
  const times = (offset: number): number => (votes.get(owner) ?? []).filter((address) => {
    const time = kernel.memory.read(address + BigInt(owner + offset), 8)?.readBigUInt64LE(0) ?? 0n;
    // FILETIMEs of 1973 to 2201 have 1 as their top byte.
    return time >> 56n === 1n;
  }).length;
  const offset = mostOf(TIMES_FROM_OWNER, times);
  return { owner, created: offset === undefined ? undefined : owner + offset };
}

/** The first choice with the highest score above zero. */
function mostOf<T>(choices: readonly T[], score: (choice: T) => number): T | undefined {
  let best: T | undefined;
  let most = 0;
  for (const choice of choices) {
    const points = score(choice);
    if (points > most) [best, most] = [choice, points];
  }
  return best;
}
