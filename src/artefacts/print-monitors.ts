import type { HiveSet } from '../registry/hive-set.js';
import { artefact } from './artefact.js';
import { at, below, inControlSet, inHives, WHERE, type Found } from './found.js';
import { valuesOf } from './key-values.js';
import { plainTable, text } from './plain-table.js';

interface PrintPart extends Found {
  readonly kind: 'monitor' | 'provider' | 'processor' | 'port';
  readonly name: string;
  readonly dll: string | undefined;
}

const PORTS = 'Microsoft\\Windows NT\\CurrentVersion\\Ports';

function* rowsOf(set: HiveSet): Generator<PrintPart> {
  for (const print of inControlSet(set, 'Control\\Print')) {
    for (const [kind, path] of [['monitor', 'Monitors'], ['provider', 'Providers']] as const) {
      for (const all of at(print, path)) {
        for (const found of below(all)) {
          const values = valuesOf(found.key);
          yield { ...found, kind, name: found.key.name, dll: values.text(kind === 'monitor' ? 'Driver' : 'Name') };
        }
      }
    }
    for (const environments of at(print, 'Environments')) {
      for (const environment of below(environments)) {
        for (const processors of at(environment, 'Print Processors')) {
          for (const found of below(processors)) yield { ...found, kind: 'processor', name: found.key.name, dll: valuesOf(found.key).text('Driver') };
        }
      }
    }
  }
  for (const found of inHives(set.of('SOFTWARE'), PORTS)) {
    for (const value of found.key.values()) yield { ...found, kind: 'port', name: value.name, dll: undefined };
  }
}

/** What the print spooler loads and where it may write: monitors, providers, processors, ports. */
export const PRINT_MONITORS = artefact<PrintPart>({
  reads: ['SYSTEM\\<control set>\\Control\\Print', `SOFTWARE\\${PORTS}`],
  table: plainTable({
    name: 'print_monitors',
    doc: 'DLLs that the print spooler loads as SYSTEM (monitors, providers, processors), and its ports: one that is a path is a file that the spooler writes.',
    columns: [
      text('kind', (r) => r.kind, 'monitor, provider, processor or port', 9),
      text('name', (r) => r.name, 'its name', 32),
      text('dll', (r) => r.dll, 'the DLL, from System32', 24),
      ...WHERE,
    ],
  }),
  rows: rowsOf,
});
