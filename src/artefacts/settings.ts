import type { HiveSet } from '../registry/hive-set.js';
import { artefact } from './artefact.js';
import { inControlSet, inHives, inUsers, USER, WHERE, type Found } from './found.js';
import { textOf } from './key-values.js';
import { plainTable, text } from './plain-table.js';

interface Setting extends Found {
  readonly topic: string;
  readonly name: string;
  readonly value: string | undefined;
  readonly meaning: string;
}

/** Where a setting lies: below the control set in use, HKLM\SOFTWARE, or a user's Software. */
type Where = 'control set' | 'software' | 'user';

interface SettingOf {
  readonly topic: string;
  readonly where: Where;
  readonly path: string;
  /** Values and what they mean; a name that is not there keeps Windows' default. */
  readonly values: Readonly<Record<string, string>>;
}

const CURRENT = 'Microsoft\\Windows\\CurrentVersion';
const NT = 'Microsoft\\Windows NT\\CurrentVersion';

/** Settings of one value each that tell how well a machine was guarded, what it records, and who logs on by itself. */
const SETTINGS: readonly SettingOf[] = [
  { topic: 'user account control', where: 'software', path: `${CURRENT}\\Policies\\System`, values: {
    EnableLUA: '0: user account control is off', ConsentPromptBehaviorAdmin: '0: administrators are not asked', ConsentPromptBehaviorUser: '0: users are refused',
    PromptOnSecureDesktop: '0: the question is on the user\'s desktop', FilterAdministratorToken: '1: the built-in administrator is asked too',
    EnableInstallerDetection: '1: installers are recognised', EnableVirtualization: '1: writes to protected folders are redirected',
    LocalAccountTokenFilterPolicy: '1: local administrators have full rights over the network', ValidateAdminCodeSignatures: '1: only signed programs are raised',
    EnableUIADesktopToggle: '1: remote help may leave the secure desktop', dontdisplaylastusername: '1: the last user is not shown at log-on',
    legalnoticecaption: 'title of the notice before log-on', legalnoticetext: 'the notice before log-on', scforceoption: '1: log-on needs a smart card',
    shutdownwithoutlogon: '1: anybody may shut down', DisableTaskMgr: '1: no Task Manager', DisableRegistryTools: '1: no registry editor',
  } },
  { topic: 'restrictions of a user', where: 'user', path: `Software\\${CURRENT}\\Policies\\System`, values: {
    DisableTaskMgr: '1: no Task Manager', DisableRegistryTools: '1: no registry editor', DisableCMD: '1: no command prompt',
  } },
  { topic: 'log-on', where: 'software', path: `${NT}\\Winlogon`, values: {
    AutoAdminLogon: '1: somebody is logged on at start', DefaultUserName: 'who is logged on, or was last', DefaultDomainName: 'the domain of it',
    AltDefaultUserName: 'who logged on last', AltDefaultDomainName: 'the domain of it', LastUsedUsername: 'who logged on last', CachedLogonsCount: 'how many domain log-ons are kept',
    ForceAutoLogon: '1: logged on again after log-off', GinaDLL: 'replaces the log-on dialog (Windows XP)', VMApplet: 'run for the system\'s settings',
    LegalNoticeCaption: 'title of the notice before log-on', LegalNoticeText: 'the notice before log-on',
  } },
  { topic: 'log-on', where: 'software', path: `${CURRENT}\\Authentication\\LogonUI`, values: {
    LastLoggedOnUser: 'who logged on last', LastLoggedOnSAMUser: 'who logged on last', LastLoggedOnDisplayName: 'shown name of who logged on last',
    LastLoggedOnUserSID: 'SID of who logged on last', SelectedUserSID: 'SID of who is chosen at log-on', LastLoggedOnProvider: 'how they logged on',
  } },
  { topic: 'credentials', where: 'control set', path: 'Control\\SecurityProviders\\WDigest', values: { UseLogonCredential: '1: passwords stay in lsass.exe in the clear' } },
  { topic: 'credentials', where: 'control set', path: 'Control\\Lsa', values: {
    RunAsPPL: '1, 2: lsass.exe is a protected process', RunAsPPLBoot: 'as RunAsPPL', LsaCfgFlags: '1, 2: Credential Guard', NoLmHash: '0: LM hashes are stored',
    LmCompatibilityLevel: 'below 3: LM or NTLM version 1 is sent', LimitBlankPasswordUse: '0: empty passwords work over the network', DisableDomainCreds: '1: no stored passwords',
    DisableRestrictedAdmin: '0: a hash is enough for remote desktop', RestrictAnonymous: '1, 2: anonymous users see less', RestrictAnonymousSAM: '0: anonymous users list accounts',
    EveryoneIncludesAnonymous: '1: Everyone includes anonymous users', ForceGuest: '1: network log-ons are Guest', CrashOnAuditFail: '1: the machine stops when it cannot audit',
    SCENoApplyLegacyAuditPolicy: '1: sub-categories of auditing hold', TokenLeakDetectDelaySecs: 'seconds until log-on data is cleared', SubmitControl: '1: server operators schedule tasks',
  } },
  { topic: 'credentials', where: 'control set', path: 'Control\\Lsa\\MSV1_0', values: {
    NTLMMinClientSec: 'what a client asks of NTLM', NTLMMinServerSec: 'what a server asks of NTLM', RestrictSendingNTLMTraffic: '2: no NTLM to servers', AuditReceivingNTLMTraffic: 'audits NTLM',
    AllowNullSessionFallback: '1: LocalSystem may log on as nobody',
  } },
  { topic: 'remote desktop', where: 'control set', path: 'Control\\Terminal Server', values: {
    fDenyTSConnections: '0: remote desktop is on', fSingleSessionPerUser: '0: a user may have several sessions', fAllowToGetHelp: '1: remote assistance', TSUserEnabled: 'users may log on',
    TSAppCompat: 'application server', AllowRemoteRPC: '1: remote control by RPC',
  } },
  { topic: 'remote desktop', where: 'control set', path: 'Control\\Terminal Server\\WinStations\\RDP-Tcp', values: {
    PortNumber: '3389 unless changed', UserAuthentication: '0: no network level authentication', SecurityLayer: '0: RDP\'s own encryption, 1: negotiated, 2: TLS',
    MinEncryptionLevel: '1 low to 4 FIPS', InitialProgram: 'started in place of the desktop', fInheritShadow: '0: Shadow holds', Shadow: '2, 4: sessions are watched without asking',
    fEnableWinStation: '0: off', LoadableProtocol_Object: 'the protocol\'s class',
  } },
  { topic: 'remote desktop', where: 'software', path: 'Policies\\Microsoft\\Windows NT\\Terminal Services', values: {
    fDenyTSConnections: '0: remote desktop is on by policy', UserAuthentication: '0: no network level authentication', Shadow: '2, 4: sessions are watched without asking',
  } },
  { topic: 'safe mode', where: 'control set', path: 'Control\\SafeBoot', values: { AlternateShell: 'shell of safe mode with a command prompt: cmd.exe' } },
  { topic: 'safe mode', where: 'control set', path: 'Control\\SafeBoot\\Option', values: { OptionValue: '1 minimal, 2 network: it was started so', UseAlternateShell: '1: with the alternate shell' } },
  { topic: 'crash dump', where: 'control set', path: 'Control\\CrashControl', values: {
    CrashDumpEnabled: '0 none, 1 complete, 2 kernel, 3 small, 7 automatic', DumpFile: 'where it is written', MinidumpDir: 'where small ones are written', MinidumpsCount: 'how many are kept',
    DedicatedDumpFile: 'the file it is written through', AutoReboot: '1: restart afterwards', LogEvent: '1: an event is logged', Overwrite: '1: the last one is replaced',
    DumpFilters: 'drivers that see the dump', AlwaysKeepMemoryDump: '1: kept though space is short', NMICrashDump: '1: a hardware button makes one', FilterPages: '1: an active dump',
  } },
  { topic: 'prefetch', where: 'control set', path: 'Control\\Session Manager\\Memory Management\\PrefetchParameters', values: {
    EnablePrefetcher: '0 off, 1 programs, 2 start, 3 both', EnableSuperfetch: '0 off, 1 programs, 2 start, 3 both', BaseTime: 'when prefetching began', BootId: 'number of starts',
  } },
  { topic: 'page file', where: 'control set', path: 'Control\\Session Manager\\Memory Management', values: {
    ClearPageFileAtShutdown: '1: the page file is cleared at shutdown', PagingFiles: 'page files, least and largest size in MB', ExistingPageFiles: 'page files in use',
    SwapfileControl: 'the swap file of apps', FeatureSettingsOverride: 'processor vulnerabilities left open', FeatureSettingsOverrideMask: 'which of them', MoveImages: '0: no ASLR',
    DisablePagingExecutive: '1: the kernel stays in memory',
  } },
  { topic: 'file times', where: 'control set', path: 'Control\\FileSystem', values: {
    NtfsDisableLastAccessUpdate: 'lowest bit 1: no last-access times (0x80000000 and up: the system decides)', NtfsDisable8dot3NameCreation: '1: no short names',
    LongPathsEnabled: '1: long paths', NtfsEncryptPagingFile: '1: the page file is encrypted',
  } },
  { topic: 'code page', where: 'control set', path: 'Control\\Nls\\CodePage', values: { ACP: 'ANSI code page', OEMCP: 'console code page', MACCP: 'Macintosh code page' } },
  { topic: 'language', where: 'control set', path: 'Control\\Nls\\Language', values: { Default: 'language of the system', InstallLanguage: 'language it was installed in' } },
  { topic: 'processor', where: 'control set', path: 'Control\\Session Manager\\Environment', values: {
    PROCESSOR_ARCHITECTURE: 'architecture', PROCESSOR_IDENTIFIER: 'processor', NUMBER_OF_PROCESSORS: 'how many', ComSpec: 'the command interpreter', Path: 'where programs are looked for',
  } },
  { topic: 'sessions', where: 'control set', path: 'Control\\Session Manager', values: {
    SafeDllSearchMode: '0: the current folder comes early', CWDIllegalInDllSearch: 'when the current folder is left out', ProtectionMode: '0: anybody changes system objects',
    GlobalFlag: 'flags of gflags.exe for all', SafeProcessSearchMode: '1: the current folder comes last',
  } },
  { topic: 'sharing', where: 'control set', path: 'Services\\LanmanServer\\Parameters', values: {
    SMB1: '0: no SMB version 1', SMB2: '0: no SMB version 2', RequireSecuritySignature: '1: packets must be signed', NullSessionPipes: 'pipes that anybody opens', NullSessionShares: 'shares that anybody opens',
    RestrictNullSessAccess: '0: anybody opens all', AutoShareWks: '0: no administrative shares', AutoShareServer: '0: no administrative shares',
  } },
  { topic: 'firewall', where: 'control set', path: 'Services\\SharedAccess\\Parameters\\FirewallPolicy\\DomainProfile', values: { EnableFirewall: '0: off in a domain', DefaultInboundAction: '0: lets in' } },
  { topic: 'firewall', where: 'control set', path: 'Services\\SharedAccess\\Parameters\\FirewallPolicy\\StandardProfile', values: { EnableFirewall: '0: off in private networks', DefaultInboundAction: '0: lets in' } },
  { topic: 'firewall', where: 'control set', path: 'Services\\SharedAccess\\Parameters\\FirewallPolicy\\PublicProfile', values: { EnableFirewall: '0: off in public networks', DefaultInboundAction: '0: lets in' } },
  { topic: 'device guard', where: 'control set', path: 'Control\\DeviceGuard', values: {
    EnableVirtualizationBasedSecurity: '1: on', RequirePlatformSecurityFeatures: '1 secure boot, 3 DMA protection too', Locked: '1: set in the firmware', LsaCfgFlags: 'Credential Guard',
  } },
  { topic: 'device guard', where: 'control set', path: 'Control\\DeviceGuard\\Scenarios\\HypervisorEnforcedCodeIntegrity', values: { Enabled: '0: no memory integrity' } },
  { topic: 'code integrity', where: 'control set', path: 'Control\\CI\\Config', values: { VulnerableDriverBlocklistEnable: '0: vulnerable drivers are loaded' } },
  { topic: 'secure boot', where: 'control set', path: 'Control\\SecureBoot\\State', values: { UEFISecureBootEnabled: '1: on' } },
  { topic: 'system restore', where: 'software', path: `${NT}\\SystemRestore`, values: { DisableSR: '1: off', RPSessionInterval: '0: off', DisableConfig: '1: users cannot change it' } },
  { topic: 'system restore', where: 'software', path: 'Policies\\Microsoft\\Windows NT\\SystemRestore', values: { DisableSR: '1: off by policy', DisableConfig: '1: users cannot change it' } },
  { topic: 'scripts', where: 'software', path: 'Microsoft\\Windows Script Host\\Settings', values: { Enabled: '0: no scripts run', Remote: '1: scripts run from afar', TrustPolicy: '2: only signed ones' } },
  { topic: 'process auditing', where: 'software', path: `${CURRENT}\\Policies\\System\\Audit`, values: { ProcessCreationIncludeCmdLine_Enabled: '1: event 4688 has the command line' } },
  { topic: 'installer', where: 'software', path: 'Policies\\Microsoft\\Windows\\Installer', values: { AlwaysInstallElevated: '1: packages are installed as SYSTEM' } },
  { topic: 'installer', where: 'user', path: 'Software\\Policies\\Microsoft\\Windows\\Installer', values: { AlwaysInstallElevated: '1, of the machine too: packages are installed as SYSTEM' } },
  { topic: 'updates', where: 'software', path: 'Policies\\Microsoft\\Windows\\WindowsUpdate', values: { WUServer: 'server of updates', WUStatusServer: 'server that is told of them', DisableWindowsUpdateAccess: '1: off' } },
  { topic: 'updates', where: 'software', path: 'Policies\\Microsoft\\Windows\\WindowsUpdate\\AU', values: { NoAutoUpdate: '1: no updates', UseWUServer: '1: from the server', AUOptions: 'how they are installed' } },
  { topic: 'updates', where: 'software', path: `${CURRENT}\\WindowsUpdate`, values: { SusClientId: 'the machine\'s name among updates', SusClientIdValidation: 'holds the disk\'s serial number' } },
  { topic: 'SmartScreen', where: 'software', path: `${CURRENT}\\Explorer`, values: { SmartScreenEnabled: 'Off: programs from the web run unasked' } },
  { topic: 'SmartScreen', where: 'software', path: 'Policies\\Microsoft\\Windows\\System', values: { EnableSmartScreen: '0: off by policy', EnableActivityFeed: '0: no activity history' } },
  { topic: 'machine', where: 'software', path: 'Microsoft\\Cryptography', values: { MachineGuid: 'made at installation' } },
  { topic: 'web proxy', where: 'user', path: `Software\\${CURRENT}\\Internet Settings`, values: {
    ProxyEnable: '1: through the proxy', ProxyServer: 'the proxy', ProxyOverride: 'what goes directly', AutoConfigURL: 'the script that chooses',
  } },
];

