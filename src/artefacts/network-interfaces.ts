import type { HiveSet } from '../registry/hive-set.js';
import { upcase } from '../registry/name.js';
import { artefact } from './artefact.js';
import { below, inControlSet, WHERE, type Found } from './found.js';
import { valuesOf, type KeyValues } from './key-values.js';
import { macText } from './networks.js';
import { flag, plainTable, text, time } from './plain-table.js';

interface NetworkInterface extends Found {
  readonly guid: string;
  readonly name: string | undefined;
  readonly adapter: string | undefined;
  /** The wireless network that the settings are for. */
  readonly hint: string | undefined;
  readonly dhcp: boolean | undefined;
  readonly address: string | undefined;
  readonly mask: string | undefined;
  readonly gateway: string | undefined;
  readonly gatewayMac: string | undefined;
  readonly nameServer: string | undefined;
  readonly domain: string | undefined;
  readonly server: string | undefined;
  readonly obtained: bigint | undefined;
  readonly expires: bigint | undefined;
}

/** The setup class of network adapters, GUID_DEVCLASS_NET. */
const NET_CLASS = '{4D36E972-E325-11CE-BFC1-08002BE10318}';

/** Names by the interface's GUID in upper case: what users call the connection, or what the adapter is. */
function named(set: HiveSet, path: string, read: (found: Found) => readonly [string | undefined, string | undefined]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const all of inControlSet(set, path)) {
    for (const one of below(all)) {
      const [guid, name] = read(one);
      if (guid !== undefined && name !== undefined) names.set(upcase(guid), name);
    }
  }
  return names;
}

/** Which is not empty and no address of nothing. */
function given(text: string | undefined): string | undefined {
  return text === '' || text === '0.0.0.0' ? undefined : text;
}

/** Settings for one wireless network lie in a key named by its SSID in hex, the two digits of each byte exchanged. */
function ssid(name: string): string | undefined {
  if (!/^([0-9a-f]{2}){1,32}$/i.test(name)) return undefined;
  return Buffer.from(name.replace(/(.)(.)/g, '$2$1'), 'hex').toString('utf8');
}

/** DhcpGatewayHardware: an address of four bytes, a length, and so many bytes. */
function gatewayHardware(bytes: Buffer | undefined): string | undefined {
  return bytes !== undefined && bytes.length >= 14 && bytes.readUInt32LE(4) === 6 ? macText(bytes.subarray(8, 14)) : undefined;
}

function settings(values: KeyValues): Omit<NetworkInterface, keyof Found | 'guid' | 'name' | 'adapter' | 'hint'> {
  const either = (fixed: string, dhcp: string): string | undefined => given(values.text(fixed)) ?? given(values.text(dhcp));
  const dhcp = values.number('EnableDHCP');
  return {
    dhcp: dhcp === undefined ? undefined : dhcp !== 0,
    address: either('IPAddress', 'DhcpIPAddress'),
    mask: either('SubnetMask', 'DhcpSubnetMask'),
    gateway: either('DefaultGateway', 'DhcpDefaultGateway'),
    gatewayMac: gatewayHardware(values.bytes('DhcpGatewayHardware')),
    nameServer: either('NameServer', 'DhcpNameServer'),
    domain: either('Domain', 'DhcpDomain'),
    server: given(values.text('DhcpServer')),
    obtained: values.unixTime('LeaseObtainedTime'),
    expires: values.unixTime('LeaseTerminatesTime'),
  };
}

function* interfaces(set: HiveSet): Generator<NetworkInterface> {
  const connections = named(set, `Control\\Network\\${NET_CLASS}`, ({ key }) => {
    const connection = key.subkey('Connection');
    return [key.name, connection === undefined ? undefined : valuesOf(connection).text('Name')];
  });
  const adapters = named(set, `Control\\Class\\${NET_CLASS}`, ({ key }) => {
    const values = valuesOf(key);
    return [values.text('NetCfgInstanceId'), values.text('DriverDesc')];
  });
  for (const all of inControlSet(set, 'Services\\Tcpip\\Parameters\\Interfaces')) {
    for (const found of below(all)) {
      const guid = found.key.name;
      const known = { guid, name: connections.get(upcase(guid)), adapter: adapters.get(upcase(guid)) };
      yield { ...found, ...known, hint: undefined, ...settings(valuesOf(found.key)) };
      for (const network of below(found)) yield { ...network, ...known, hint: ssid(network.key.name) ?? network.key.name, ...settings(valuesOf(network.key)) };
    }
  }
}

/** The network interfaces and their addresses, those of each wireless network included. */
export const NETWORK_INTERFACES = artefact<NetworkInterface>({
  reads: [
    'SYSTEM\\<control set>\\Services\\Tcpip\\Parameters\\Interfaces', `SYSTEM\\<control set>\\Control\\Network\\${NET_CLASS}`,
    `SYSTEM\\<control set>\\Control\\Class\\${NET_CLASS}`,
  ],
  table: plainTable({
    name: 'network_interfaces',
    doc: 'Network interfaces and the addresses they had last; a row more for each wireless network that gave its own. Fixed settings come before those of DHCP.',
    columns: [
      text('name', (r) => r.name, 'name of the connection', 24),
      text('adapter', (r) => r.adapter, 'the adapter', 32),
      text('wireless_network', (r) => r.hint, 'SSID of the network that the row is about'),
      flag('dhcp', (r) => r.dhcp, 'addresses come from DHCP'),
      text('address', (r) => r.address, 'addresses', 15),
      text('mask', (r) => r.mask, 'subnet masks', 15),
      text('gateway', (r) => r.gateway, 'gateways', 15),
      text('gateway_mac', (r) => r.gatewayMac, 'hardware address of the gateway', 17),
      text('name_server', (r) => r.nameServer, 'name servers', 15),
      text('domain', (r) => r.domain, 'domain', 16),
      text('dhcp_server', (r) => r.server, 'the DHCP server', 15),
      time('lease_obtained', (r) => r.obtained, 'when the address was leased'),
      time('lease_expires', (r) => r.expires, 'when the lease ends'),
      text('guid', (r) => r.guid, 'GUID of the interface', 38),
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'DHCP',
    events: (r) => [{ time: r.obtained, action: '---', text: `leased ${r.address ?? '?'} from ${r.server ?? '?'}${r.hint === undefined ? '' : ` in ${r.hint}`}` }],
  },
  rows: interfaces,
});
