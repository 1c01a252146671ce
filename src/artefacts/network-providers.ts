import { artefact } from './artefact.js';
import { inControlSet, WHERE, type Found } from './found.js';
import { valuesOf } from './key-values.js';
import { count, plainTable, text } from './plain-table.js';

interface Provider extends Found {
  readonly name: string;
  readonly position: number;
  readonly shownName: string | undefined;
  readonly dll: string | undefined;
  readonly credentials: boolean;
}

/** Of `Class`: a provider that is told of log-ons (WN_CREDENTIAL_CLASS). */
const CREDENTIAL_CLASS = 2;
const MOST = 256;

/** Network providers in their order. One that Windows does not bring may be told every user's password at log-on. */
export const NETWORK_PROVIDERS = artefact<Provider>({
  reads: ['SYSTEM\\<control set>\\Control\\NetworkProvider\\Order', 'SYSTEM\\<control set>\\Services\\<name>\\NetworkProvider'],
  table: plainTable({
    name: 'network_providers',
    doc: 'Network providers in the order they are asked. One of the class "credentials" is told the password of each log-on: one that Windows does not bring is a password thief\'s place.',
    columns: [
      count('position', (r) => r.position, 'place in the order, from 1'),
      text('name', (r) => r.name, 'service', 20),
      text('shown_name', (r) => r.shownName, 'name shown', 32),
      text('dll', (r) => r.dll, 'the DLL', 40),
      text('class', (r) => (r.credentials ? 'credentials' : ''), 'empty: paths only'),
      ...WHERE,
    ],
  }),
  * rows(set) {
    for (const order of inControlSet(set, 'Control\\NetworkProvider\\Order')) {
      const names = (valuesOf(order.key).text('ProviderOrder') ?? '').split(',').map((name) => name.trim()).filter((name) => name !== '');
      for (const [i, name] of names.slice(0, MOST).entries()) {
        let provider: Found = order;
        for (const found of inControlSet(set, `Services\\${name}\\NetworkProvider`)) if (found.hive === order.hive) provider = found;
        const values = provider === order ? undefined : valuesOf(provider.key);
        yield {
          ...provider,
          name,
          position: i + 1,
          shownName: values?.text('Name'),
          dll: values?.text('ProviderPath'),
          credentials: ((values?.number('Class') ?? 0) & CREDENTIAL_CLASS) !== 0,
        };
      }
    }
  },
});
