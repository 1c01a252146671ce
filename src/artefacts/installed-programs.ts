import { UNIX_EPOCH_FILETIME } from '../bytes/filetime.js';
import { artefact } from './artefact.js';
import { below, inAllSoftware, USER, WHERE, type Found } from './found.js';
import { ofUnixSeconds, valuesOf, type KeyValues } from './key-values.js';
import { count, flag, plainTable, text, time } from './plain-table.js';

interface Program extends Found {
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly publisher: string | undefined;
  readonly installed: bigint | undefined;
  readonly location: string | undefined;
  readonly source: string | undefined;
  readonly uninstall: string | undefined;
  readonly kilobytes: number | undefined;
  readonly hidden: boolean;
  readonly msi: boolean;
}

const TICKS_PER_MS = 10_000n;

/** InstallDate: `20220914`, or seconds since 1970 of some installers. Days are taken as UTC: there is no more in them. */
function installed(values: KeyValues): bigint | undefined {
  const date = values.text('InstallDate');
  const day = /^(\d{4})(\d\d)(\d\d)$/.exec(date ?? '') ?? undefined;
  if (day !== undefined) {
    const [year, month, dayOfMonth] = [Number(day[1]), Number(day[2]), Number(day[3])];
    if (year < 1980 || year > 2200 || month < 1 || month > 12 || dayOfMonth < 1 || dayOfMonth > 31) return undefined;
    return BigInt(Date.UTC(year, month - 1, dayOfMonth)) * TICKS_PER_MS + UNIX_EPOCH_FILETIME;
  }
  return date !== undefined && /^\d{9,10}$/.test(date) ? ofUnixSeconds(Number(date)) : undefined;
}

/** Programs that can be uninstalled, of the machine and of its users. The last write of the key is when it was installed or updated. */
export const INSTALLED_PROGRAMS = artefact<Program>({
  reads: [
    'SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall', 'SOFTWARE\\Wow6432Node\\Microsoft\\Windows\\CurrentVersion\\Uninstall',
    'NTUSER.DAT\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall',
  ],
  table: plainTable({
    name: 'installed_programs',
    doc: 'Programs that entered themselves for their uninstallation. The key was written when the program was installed or updated.',
    columns: [
      text('name', (r) => r.name, 'name shown; empty: the entry has none', 40),
      text('version', (r) => r.version, 'version', 16),
      text('publisher', (r) => r.publisher, 'publisher', 24),
      time('installed', (r) => r.installed, 'InstallDate; mostly a day only'),
      text('location', (r) => r.location, 'folder of the program', 24),
      text('source', (r) => r.source, 'where it was installed from', 24),
      text('uninstall', (r) => r.uninstall, 'the command that uninstalls it', 24),
      count('kilobytes', (r) => r.kilobytes, 'size, as the installer estimates it'),
      flag('hidden', (r) => r.hidden, 'not in the list that users see (SystemComponent)'),
      flag('msi', (r) => r.msi, 'installed by Windows Installer'),
      text('id', (r) => r.key.name, 'name of the key', 38),
      USER,
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'INSTAL',
    events: (r) => [{ time: r.key.written, action: 'MOD', text: `installed ${r.name ?? r.key.name} ${r.version ?? ''}`.trimEnd() }],
  },
  * rows(set) {
    for (const found of inAllSoftware(set, 'Microsoft\\Windows\\CurrentVersion\\Uninstall')) {
      for (const program of below(found)) {
        const values = valuesOf(program.key);
        yield {
          ...program,
          name: values.text('DisplayName') ?? values.text('QuietDisplayName'),
          version: values.text('DisplayVersion'),
          publisher: values.text('Publisher'),
          installed: installed(values),
          location: values.text('InstallLocation'),
          source: values.text('InstallSource'),
          uninstall: values.text('UninstallString') ?? values.text('QuietUninstallString'),
          kilobytes: values.number('EstimatedSize'),
          hidden: values.number('SystemComponent') === 1,
          msi: values.number('WindowsInstaller') === 1,
        };
      }
    }
  },
});
