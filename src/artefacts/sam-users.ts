import type { HiveSet, SetHive } from '../registry/hive-set.js';
import type { Key } from '../registry/key.js';
import { upcase } from '../registry/name.js';
import { artefact } from './artefact.js';
import { inHives, WHERE, type Found } from './found.js';
import { valuesOf } from './key-values.js';
import { bits, count, flag, plainTable, text, time } from './plain-table.js';
import { accountFacts, accountFlags, accountTexts, type AccountFacts, type AccountTexts } from './sam-account.js';
import { groupsIn, machineSid } from './sam-groups.js';

interface SamUser extends Found {
  readonly rid: number;
  readonly name: string | undefined;
  readonly facts: AccountFacts | undefined;
  readonly texts: AccountTexts | undefined;
  readonly created: bigint | undefined;
  readonly groups: readonly string[];
  readonly internetName: string | undefined;
  readonly hint: string | undefined;
}

const USERS = 'SAM\\Domains\\Account\\Users';

/** Names and the last writes of their keys, which come from the account's creation, by RID: the RID is the type of the default value. */
function namesOf(users: Key): ReadonlyMap<number, Key> {
  const names = new Map<number, Key>();
  for (const key of users.subkey('Names')?.subkeys() ?? []) {
    const rid = key.value('')?.type;
    if (rid !== undefined) names.set(rid, key);
  }
  return names;
}

/** Groups by the RID of their members among the machine's own accounts. */
function groupsOf(hive: SetHive, set: HiveSet): ReadonlyMap<number, readonly string[]> {
  const own = machineSid(hive);
  const groups = new Map<number, string[]>();
  for (const group of groupsIn(hive, set)) {
    for (const member of group.members) {
      const rid = own !== undefined && member.startsWith(`${own}-`) ? Number(member.slice(own.length + 1)) : undefined;
      if (rid !== undefined && Number.isInteger(rid)) groups.set(rid, [...groups.get(rid) ?? [], group.name]);
    }
  }
  return groups;
}

function* usersIn(set: HiveSet): Generator<SamUser> {
  for (const { hive, key: users } of inHives(set.of('SAM'), USERS)) {
    const names = namesOf(users);
    const groups = groupsOf(hive, set);
    for (const key of users.subkeys()) {
      if (!/^[0-9A-F]{8}$/i.test(key.name)) continue;
      const rid = parseInt(key.name, 16);
      const values = valuesOf(key);
      const where = `${hive.mount}\\${key.path}`;
      const [f, v] = [values.bytes('F'), values.bytes('V')];
      const facts = f === undefined ? undefined : set.anomalies.attempt(where, () => accountFacts(f));
      const texts = v === undefined ? undefined : set.anomalies.attempt(where, () => accountTexts(v));
      const named = names.get(rid);
      if (named !== undefined && texts !== undefined && upcase(named.name) !== upcase(texts.name)) {
        set.anomalies.add(where, `the account is named "${texts.name}", its entry among names "${named.name}"`);
      }
      // An account whose RID in F is another one logs on as that other one: the way of a hidden administrator.
      if (facts !== undefined && facts.rid !== rid) set.anomalies.add(where, `the account's own RID is ${facts.rid}, its key's is ${rid}`);
      yield {
        hive, key, rid, facts, texts, name: texts?.name ?? named?.name, created: named?.written, groups: groups.get(rid) ?? [],
        internetName: utf16Of(values.bytes('InternetUserName')), hint: utf16Of(values.bytes('UserPasswordHint')),
      };
    }
  }
}

function utf16Of(bytes: Buffer | undefined): string | undefined {
  return bytes?.toString('utf16le').replace(/\0+$/, '');
}

/** The machine's own accounts. Of passwords no more is told than that there is one. */
export const SAM_USERS = artefact<SamUser>({
  reads: [`SAM\\${USERS}`, 'SAM\\SAM\\Domains\\Builtin\\Aliases', 'SAM\\SAM\\Domains\\Account\\Groups'],
  table: plainTable({
    name: 'sam_users',
    doc: 'The machine\'s own accounts: names, times, flags, groups. Of passwords it tells only that there is one. Domain accounts are not here.',
    columns: [
      count('rid', (r) => r.rid, 'relative id: the end of its SID'),
      text('name', (r) => r.name, 'name', 20),
      text('full_name', (r) => r.texts?.fullName, 'full name', 20),
      text('comment', (r) => r.texts?.comment, 'comment', 24),
      time('last_logon', (r) => r.facts?.lastLogon, 'last log-on with a password of this machine'),
      time('password_set', (r) => r.facts?.passwordSet, 'when the password was last set'),
      time('last_bad_password', (r) => r.facts?.lastBadPassword, 'last log-on that failed'),
      time('expires', (r) => r.facts?.expires, 'when the account ends'),
      time('created', (r) => r.created, 'last write of the name\'s key: the account was made or renamed'),
      count('logons', (r) => r.facts?.logons, 'how many log-ons'),
      count('bad_passwords', (r) => r.facts?.badPasswords, 'failed log-ons since the last good one'),
      flag('disabled', (r) => (r.facts === undefined ? undefined : (r.facts.flags & 1) !== 0), 'the account is disabled'),
      flag('has_password', (r) => r.texts?.hasNtHash, 'an NT hash is stored'),
      flag('has_lm_hash', (r) => r.texts?.hasLmHash, 'an LM hash is stored'),
      bits('flags', (r) => r.facts?.flags, 'USER_ACCOUNT flags'),
      text('flag_names', (r) => (r.facts === undefined ? undefined : accountFlags(r.facts.flags)), 'the flags by name', 24),
      text('groups', (r) => r.groups.join(', '), 'groups of this machine that it is in', 24),
      count('primary_group', (r) => r.facts?.primaryGroup, 'RID of its primary group'),
      text('home', (r) => r.texts?.home, 'home folder', 12),
      text('profile', (r) => r.texts?.profile, 'path of the profile', 12),
      text('script', (r) => r.texts?.script, 'log-on script', 12),
      text('internet_name', (r) => r.internetName, 'Microsoft account it is linked with', 16),
      text('password_hint', (r) => r.hint, 'the user\'s hint', 16),
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'SAM',
    events: (r) => [
      { time: r.facts?.lastLogon, action: '---', text: `last log-on of ${r.name ?? r.rid}` },
      { time: r.facts?.passwordSet, action: 'MOD', text: `password set of ${r.name ?? r.rid}` },
      { time: r.facts?.lastBadPassword, action: '---', text: `failed log-on of ${r.name ?? r.rid}` },
      { time: r.created, action: 'CRE', text: `account made or renamed: ${r.name ?? r.rid}` },
    ],
  },
  rows: usersIn,
});
