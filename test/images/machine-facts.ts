import { COMPUTER_NAME } from '../../src/artefacts/computer-name.js';
import { INSTALLED_PROGRAMS } from '../../src/artefacts/installed-programs.js';
import { PROFILES } from '../../src/artefacts/profiles.js';
import { SAM_USERS } from '../../src/artefacts/sam-users.js';
import { SECURITY_POLICY } from '../../src/artefacts/security-policy.js';
import { TIME_ZONE } from '../../src/artefacts/time-zone.js';
import { WINDOWS_VERSION } from '../../src/artefacts/windows-version.js';
import { isoTime } from '../../src/bytes/filetime.js';
import { hiveSetOf } from '../../src/windows/hive-set.js';
import type { Windows } from '../../src/windows/windows.js';
import { artefactRows } from '../support/artefact-rows.js';
import { compare, type Comparison } from './comparison.js';
import type { Truth, TruthKey } from './truth.js';

const UNINSTALL = /(^|\\)Microsoft\\Windows\\CurrentVersion\\Uninstall\\[^\\]+$/i;
const PROFILE = /^Microsoft\\Windows NT\\CurrentVersion\\ProfileList\\(S-[\d-]+)$/i;

function text({ values }: TruthKey, name: string): string {
  const data = values.find((value) => value.name === name)?.data ?? '';
  return Buffer.from(data, 'hex').toString('utf16le').replace(/\0.*$/s, '');
}

/** What the artefacts tell of the machine, its users, programs and profiles, against the truth and the keys it holds. */
export function compareMachineFacts(windows: Windows, truth: Truth): Comparison[] {
  const set = hiveSetOf(windows);
  const keys = truth.hives.flatMap((hive) => hive.keys);
  const { system } = truth;
  return [
    compare('accounts',
      truth.users.map((user) => `${user.rid} ${user.name} ${isoTime(user.last_logon)} ${isoTime(user.password_set)}`),
      artefactRows(SAM_USERS, set).map((row) => `${row['rid']} ${row['name']} ${row['last_logon']} ${row['password_set']}`)),
    compare('facts of the machine',
      [`name ${system.computer_name}`, `zone ${system.time_zone} ${system.bias_minutes}`, `sid ${system.machine_sid}`, `windows ${system.product} ${system.build}`],
      [
        ...artefactRows(COMPUTER_NAME, set).filter((row) => row['what'] === 'computer name').map((row) => `name ${row['name']}`),
        ...artefactRows(TIME_ZONE, set).map((row) => `zone ${row['name']} ${row['bias']}`),
        ...artefactRows(SECURITY_POLICY, set).filter((row) => row['what'] === 'SID of the machine\'s own accounts').map((row) => `sid ${row['value']}`),
        ...artefactRows(WINDOWS_VERSION, set).map((row) => `windows ${row['product']} ${row['build']}`),
      ]),
    compare('installed programs',
      keys.filter(({ path }) => UNINSTALL.test(path)).map((key) => `${text(key, 'DisplayName')} ${text(key, 'DisplayVersion')} ${text(key, 'Publisher')} ${isoTime(key.written)}`),
      artefactRows(INSTALLED_PROGRAMS, set).map((row) => `${row['name']} ${row['version']} ${row['publisher']} ${row['key_written']}`)),
    compare('profiles',
      keys.filter(({ path }) => PROFILE.test(path)).map((key) => `${PROFILE.exec(key.path)?.[1]} ${text(key, 'ProfileImagePath')}`),
      artefactRows(PROFILES, set).map((row) => `${row['sid']} ${row['path']}`)),
  ];
}
