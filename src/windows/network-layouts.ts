/**
 * Layouts of tcpip.sys's own objects. They are in no public symbol table; the offsets are public knowledge from memory forensics
 * (Volatility's netscan tables, MemProcFS), all in bytes from the object's start. Rows say whether an image has confirmed them.
 */

/** `_TCP_ENDPOINT`, tags TcpE (to Windows 10) and TTcb (Windows 11). */
export interface TcpLayout {
  /** Pointer to the `_INETAF`. */
  readonly family: number;
  /** Pointer to {local address, remote address}. */
  readonly addresses: number;
  readonly state: number;
  readonly localPort: number;
  readonly remotePort: number;
  readonly owner: number;
  /** Undefined where the object keeps no time. */
  readonly created: number | undefined;
}

/** `_TCP_LISTENER` (tag TcpL) and `_UDP_ENDPOINT` (tag UdpA). */
export interface PortLayout {
  readonly family: number;
  readonly owner: number;
  readonly created: number;
  /** Pointer to the local address; zero: any. */
  readonly localAddress: number;
  readonly port: number;
  /** Link to the next object of the same port; links point at this member. */
  readonly next: number;
}

/** A connection in TIME_WAIT (tag TcTW): it has no owner any more. */
export interface TimeWaitLayout {
  readonly family: number;
  readonly localPort: number;
  readonly remotePort: number;
  readonly localAddress: number;
  readonly remoteAddress: number;
}

export interface NetworkLayout {
  /** The first build that has it; it holds up to the next row. */
  readonly build: number;
  readonly pointerSize: 4 | 8;
  /** An image with known endpoints has confirmed the offsets. Others are checked against each image, and TCP's owner is searched for. */
  readonly verified: boolean;
  /** `_INETAF.AddressFamily`. */
  readonly addressFamily: number;
  /** From a local address to the pointer to a pointer to its bytes. */
  readonly localData: number;
  /** From the address pair to the pointer to the remote address. */
  readonly remote: number;
  readonly tcp: TcpLayout;
  readonly timeWait: TimeWaitLayout;
  readonly listener: PortLayout;
  readonly udp: PortLayout;
  /** A UDP endpoint's local address leads to its bytes by one pointer (Windows 10), not by two. */
  readonly udpDirect: boolean;
  /** In `_INET_PORT_POOL`: 256 pointers to the assignments of 256 ports each. */
  readonly assignments: number;
  /** In a page of assignments: bytes of an entry, and its pointer's offset. */
  readonly entrySize: number;
  readonly entryObject: number;
}

const TIME_WAIT_7: TimeWaitLayout = { family: 0x30, localPort: 0x48, remotePort: 0x4a, localAddress: 0x50, remoteAddress: 0x58 };
const TIME_WAIT: TimeWaitLayout = { family: 0x18, localPort: 0x30, remotePort: 0x32, localAddress: 0x38, remoteAddress: 0x40 };

const WINDOWS_7: NetworkLayout = {
  build: 7600, pointerSize: 8, verified: false, addressFamily: 0x14, localData: 0x10, remote: 0x10,
  tcp: { family: 0x18, addresses: 0x20, state: 0x68, localPort: 0x6c, remotePort: 0x6e, owner: 0x238, created: undefined },
  timeWait: TIME_WAIT_7,
  listener: { family: 0x60, owner: 0x28, created: 0x20, localAddress: 0x58, port: 0x6a, next: 0x70 },
  udp: { family: 0x20, owner: 0x28, created: 0x58, localAddress: 0x60, port: 0x80, next: 0x88 },
  udpDirect: false, assignments: 0xa0, entrySize: 0x10, entryObject: 0x8,
};

const WINDOWS_8: NetworkLayout = {
  ...WINDOWS_7, build: 9200, addressFamily: 0x18,
  tcp: { family: 0x10, addresses: 0x18, state: 0x6c, localPort: 0x70, remotePort: 0x72, owner: 0x250, created: undefined },
  timeWait: TIME_WAIT,
  listener: { ...WINDOWS_7.listener, created: 0x40 },
};

