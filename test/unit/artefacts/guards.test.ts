import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOOT_ENTRIES } from '../../../src/artefacts/boot-entries.js';
import { DEFENDER } from '../../../src/artefacts/defender.js';
import { FIREWALL_RULES, firewallRule } from '../../../src/artefacts/firewall-rules.js';
import { IMAGE_FILE_OPTIONS } from '../../../src/artefacts/image-file-options.js';
import { INJECTED_DLLS } from '../../../src/artefacts/injected-dlls.js';
import { KNOWN_DLLS } from '../../../src/artefacts/known-dlls.js';
import { LSA_PACKAGES } from '../../../src/artefacts/lsa-packages.js';
import { NETWORK_PROVIDERS } from '../../../src/artefacts/network-providers.js';
import { OFFICE_DOCUMENTS } from '../../../src/artefacts/office-documents.js';
import { POWERSHELL_POLICY } from '../../../src/artefacts/powershell-policy.js';
import { PRINT_MONITORS } from '../../../src/artefacts/print-monitors.js';
import { SHARES } from '../../../src/artefacts/shares.js';
import { artefactEvents, artefactRows, picked, rootWith, systemRoot, userRoot } from '../../support/artefact-rows.js';
import { dword, sz, type ValueToWrite } from '../../support/hive-bytes.js';
import { writtenSet } from '../../support/hive-sets.js';

const NT = 'Microsoft\\Windows NT\\CurrentVersion';

function text(name: string, data: string): ValueToWrite {
  return { name, type: 1, data: sz(data) };
}

function number(name: string, data: number): ValueToWrite {
  return { name, type: 4, data: dword(data) };
}

function list(name: string, ...strings: readonly string[]): ValueToWrite {
  return { name, type: 7, data: sz(`${strings.join('\0')}\0`) };
}

test('LSA packages are told one a row, and an empty list in quotes is empty', () => {
  const set = writtenSet({ 'HKLM\\SYSTEM': systemRoot({
    'Control\\Lsa': { values: [list('Authentication Packages', 'msv1_0', 'evil'), list('Security Packages', '""'), list('Notification Packages', 'scecli')] },
    'Control\\SecurityProviders': { values: [text('SecurityProviders', 'credssp.dll, mimilib.dll')] },
  }) });
  assert.deepEqual(artefactRows(LSA_PACKAGES, set).map((row) => picked(row, 'kind', 'name')), [
    ['authentication package', 'msv1_0'], ['authentication package', 'evil'], ['notification package', 'scecli'], ['security provider', 'credssp.dll'], ['security provider', 'mimilib.dll'],
  ]);
});

test('AppInit and AppCert DLLs are told, whether they are loaded, and 32-bit ones too', () => {
  const set = writtenSet({
    'HKLM\\SOFTWARE': rootWith({
      [`${NT}\\Windows`]: { values: [text('AppInit_DLLs', 'a.dll,b.dll'), number('LoadAppInit_DLLs', 1)] },
      [`Wow6432Node\\${NT}\\Windows`]: { values: [text('AppInit_DLLs', 'c.dll'), number('LoadAppInit_DLLs', 0)] },
    }),
    'HKLM\\SYSTEM': systemRoot({ 'Control\\Session Manager\\AppCertDlls': { values: [text('x', 'd.dll')] }, 'Control\\Session Manager\\KnownDLLs': { values: [text('ole32', 'ole32.dll')] } }),
  });
  assert.deepEqual(artefactRows(INJECTED_DLLS, set).map((row) => picked(row, 'kind', 'dll', 'enabled')),
    [['AppInit', 'a.dll', true], ['AppInit', 'b.dll', true], ['AppInit', 'c.dll', false], ['AppCert', 'd.dll', true]]);
  assert.deepEqual(artefactRows(KNOWN_DLLS, set).map((row) => picked(row, 'name', 'dll')), [['ole32', 'ole32.dll']]);
});

