/** A place in the registry from which programs start by themselves. */
export interface AutostartPlace {
  /** What kind of start it is, as analysts name it. */
  readonly kind: string;
  /** Below `Software` of the machine and the users (and of their 32-bit programs), below the control set, or below a user's root. */
  readonly under: 'software' | 'system' | 'user';
  readonly path: string;
  /**
   * - `values`: each value is a command.
   * - a list of names: those values of the key.
   * - `subkeys` with a name: that value of each sub-key (empty: the default one).
   * - `classes`: the names of sub-keys are class ids. · `trees`: each value of each sub-key.
   */
  readonly read: 'values' | 'classes' | 'trees' | { readonly values: readonly string[] } | { readonly subkeys: string };
}

const CURRENT = 'Microsoft\\Windows\\CurrentVersion';
const NT = 'Microsoft\\Windows NT\\CurrentVersion';
const INSTALL = `${NT}\\Terminal Server\\Install\\Software\\${CURRENT}`;
const MANAGER = 'Control\\Session Manager';

const software = (kind: string, path: string, read: AutostartPlace['read']): AutostartPlace => ({ kind, under: 'software', path, read });
const system = (kind: string, path: string, read: AutostartPlace['read']): AutostartPlace => ({ kind, under: 'system', path, read });
const user = (kind: string, path: string, read: AutostartPlace['read']): AutostartPlace => ({ kind, under: 'user', path, read });

/** In the order in which analysts look. Libraries that Windows loads into all programs are another table: injected_dlls. */
export const PLACES: readonly AutostartPlace[] = [
  software('Run', `${CURRENT}\\Run`, 'values'),
  software('RunOnce', `${CURRENT}\\RunOnce`, 'values'),
  software('RunOnceEx', `${CURRENT}\\RunOnceEx`, 'trees'),
  software('RunServices', `${CURRENT}\\RunServices`, 'values'),
  software('RunServicesOnce', `${CURRENT}\\RunServicesOnce`, 'values'),
  software('Policy Run', `${CURRENT}\\Policies\\Explorer\\Run`, 'values'),
  software('Terminal server Run', `${INSTALL}\\Run`, 'values'),
  software('Terminal server RunOnce', `${INSTALL}\\RunOnce`, 'values'),
  software('Terminal server RunOnceEx', `${INSTALL}\\RunOnceEx`, 'trees'),
  software('Winlogon', `${NT}\\Winlogon`, { values: ['Shell', 'Userinit', 'Taskman', 'System', 'VmApplet', 'AppSetup', 'UIHost', 'GinaDLL', 'SaveDumpStart', 'LsaStart', 'ServiceControllerStart'] }),
  software('Winlogon notify', `${NT}\\Winlogon\\Notify`, { subkeys: 'DllName' }),
  software('Policy shell', `${CURRENT}\\Policies\\System`, { values: ['Shell'] }),
  software('Windows load', `${NT}\\Windows`, { values: ['Load', 'Run', 'IconServiceLib'] }),
  software('Active Setup', 'Microsoft\\Active Setup\\Installed Components', { subkeys: 'StubPath' }),
  software('Command processor', 'Microsoft\\Command Processor', { values: ['AutoRun'] }),
  software('Delayed shell object', `${CURRENT}\\ShellServiceObjectDelayLoad`, 'values'),
  software('Shell service object', `${CURRENT}\\Explorer\\ShellServiceObjects`, 'classes'),
  software('Icon overlay', `${CURRENT}\\Explorer\\ShellIconOverlayIdentifiers`, { subkeys: '' }),
  software('Shell execute hook', `${CURRENT}\\Explorer\\ShellExecuteHooks`, 'values'),
  software('Shared task scheduler', `${CURRENT}\\Explorer\\SharedTaskScheduler`, 'values'),
  software('Browser helper object', `${CURRENT}\\Explorer\\Browser Helper Objects`, 'classes'),
  software('Credential provider', `${CURRENT}\\Authentication\\Credential Providers`, 'classes'),
  software('Credential provider filter', `${CURRENT}\\Authentication\\Credential Provider Filters`, 'classes'),
  software('NetSh helper', 'Microsoft\\NetSh', 'values'),
  software('HTML help author', 'Microsoft\\HtmlHelp Author', { values: ['Location'] }),
  system('Session manager', MANAGER, { values: ['BootExecute', 'BootExecuteNoPnpSync', 'SetupExecute', 'Execute', 'PlatformExecute', 'S0InitialCommand'] }),
  system('Terminal server startup', 'Control\\Terminal Server\\Wds\\rdpwd', { values: ['StartupPrograms'] }),
  system('Terminal server initial program', 'Control\\Terminal Server\\WinStations\\RDP-Tcp', { values: ['InitialProgram'] }),
  system('Service control manager extension', 'Control', { values: ['ServiceControlManagerExtension'] }),
  system('Boot verification', 'Control\\BootVerificationProgram', { values: ['ImagePath'] }),
  system('Time provider', 'Services\\W32Time\\TimeProviders', { subkeys: 'DllName' }),
  user('Logon script', 'Environment', { values: ['UserInitMprLogonScript'] }),
  user('Screen saver', 'Control Panel\\Desktop', { values: ['SCRNSAVE.EXE'] }),
];
