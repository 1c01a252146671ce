import { artefact } from './artefact.js';
import { inControlSet, WHERE, type Found } from './found.js';
import { valuesOf } from './key-values.js';
import { count, plainTable, time } from './plain-table.js';

interface Shutdown extends Found {
  readonly time: bigint | undefined;
  readonly count: number | undefined;
}

/** When the machine was last shut down in order; a power failure leaves the time before it. */
export const SHUTDOWN = artefact<Shutdown>({
  reads: ['SYSTEM\\<control set>\\Control\\Windows', 'SYSTEM\\<control set>\\Control\\Watchdog\\Display'],
  table: plainTable({
    name: 'shutdown',
    doc: 'When the machine was last shut down in order, and how often (counted by Windows XP and Server 2003 only).',
    columns: [
      time('shutdown', (r) => r.time, 'the last orderly shutdown'),
      count('shutdown_count', (r) => r.count, 'number of shutdowns'),
      ...WHERE,
    ],
  }),
  timeline: { type: 'SHUTDN', events: (r) => [{ time: r.time, action: '---', text: 'shutdown' }] },
  * rows(set) {
    for (const found of inControlSet(set, 'Control\\Windows')) {
      let shutdowns: number | undefined;
      for (const { hive, key } of inControlSet(set, 'Control\\Watchdog\\Display')) {
        if (hive === found.hive) shutdowns = valuesOf(key).number('ShutdownCount');
      }
      yield { ...found, time: valuesOf(found.key).time('ShutdownTime'), count: shutdowns };
    }
  },
});
