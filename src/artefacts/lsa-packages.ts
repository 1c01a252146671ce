import { artefact } from './artefact.js';
import { inControlSet, WHERE, type Found } from './found.js';
import { valuesOf } from './key-values.js';
import { plainTable, text } from './plain-table.js';

interface LsaPackage extends Found {
  readonly kind: string;
  readonly name: string;
}

const LSA = 'Control\\Lsa';
/** What is loaded, the key and the value that list it. */
const LISTS: readonly (readonly [string, string, string])[] = [
  ['authentication package', LSA, 'Authentication Packages'],
  ['security package', LSA, 'Security Packages'],
  ['security package', `${LSA}\\OSConfig`, 'Security Packages'],
  ['notification package', LSA, 'Notification Packages'],
  ['security provider', 'Control\\SecurityProviders', 'SecurityProviders'],
  ['extension', 'Control\\LsaExtensionConfig\\LsaSrv', 'Extensions'],
];

/** DLLs that lsass.exe loads: packages for log-on, password filters, security providers. One that Windows does not bring sees passwords. */
export const LSA_PACKAGES = artefact<LsaPackage>({
  reads: ['SYSTEM\\<control set>\\Control\\Lsa', 'SYSTEM\\<control set>\\Control\\SecurityProviders', 'SYSTEM\\<control set>\\Control\\LsaExtensionConfig\\LsaSrv'],
  table: plainTable({
    name: 'lsa_packages',
    doc: 'DLLs that lsass.exe loads: log-on packages, password filters (notification packages), security providers. One that Windows does not bring can see passwords.',
    columns: [
      text('kind', (r) => r.kind, 'what loads it', 22),
      text('name', (r) => r.name, 'the package: a DLL, without .dll mostly', 24),
      ...WHERE,
    ],
  }),
  * rows(set) {
    for (const [kind, path, name] of LISTS) {
      for (const found of inControlSet(set, path)) {
        for (const listed of valuesOf(found.key).texts(name) ?? []) {
          // Windows writes an empty list as a pair of quotes; providers stand in one string, with commas.
          for (const one of listed.split(',')) if (one.trim() !== '' && one !== '""') yield { ...found, kind, name: one.trim() };
        }
      }
    }
  },
});
