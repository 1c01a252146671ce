import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPUTER_NAME } from '../../../src/artefacts/computer-name.js';
import { INSTALLED_PROGRAMS } from '../../../src/artefacts/installed-programs.js';
import { clockOf, ruleText, systemTime } from '../../../src/artefacts/local-time.js';
import { NETWORK_INTERFACES } from '../../../src/artefacts/network-interfaces.js';
import { NETWORKS } from '../../../src/artefacts/networks.js';
import { PENDING_RENAMES } from '../../../src/artefacts/pending-renames.js';
import { SETTINGS_OF_MACHINE } from '../../../src/artefacts/settings.js';
import { SHUTDOWN } from '../../../src/artefacts/shutdown.js';
import { TIME_ZONE } from '../../../src/artefacts/time-zone.js';
import { WINDOWS_VERSION } from '../../../src/artefacts/windows-version.js';
import { isoTime } from '../../../src/bytes/filetime.js';
import { artefactEvents, artefactRows, picked, rootWith, systemRoot, userRoot } from '../../support/artefact-rows.js';
import { dword, sz, type ValueToWrite } from '../../support/hive-bytes.js';
import { writtenSet } from '../../support/hive-sets.js';

const NT = 'Microsoft\\Windows NT\\CurrentVersion';
const UNINSTALL = 'Microsoft\\Windows\\CurrentVersion\\Uninstall';

function text(name: string, data: string): ValueToWrite {
  return { name, type: 1, data: sz(data) };
}

function number(name: string, data: number): ValueToWrite {
  return { name, type: 4, data: dword(data >>> 0) };
}

function binary(name: string, data: Buffer): ValueToWrite {
  return { name, type: 3, data };
}

function words(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 2);
  numbers.forEach((one, i) => bytes.writeUInt16LE(one, i * 2));
  return bytes;
}

/** Berlin: UTC+1, summer time from the last Sunday of March to the last of October. Weekdays are the last word here. */
const BERLIN = { values: [
  number('Bias', -60), number('StandardBias', 0), number('DaylightBias', -60), text('TimeZoneKeyName', 'W. Europe Standard Time'), number('ActiveTimeBias', -60),
  binary('StandardStart', words(0, 10, 5, 3, 0, 0, 0, 0)), binary('DaylightStart', words(0, 3, 5, 2, 0, 0, 0, 0)),
] };

test('the time zone has signed biases and says when clocks change', () => {
  const [row] = artefactRows(TIME_ZONE, writtenSet({ 'HKLM\\SYSTEM': systemRoot({ 'Control\\TimeZoneInformation': BERLIN }) }));
  assert.deepEqual(picked(row, 'name', 'bias', 'active_bias', 'daylight_bias', 'standard_start', 'daylight_start'),
    ['W. Europe Standard Time', -60, -60, -60, 'last Sunday of October 03:00', 'last Sunday of March 02:00']);
});

test('local times become UTC by the rule of the zone, in both hemispheres', () => {
  const at = (...parts: readonly number[]): ReturnType<typeof systemTime> => systemTime(words(...parts));
  const berlin = clockOf({ bias: -60, standardBias: 0, daylightBias: -60, standard: at(0, 10, 0, 5, 3, 0, 0, 0), daylight: at(0, 3, 0, 5, 2, 0, 0, 0) });
  assert.equal(isoTime(berlin(at(2023, 1, 0, 15, 12, 0, 0, 0))), '2023-01-15T11:00:00.0000000Z');
  assert.equal(isoTime(berlin(at(2023, 3, 0, 26, 1, 59, 0, 0))), '2023-03-26T00:59:00.0000000Z');
  assert.equal(isoTime(berlin(at(2023, 3, 0, 26, 3, 0, 0, 0))), '2023-03-26T01:00:00.0000000Z');
  assert.equal(isoTime(berlin(at(2023, 7, 0, 1, 12, 0, 0, 0))), '2023-07-01T10:00:00.0000000Z');
  const sydney = clockOf({ bias: -600, standardBias: 0, daylightBias: -60, standard: at(0, 4, 0, 1, 3, 0, 0, 0), daylight: at(0, 10, 0, 1, 2, 0, 0, 0) });
  assert.equal(isoTime(sydney(at(2023, 1, 0, 15, 12, 0, 0, 0))), '2023-01-15T01:00:00.0000000Z');
  assert.equal(isoTime(sydney(at(2023, 7, 0, 15, 12, 0, 0, 0))), '2023-07-15T02:00:00.0000000Z');
  const unknown = clockOf({ bias: undefined, standardBias: 0, daylightBias: 0, standard: undefined, daylight: undefined });
  assert.equal(unknown(at(2023, 7, 0, 15, 12, 0, 0, 0)), undefined);
  assert.equal(systemTime(Buffer.alloc(16, 0xff)), undefined);
  assert.equal(ruleText(at(2024, 3, 0, 31, 2, 0, 0, 0)), '2024-03-31 02:00');
});

