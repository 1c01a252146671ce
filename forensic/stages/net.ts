import { hex } from '../../src/bytes/hex.js';
import type { Endpoint } from '../../src/windows/network.js';
import type { Table } from '../../src/vfs/column.js';
import { stage, type TimelineEvent } from '../stage.js';

/** `192.168.21.22:50090`, `[2001:db8::57]:443`; `***` when the address is not known. */
function withPort(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return port === undefined ? '***' : `***:${port}`;
  return `${address.includes(':') ? `[${address}]` : address}:${port ?? 0}`;
}

const NET: Table<Endpoint> = {
  name: 'net',
  doc: 'TCP and UDP endpoints and listeners: by tcpip\'s tables, and those that only the pool scan found.',
  heading: '',
  columns: [
    { name: 'protocol', csv: 'Proto', kind: 'text', value: (e) => e.protocol.replace('v', ''), doc: 'TCP4, TCP6, UDP4, UDP6' },
    { name: 'state', csv: 'State', kind: 'text', value: (e) => e.state ?? '', doc: 'state of a TCP endpoint' },
    { name: 'local_address', csv: 'SrcAddr', kind: 'text', value: (e) => e.localAddress ?? '***', doc: 'local address' },
    { name: 'local_port', csv: 'SrcPort', kind: 'decimal', value: (e) => e.localPort, doc: 'local port' },
    { name: 'remote_address', csv: 'DstAddr', kind: 'text', value: (e) => e.remoteAddress ?? '***', doc: 'remote address' },
    { name: 'remote_port', csv: 'DstPort', kind: 'decimal', value: (e) => e.remotePort ?? 0, doc: 'remote port' },
    { name: 'created', csv: 'Time', kind: 'time', value: (e) => e.created, doc: 'when it was created' },
    { name: 'object', csv: 'Object', kind: 'address', value: (e) => e.address, doc: 'address of the object' },
    { name: 'pid', csv: 'PID', kind: 'decimal', value: (e) => e.pid, doc: 'owner' },
    { name: 'process', csv: 'Process', kind: 'text', value: (e) => e.process?.name, doc: 'name of the owner' },
    { name: 'process_path', csv: 'ProcessPath', kind: 'text', value: (e) => (e.process === undefined ? undefined : e.process.facts.kernelPath || e.process.facts.shortName), doc: 'path of the owner\'s image' },
    { name: 'source', kind: 'text', value: (e) => e.source, doc: 'table, or scan: found by the pool scan alone' },
  ],
};

function description(e: Endpoint): string {
  return `${e.protocol}  ${(e.state ?? '***').padEnd(12)} ${withPort(e.localAddress, e.localPort).padEnd(28)}  ${withPort(e.remoteAddress, e.remotePort).padEnd(28)}`.trimEnd();
}

function* events(e: Endpoint): Generator<TimelineEvent> {
  yield { time: e.created, action: 'CRE', pid: e.pid ?? 0, value32: 0, value64: e.address, text: description(e) };
}

export const netStage = stage<Endpoint>({
  name: 'net',
  table: NET,
  waitsForScan: true,
  csv: 'net',
  timeline: { type: 'Net', file: 'net', events },
  json: { file: 'general', line: (e) => ({
    type: 'net', pid: e.pid ?? 0, proc: e.process?.name ?? '', obj: hex(e.address, 16), desc: description(e), desc2: e.process?.facts.kernelPath ?? '',
  }) },
  * rows(windows, { step }) {
    const endpoints = windows.endpoints();
    for (const [done, endpoint] of endpoints.entries()) {
      step(done, endpoints.length);
      yield endpoint;
    }
  },
});
