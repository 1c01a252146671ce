import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { networkLayout, NETWORK_LAYOUTS } from '../../../src/windows/network-layouts.js';
import type { Endpoint } from '../../../src/windows/network.js';
import { scanPool } from '../../../src/windows/pool-scan.js';
import type { Windows } from '../../../src/windows/windows.js';
import { CAPTURED, FAMILIES, machine, type Machine, type MachineOptions } from '../../support/machine.js';
import { SyntheticNetwork, TCPIP, type TcpSpec } from '../../support/network.js';

const TIME = CAPTURED - 36_000_000_000n;
const V6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x57];
const OUT: TcpSpec = { local: [192, 168, 1, 5], localPort: 50_001, remote: [203, 0, 113, 66], remotePort: 443, state: 4, pid: 520, created: TIME };

function networked(options: MachineOptions = {}): Machine {
  return machine({ memory: 8 << 20, ...options }).process({ name: 'chrome.exe', pid: 520 }).process({ name: 'svchost.exe', pid: 524 });
}

function joined(built: Machine): Windows {
  const windows = built.open();
  windows.join(scanPool(windows.kernel, { start: 0, end: windows.kernel.physical.size }));
  return windows;
}

const line = ({ protocol, localAddress, localPort, remoteAddress, remotePort, state, pid, source }: Endpoint): string =>
  `${pid} ${protocol} ${localAddress}:${localPort} ${remoteAddress}:${remotePort} ${state} ${source}`;

const said = (windows: Windows): string[] => windows.anomalies.list.filter(({ where }) => where === 'network').map(({ what }) => what);

for (const build of FAMILIES) {
  test(`connections, listeners and UDP endpoints are found by tcpip's tables on build ${build}`, () => {
    const built = networked({ profile: build });
    const network = new SyntheticNetwork(built);
    network.tcp(OUT);
    network.tcp({ ...OUT, local: V6, localPort: 50_002, remote: V6, state: 7 });
    network.tcp({ ...OUT, localPort: 50_003, state: 0 });
    network.port({ kind: 'listener', version: 4, port: 135, pid: 524, created: TIME });
    network.port({ kind: 'listener', version: 6, port: 135, pid: 524, created: TIME });
    network.port({ kind: 'listener', version: 4, local: [127, 0, 0, 1], port: 49_920, pid: 524, created: TIME });
    network.port({ kind: 'udp', version: 4, local: [192, 168, 1, 5], port: 137, pid: 4, created: TIME });
    network.port({ kind: 'udp', version: 6, port: 5353, pid: 520, created: TIME });
    const windows = built.open();
    assert.deepEqual(windows.endpoints().map(line), [
      '520 TCPv6 2001:db8::57:50002 2001:db8::57:443 CLOSE_WAIT table',
      '520 TCPv4 192.168.1.5:50001 203.0.113.66:443 ESTABLISHED table',
      '520 TCPv4 192.168.1.5:50003 203.0.113.66:443 CLOSED table',
      '524 TCPv4 0.0.0.0:135 undefined:undefined LISTENING table',
      '524 TCPv6 :::135 undefined:undefined LISTENING table',
      '524 TCPv4 127.0.0.1:49920 undefined:undefined LISTENING table',
      '4 UDPv4 192.168.1.5:137 undefined:undefined undefined table',
      '520 UDPv6 :::5353 undefined:undefined undefined table',
    ]);
    assert.ok(windows.endpoints().every(({ created, protocol }) => created === TIME || (build < 10_000 && protocol.startsWith('TCP'))));
    assert.deepEqual(said(windows), []);
  });
}

test('what is in no table is found by the pool scan and says so', () => {
  const built = networked();
  const network = new SyntheticNetwork(built);
  network.tcp(OUT);
  const hidden = network.tcp({ ...OUT, localPort: 50_009, state: 0, listed: false });
  const windows = joined(built);
  assert.deepEqual(windows.endpoints().map(({ localPort, source }) => [localPort, source]), [[50_001, 'table'], [50_009, 'scan']]);
  assert.equal(windows.endpoints()[1]?.address, hidden);
});

test('a block in paged pool is no endpoint, whatever its tag says', () => {
  const built = networked();
  const hidden = new SyntheticNetwork(built).tcp({ ...OUT, listed: false });
  built.lie('_POOL_HEADER', hidden - 16n, 'PoolType', 3);
  assert.deepEqual(joined(built).endpoints(), []);
});

test('an owner that is no known process leaves the PID unknown', () => {
  const built = networked();
  new SyntheticNetwork(built).tcp({ ...OUT, pid: undefined });
  const [endpoint] = built.open().endpoints();
  assert.equal(endpoint?.localPort, 50_001);
  assert.equal(endpoint?.pid, undefined);
  assert.equal(endpoint?.process, undefined);
});

test('an address whose bytes are absent is unknown, and the connection stays', () => {
  const built = networked();
  const network = new SyntheticNetwork(built);
  const address = network.tcp(OUT);
  built.kernel.space.setU64(address + BigInt(network.layout.tcp.addresses), 0xffff_b80a_dead_0000n);
  const [endpoint] = built.open().endpoints();
  assert.equal(endpoint?.localAddress, undefined);
  assert.equal(endpoint?.remoteAddress, undefined);
  assert.equal(endpoint?.localPort, 50_001);
});

