import { artefact } from './artefact.js';
import { inControlSet, inSoftware, WHERE, type Found } from './found.js';
import { valuesOf } from './key-values.js';
import { flag, plainTable, text } from './plain-table.js';

interface InjectedDll extends Found {
  readonly kind: 'AppInit' | 'AppCert';
  readonly dll: string;
  readonly enabled: boolean;
  readonly signedOnly: boolean | undefined;
}

/** DLLs loaded into every process that has windows (AppInit), or that starts another (AppCert). */
export const INJECTED_DLLS = artefact<InjectedDll>({
  reads: [
    'SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Windows', 'SOFTWARE\\Wow6432Node\\Microsoft\\Windows NT\\CurrentVersion\\Windows',
    'SYSTEM\\<control set>\\Control\\Session Manager\\AppCertDlls',
  ],
  table: plainTable({
    name: 'injected_dlls',
    doc: 'DLLs that Windows loads into others\' processes: AppInit_DLLs into all that use user32.dll, AppCertDlls into all that start a process. Windows itself brings none.',
    columns: [
      text('kind', (r) => r.kind, 'AppInit or AppCert'),
      text('dll', (r) => r.dll, 'the DLL', 40),
      flag('enabled', (r) => r.enabled, 'it is loaded (LoadAppInit_DLLs; ignored under Secure Boot)'),
      flag('signed_only', (r) => r.signedOnly, 'only signed ones are loaded'),
      ...WHERE,
    ],
  }),
  * rows(set) {
    for (const found of inSoftware(set, 'Microsoft\\Windows NT\\CurrentVersion\\Windows')) {
      const values = valuesOf(found.key);
      const signed = values.number('RequireSignedAppInit_DLLs');
      // Blanks and commas separate; a path with blanks stands there by its short name.
      for (const dll of (values.text('AppInit_DLLs') ?? '').split(/[ ,]+/)) {
        if (dll === '') continue;
        yield { ...found, kind: 'AppInit', dll, enabled: values.number('LoadAppInit_DLLs') !== 0, signedOnly: signed === undefined ? undefined : signed !== 0 };
      }
    }
    for (const found of inControlSet(set, 'Control\\Session Manager\\AppCertDlls')) {
      for (const value of found.key.values()) {
        const dll = value.text();
        if (dll !== undefined) yield { ...found, kind: 'AppCert', dll, enabled: true, signedOnly: undefined };
      }
    }
  },
});