test('a debugger in place of a program, and a monitor at its end, are told', () => {
  const set = writtenSet({ 'HKLM\\SOFTWARE': rootWith({
    [`${NT}\\Image File Execution Options\\sethc.exe`]: { values: [text('Debugger', 'cmd.exe')] },
    [`${NT}\\Image File Execution Options\\notepad.exe`]: { values: [number('GlobalFlag', 0x200)], keys: [{ name: '0', values: [text('FilterFullPath', 'C:\\x\\notepad.exe'), text('Debugger', 'x.exe')] }] },
    [`${NT}\\SilentProcessExit\\notepad.exe`]: { values: [text('MonitorProcess', 'evil.exe')] },
    [`${NT}\\SilentProcessExit\\calc.exe`]: { values: [text('MonitorProcess', 'evil2.exe')] },
  }) });
  assert.deepEqual(artefactRows(IMAGE_FILE_OPTIONS, set).map((row) => picked(row, 'image', 'debugger', 'monitor', 'silent_exit', 'filter')), [
    ['sethc.exe', 'cmd.exe', undefined, false, undefined], ['notepad.exe', undefined, 'evil.exe', true, undefined],
    ['notepad.exe', 'x.exe', 'evil.exe', false, 'C:\\x\\notepad.exe'], ['calc.exe', undefined, 'evil2.exe', false, undefined],
  ]);
});

test('Defender\'s exclusions and what is turned off are told, by user and by policy', () => {
  const set = writtenSet({ 'HKLM\\SOFTWARE': rootWith({
    'Microsoft\\Windows Defender\\Exclusions\\Paths': { values: [text('', ''), number('C:\\Temp', 0)] },
    'Microsoft\\Windows Defender\\Real-Time Protection': { values: [number('DisableRealtimeMonitoring', 1)] },
    'Policies\\Microsoft\\Windows Defender': { values: [number('DisableAntiSpyware', 1)] },
    'Policies\\Microsoft\\Windows Defender\\Exclusions\\Extensions': { values: [text('exe', '0')] },
  }) });
  assert.deepEqual(artefactRows(DEFENDER, set).map((row) => picked(row, 'kind', 'what', 'value', 'policy')), [
    ['exclusion', 'Paths: C:\\Temp', '0', false], ['setting', 'Real-Time Protection\\DisableRealtimeMonitoring', '1', false],
    ['exclusion', 'Extensions: exe', '0', true], ['setting', 'DisableAntiSpyware', '1', true],
  ]);
});

test('a rule of the firewall is taken apart, fields that come several times joined', () => {
  const rule = firewallRule('v2.30|Action=Block|Active=FALSE|Dir=Out|Protocol=17|Profile=Private|Profile=Public|LPort=5353|LPort2_10=100-200|RA4=LocalSubnet|RA6=LocalSubnet|App=C:\\a=b.exe|Name=x|');
  assert.deepEqual([rule?.action, rule?.active, rule?.direction, rule?.protocol, rule?.profiles, rule?.localPorts, rule?.remoteAddresses, rule?.program, rule?.name],
    ['Block', false, 'Out', 'UDP', 'Private, Public', '5353, 100-200', 'LocalSubnet', 'C:\\a=b.exe', 'x']);
  assert.equal(firewallRule('Action=Allow|'), undefined);
  assert.equal(firewallRule('v2.30')?.action, undefined);
  assert.equal(firewallRule(`v2.0|${'|'.repeat(100_000)}=|App`)?.program, undefined);
});

test('rules come from every store, group policy and Windows XP too', () => {
  const policy = 'Services\\SharedAccess\\Parameters\\FirewallPolicy';
  const rule = (name: string): ValueToWrite => text(name, `v2.10|Action=Allow|Active=TRUE|Dir=In|Name=${name}|`);
  const set = writtenSet({
    'HKLM\\SYSTEM': systemRoot({
      [`${policy}\\FirewallRules`]: { values: [rule('local'), text('none', 'not a rule')] }, [`${policy}\\RestrictedServices\\AppIso\\FirewallRules`]: { values: [rule('app')] },
      [`${policy}\\StandardProfile\\AuthorizedApplications\\List`]: { values: [text('C:\\old.exe', 'C:\\old.exe:*:Enabled:Old program')] },
      [`${policy}\\StandardProfile\\GloballyOpenPorts\\List`]: { values: [text('3389:TCP', '3389:TCP:*:Disabled:RDP')] },
    }),
    'HKLM\\SOFTWARE': rootWith({ 'Policies\\Microsoft\\WindowsFirewall\\FirewallRules': { values: [rule('gpo')] } }),
  });
  assert.deepEqual(artefactRows(FIREWALL_RULES, set).map((row) => picked(row, 'store', 'name', 'active', 'program', 'local_ports', 'protocol')), [
    ['local', 'local', true, undefined, undefined, undefined], ['apps', 'app', true, undefined, undefined, undefined], ['group policy', 'gpo', true, undefined, undefined, undefined],
    ['programs of StandardProfile', 'Old program', true, 'C:\\old.exe', undefined, undefined], ['ports of StandardProfile', 'RDP', false, undefined, '3389', 'TCP'],
  ]);
});

