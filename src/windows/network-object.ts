import { isFiletime } from '../bytes/filetime.js';
import type { Kernel } from './kernel.js';
import { networkLayout, tcpVariants, udpVariants, type NetworkLayout, type PortLayout, type TcpLayout } from './network-layouts.js';

/** What an object of tcpip.sys is. */
export type NetworkKind = 'tcp' | 'time-wait' | 'listener' | 'udp';

/** The pool tags of tcpip's objects. */
export const NETWORK_TAGS: Readonly<Record<string, NetworkKind>> = { TcpE: 'tcp', TTcb: 'tcp', TcTW: 'time-wait', TcpL: 'listener', UdpA: 'udp' };

/** An object of tcpip.sys as its bytes say it. */
export interface NetworkObject {
  readonly address: bigint;
  readonly kind: NetworkKind;
  readonly version: 4 | 6;
  /** `_TCP_ENDPOINT.State`; undefined but for `tcp`. */
  readonly state: number | undefined;
  readonly localPort: number;
  /** Undefined for listeners and UDP. */
  readonly remotePort: number | undefined;
  /** Four or sixteen bytes; undefined when they cannot be read. */
  readonly local: Uint8Array | undefined;
  readonly remote: Uint8Array | undefined;
  /** Address of the `_EPROCESS`. */
  readonly owner: bigint | undefined;
  /** FILETIME. */
  readonly created: bigint | undefined;
}

/** AF_INET, AF_INET6 (ws2def.h). */
const VERSIONS: Readonly<Record<number, 4 | 6>> = { 2: 4, 23: 6 };
/** TCP states that exist; 10 and 11 do not. */
const STATES = new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13]);
const ANY = { 4: new Uint8Array(4), 6: new Uint8Array(16) } as const;

/** The layout of this kernel's build as the table has it; undefined when none is known. */
export function layoutOf({ profile }: Kernel): NetworkLayout | undefined {
  return networkLayout(profile.build, profile.pointerSize);
}

/** The forms an object may take in this build. */
export function layoutVariants(layout: NetworkLayout, kind: NetworkKind): readonly NetworkLayout[] {
  switch (kind) {
    case 'tcp': return tcpVariants(layout).map((tcp) => ({ ...layout, tcp }));
    case 'udp': return udpVariants(layout).map((udp) => ({ ...layout, udp }));
    default: return [layout];
  }
}

/** An object that the pool scan met: whether it is one, by every form the build may have. */
export function isNetworkObject(kernel: Kernel, kind: NetworkKind, address: bigint): boolean {
  const layout = layoutOf(kernel);
  return layout !== undefined
    && layoutVariants(layout, kind).some((variant) => readNetworkObject(kernel, variant, kind, address) !== undefined);
}

/** Reads an object; undefined when it is not in the image or contradicts what such an object must be. */
export function readNetworkObject(kernel: Kernel, layout: NetworkLayout, kind: NetworkKind, address: bigint): NetworkObject | undefined {
  switch (kind) {
    case 'tcp': return tcpEndpoint(kernel, layout, layout.tcp, address);
    case 'time-wait': return timeWait(kernel, layout, address);
    case 'listener': return port(kernel, layout, layout.listener, kind, address);
    case 'udp': return port(kernel, layout, layout.udp, kind, address);
  }
}

function tcpEndpoint(kernel: Kernel, layout: NetworkLayout, tcp: TcpLayout, address: bigint): NetworkObject | undefined {
  const size = kernel.pointerSize;
  // The owner lies far behind the rest; a build whose owner is not known exactly must not lose the endpoint for it.
  const bytes = kernel.memory.read(address, Math.max(tcp.remotePort + 2, tcp.state + 4, tcp.addresses + size));
  if (bytes === undefined) return undefined;
  const state = bytes.readUInt32LE(tcp.state);
  const version = versionOf(kernel, layout, pointerAt(bytes, tcp.family, size));
  const localPort = bytes.readUInt16BE(tcp.localPort);
  const remotePort = bytes.readUInt16BE(tcp.remotePort);
  if (version === undefined || !STATES.has(state) || (localPort === 0 && remotePort === 0)) return undefined;
  const pair = pointerAt(bytes, tcp.addresses, size);
  const local = followed(kernel, pair, 0);
  const remote = followed(kernel, pair, layout.remote);
  return {
    address, kind: 'tcp', version, state, localPort, remotePort,
    local: localBytes(kernel, layout, local, version),
    remote: addressBytes(kernel, remote, version),
    owner: kernelPointer(kernel, kernel.pointer(address + BigInt(tcp.owner))),
    created: tcp.created === undefined ? undefined : timeAt(kernel.memory.read(address + BigInt(tcp.created), 8), 0),
  };
}

