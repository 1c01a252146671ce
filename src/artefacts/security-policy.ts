import { FormatError } from '../bytes/errors.js';
import { privilegeName } from '../bytes/privilege.js';
import { sidText } from '../bytes/sid.js';
import { utf16 } from '../bytes/utf16.js';
import type { HiveSet } from '../registry/hive-set.js';
import { artefact } from './artefact.js';
import { auditPolicy } from './audit-policy.js';
import { below, inHives, WHERE, type Found } from './found.js';
import { filetimeAt } from './key-values.js';
import { plainTable, text, time } from './plain-table.js';
import { machineSid } from './sam-groups.js';

interface PolicyFact extends Found {
  readonly topic: string;
  readonly what: string;
  readonly value: string | undefined;
  readonly time: bigint | undefined;
}

const TICKS_PER_MINUTE = 600_000_000n;
const NEVER = 0x7fff_ffff_ffff_ffffn;
const PASSWORD_PROPERTIES = ['complexity', 'no anonymous change', 'no clear change', 'lock-out of administrators', 'reversible passwords', 'refuse change'];

/** A UNICODE_STRING whose offset counts from the structure's start (PolAcDmN and its like). @throws FormatError */
function storedName(bytes: Buffer): string {
  if (bytes.length < 8) throw new FormatError('a stored name is too short');
  const [length, offset] = [bytes.readUInt16LE(0), bytes.readUInt32LE(4)];
  if (offset + length > bytes.length) throw new FormatError('a stored name lies outside of its value');
  return utf16(bytes.subarray(offset, offset + length));
}

/** A span of time, kept negative, as minutes or days. */
function span(bytes: Buffer, offset: number): string {
  const ticks = -bytes.readBigInt64LE(offset);
  if (ticks <= 0n) return ticks === 0n ? '0' : 'never';
  if (ticks >= NEVER) return 'never';
  const minutes = ticks / TICKS_PER_MINUTE;
  return minutes % 1440n === 0n ? `${minutes / 1440n} days` : `${minutes} minutes`;
}

function fact(found: Found, topic: string, what: string, value: string | undefined): PolicyFact {
  return { ...found, topic, what, value, time: undefined };
}

/** The rules for passwords: the value F of the machine's own domain in SAM. */
function* passwordRules(set: HiveSet): Generator<PolicyFact> {
  for (const found of inHives(set.of('SAM'), 'SAM\\Domains\\Account')) {
    yield fact(found, 'machine', 'SID of the machine\'s own accounts', machineSid(found.hive));
    const f = found.key.value('F')?.data();
    if (f === undefined || f.length < 0x58 || f.readUInt16LE(0) > 3) continue;
    const properties = f.readUInt32LE(0x4c);
    yield { ...fact(found, 'machine', 'accounts of this machine made', undefined), time: filetimeAt(f, 8) };
    yield fact(found, 'password', 'longest age', span(f, 0x18));
    yield fact(found, 'password', 'shortest age', span(f, 0x20));
    yield fact(found, 'password', 'shortest length', String(f.readUInt16LE(0x50)));
    yield fact(found, 'password', 'remembered', String(f.readUInt16LE(0x52)));
    yield fact(found, 'password', 'properties', PASSWORD_PROPERTIES.filter((_, bit) => (properties & (1 << bit)) !== 0).join(', '));
    yield fact(found, 'lock-out', 'after failures', String(f.readUInt16LE(0x54)));
    yield fact(found, 'lock-out', 'duration', span(f, 0x30));
    yield fact(found, 'lock-out', 'counter reset after', span(f, 0x38));
    yield fact(found, 'machine', 'next RID', String(f.readUInt32LE(0x48)));
  }
}

const NAMES: readonly (readonly [string, string, 'name' | 'sid'])[] = [
  ['PolAcDmN', 'name of the account domain', 'name'], ['PolAcDmS', 'SID of the account domain', 'sid'],
  ['PolPrDmN', 'name of the primary domain or workgroup', 'name'], ['PolPrDmS', 'SID of the primary domain', 'sid'],
  ['PolDnDDN', 'DNS name of the domain', 'name'], ['PolDnTrN', 'DNS name of the forest', 'name'],
];

