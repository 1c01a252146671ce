import type { HiveSet } from '../registry/hive-set.js';
import { artefact } from './artefact.js';
import { below, inControlSet, inHives, WHERE, type Found } from './found.js';
import { flag, plainTable, text } from './plain-table.js';

/** What a rule of the firewall says ([MS-FASP] 2.2.37 and the grammar of its registry form, [MS-GPFAS] 2.2.2). */
export interface FirewallFields {
  readonly action: string | undefined;
  readonly active: boolean | undefined;
  readonly direction: string | undefined;
  readonly protocol: string | undefined;
  readonly localPorts: string | undefined;
  readonly remotePorts: string | undefined;
  readonly localAddresses: string | undefined;
  readonly remoteAddresses: string | undefined;
  readonly profiles: string | undefined;
  readonly program: string | undefined;
  readonly service: string | undefined;
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly group: string | undefined;
  readonly package: string | undefined;
  readonly owner: string | undefined;
  readonly version: string | undefined;
}

interface FirewallRule extends Found, FirewallFields {
  readonly id: string;
  readonly store: string;
}

const POLICY = 'Services\\SharedAccess\\Parameters\\FirewallPolicy';
/** The stores of rules below the firewall's key of the control set. */
const STORES: readonly (readonly [string, string])[] = [
  ['local', `${POLICY}\\FirewallRules`], ['device management', `${POLICY}\\Mdm\\FirewallRules`], ['restricted services, static', `${POLICY}\\RestrictedServices\\Static\\System`],
  ['restricted services', `${POLICY}\\RestrictedServices\\Configurable\\System`], ['apps', `${POLICY}\\RestrictedServices\\AppIso\\FirewallRules`],
];
const GROUP_POLICY = 'Policies\\Microsoft\\WindowsFirewall\\FirewallRules';
const PROTOCOLS: Readonly<Record<string, string>> = { 1: 'ICMPv4', 2: 'IGMP', 6: 'TCP', 17: 'UDP', 41: 'IPv6', 47: 'GRE', 58: 'ICMPv6', 256: 'any' };

/** `v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=443|…|`; undefined when it is no rule. */
export function firewallRule(text: string): FirewallFields | undefined {
  const parts = text.split('|');
  const version = /^v\d+\.\d+$/.exec(parts[0] ?? '')?.[0];
  if (version === undefined) return undefined;
  const fields = new Map<string, string[]>();
  for (const part of parts.slice(1)) {
    const equals = part.indexOf('=');
    if (equals <= 0) continue;
    const name = part.slice(0, equals).toUpperCase();
    const list = fields.get(name);
    if (list === undefined) fields.set(name, [part.slice(equals + 1)]);
    else list.push(part.slice(equals + 1));
  }
  const joined = (...names: string[]): string | undefined => {
    const all = names.flatMap((name) => fields.get(name) ?? []);
    return all.length === 0 ? undefined : [...new Set(all)].join(', ');
  };
  const active = joined('ACTIVE');
  const protocol = joined('PROTOCOL');
  return {
    version,
    action: joined('ACTION'),
    active: active === undefined ? undefined : active.toUpperCase() === 'TRUE',
    direction: joined('DIR'),
    protocol: protocol === undefined ? undefined : PROTOCOLS[protocol] ?? protocol,
    localPorts: joined('LPORT', 'LPORT2_10', 'LPORT2_20', 'LPORT2_24', 'LPORT2_29', 'ICMP4', 'ICMP6'),
    remotePorts: joined('RPORT', 'RPORT2_10', 'RPORT2_25'),
    localAddresses: joined('LA4', 'LA6'),
    remoteAddresses: joined('RA4', 'RA42', 'RA6', 'RA62'),
    profiles: joined('PROFILE'),
    program: joined('APP'),
    service: joined('SVC'),
    name: joined('NAME'),
    description: joined('DESC'),
    group: joined('EMBEDCTXT'),
    package: joined('APPPKGID', 'PFN'),
    owner: joined('LUOWN'),
  };
}

/**
 * A rule of Windows XP: `path:scope:Enabled:name`, or `port:protocol:scope:Enabled:name`. A path may itself hold a colon.
 */