test('a network has its name, kind, gateway, and its local times in UTC when the zone is known', () => {
  const guid = '{E2A5F7B1-8E3D-49E0-A8F4-9E7C2C0A1F33}';
  const software = rootWith({
    [`${NT}\\NetworkList\\Profiles\\${guid}`]: { values: [
      text('ProfileName', 'Cafe'), number('Category', 0), number('NameType', 0x47), number('Managed', 0),
      binary('DateCreated', words(2023, 7, 6, 1, 12, 0, 0, 0)), binary('DateLastConnected', words(2023, 1, 0, 15, 12, 30, 5, 0)),
    ] },
    [`${NT}\\NetworkList\\Signatures\\Unmanaged\\0103`]: { values: [text('ProfileGuid', guid.toLowerCase()), binary('DefaultGatewayMac', Buffer.from('005056e03f3e', 'hex')), text('DnsSuffix', '<none>')] },
  });
  const both = writtenSet({ 'HKLM\\SOFTWARE': software, 'HKLM\\SYSTEM': systemRoot({ 'Control\\TimeZoneInformation': BERLIN }) });
  assert.deepEqual(picked(artefactRows(NETWORKS, both)[0], 'name', 'kind', 'category', 'first_connected', 'last_connected', 'last_connected_local', 'gateway_mac', 'dns_suffix', 'managed'), [
    'Cafe', 'wireless', 'public', '2023-07-01T10:00:00.0000000Z', '2023-01-15T11:30:05.0000000Z', '2023-01-15 12:30:05', '00:50:56:e0:3f:3e', '<none>', false,
  ]);
  assert.equal(artefactEvents(NETWORKS, both).length, 2);
  const alone = writtenSet({ 'HKLM\\SOFTWARE': software });
  assert.deepEqual(picked(artefactRows(NETWORKS, alone)[0], 'first_connected', 'first_connected_local'), [undefined, '2023-07-01 12:00:00']);
  assert.deepEqual(artefactEvents(NETWORKS, alone), [], 'a time whose zone is not known is no point in time');
});

test('an interface has its names, its address and lease, and a row for each wireless network', () => {
  const guid = '{5f3f359e-9d52-4566-9bec-37efdfb25abe}';
  const hardware = Buffer.concat([Buffer.from([192, 168, 1, 1]), dword(6), Buffer.from('005056e03f3e', 'hex')]);
  const set = writtenSet({ 'HKLM\\SYSTEM': systemRoot({
    [`Services\\Tcpip\\Parameters\\Interfaces\\${guid}`]: {
      values: [
        number('EnableDHCP', 1), text('DhcpIPAddress', '192.168.1.7'), { name: 'DhcpDefaultGateway', type: 7, data: sz('192.168.1.1\0') }, text('NameServer', ''), text('DhcpNameServer', '9.9.9.9'),
        number('LeaseObtainedTime', 1_587_705_308), binary('DhcpGatewayHardware', hardware),
      ],
      // The digits of each byte are exchanged: 0x43 is C.
      keys: [{ name: '34166656', values: [text('DhcpIPAddress', '10.0.0.2')] }],
    },
    [`Control\\Network\\{4D36E972-E325-11CE-BFC1-08002BE10318}\\${guid.toUpperCase()}\\Connection`]: { values: [text('Name', 'WLAN')] },
    'Control\\Class\\{4D36E972-E325-11CE-BFC1-08002BE10318}\\0001': { values: [text('NetCfgInstanceId', guid), text('DriverDesc', 'Intel')] },
  }) });
  const rows = artefactRows(NETWORK_INTERFACES, set);
  assert.deepEqual(rows.map((row) => picked(row, 'name', 'adapter', 'wireless_network', 'dhcp', 'address', 'gateway', 'gateway_mac', 'name_server', 'lease_obtained')), [
    ['WLAN', 'Intel', undefined, true, '192.168.1.7', '192.168.1.1', '00:50:56:e0:3f:3e', '9.9.9.9', '2020-04-24T05:15:08.0000000Z'],
    ['WLAN', 'Intel', 'Cafe', undefined, '10.0.0.2', undefined, undefined, undefined, undefined],
  ]);
});

