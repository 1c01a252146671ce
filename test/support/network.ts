import { networkLayout, type NetworkLayout } from '../../src/windows/network-layouts.js';
import { listInsert } from './layout.js';
import type { Machine } from './machine.js';
import { peImage } from './pe-image.js';

/** A build of tcpip.sys whose table addresses are bundled, and those addresses. */
export const TCPIP = {
  symbolFile: '021C12B15F95E1F661DCDEEFB190095A-1',
  PartitionTable: 2_196_464, PartitionCount: 2_196_460, TcpCompartmentSet: 2_198_624, UdpCompartmentSet: 2_195_528,
} as const;

export interface NetworkOptions {
  /** In the CodeView record; the tables lie where TCPIP says. */
  readonly symbolFile?: string;
  /** Buckets of the hash tables: a power of two. */
  readonly buckets?: number;
  readonly layout?: NetworkLayout;
  /** The module names its port pools itself, as before Windows 10 1607, and no compartment sets. */
  readonly ownPools?: boolean;
}

export interface TcpSpec {
  readonly local: readonly number[];
  readonly localPort: number;
  readonly remote: readonly number[];
  readonly remotePort: number;
  /** `_TCP_ENDPOINT.State`. */
  readonly state: number;
  /** PID; undefined: an owner that is no process. */
  readonly pid: number | undefined;
  readonly created?: bigint;
  readonly tag?: string;
  /** False: in no table. */
  readonly listed?: boolean;
}

export interface PortSpec {
  readonly kind: 'listener' | 'udp';
  readonly version: 4 | 6;
  /** Undefined: any. */
  readonly local?: readonly number[];
  readonly port: number;
  readonly pid: number;
  readonly created?: bigint;
}

const BASE = 0xffff_f801_7f00_0000n;
const PAGES = 0x300;
const PARTITIONS = 2;
const SIZE_OF_TABLE = 0x30n;

/** tcpip.sys with its tables, written by the layout of the machine's build. */
export class SyntheticNetwork {
  readonly layout: NetworkLayout;
  readonly #families: Readonly<Record<4 | 6, bigint>>;
  /** Bucket heads of the table whose links lie at 0x40, by partition. */
  readonly #heads: bigint[][] = [];
  readonly #entries = new Map<string, bigint>();
  readonly #pools: Readonly<Record<'listener' | 'udp', bigint>>;
  #next = 0;

  constructor(readonly machine: Machine, { symbolFile = TCPIP.symbolFile, buckets = 128, layout, ownPools = false }: NetworkOptions = {}) {
    const { kernel } = machine;
    const known = layout ?? networkLayout(kernel.profile.build, 8);
    if (known === undefined) throw new Error(`no network layout of build ${kernel.profile.build}`);
    this.layout = known;
    machine.driver({ name: 'tcpip.sys', path: '\\SystemRoot\\System32\\drivers\\tcpip.sys', base: BASE, pages: PAGES });
    const pieces = peImage({
      base: BASE, sizeOfImage: PAGES * 0x1000,
      sections: [{ name: '.text', rva: 0x1000, size: 0x1000 }, { name: '.data', rva: 0x21_0000, size: 0x1_0000, characteristics: 0xc000_0040 }],
      codeView: { rva: 0x2000, symbolFile, path: 'tcpip.pdb' },
    });
    for (const { rva, bytes } of pieces) kernel.space.write(BASE + BigInt(rva), bytes);
    this.#families = { 4: this.#family(2), 6: this.#family(23) };
    this.#partitions(buckets);
    this.#pools = { listener: this.#portPool('TcpCompartmentSet', 'TcCo', ownPools), udp: this.#portPool('UdpCompartmentSet', 'UdCo', ownPools) };
  }

  /** A connection's address. */
  tcp(spec: TcpSpec): bigint {
    const { tcp, remote: remoteAt } = this.layout;
    const address = this.#block(0x3a0, spec.tag ?? (this.layout.build >= 22000 ? 'TTcb' : 'TcpE'));
    const pair = this.#block(0x30, 'InAI');
    this.#q(pair, this.#local(spec.local, false));
    this.#q(pair + BigInt(remoteAt), this.#bytes(spec.remote));
    this.#q(address + BigInt(tcp.family), this.#families[spec.local.length === 4 ? 4 : 6]);
    this.#q(address + BigInt(tcp.addresses), pair);
    this.#u32(address + BigInt(tcp.state), spec.state);
    this.#port(address + BigInt(tcp.localPort), spec.localPort);
    this.#port(address + BigInt(tcp.remotePort), spec.remotePort);
    this.#q(address + BigInt(tcp.owner), this.#owner(spec.pid));
    if (tcp.created !== undefined) this.#q(address + BigInt(tcp.created), spec.created ?? 0n);
    const partition = this.#heads[this.#next % PARTITIONS]!;
    // Two in each bucket, so that chains are longer than one; the buckets far apart.
    const head = partition[((this.#next >> 2) * 37) % partition.length]!;
    this.#next += 1;
    if (spec.listed !== false) listInsert(this.machine.kernel.space, head, address + 0x40n);
    return address;
  }

  /** A listener's or UDP endpoint's address. Several of one port form a chain. */
  port({ kind, version, local, port, pid, created }: PortSpec): bigint {
    const at = kind === 'udp' ? this.layout.udp : this.layout.listener;
    const address = this.#block(0x180, kind === 'udp' ? 'UdpA' : 'TcpL');
    this.#q(address + BigInt(at.family), this.#families[version]);
    this.#q(address + BigInt(at.owner), this.#owner(pid));
    this.#q(address + BigInt(at.created), created ?? 0n);
    this.#q(address + BigInt(at.localAddress), local === undefined ? 0n : this.#local(local, kind === 'udp' && this.layout.udpDirect));
    this.#port(address + BigInt(at.port), port);
    const entry = this.#entry(this.#pools[kind], port);
    this.#q(address + BigInt(at.next), this.machine.kernel.space.u64(entry));
    this.#q(entry, address + BigInt(at.next) | 1n);
    return address;
  }

  #family(number: number): bigint {
    const family = this.#block(0x40, 'InNl');
    this.machine.kernel.space.write(family + BigInt(this.layout.addressFamily), Buffer.from([number, 0]));
    return family;
  }

  #local(bytes: readonly number[], direct: boolean): bigint {
    const local = this.#block(0x40, 'InLA');
    if (direct) {
      this.#q(local, this.#bytes(bytes));
      return local;
    }
    const step = this.#block(0x20, 'Ipad');
    this.#q(step, this.#bytes(bytes));
    this.#q(local + BigInt(this.layout.localData), step);
    return local;
  }

  #bytes(bytes: readonly number[]): bigint {
    const at = this.#block(0x20, 'Ipla');
    this.machine.kernel.space.write(at, Uint8Array.from(bytes));
    return at;
  }

