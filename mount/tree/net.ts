import type { Cell, Column, Table } from '../../src/vfs/column.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import type { Endpoint } from '../../src/windows/network.js';
import type { Windows } from '../../src/windows/windows.js';

/** What the list shows where the image does not say. */
const UNKNOWN = '***';

/** `192.168.0.1:80`, `[fe80::1]:443`, `***` for an end that there is not. */
function end(address: string | undefined, port: number | undefined): string {
  if (port === undefined) return UNKNOWN;
  return address?.includes(':') === true ? `[${address}]:${port}` : `${address ?? UNKNOWN}:${port}`;
}

function path({ process }: Endpoint): string | undefined {
  return process === undefined ? undefined : process.facts.kernelPath || process.name;
}

type Extra = 'time' | 'object' | 'path' | 'source';

/** The columns; of the last four, those that the text of this table shows. The heading names what the text shows. */
function netColumns(shown: Readonly<Partial<Record<Extra, Cell<Endpoint>>>>): readonly Column<Endpoint>[] {
  const text = (cell: Cell<Endpoint> | undefined): { readonly text?: Cell<Endpoint> } => (cell === undefined ? {} : { text: cell });
  return [
    {
      name: 'pid', csv: 'PID', kind: 'decimal', value: ({ pid }) => pid, doc: 'the process that owns it',
      text: { lead: '', width: 7, align: 'right', show: ({ pid }) => String(pid ?? UNKNOWN) },
    },
    {
      name: 'protocol', csv: 'Proto', kind: 'text', value: ({ protocol }) => protocol.replace('v', ''), doc: 'TCP4, TCP6, UDP4, UDP6',
      text: { width: 5, align: 'left', show: ({ protocol }) => protocol },
    },
    {
      name: 'state', csv: 'State', kind: 'text', value: ({ state }) => state, doc: 'state of a TCP endpoint; UDP has none',
      text: { lead: '  ', width: 11, align: 'left', show: ({ state }) => state ?? UNKNOWN },
    },
    {
      name: 'local_address', csv: 'SrcAddr', kind: 'text', value: (endpoint) => endpoint.localAddress, doc: 'local address',
      text: { lead: '  ', width: 28, align: 'left', show: (endpoint) => end(endpoint.localAddress, endpoint.localPort) },
    },
    { name: 'local_port', csv: 'SrcPort', kind: 'decimal', value: (endpoint) => endpoint.localPort, doc: 'local port' },
    {
      name: 'remote_address', csv: 'DstAddr', kind: 'text', value: (endpoint) => endpoint.remoteAddress, doc: 'remote address; listeners and UDP have none',
      text: { lead: '  ', width: 28, align: 'left', show: (endpoint) => end(endpoint.remoteAddress, endpoint.remotePort) },
    },
    { name: 'remote_port', csv: 'DstPort', kind: 'decimal', value: (endpoint) => endpoint.remotePort, doc: 'remote port' },
    {
      name: 'process', csv: 'Process', kind: 'text', value: ({ process }) => process?.name, doc: 'name of the owner',
      text: { width: 20, align: 'left', show: ({ process }) => process?.name ?? UNKNOWN },
    },
    { name: 'created', csv: 'Time', kind: 'time', value: (endpoint) => endpoint.created, ...text(shown.time), doc: 'when it was created' },
    { name: 'object', csv: 'Object', kind: 'address', value: (endpoint) => endpoint.address, ...text(shown.object), doc: 'address of tcpip\'s object' },
    {
      name: 'process_path', csv: 'ProcessPath', kind: 'text', value: path, ...text(shown.path),
      doc: 'path of the owner\'s image as the kernel names it',
    },
    {
      name: 'source', csv: 'Source', kind: 'text', value: ({ source }) => source, ...text(shown.source),
      doc: 'table: in tcpip\'s own tables; scan: found by the pool scan alone, so closed or hidden',
    },
  ];
}

const TIME: Cell<Endpoint> = { width: 23, align: 'left' };
const OBJECT: Cell<Endpoint> = { lead: '  ', width: 16, align: 'left' };
const PATH: Cell<Endpoint> = { lead: '  ', width: 120, align: 'left', show: (endpoint) => path(endpoint) ?? UNKNOWN };
const HEADING = '   #    PID Proto  State        Src                           Dst                          Process';

/** The endpoints in tcpip's own tables, as `netstat` on the machine would have shown them. */
export const netTable: Table<Endpoint> = {
  name: 'netstat', doc: 'TCP and UDP endpoints and listeners in tcpip\'s own tables.', heading: HEADING, index: 4, columns: netColumns({}),
};

/** As `netTable`, with time, object address and process path in the text too. */
export const netVerboseTable: Table<Endpoint> = {
  name: 'netstat-v', doc: 'TCP and UDP endpoints and listeners in tcpip\'s own tables, with time, object and process path.',
  heading: `${HEADING}              Time                     Object Address    Process Path`, index: 4,
  columns: netColumns({ time: TIME, object: OBJECT, path: PATH }),
};

/** All endpoints, those that the pool scan alone found included. */
export const netScanTable: Table<Endpoint> = {
  name: 'netscan', doc: 'All TCP and UDP endpoints and listeners, also those that only the pool scan found: closed, or hidden.',
  heading: `${HEADING}              Time                     Object Address    Source`, index: 4,
  columns: netColumns({ time: TIME, object: OBJECT, source: { lead: '  ', width: 6, align: 'left' } }),
};

/** `sys/net`: connections and listeners. */
export function netDirectory(windows: Windows): Directory {
  const listed = (): readonly Endpoint[] => windows.endpoints().filter(({ source }) => source === 'table');
  return directory({
    'netscan.txt': tableFile(netScanTable, () => windows.endpoints(), { cost: 'slow' }),
    'netstat.txt': tableFile(netTable, listed, { cost: 'slow' }),
    'netstat-v.txt': tableFile(netVerboseTable, listed, { cost: 'slow' }),
  }, { doc: 'connections and listeners' });
}