describe('a build of tcpip.sys that no symbols are known for', () => {
  const unknown = '00112233445566778899AABBCCDDEEFF-1';
  test('has its tables found by their shape', () => {
    const built = networked();
    const network = new SyntheticNetwork(built, { symbolFile: unknown });
    network.tcp(OUT);
    network.port({ kind: 'listener', version: 4, port: 135, pid: 524 });
    network.port({ kind: 'udp', version: 4, port: 53, pid: 524 });
    const windows = built.open();
    assert.deepEqual(windows.endpoints().map(({ localPort, source }) => [localPort, source]), [[50_001, 'table'], [135, 'table'], [53, 'table']]);
    assert.ok(said(windows).some((what) => what.includes(unknown)));
  });
  test('has its port pools found where the module names them itself, as on Windows 7', () => {
    const built = networked({ profile: 7601 });
    const network = new SyntheticNetwork(built, { symbolFile: unknown, ownPools: true });
    network.port({ kind: 'listener', version: 4, port: 135, pid: 524 });
    network.port({ kind: 'udp', version: 4, port: 53, pid: 524 });
    assert.deepEqual(built.open().endpoints().map(({ localPort, source }) => [localPort, source]), [[135, 'table'], [53, 'table']]);
  });
  test('has the pool scan where its tables are not in the image', () => {
    const built = networked();
    const network = new SyntheticNetwork(built, { symbolFile: unknown });
    network.tcp(OUT);
    for (const name of ['PartitionTable', 'TcpCompartmentSet', 'UdpCompartmentSet'] as const) built.absent(0xffff_f801_7f00_0000n + BigInt(TCPIP[name]));
    const windows = joined(built);
    assert.deepEqual(windows.endpoints().map(({ localPort, source }) => [localPort, source]), [[50_001, 'scan']]);
    assert.ok(said(windows).some((what) => what.includes('pool scan alone')));
  });
});

test('hash tables that have grown beyond 128 buckets are walked through their directory', () => {
  const built = networked();
  const network = new SyntheticNetwork(built, { buckets: 1024 });
  for (let i = 0; i < 40; i += 1) network.tcp({ ...OUT, localPort: 40_000 + i });
  assert.equal(built.open().endpoints().length, 40);
});

test('a chain of connections that leads back into itself ends and is told', () => {
  const built = networked();
  const network = new SyntheticNetwork(built);
  const first = network.tcp(OUT);
  built.kernel.space.setU64(first + 0x40n, first + 0x40n);
  const windows = built.open();
  assert.deepEqual(windows.endpoints().map(({ address }) => address), [first]);
  assert.ok(said(windows).some((what) => what.includes('already visited')));
});

test('an object in a table with a state that does not exist is left out and told', () => {
  const built = networked();
  const network = new SyntheticNetwork(built);
  network.tcp(OUT);
  network.tcp({ ...OUT, localPort: 50_002, state: 11 });
  const windows = built.open();
  assert.deepEqual(windows.endpoints().map(({ localPort }) => localPort), [50_001]);
  assert.ok(said(windows).some((what) => what.includes('is no tcp object')));
});

test('on a build that no image has confirmed, owner and time are searched for', () => {
  const built = networked({ profile: 20348 });
  const layout = networkLayout(20348, 8)!;
  assert.equal(layout.verified, false);
  const moved = { ...layout, tcp: { ...layout.tcp, state: 0x70, localPort: 0x74, remotePort: 0x76, owner: 0x318, created: 0x330 } };
  const network = new SyntheticNetwork(built, { layout: moved });
  for (let i = 0; i < 5; i += 1) network.tcp({ ...OUT, localPort: 50_001 + i });
  const endpoints = built.open().endpoints();
  assert.deepEqual(endpoints.map(line), [1, 2, 3, 4, 5].map((i) => `520 TCPv4 192.168.1.5:5000${i} 203.0.113.66:443 ESTABLISHED table`));
  assert.ok(endpoints.every(({ created }) => created === TIME));
});

test('a connection in TIME_WAIT is found by its own kind of block, without an owner', () => {
  const built = networked();
  const network = new SyntheticNetwork(built);
  network.tcp(OUT);
  const { timeWait, addressFamily } = network.layout;
  const { kernel } = built;
  const family = kernel.nonpaged.alloc(0x40, 'InNl');
  kernel.space.write(family + BigInt(addressFamily), Uint8Array.of(2, 0));
  const remote = kernel.nonpaged.alloc(0x10, 'Ipra');
  kernel.space.write(remote, Uint8Array.of(203, 0, 113, 9));
  const waiting = kernel.nonpaged.alloc(0x60, 'TcTW');
  kernel.space.setU64(waiting + BigInt(timeWait.family), family);
  kernel.space.setU64(waiting + BigInt(timeWait.remoteAddress), remote);
  kernel.space.write(waiting + BigInt(timeWait.localPort), Uint8Array.of(0xc3, 0x50, 1, 0xbb));
  const endpoint = joined(built).endpoints().find(({ address }) => address === waiting);
  assert.equal(endpoint === undefined ? undefined : line(endpoint), 'undefined TCPv4 undefined:50000 203.0.113.9:443 TIME_WAIT scan');
});

test('a machine without tcpip.sys has no endpoints, and says why', () => {
  const windows = networked().open();
  assert.deepEqual(windows.endpoints(), []);
  assert.ok(said(windows).some((what) => what.includes('tcpip.sys')));
});

test('layouts are chosen by build, up to the next row', () => {
  assert.equal(networkLayout(19045, 8)?.build, 19041);
  assert.equal(networkLayout(22631, 8)?.build, 22621);
  assert.equal(networkLayout(7601, 8)?.build, 7600);
  assert.equal(networkLayout(2600, 8), undefined);
  assert.equal(networkLayout(19041, 4), undefined);
  assert.deepEqual(NETWORK_LAYOUTS.map(({ build }) => build), NETWORK_LAYOUTS.map(({ build }) => build).toSorted((a, b) => a - b));
});
