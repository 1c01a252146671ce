import { artefact } from './artefact.js';
import { below, inControlSet, WHERE, type Found } from './found.js';
import { filetimeAt } from './key-values.js';
import { plainTable, text, time } from './plain-table.js';

interface Activity extends Found {
  readonly service: string;
  readonly sid: string;
  readonly path: string;
  readonly last: bigint | undefined;
}

/** Until Windows 10 1803 the settings stood one level higher. */
const KEYS = ['bam', 'dam'].flatMap((service) => [`Services\\${service}\\State\\UserSettings`, `Services\\${service}\\UserSettings`].map((path) => ({ service, path })));
/** Values of a user's key that are no programs. */
const OTHERS = /^(?:Version|SequenceNumber)$/i;

/** Programs by the background and desktop activity moderators: who ran what, and when last. */
export const BAM = artefact<Activity>({
  reads: KEYS.map(({ path }) => `SYSTEM\\<control set>\\${path}\\<SID>`),
  table: plainTable({
    name: 'bam',
    doc: 'Programs that users ran, by the background and the desktop activity moderator (Windows 10 and later), and when they last ended or ran.',
    columns: [
      time('last_run', (r) => r.last, 'when it ran last'),
      text('path', (r) => r.path, 'program, or package', 64),
      text('sid', (r) => r.sid, 'the user', 46),
      text('service', (r) => r.service, 'bam or dam'),
      ...WHERE,
    ],
  }),
  timeline: { type: 'BAM', events: (r) => [{ time: r.last, action: 'RD', text: `${r.sid} ran ${r.path}` }] },
  * rows(set) {
    for (const { service, path } of KEYS) {
      for (const settings of inControlSet(set, path)) {
        for (const user of below(settings)) {
          for (const value of user.key.values()) {
            if (OTHERS.test(value.name)) continue;
            const data = value.data();
            if (data === undefined || data.length < 8) continue;
            yield { ...user, service, sid: user.key.name, path: value.name, last: filetimeAt(data) };
          }
        }
      }
    }
  },
});
