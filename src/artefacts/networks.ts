import { hex } from '../bytes/hex.js';
import type { HiveSet } from '../registry/hive-set.js';
import { upcase } from '../registry/name.js';
import { artefact } from './artefact.js';
import { at, below, inHives, WHERE, type Found } from './found.js';
import { valuesOf, type KeyValues } from './key-values.js';
import { localText, localTime, systemTime } from './local-time.js';
import { flag, plainTable, text, time } from './plain-table.js';

interface Network extends Found {
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly category: string | undefined;
  readonly nameType: string | undefined;
  readonly managed: boolean | undefined;
  readonly created: bigint | undefined;
  readonly connected: bigint | undefined;
  readonly createdLocal: string | undefined;
  readonly connectedLocal: string | undefined;
  readonly gateway: string | undefined;
  readonly dnsSuffix: string | undefined;
  readonly firstNetwork: string | undefined;
}

const NETWORK_LIST = 'Microsoft\\Windows NT\\CurrentVersion\\NetworkList';
/** NLM_NETWORK_CATEGORY (netlistmgr.h). */
const CATEGORIES = ['public', 'private', 'domain'];
/** The IANA interface types that Windows uses here (ipifcons.h). */
const NAME_TYPES: Readonly<Record<number, string>> = { 0x06: 'wired', 0x17: 'VPN', 0x47: 'wireless', 0xf3: 'mobile broadband', 0xf4: 'mobile broadband' };

/** `00:50:56:e0:3f:3e`; undefined: no address of six bytes. */
export function macText(bytes: Buffer | undefined): string | undefined {
  return bytes?.length === 6 ? Array.from(bytes, (byte) => hex(byte, 2)).join(':') : undefined;
}

/** What is known of a network by its signature, by the GUID of its profile in upper case. */
function signatures(list: Found): ReadonlyMap<string, KeyValues> {
  const found = new Map<string, KeyValues>();
  for (const kind of ['Signatures\\Managed', 'Signatures\\Unmanaged']) {
    for (const all of at(list, kind)) {
      for (const { key } of below(all)) {
        const values = valuesOf(key);
        const guid = values.text('ProfileGuid');
        if (guid !== undefined) found.set(upcase(guid), values);
      }
    }
  }
  return found;
}

function* networks(set: HiveSet): Generator<Network> {
  const clock = localTime(set);
  for (const list of inHives(set.of('SOFTWARE'), NETWORK_LIST)) {
    const known = signatures(list);
    for (const profiles of at(list, 'Profiles')) {
      for (const profile of below(profiles)) {
        const values = valuesOf(profile.key);
        const signature = known.get(upcase(profile.key.name));
        const created = systemTime(values.bytes('DateCreated'));
        const connected = systemTime(values.bytes('DateLastConnected'));
        const category = values.number('Category');
        const type = values.number('NameType');
        const managed = values.number('Managed');
        yield {
          ...profile,
          name: values.text('ProfileName'),
          description: values.text('Description'),
          category: category === undefined ? undefined : CATEGORIES[category] ?? String(category),
          nameType: type === undefined ? undefined : NAME_TYPES[type] ?? `0x${hex(type)}`,
          managed: managed === undefined ? undefined : managed !== 0,
          created: clock(created),
          connected: clock(connected),
          createdLocal: localText(created),
          connectedLocal: localText(connected),
          gateway: macText(signature?.bytes('DefaultGatewayMac')),
          dnsSuffix: signature?.text('DnsSuffix'),
          firstNetwork: signature?.text('FirstNetwork'),
        };
      }
    }
  }
}

/** Networks the machine was in. Windows keeps their times as the machine's local time; in UTC they are known when its SYSTEM hive is there. */
export const NETWORKS = artefact<Network>({
  reads: [
    'SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\NetworkList\\Profiles', 'SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\NetworkList\\Signatures',
    'SYSTEM\\<control set>\\Control\\TimeZoneInformation',
  ],
  table: plainTable({
    name: 'networks',
    doc: 'Networks the machine was in. Windows keeps their times in local time; they are given in UTC too when the SYSTEM hive, which knows the time zone, is there.',
    columns: [
      text('name', (r) => r.name, 'name of the network, of a wireless one its SSID', 24),
      text('kind', (r) => r.nameType, 'wired, wireless, VPN or mobile', 9),
      text('category', (r) => r.category, 'public, private or domain'),
      time('first_connected', (r) => r.created, 'first connection in UTC, by the time zone that is set now'),
      time('last_connected', (r) => r.connected, 'last connection in UTC'),
      text('first_connected_local', (r) => r.createdLocal, 'first connection, local time as stored'),
      text('last_connected_local', (r) => r.connectedLocal, 'last connection, local time as stored'),
      text('gateway_mac', (r) => r.gateway, 'hardware address of the gateway', 17),
      text('dns_suffix', (r) => r.dnsSuffix, 'domain', 16),
      text('first_network', (r) => r.firstNetwork, 'the name it had first', 16),
      text('description', (r) => r.description, 'description', 16),
      flag('managed', (r) => r.managed, 'a domain manages it'),
      text('guid', (r) => r.key.name, 'GUID of the profile', 38),
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'NETLST',
    events: (r) => [
      { time: r.created, action: 'CRE', text: `first connected to network ${r.name ?? r.key.name}` },
      { time: r.connected, action: '---', text: `last connected to network ${r.name ?? r.key.name}` },
    ],
  },
  rows: networks,
});