test('PowerShell\'s logging and execution policies are told, of users too', () => {
  const policy = 'Policies\\Microsoft\\Windows\\PowerShell';
  const set = writtenSet({
    'HKLM\\SOFTWARE': rootWith({ [`${policy}\\ScriptBlockLogging`]: { values: [number('EnableScriptBlockLogging', 1)] }, [`${policy}\\ModuleLogging\\ModuleNames`]: { values: [text('*', '*')] } }),
    'HKU\\S-1-5-21-1-2-3-1001': userRoot({ 'Software\\Microsoft\\PowerShell\\1\\ShellIds\\Microsoft.PowerShell': { values: [text('ExecutionPolicy', 'Bypass')] } }),
    'HKLM\\SYSTEM': systemRoot({ 'Control\\Session Manager\\Environment': { values: [text('__PSLockdownPolicy', '4')] } }),
  });
  assert.deepEqual(artefactRows(POWERSHELL_POLICY, set).map((row) => picked(row, 'what', 'name', 'value', 'user')), [
    ['script block logging', 'EnableScriptBlockLogging', '1', undefined], ['logged modules', '*', '*', undefined], ['execution policy', 'ExecutionPolicy', 'Bypass', 'user1'],
    ['language mode', '__PSLockdownPolicy', '4', undefined],
  ]);
});

test('shares, print monitors and network providers are told with what they load', () => {
  const set = writtenSet({ 'HKLM\\SYSTEM': systemRoot({
    'Services\\LanmanServer\\Shares': { values: [list('data', 'CSCFlags=0', 'MaxUses=4294967295', 'Path=C:\\data=1', 'Permissions=0', 'Remark=', 'ShareName=Data', 'Type=0'), text('junk', 'x')] },
    'Control\\Print\\Monitors\\Evil': { values: [text('Driver', 'evil.dll')] }, 'Control\\Print\\Providers\\P': { values: [text('Name', 'p.dll')] },
    'Control\\Print\\Environments\\Windows x64\\Print Processors\\winprint': { values: [text('Driver', 'winprint.dll')] },
    'Control\\NetworkProvider\\Order': { values: [text('ProviderOrder', 'RDPNP, npwd,gone')] },
    'Services\\RDPNP\\NetworkProvider': { values: [text('ProviderPath', 'drprov.dll'), number('Class', 1)] }, 'Services\\npwd\\NetworkProvider': { values: [text('ProviderPath', 'npwd.dll'), number('Class', 2)] },
  }) });
  assert.deepEqual(artefactRows(SHARES, set).map((row) => picked(row, 'name', 'path', 'type', 'max_uses')), [['Data', 'C:\\data=1', 'folder', 4294967295]]);
  assert.deepEqual(artefactRows(PRINT_MONITORS, set).map((row) => picked(row, 'kind', 'name', 'dll')), [['monitor', 'Evil', 'evil.dll'], ['provider', 'P', 'p.dll'], ['processor', 'winprint', 'winprint.dll']]);
  assert.deepEqual(artefactRows(NETWORK_PROVIDERS, set).map((row) => picked(row, 'position', 'name', 'dll', 'class')), [[1, 'RDPNP', 'drprov.dll', ''], [2, 'npwd', 'npwd.dll', 'credentials'], [3, 'gone', undefined, '']]);
});