function* found(set: HiveSet, { where, path }: SettingOf): Generator<Found> {
  if (where === 'control set') yield* inControlSet(set, path);
  else if (where === 'user') yield* inUsers(set, path);
  else yield* inHives(set.of('SOFTWARE'), path);
}

/** Settings that tell how well the machine was guarded and what it records. */
export const SETTINGS_OF_MACHINE = artefact<Setting>({
  reads: [...new Set(SETTINGS.map(({ where, path }) => (where === 'control set' ? `SYSTEM\\<control set>\\${path}` : where === 'user' ? `NTUSER.DAT\\${path}` : `SOFTWARE\\${path}`)))],
  table: plainTable({
    name: 'settings',
    doc: 'Settings that tell how well the machine was guarded, what it records, how it is reached, and who logs on by itself. A setting without a row has Windows\' default.',
    columns: [
      text('topic', (r) => r.topic, 'what it is about', 20),
      text('name', (r) => r.name, 'name of the value', 32),
      text('value', (r) => r.value, 'its data', 24),
      text('meaning', (r) => r.meaning, 'what it means', 48),
      USER,
      ...WHERE,
    ],
  }),
  * rows(set) {
    for (const setting of SETTINGS) {
      const names = new Map(Object.keys(setting.values).map((name) => [name.toUpperCase(), name]));
      for (const place of found(set, setting)) {
        for (const value of place.key.values()) {
          const name = names.get(value.name.toUpperCase());
          if (name === undefined) continue;
          yield { ...place, topic: setting.topic, name: value.name, value: textOf(value) ?? value.data()?.subarray(0, 256).toString('hex'), meaning: setting.values[name] ?? '' };
        }
      }
    }
  },
});