const WINDOWS_81: NetworkLayout = {
  ...WINDOWS_8, build: 9600, tcp: { ...WINDOWS_8.tcp, owner: 0x258 },
  udp: { ...WINDOWS_8.udp, port: 0x78, next: 0x70 }, entrySize: 0x18,
};

const WINDOWS_10: NetworkLayout = {
  ...WINDOWS_81, build: 10240,
  tcp: { ...WINDOWS_8.tcp, owner: 0x270, created: 0x268 },
  listener: { family: 0x28, owner: 0x30, created: 0x40, localAddress: 0x60, port: 0x72, next: 0x78 },
  udp: { family: 0x20, owner: 0x28, created: 0x58, localAddress: 0x80, port: 0x78, next: 0x70 },
  udpDirect: true, assignments: 0xe8,
};

const BUILD_17763: NetworkLayout = { ...WINDOWS_10, build: 17763, verified: true, tcp: { ...WINDOWS_10.tcp, owner: 0x2c8, created: 0x2d8 } };

const BUILD_18362: NetworkLayout = {
  ...BUILD_17763, build: 18362, verified: false, tcp: { ...WINDOWS_10.tcp, owner: 0x290, created: 0x2a0 }, assignments: 0xe0,
};

const BUILD_19041: NetworkLayout = {
  ...BUILD_18362, build: 19041, verified: true,
  tcp: { ...WINDOWS_10.tcp, owner: 0x2d8, created: 0x2e8 },
  udp: { ...WINDOWS_10.udp, port: 0xa0, localAddress: 0xa8 },
  entrySize: 0x20, entryObject: 0x10,
};

const BUILD_20348: NetworkLayout = { ...BUILD_19041, build: 20348, verified: false, tcp: { ...BUILD_19041.tcp, owner: 0x2f0, created: 0x308 } };

const BUILD_22000: NetworkLayout = { ...BUILD_20348, build: 22000, verified: true };

const BUILD_22621: NetworkLayout = { ...BUILD_22000, build: 22621, verified: false };

const BUILD_26100: NetworkLayout = {
  ...BUILD_22621, build: 26100,
  listener: { family: 0x30, owner: 0x38, created: 0x48, localAddress: 0x68, port: 0x7a, next: 0x80 },
  udp: { family: 0x28, owner: 0x30, created: 0x60, localAddress: 0xb0, port: 0xa8, next: 0x78 },
};

/** Ascending by build. */
export const NETWORK_LAYOUTS: readonly NetworkLayout[] = [
  WINDOWS_7, WINDOWS_8, WINDOWS_81, WINDOWS_10, BUILD_17763, BUILD_18362, BUILD_19041, BUILD_20348,
  BUILD_22000, BUILD_22621, BUILD_26100,
];

/** The layout of a build; undefined when none of this pointer size is known. */
export function networkLayout(build: number, pointerSize: 4 | 8): NetworkLayout | undefined {
  return NETWORK_LAYOUTS.filter((row) => row.pointerSize === pointerSize && row.build <= build).at(-1);
}

/** Forms that `_TCP_ENDPOINT` is known to take, for builds that no image has confirmed: the row's own first. */
export function tcpVariants({ tcp, verified }: NetworkLayout): readonly TcpLayout[] {
  if (verified) return [tcp];
  const families = [tcp.family, 0x10, 0x18];
  const states = [tcp.state, 0x6c, 0x70, 0x68];
  const forms = families.flatMap((family) => states.map((state) =>
    ({ ...tcp, family, addresses: family + 8, state, localPort: state + 4, remotePort: state + 6 })));
  return forms.filter((form, i) => forms.findIndex((other) => other.family === form.family && other.state === form.state) === i);
}

/** Forms of `_UDP_ENDPOINT`: an update of 18362 that kept the build number moved its port and address. */
export function udpVariants({ udp, build }: NetworkLayout): readonly PortLayout[] {
  return build === 18362 ? [udp, { ...udp, port: udp.port + 8, localAddress: udp.localAddress + 8 }] : [udp];
}