function timeWait(kernel: Kernel, layout: NetworkLayout, address: bigint): NetworkObject | undefined {
  const size = kernel.pointerSize;
  const at = layout.timeWait;
  const bytes = kernel.memory.read(address, at.remoteAddress + size);
  if (bytes === undefined) return undefined;
  const version = versionOf(kernel, layout, pointerAt(bytes, at.family, size));
  const localPort = bytes.readUInt16BE(at.localPort);
  const remotePort = bytes.readUInt16BE(at.remotePort);
  if (version === undefined || localPort === 0 || remotePort === 0) return undefined;
  return {
    address, kind: 'time-wait', version, state: 12, localPort, remotePort,
    local: localBytes(kernel, layout, pointerAt(bytes, at.localAddress, size), version),
    remote: addressBytes(kernel, pointerAt(bytes, at.remoteAddress, size), version),
    owner: undefined, created: undefined,
  };
}

function port(kernel: Kernel, layout: NetworkLayout, at: PortLayout, kind: 'listener' | 'udp', address: bigint): NetworkObject | undefined {
  const size = kernel.pointerSize;
  const bytes = kernel.memory.read(address, Math.max(at.next, at.localAddress, at.family, at.owner, at.created, at.port) + 8);
  if (bytes === undefined) return undefined;
  const version = versionOf(kernel, layout, pointerAt(bytes, at.family, size));
  const owner = pointerAt(bytes, at.owner, size);
  const localPort = bytes.readUInt16BE(at.port);
  if (version === undefined || localPort === 0 || (owner !== 0n && !kernel.isKernelAddress(owner))) return undefined;
  const local = pointerAt(bytes, at.localAddress, size);
  return {
    address, kind, version, state: undefined, localPort, remotePort: undefined,
    local: local === 0n ? ANY[version]
      : kind === 'udp' && layout.udpDirect ? udpBytes(kernel, local, version) : localBytes(kernel, layout, local, version),
    remote: undefined, owner: kernelPointer(kernel, owner), created: timeAt(bytes, at.created),
  };
}

function versionOf(kernel: Kernel, layout: NetworkLayout, family: bigint): 4 | 6 | undefined {
  if (!kernel.isKernelAddress(family)) return undefined;
  const bytes = kernel.memory.read(family + BigInt(layout.addressFamily), 2);
  return bytes === undefined ? undefined : VERSIONS[bytes.readUInt16LE(0)];
}

/** A local address: a pointer to a pointer to its bytes. */
function localBytes(kernel: Kernel, layout: NetworkLayout, local: bigint | undefined, version: 4 | 6): Uint8Array | undefined {
  return addressBytes(kernel, followed(kernel, followed(kernel, local, layout.localData), 0), version);
}

/** A UDP endpoint's local address since Windows 10: its first pointer leads to the bytes, or its fourth by two steps to a record that holds them. */
function udpBytes(kernel: Kernel, local: bigint, version: 4 | 6): Uint8Array | undefined {
  const record = followed(kernel, followed(kernel, local, 3 * kernel.pointerSize), 0);
  return addressBytes(kernel, followed(kernel, local, 0), version)
    ?? addressBytes(kernel, record === undefined ? undefined : record + BigInt(3 * kernel.pointerSize), version);
}

function addressBytes(kernel: Kernel, address: bigint | undefined, version: 4 | 6): Uint8Array | undefined {
  const bytes = address === undefined || !kernel.isKernelAddress(address) ? undefined : kernel.memory.read(address, version === 4 ? 4 : 16);
  return bytes === undefined ? undefined : Uint8Array.from(bytes);
}

/** The kernel address stored at `address + offset`. */
function followed(kernel: Kernel, address: bigint | undefined, offset: number): bigint | undefined {
  return address === undefined || !kernel.isKernelAddress(address) ? undefined
    : kernelPointer(kernel, kernel.pointer(address + BigInt(offset)));
}

function kernelPointer(kernel: Kernel, pointer: bigint | undefined): bigint | undefined {
  return pointer !== undefined && kernel.isKernelAddress(pointer) ? pointer : undefined;
}

function pointerAt(bytes: Buffer, at: number, size: 4 | 8): bigint {
  return size === 8 ? bytes.readBigUInt64LE(at) : BigInt(bytes.readUInt32LE(at));
}

function timeAt(bytes: Buffer | undefined, at: number): bigint | undefined {
  const time = bytes?.readBigUInt64LE(at);
  return time !== undefined && isFiletime(time) ? time : undefined;
}
