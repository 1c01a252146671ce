import { artefact } from './artefact.js';
import { below, inHives, WHERE, type Found } from './found.js';
import { filetime, valuesOf, type KeyValues } from './key-values.js';
import { bits, plainTable, text, time } from './plain-table.js';

interface Profile extends Found {
  readonly path: string | undefined;
  readonly flags: number | undefined;
  readonly state: number | undefined;
  readonly guid: string | undefined;
  readonly loaded: bigint | undefined;
  readonly unloaded: bigint | undefined;
}

/** A FILETIME kept as two numbers. */
function halves(values: KeyValues, name: string): bigint | undefined {
  const [high, low] = [values.number(`${name}High`), values.number(`${name}Low`)];
  return high === undefined || low === undefined ? undefined : filetime((BigInt(high) << 32n) + BigInt(low));
}

/** The accounts that have a profile on the machine. */
export const PROFILES = artefact<Profile>({
  reads: ['SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList'],
  table: plainTable({
    name: 'profiles',
    doc: 'The accounts that have a profile on the machine: who has logged on here, domain accounts included. A SID that ends in `.bak` is a profile that could not be loaded.',
    columns: [
      text('sid', (r) => r.key.name, 'SID of the account', 46),
      text('path', (r) => r.path, 'folder of the profile', 32),
      time('loaded', (r) => r.loaded, 'when the profile was last loaded: the last log-on (Windows 10 and later)'),
      time('unloaded', (r) => r.unloaded, 'when it was last unloaded: the last log-off'),
      bits('state', (r) => r.state, 'bits: 1 mandatory, 4 new, 8 local copy, 0x100 temporary, 0x200 deleted at log-off, 0x8000 backed up'),
      bits('flags', (r) => r.flags, 'flags'),
      text('guid', (r) => r.guid, 'GUID of a domain account', 38),
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'PROFIL',
    events: (r) => [
      { time: r.loaded, action: 'RD', text: `profile loaded ${r.path ?? r.key.name}` },
      { time: r.unloaded, action: 'MOD', text: `profile unloaded ${r.path ?? r.key.name}` },
    ],
  },
  * rows(set) {
    for (const list of inHives(set.of('SOFTWARE'), 'Microsoft\\Windows NT\\CurrentVersion\\ProfileList')) {
      for (const profile of below(list)) {
        const values = valuesOf(profile.key);
        yield {
          ...profile,
          path: values.text('ProfileImagePath'),
          flags: values.number('Flags'),
          state: values.number('State'),
          guid: values.text('Guid'),
          loaded: halves(values, 'LocalProfileLoadTime') ?? halves(values, 'ProfileLoadTime'),
          unloaded: halves(values, 'LocalProfileUnloadTime') ?? halves(values, 'ProfileUnloadTime'),
        };
      }
    }
  },
});