test('elements of boot entries are told by name, whatever their data claims', () => {
  const object = 'Objects\\{9dea862c-5cdd-4e70-acc1-f32b344d4795}';
  const partition = Buffer.alloc(0x58);
  partition.writeUInt32LE(6, 0x10);
  partition.writeUInt32LE(1, 0x34);
  partition.writeBigUInt64LE(0x100000n, 0x20);
  partition.writeUInt32LE(0xcafe, 0x38);
  const element = (type: string, value: Omit<ValueToWrite, 'name'>): Record<string, { values: ValueToWrite[] }> => ({ [`${object}\\Elements\\${type}`]: { values: [{ ...value, name: 'Element' }] } });
  const set = writtenSet({ 'HKLM\\BCD': rootWith({
    [`${object}\\Description`]: { values: [number('Type', 0x10100002)] },
    ...element('11000001', { type: 3, data: partition }), ...element('12000004', { type: 1, data: sz('Boot') }), ...element('16000049', { type: 3, data: Buffer.from([1]) }),
    ...element('24000001', { type: 7, data: sz('{fa926493-6f1c-4193-a414-58f0b2456d1e}\0') }), ...element('25000004', { type: 3, data: Buffer.from([30, 0, 0]) }),
    ...element('21000001', { type: 3, data: Buffer.alloc(4) }), ...element('26000010', { type: 3, data: Buffer.alloc(0) }), ...element('zzz', { type: 1, data: sz('x') }),
  }) });
  assert.deepEqual(artefactRows(BOOT_ENTRIES, set).map((row) => picked(row, 'object_name', 'type', 'description', 'element', 'value')), [
    ['bootmgr', 'boot manager', 'Boot', 'device', 'partition at 0x100000 of disk 0000cafe'], ['bootmgr', 'boot manager', 'Boot', 'description', 'Boot'],
    ['bootmgr', 'boot manager', 'Boot', 'testsigning', 'yes'], ['bootmgr', 'boot manager', 'Boot', 'displayorder', '{fa926493-6f1c-4193-a414-58f0b2456d1e} (current)'],
    ['bootmgr', 'boot manager', 'Boot', 'timeout', '30'], ['bootmgr', 'boot manager', 'Boot', 'osdevice', undefined], ['bootmgr', 'boot manager', 'Boot', 'detecthal', undefined],
  ]);
});

test('documents of Office have their times, and trusted ones whether macros ran', () => {
  const trusted = Buffer.alloc(24);
  trusted.writeBigUInt64LE(133_000_000_000_000_000n, 0);
  trusted.writeUInt32LE(0x7fff_ffff, 20);
  const word = 'Software\\Microsoft\\Office\\16.0\\Word';
  const set = writtenSet({ 'HKU\\S-1-5-21-1-2-3-1001': userRoot({
    [`${word}\\User MRU\\ADAL_1\\File MRU`]: { values: [text('Item 1', '[F00000000][T01D8830C5F1E5C00][O00000000]*C:\\a*b.docx'), text('Item 2', 'no star'), text('Max', '*')] },
    [`${word}\\Security\\Trusted Documents\\TrustRecords`]: { written: 133_111_111_110_000_000n, values: [{ name: 'C:\\evil.docm', type: 3, data: trusted }, { name: 'short', type: 3, data: Buffer.alloc(5) }] },
    'Software\\Microsoft\\Office\\Common\\File MRU': { values: [text('Item 1', '*x')] },
  }) });
  assert.deepEqual(artefactRows(OFFICE_DOCUMENTS, set).map((row) => picked(row, 'user', 'kind', 'program', 'path', 'macros_enabled')), [
    ['user1', 'opened', 'Word', 'C:\\a*b.docx', undefined], ['user1', 'trusted', 'Word', 'C:\\evil.docm', true],
  ]);
  assert.deepEqual(artefactEvents(OFFICE_DOCUMENTS, set).map((event) => event.replace(/^\d+/, (ticks) => String(BigInt(ticks) / 10n ** 9n))), [
    `${0x01D8830C5F1E5C00n / 10n ** 9n} RD Word opened C:\\a*b.docx`, '133111111 RD Word trusted C:\\evil.docm',
  ]);
});
