import { artefact } from './artefact.js';
import { inControlSet, WHERE, type Found } from './found.js';
import { valuesOf } from './key-values.js';
import { plainTable, text } from './plain-table.js';

interface NameOfMachine extends Found {
  readonly what: string;
  readonly value: string;
}

const TCPIP = 'Services\\Tcpip\\Parameters';
/** What a name is, the key and the value that hold it. */
const NAMES: readonly (readonly [string, string, string])[] = [
  ['computer name', 'Control\\ComputerName\\ComputerName', 'ComputerName'],
  ['active computer name', 'Control\\ComputerName\\ActiveComputerName', 'ComputerName'],
  ['host name', TCPIP, 'Hostname'],
  ['host name after restart', TCPIP, 'NV Hostname'],
  ['domain', TCPIP, 'Domain'],
  ['domain after restart', TCPIP, 'NV Domain'],
  ['domain by DHCP', TCPIP, 'DhcpDomain'],
  ['domain suffixes', TCPIP, 'SearchList'],
];

/** The names of the machine, one a row: a name that differs from the active one takes effect at the next start. */
export const COMPUTER_NAME = artefact<NameOfMachine>({
  reads: [
    'SYSTEM\\<control set>\\Control\\ComputerName\\ComputerName', 'SYSTEM\\<control set>\\Control\\ComputerName\\ActiveComputerName',
    'SYSTEM\\<control set>\\Services\\Tcpip\\Parameters',
  ],
  table: plainTable({
    name: 'computer_name',
    doc: 'The names of the machine and of its domain, those in use and those that the next start brings.',
    columns: [
      text('what', (r) => r.what, 'which name', 24),
      text('name', (r) => r.value, 'the name', 32),
      ...WHERE,
    ],
  }),
  * rows(set) {
    for (const [what, path, name] of NAMES) {
      for (const found of inControlSet(set, path)) {
        const value = valuesOf(found.key).text(name);
        if (value !== undefined && value !== '') yield { ...found, what, value };
      }
    }
  },
});