  /** Arrays of partitions, each with three hash tables in one block; the third chains the connections. */
  #partitions(buckets: number): void {
    const { kernel } = this.machine;
    const stride = kernel.profile.build >= 19041 ? 0xc0 : 0x80;
    const table = this.#block(stride * PARTITIONS + 0x40, 'TcPt');
    this.#q(BASE + BigInt(TCPIP.PartitionTable), table);
    this.#u32(BASE + BigInt(TCPIP.PartitionCount), PARTITIONS);
    for (let i = 0; i < PARTITIONS; i += 1) {
      const block = this.#block(0xa0, 'TcHT');
      for (let number = 0; number < 3; number += 1) {
        const place = block + BigInt(number) * SIZE_OF_TABLE;
        this.#q(table + BigInt(i * stride + number * 8), place);
        const heads = this.#hashTable(place, number === 2 ? buckets : 128);
        if (number === 2) this.#heads.push(heads);
      }
    }
  }

  /** An `_RTL_DYNAMIC_HASH_TABLE` of empty buckets; their heads. */
  #hashTable(place: bigint, buckets: number): bigint[] {
    const heads = (count: number): bigint[] => {
      const directory = this.machine.kernel.nonpaged.alloc(count * 16, 'HTab');
      return Array.from({ length: count }, (_, i) => {
        const head = directory + BigInt(i * 16);
        this.#q(head, head);
        this.#q(head + 8n, head);
        return head;
      });
    };
    this.#u32(place + 8n, buckets);
    this.#u32(place + 0x10n, buckets - 1);
    if (buckets <= 128) {
      const all = heads(buckets);
      this.#q(place + 0x20n, all[0]!);
      return all;
    }
    const levels = this.#block(0x80, 'HTab');
    const all: bigint[] = [];
    for (let level = 0; all.length < buckets; level += 1) {
      const part = heads(Math.min(128 << level, buckets - all.length));
      this.#q(levels + BigInt(level * 8), part[0]!);
      all.push(...part);
    }
    this.#q(place + 0x20n, levels);
    return all.reverse();
  }

  #portPool(symbol: 'TcpCompartmentSet' | 'UdpCompartmentSet', tag: string, own: boolean): bigint {
    const set = this.#block(0x180, 'InCS');
    const compartment = this.#block(0x60, 'InCo');
    const protocol = this.#block(0x40, tag);
    const pool = this.machine.kernel.nonpaged.pages(0x2bc0);
    this.#q(BASE + BigInt(TCPIP[symbol]), own ? pool : set);
    this.#q(set + 0x148n, compartment);
    this.#q(compartment + 0x20n, protocol);
    this.#q(protocol, pool);
    return pool;
  }

  /** Where a port's chain begins; its page of assignments is made. */
  #entry(pool: bigint, port: number): bigint {
    const { assignments, entrySize, entryObject } = this.layout;
    const key = `${pool}/${port >> 8}`;
    let page = this.#entries.get(key);
    if (page === undefined) {
      page = this.machine.kernel.nonpaged.pages(256 * entrySize);
      const assignment = this.#block(0x40, 'InPA');
      this.#q(assignment + 0x18n, page);
      this.#q(pool + BigInt(assignments + (port >> 8) * 8), assignment);
      this.#entries.set(key, page);
    }
    return page + BigInt((port & 0xff) * entrySize + entryObject);
  }

  #owner(pid: number | undefined): bigint {
    return pid === undefined ? 0xffff_b80a_dead_0000n : this.machine.built(pid).view.address;
  }

  #block(size: number, tag: string): bigint {
    return this.machine.kernel.nonpaged.alloc(size, tag);
  }

  #q(address: bigint, value: bigint): void {
    this.machine.kernel.space.setU64(address, value);
  }

  #u32(address: bigint, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    this.machine.kernel.space.write(address, bytes);
  }

  #port(address: bigint, port: number): void {
    this.machine.kernel.space.write(address, Uint8Array.from([port >> 8, port & 0xff]));
  }
}