function oldRule(store: string, text: string): FirewallFields | undefined {
  const form = store === 'ports' ? /^(\d+):(TCP|UDP):([^:]*):(Enabled|Disabled):(.*)$/is : /^(.+):([^:]*):(Enabled|Disabled):(.*)$/is;
  const match = form.exec(text) ?? undefined;
  if (match === undefined) return undefined;
  const nothing = {
    localAddresses: undefined, remotePorts: undefined, service: undefined, description: undefined, group: undefined, package: undefined, owner: undefined,
    version: undefined, profiles: undefined, action: 'Allow', direction: 'In',
  };
  const [, first, second, third, fourth, fifth] = match;
  return store === 'ports'
    ? { ...nothing, localPorts: first, protocol: second, remoteAddresses: third, active: fourth?.toUpperCase() === 'ENABLED', name: fifth, program: undefined }
    : { ...nothing, program: first, remoteAddresses: second, active: third?.toUpperCase() === 'ENABLED', name: fourth, localPorts: undefined, protocol: undefined };
}

function* rulesIn(found: Found, store: string, parse: (text: string) => FirewallFields | undefined): Generator<FirewallRule> {
  for (const value of found.key.values()) {
    const fields = parse(value.text() ?? '');
    if (fields !== undefined) yield { ...found, ...fields, id: value.name, store };
  }
}

function* rowsOf(set: HiveSet): Generator<FirewallRule> {
  for (const [store, path] of STORES) for (const found of inControlSet(set, path)) yield* rulesIn(found, store, firewallRule);
  for (const found of inHives(set.of('SOFTWARE'), GROUP_POLICY)) yield* rulesIn(found, 'group policy', firewallRule);
  for (const policy of inControlSet(set, POLICY)) {
    for (const profile of below(policy)) {
      if (!/Profile$/i.test(profile.key.name)) continue;
      for (const [store, path] of [['programs', 'AuthorizedApplications\\List'], ['ports', 'GloballyOpenPorts\\List']] as const) {
        const key = profile.key.key(path);
        if (key === undefined) continue;
        yield* rulesIn({ hive: profile.hive, key }, `${store} of ${profile.key.name}`, (rule) => {
          const fields = oldRule(store, rule);
          return fields === undefined ? undefined : { ...fields, profiles: profile.key.name };
        });
      }
    }
  }
}

/** The rules of Windows' firewall, taken apart, from all its stores. */
export const FIREWALL_RULES = artefact<FirewallRule>({
  reads: [...STORES.map(([, path]) => `SYSTEM\\<control set>\\${path}`), `SOFTWARE\\${GROUP_POLICY}`, `SYSTEM\\<control set>\\${POLICY}\\<profile>\\AuthorizedApplications\\List`],
  table: plainTable({
    name: 'firewall_rules',
    doc: 'The rules of Windows\' firewall, taken apart, from all stores: local, services, apps, group policy, and those of Windows XP. One key holds all of a store: it says when the last rule changed.',
    columns: [
      flag('active', (r) => r.active, 'the rule is in force'),
      text('action', (r) => r.action, 'Allow, Block or ByPass'),
      text('direction', (r) => r.direction, 'In or Out'),
      text('protocol', (r) => r.protocol, 'protocol, by name where it has one; empty: any'),
      text('name', (r) => r.name, 'name; `@dll,-number` is a text of that DLL', 32),
      text('program', (r) => r.program, 'program', 40),
      text('service', (r) => r.service, 'service', 12),
      text('local_ports', (r) => r.localPorts, 'ports here, or types of ICMP', 10),
      text('remote_ports', (r) => r.remotePorts, 'ports there', 10),
      text('local_addresses', (r) => r.localAddresses, 'addresses here'),
      text('remote_addresses', (r) => r.remoteAddresses, 'addresses there'),
      text('profiles', (r) => r.profiles, 'networks in which it holds; empty: all', 15),
      text('description', (r) => r.description, 'description', 24),
      text('group', (r) => r.group, 'group that it is shown in', 24),
      text('package', (r) => r.package, 'the app: SID or family name of its package', 16),
      text('owner', (r) => r.owner, 'SID of the user it is for', 16),
      text('store', (r) => r.store, 'where it is kept', 12),
      text('id', (r) => r.id, 'name of the value', 38),
      ...WHERE,
    ],
  }),
  rows: rowsOf,
});
