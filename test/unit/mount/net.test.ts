import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvOf, jsonRow, textOf } from '../../../src/vfs/table.js';
import type { Endpoint } from '../../../src/windows/network.js';
import { netDirectory } from '../../../mount/tree/net.js';
import { ENDPOINTS, endpointText, NETSCAN, NETSTAT, NETSTAT_VERBOSE } from '../../../src/tables/endpoints.js';
import { scanRanges } from '../../../mount/scan-client.js';
import { machine } from '../../support/machine.js';
import { SyntheticNetwork } from '../../support/network.js';

const ENDPOINT: Endpoint = {
  address: 0xffff_900a_0ac8_76b0n, protocol: 'TCPv4', state: 'ESTABLISHED', localAddress: '192.168.21.22', localPort: 50_166,
  remoteAddress: '192.168.21.7', remotePort: 445, pid: undefined, process: undefined, created: 133_197_173_440_000_000n, source: 'table',
};

function lines(table: typeof NETSTAT, endpoint: Endpoint): string[] {
  return textOf(table, [endpoint]).toString().split('\n').map((line) => line.trimEnd());
}

test('a connection has its line in netstat.txt as analysts know it', () => {
  assert.deepEqual(lines(NETSTAT, ENDPOINT).slice(0, 3), [
    '   #    PID Proto  State        Src                           Dst                          Process',
    '--------------------------------------------------------------------------------------------------',
    '0000    *** TCPv4  ESTABLISHED  192.168.21.22:50166           192.168.21.7:445             ***',
  ]);
});

test('IPv6 addresses stand in brackets, a listener has no remote end', () => {
  const listener: Endpoint = { ...ENDPOINT, remoteAddress: undefined, remotePort: undefined, protocol: 'TCPv6', state: 'LISTENING', localAddress: '::', localPort: 445 };
  assert.equal(lines(NETSTAT, listener)[2], '0000    *** TCPv6  LISTENING    [::]:445                      ***                          ***');
});

test('netstat-v.txt adds time, object and path under their headings', () => {
  const [heading = '', , row = ''] = lines(NETSTAT_VERBOSE, ENDPOINT);
  for (const [title, value] of [['Time', '2023-02-01'], ['Object Address', 'ffff900a0ac876b0'], ['Process Path', '***']] as const) {
    assert.equal(row.slice(heading.indexOf(title)).split(' ')[0], value);
  }
});

test('the CSV names its columns as analysts know them', () => {
  const lines = (table: typeof NETSTAT): readonly string[] => csvOf(table, [ENDPOINT]).toString().split('\n');
  const [heading, row] = lines(NETSTAT);
  assert.equal(heading, 'Proto,State,SrcAddr,SrcPort,DstAddr,DstPort,Time,Object,PID,Process,ProcessPath');
  assert.equal(row, 'TCP4,ESTABLISHED,192.168.21.22,50166,192.168.21.7,445,"2023-02-01 09:29:04",0xffff900a0ac876b0,,,');
  assert.deepEqual(lines(NETSTAT_VERBOSE), lines(NETSTAT));
  assert.deepEqual(lines(NETSCAN).slice(0, 2), [`${heading},Source`, `${row},table`]);
});

test('a listener has no remote end, UDP no state: not zero, not a word, but absent', () => {
  const udp: Endpoint = { ...ENDPOINT, protocol: 'UDPv4', state: undefined, localAddress: undefined, remoteAddress: undefined, remotePort: undefined };
  assert.deepEqual(JSON.parse(jsonRow(ENDPOINTS, udp)), {
    protocol: 'UDP4', local_port: 50_166, created: '2023-02-01T09:29:04.0000000Z', object: '0xffff900a0ac876b0', source: 'table',
  });
  assert.equal(endpointText(udp).trimEnd(), 'UDPv4  ***          ***:50166                     ***');
  assert.match(endpointText({ ...ENDPOINT, remotePort: undefined }), / 192\.168\.21\.7:\*\*\*$/);
});

test('netstat.txt shows what the tables hold; netscan.txt also what the scan alone found', () => {
  const built = machine({ memory: 8 << 20 }).process({ name: 'a.exe', pid: 520 });
  const network = new SyntheticNetwork(built);
  const connection = { local: [10, 0, 0, 1], localPort: 1025, remote: [10, 0, 0, 2], remotePort: 80, state: 4, pid: 520 };
  network.tcp(connection);
  const hidden = network.tcp({ ...connection, localPort: 1026, listed: false });
  const windows = built.open();
  windows.join({ processes: [], threads: [], drivers: [], hives: [], endpoints: [hidden], scanned: 0 });
  const text = (name: string): string => {
    const node = netDirectory(windows).lookup(name);
    assert.equal(node?.kind, 'bytes');
    return Buffer.from(node.render()).toString();
  };
  assert.match(text('netstat.txt'), /10\.0\.0\.1:1025/);
  assert.doesNotMatch(text('netstat.txt'), /10\.0\.0\.1:1026/);
  assert.match(text('netscan.txt'), /10\.0\.0\.1:1026 .* scan/);
});

test('an image is divided among workers without gap and overlap, a small one not at all', () => {
  const gib = 1 << 30;
  for (const size of [5 * gib, gib + 4096, 256 << 20]) {
    const ranges = scanRanges(size, 2);
    assert.equal(ranges.length, 2);
    assert.equal(ranges[0]?.start, 0);
    assert.equal(ranges[0]?.end, ranges[1]?.start);
    assert.equal(ranges[1]?.end, size);
  }
  assert.deepEqual(scanRanges(1 << 20, 4), [{ start: 0, end: 1 << 20 }]);
});
