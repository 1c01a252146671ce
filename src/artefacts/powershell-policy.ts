import { artefact } from './artefact.js';
import { inAllSoftware, inControlSet, USER, WHERE, type Found } from './found.js';
import { textOf } from './key-values.js';
import { plainTable, text } from './plain-table.js';

interface PowerShellSetting extends Found {
  readonly what: string;
  readonly name: string;
  readonly value: string | undefined;
}

const POLICY = 'Policies\\Microsoft\\Windows\\PowerShell';
const CORE = 'Policies\\Microsoft\\PowerShellCore';
/** What is set, below SOFTWARE of the machine and of users. */
const PLACES: readonly (readonly [string, string])[] = [
  ...[POLICY, CORE].flatMap((root): (readonly [string, string])[] => [
    ['execution policy', root], ['script block logging', `${root}\\ScriptBlockLogging`], ['module logging', `${root}\\ModuleLogging`],
    ['logged modules', `${root}\\ModuleLogging\\ModuleNames`], ['transcription', `${root}\\Transcription`],
    ['protected event logging', `${root}\\ProtectedEventLogging`],
  ]),
  ['execution policy', 'Microsoft\\PowerShell\\1\\ShellIds\\Microsoft.PowerShell'],
  ['script execution policy', 'Microsoft\\PowerShell\\1\\ShellIds\\ScriptedDiagnostics'],
  ['version', 'Microsoft\\PowerShell\\1\\PowerShellEngine'],
  ['version', 'Microsoft\\PowerShell\\3\\PowerShellEngine'],
];
const LOCKDOWN = '__PSLockdownPolicy';

/** What PowerShell logs, and which scripts it runs. */
export const POWERSHELL_POLICY = artefact<PowerShellSetting>({
  reads: [
    ...PLACES.map(([, path]) => `SOFTWARE\\${path}`), `NTUSER.DAT\\Software\\${POLICY}`,
    `SYSTEM\\<control set>\\Control\\Session Manager\\Environment (${LOCKDOWN})`,
  ],
  table: plainTable({
    name: 'powershell_policy',
    doc: 'What PowerShell logs (script blocks, modules, transcripts) and which scripts it runs, of the machine and of users. No row for a kind of logging: it is off.',
    columns: [
      text('what', (r) => r.what, 'what is set', 24),
      text('name', (r) => r.name, 'name of the value', 32),
      text('value', (r) => r.value, 'its data', 24),
      USER,
      ...WHERE,
    ],
  }),
  * rows(set) {
    for (const [what, path] of PLACES) {
      for (const found of inAllSoftware(set, path)) {
        for (const value of found.key.values()) yield { ...found, what, name: value.name, value: textOf(value) };
      }
    }
    for (const found of inControlSet(set, 'Control\\Session Manager\\Environment')) {
      const value = found.key.value(LOCKDOWN);
      if (value !== undefined) yield { ...found, what: 'language mode', name: value.name, value: textOf(value) };
    }
  },
});
