import type { Cell, Column, Table } from '../vfs/column.js';
import { UNKNOWN } from '../vfs/table.js';
import type { Endpoint } from '../windows/network.js';

/** `192.168.0.1:80`, `[fe80::1]:443`; `***` for an end that there is not, or for the part that is not known. */
function endText(address: string | undefined, port: number | undefined): string {
  if (address === undefined && port === undefined) return UNKNOWN;
  const host = address === undefined ? UNKNOWN : address.includes(':') ? `[${address}]` : address;
  return `${host}:${port ?? UNKNOWN}`;
}

const localEnd = ({ localAddress, localPort }: Endpoint): string => endText(localAddress, localPort);
const remoteEnd = ({ remoteAddress, remotePort }: Endpoint): string => endText(remoteAddress, remotePort);

/** Path of the owner's image as the kernel names it, else its name; undefined when the owner is not known. */
export function ownerPath({ process }: Endpoint): string | undefined {
  return process === undefined ? undefined : process.facts.kernelPath || process.name;
}

/** `TCPv4  ESTABLISHED  192.168.21.22:50090           204.79.197.222:443`, as the timeline has it. */
export function endpointText(endpoint: Endpoint): string {
  const { protocol, state } = endpoint;
  return `${protocol}  ${(state ?? UNKNOWN).padEnd(12)} ${localEnd(endpoint).padEnd(28)}  ${remoteEnd(endpoint)}`;
}

const PID: Column<Endpoint> = {
  name: 'pid', csv: 'PID', kind: 'decimal', value: ({ pid }) => pid, doc: 'the process that owns it',
  text: { lead: '', width: 7, align: 'right', show: ({ pid }) => String(pid ?? UNKNOWN) },
};
const PROTOCOL: Column<Endpoint> = {
  name: 'protocol', csv: 'Proto', kind: 'text', value: ({ protocol }) => protocol.replace('v', ''), doc: 'TCP4, TCP6, UDP4, UDP6',
  text: { width: 5, align: 'left', show: ({ protocol }) => protocol },
};
const STATE: Column<Endpoint> = {
  name: 'state', csv: 'State', kind: 'text', value: ({ state }) => (state === UNKNOWN ? undefined : state), doc: 'state of a TCP endpoint; UDP has none',
  text: { lead: '  ', width: 11, align: 'left', show: ({ state }) => state ?? UNKNOWN },
};
const LOCAL_ADDRESS: Column<Endpoint> = {
  name: 'local_address', csv: 'SrcAddr', kind: 'text', value: ({ localAddress }) => localAddress, doc: 'local address; in the text with its port',
  text: { lead: '  ', width: 28, align: 'left', show: localEnd },
};
const LOCAL_PORT: Column<Endpoint> = { name: 'local_port', csv: 'SrcPort', kind: 'decimal', value: ({ localPort }) => localPort, doc: 'local port' };
const REMOTE_ADDRESS: Column<Endpoint> = {
  name: 'remote_address', csv: 'DstAddr', kind: 'text', value: ({ remoteAddress }) => remoteAddress, doc: 'remote address, likewise; listeners and UDP have none',
  text: { lead: '  ', width: 28, align: 'left', show: remoteEnd },
};
const REMOTE_PORT: Column<Endpoint> = {
  name: 'remote_port', csv: 'DstPort', kind: 'decimal', value: ({ remotePort }) => remotePort, doc: 'remote port; listeners and UDP have none',
};
const CREATED: Column<Endpoint> = { name: 'created', csv: 'Time', kind: 'time', value: ({ created }) => created, doc: 'when it was created' };
const OBJECT: Column<Endpoint> = { name: 'object', csv: 'Object', kind: 'address', value: ({ address }) => address, doc: 'address of tcpip\'s object' };
const PROCESS: Column<Endpoint> = {
  name: 'process', csv: 'Process', kind: 'text', value: ({ process }) => process?.name, doc: 'name of the owner',
  text: { width: 20, align: 'left', show: ({ process }) => process?.name ?? UNKNOWN },
};
const PATH: Column<Endpoint> = { name: 'process_path', csv: 'ProcessPath', kind: 'text', value: ownerPath, doc: 'path of the owner\'s image as the kernel names it' };
const SOURCE: Column<Endpoint> = {
  name: 'source', kind: 'text', value: ({ source }) => source, doc: 'table: in tcpip\'s own tables; scan: found by the pool scan alone, so closed or hidden',
};

/** In the order of the CSV; SOURCE follows. */
const COLUMNS: readonly Column<Endpoint>[] = [
  PROTOCOL, STATE, LOCAL_ADDRESS, LOCAL_PORT, REMOTE_ADDRESS, REMOTE_PORT, CREATED, OBJECT, PID, PROCESS, PATH,
];
/** What every text shows, in its order. */
const SHOWN = ['pid', 'protocol', 'state', 'local_address', 'remote_address', 'process'];
const HEADING = '   #    PID Proto  State        Src                           Dst                          Process';

/** All endpoints, as the pass keeps them. */
export const ENDPOINTS: Table<Endpoint> = {
  name: 'net',
  doc: 'TCP and UDP endpoints and listeners: by tcpip\'s own tables, and those that only the pool scan found: closed, or hidden.',
  heading: HEADING, index: 4, textOrder: SHOWN, columns: [...COLUMNS, SOURCE],
};

/** The columns, of which the text shows some more. */
function shown(columns: readonly Column<Endpoint>[], more: Readonly<Record<string, Cell<Endpoint>>>): Pick<Table<Endpoint>, 'columns' | 'textOrder'> {
  return {
    textOrder: [...SHOWN, ...Object.keys(more)],
    columns: columns.map((column) => {
      const text = more[column.name];
      return text === undefined ? column : { ...column, text };
    }),
  };
}

const TIME_CELL: Cell<Endpoint> = { width: 23, align: 'left' };
const OBJECT_CELL: Cell<Endpoint> = { lead: '  ', width: 16, align: 'left' };

/** The endpoints in tcpip's own tables, as `netstat` on the machine would have shown them. */
export const NETSTAT: Table<Endpoint> = { ...ENDPOINTS, name: 'netstat', doc: 'TCP and UDP endpoints and listeners in tcpip\'s own tables.' };

/** As NETSTAT, with time, object address and process path in the text too. */
export const NETSTAT_VERBOSE: Table<Endpoint> = {
  name: 'netstat-v', doc: 'TCP and UDP endpoints and listeners in tcpip\'s own tables, with time, object and process path.',
  heading: `${HEADING}              Time                     Object Address    Process Path`, index: 4,
  ...shown([...COLUMNS, SOURCE], {
    created: TIME_CELL, object: OBJECT_CELL, process_path: { lead: '  ', width: 120, align: 'left', show: (endpoint) => ownerPath(endpoint) ?? UNKNOWN },
  }),
};

/** All endpoints with how each was found, in the text and in the CSV. */
export const NETSCAN: Table<Endpoint> = {
  name: 'netscan', doc: ENDPOINTS.doc, heading: `${HEADING}              Time                     Object Address    Source`, index: 4,
  ...shown([...COLUMNS, { ...SOURCE, csv: 'Source' }], { created: TIME_CELL, object: OBJECT_CELL, source: { lead: '  ', width: 6, align: 'left' } }),
};