function* policy(set: HiveSet): Generator<PolicyFact> {
  for (const root of inHives(set.of('SECURITY'), 'Policy')) {
    const sub = function* (name: string, topic: string, read: (bytes: Buffer) => Iterable<readonly [string, string | undefined]>): Generator<PolicyFact> {
      const key = root.key.subkey(name);
      const bytes = key?.value('')?.data();
      if (key === undefined || bytes === undefined || bytes.length === 0) return;
      const found = { hive: root.hive, key };
      const rows = set.anomalies.attempt(`${root.hive.mount}\\${key.path}`, () => [...read(bytes)]);
      for (const [what, value] of rows ?? []) yield fact(found, topic, what, value);
    };
    for (const [name, what, kind] of NAMES) {
      yield* sub(name, 'machine', (bytes) => [[what, kind === 'name' ? storedName(bytes) : sidText(bytes)]]);
    }
    yield* sub('PolAdtEv', 'audit', (bytes) => auditPolicy(bytes).map(({ category, subcategory, setting }) => [`${category}: ${subcategory}`, setting] as const));
    yield* rights(root, set);
    for (const secrets of inHives([root.hive], 'Policy\\Secrets')) {
      for (const secret of below(secrets)) {
        const updated = secret.key.subkey('CupdTime')?.value('')?.data();
        yield { ...fact(secret, 'secret', secret.key.name, undefined), time: updated?.length === 8 ? filetimeAt(updated) : undefined };
      }
    }
  }
}

/** The rights to log on of accounts: the bits of ActSysAc ([MS-LSAD] 2.2.1.2). */
const ACCESS = [
  'interactive log-on', 'network log-on', 'batch log-on', '', 'service log-on', '', 'deny interactive log-on', 'deny network log-on', 'deny batch log-on',
  'deny service log-on', 'remote interactive log-on', 'deny remote interactive log-on',
];
function* rights(root: Found, set: HiveSet): Generator<PolicyFact> {
  for (const accounts of inHives([root.hive], 'Policy\\Accounts')) {
    for (const account of below(accounts)) {
      const access = account.key.subkey('ActSysAc')?.value('')?.data();
      if (access !== undefined && access.length >= 4) {
        const bits = access.readUInt32LE(0);
        yield fact(account, 'right', account.key.name, ACCESS.filter((name, bit) => name !== '' && (bits & (1 << bit)) !== 0).join(', '));
      }
      // PRIVILEGE_SET: a count, a control word, and a LUID and its attributes each.
      const privileges = account.key.subkey('Privilgs')?.value('')?.data();
      if (privileges === undefined || privileges.length < 8) continue;
      const names: string[] = [];
      const count = Math.min(privileges.readUInt32LE(0), Math.floor((privileges.length - 8) / 12));
      for (let i = 0; i < count; i += 1) {
        names.push(privilegeName(privileges.readUInt32LE(8 + i * 12)));
      }
      if (count !== privileges.readUInt32LE(0)) set.anomalies.add(`${root.hive.mount}\\${account.key.path}`, 'an account counts more privileges than it has');
      yield fact(account, 'privileges', account.key.name, names.join(', '));
    }
  }
}

/** The machine's security policy: its SID and domain, rules for passwords, rights, what is audited; the names of LSA secrets, never their content. */
export const SECURITY_POLICY = artefact<PolicyFact>({
  reads: ['SECURITY\\Policy', 'SAM\\SAM\\Domains\\Account'],
  table: plainTable({
    name: 'security_policy',
    doc: 'The machine\'s security policy: its SID and its domain\'s, rules for passwords and lock-out, rights of accounts, what is audited, and the names of LSA secrets (never their content).',
    columns: [
      text('topic', (r) => r.topic, 'machine, password, lock-out, right, privileges, audit or secret', 10),
      text('what', (r) => r.what, 'what is set; of rights the account\'s SID', 48),
      text('value', (r) => r.value, 'what it is set to', 32),
      time('time', (r) => r.time, 'of a secret: when it was last set'),
      ...WHERE,
    ],
  }),
  timeline: { type: 'POLICY', events: (r) => [{ time: r.time, action: 'MOD', text: `${r.topic} ${r.what}` }] },
  * rows(set) {
    yield* passwordRules(set);
    yield* policy(set);
  },
});