test('the version is that of the kernel, and earlier versions are told too', () => {
  const set = writtenSet({
    'HKLM\\SOFTWARE': rootWith({ [NT]: { values: [
      text('ProductName', 'Windows 10 Pro'), text('CurrentVersion', '6.3'), number('CurrentMajorVersionNumber', 10), number('CurrentMinorVersionNumber', 0), text('CurrentBuildNumber', '19041'),
      number('UBR', 264), number('InstallDate', 1_600_000_000),
    ] } }),
    'HKLM\\SYSTEM': systemRoot({ '\\Setup\\Source OS (Updated on 1/6/2019 02:18:37)': { values: [text('ProductName', 'Windows 7'), text('CurrentVersion', '6.1'), text('CSDVersion', 'Service Pack 1')] } }),
  });
  assert.deepEqual(artefactRows(WINDOWS_VERSION, set).map((row) => picked(row, 'which', 'product', 'version', 'build', 'revision', 'service_pack', 'installed')), [
    ['current', 'Windows 10 Pro', '10.0', '19041', 264, undefined, '2020-09-13T12:26:40.0000000Z'],
    ['Source OS (Updated on 1/6/2019 02:18:37)', 'Windows 7', '6.1', undefined, undefined, 'Service Pack 1', undefined],
  ]);
});

test('installed programs of the machine, of 32 bits and of users are told, with dates in both forms', () => {
  const set = writtenSet({
    'HKLM\\SOFTWARE': rootWith({
      [`${UNINSTALL}\\7-Zip`]: { values: [text('DisplayName', '7-Zip'), text('InstallDate', '20220914')] },
      [`Wow6432Node\\${UNINSTALL}\\{1}`]: { values: [text('DisplayName', 'Old'), text('InstallDate', '1600000000'), number('SystemComponent', 1)] },
      [`${UNINSTALL}\\Bad`]: { values: [text('InstallDate', '20221399')] },
    }),
    'HKU\\S-1-5-21-1-2-3-1001': userRoot({ [`Software\\${UNINSTALL}\\Zoom`]: { values: [text('DisplayName', 'Zoom'), number('EstimatedSize', 10)] } }),
  });
  assert.deepEqual(artefactRows(INSTALLED_PROGRAMS, set).map((row) => picked(row, 'id', 'name', 'installed', 'hidden', 'kilobytes', 'user')), [
    ['7-Zip', '7-Zip', '2022-09-14T00:00:00.0000000Z', false, undefined, undefined], ['Bad', undefined, undefined, false, undefined, undefined],
    ['{1}', 'Old', '2020-09-13T12:26:40.0000000Z', true, undefined, undefined], ['Zoom', 'Zoom', undefined, false, 10, 'user1'],
  ]);
});

test('names, the last shutdown and settings come from the control set that Select names', () => {
  const shutdown = Buffer.alloc(8);
  shutdown.writeBigUInt64LE(132_317_609_440_307_669n);
  const root = systemRoot({
    'Control\\ComputerName\\ComputerName': { values: [text('ComputerName', 'RIGHT')] }, 'Control\\Windows': { values: [binary('ShutdownTime', shutdown)] },
    'Control\\SecurityProviders\\WDigest': { values: [number('UseLogonCredential', 1)] }, 'Control\\Terminal Server': { values: [number('fDenyTSConnections', 0), number('Other', 9)] },
    '\\ControlSet002\\Control\\ComputerName\\ComputerName': { values: [text('ComputerName', 'WRONG')] },
  });
  const set = writtenSet({ 'HKLM\\SYSTEM': root });
  assert.deepEqual(artefactRows(COMPUTER_NAME, set).map((row) => row['name']), ['RIGHT']);
  assert.deepEqual(artefactEvents(SHUTDOWN, set), ['132317609440307669 --- shutdown']);
  assert.deepEqual(artefactRows(SETTINGS_OF_MACHINE, set).map((row) => picked(row, 'topic', 'name', 'value', 'key')), [
    ['credentials', 'UseLogonCredential', '1', 'HKLM\\SYSTEM\\ControlSet001\\Control\\SecurityProviders\\WDigest'],
    ['remote desktop', 'fDenyTSConnections', '0', 'HKLM\\SYSTEM\\ControlSet001\\Control\\Terminal Server'],
  ]);
});

test('pending renames are pairs: an empty second one deletes, an exclamation mark replaces', () => {
  const data = sz(['\\??\\C:\\a.tmp', '', '\\??\\C:\\b', '\\??\\C:\\c', '\\??\\C:\\d', '!\\??\\C:\\e', '\\??\\C:\\last', ''].join('\0'));
  const set = writtenSet({ 'HKLM\\SYSTEM': systemRoot({ 'Control\\Session Manager': { values: [{ name: 'PendingFileRenameOperations', type: 7, data }] } }) });
  assert.deepEqual(artefactRows(PENDING_RENAMES, set).map((row) => picked(row, 'action', 'from', 'to')), [
    ['delete', 'C:\\a.tmp', undefined], ['rename', 'C:\\b', 'C:\\c'], ['replace', 'C:\\d', 'C:\\e'], ['delete', 'C:\\last', undefined],
  ]);
});
