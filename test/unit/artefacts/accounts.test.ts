import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROFILES } from '../../../src/artefacts/profiles.js';
import { SAM_GROUPS } from '../../../src/artefacts/sam-groups.js';
import { SAM_USERS } from '../../../src/artefacts/sam-users.js';
import { SECURITY_POLICY } from '../../../src/artefacts/security-policy.js';
import { Anomalies } from '../../../src/bytes/anomaly.js';
import { artefactEvents, artefactRows, picked } from '../../support/artefact-rows.js';
import { dword, sz, type KeyToWrite } from '../../support/hive-bytes.js';
import { writtenSet } from '../../support/hive-sets.js';

/** 2023-01-02 03:04:05 UTC */
const LOGON = 133_171_022_450_000_000n;
const SET = LOGON - 864_000_000_000n;
const NEVER = 0x7fff_ffff_ffff_ffffn;

function fixedPart(rid: number, flags: number, logon: bigint): Buffer {
  const f = Buffer.alloc(0x50);
  f.writeUInt16LE(2, 0);
  f.writeBigUInt64LE(logon, 8);
  f.writeBigUInt64LE(SET, 0x18);
  f.writeBigUInt64LE(NEVER, 0x20);
  f.writeUInt32LE(rid, 0x30);
  f.writeUInt32LE(513, 0x34);
  f.writeUInt32LE(flags, 0x38);
  f.writeUInt16LE(2, 0x40);
  f.writeUInt16LE(117, 0x42);
  return f;
}

/** V: a table of 17 parts, then name, full name and comment, and hashes of the given lengths. */
function variablePart(name: string, full: string, comment: string, lm: number, nt: number): Buffer {
  const table = Buffer.alloc(17 * 12);
  const parts: Buffer[] = [];
  let at = 0;
  const put = (index: number, bytes: Buffer): void => {
    table.writeUInt32LE(at, index * 12);
    table.writeUInt32LE(bytes.length, index * 12 + 4);
    parts.push(bytes);
    at += bytes.length;
  };
  [name, full, comment].forEach((text, i) => { put(i + 1, Buffer.from(text, 'utf16le')); });
  put(13, Buffer.alloc(lm));
  put(14, Buffer.alloc(nt, 0x41));
  return Buffer.concat([table, ...parts]);
}

function sid(...parts: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 + 4 * parts.length);
  bytes[0] = 1;
  bytes[1] = parts.length;
  bytes[7] = 5;
  parts.forEach((part, i) => bytes.writeUInt32LE(part, 8 + 4 * i));
  return bytes;
}

function alias(rid: number, name: string, comment: string, members: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(0x34);
  head.writeUInt32LE(rid, 0);
  const parts = [Buffer.from(name, 'utf16le'), Buffer.from(comment, 'utf16le'), Buffer.concat(members)];
  let at = 0;
  parts.forEach((part, i) => {
    head.writeUInt32LE(at, 0x10 + i * 12);
    head.writeUInt32LE(part.length, 0x14 + i * 12);
    at += part.length;
  });
  head.writeUInt32LE(members.length, 0x30);
  return Buffer.concat([head, ...parts]);
}

const MACHINE = [21, 111, 222, 333] as const;

function sam(users: readonly KeyToWrite[], names: readonly (readonly [string, number])[], c: Buffer): KeyToWrite {
  const v = Buffer.alloc(0x20);
  v.writeUInt32LE(111, 0x14);
  v.writeUInt32LE(222, 0x18);
  v.writeUInt32LE(333, 0x1c);
  const f = Buffer.alloc(0xf0);
  f.writeUInt16LE(2, 0);
  f.writeBigInt64LE(-42n * 864_000_000_000n, 0x18);
  f.writeUInt32LE(1003, 0x48);
  f.writeUInt32LE(1, 0x4c);
  f.writeUInt16LE(7, 0x50);
  return { name: 'ROOT', keys: [{ name: 'SAM', keys: [{ name: 'Domains', keys: [
    { name: 'Account', values: [{ name: 'F', type: 3, data: f }, { name: 'V', type: 3, data: v }], keys: [{ name: 'Users', keys: [
      ...users, { name: 'Names', keys: names.map(([name, rid]) => ({ name, written: SET, values: [{ name: '', type: rid, data: Buffer.alloc(0) }] })) },
    ] }] },
    { name: 'Builtin', keys: [{ name: 'Aliases', keys: [{ name: '00000220', values: [{ name: 'C', type: 3, data: c }] }] }] },
  ] }] }] };
}

const ALICE: KeyToWrite = { name: '000003E9', values: [
  { name: 'F', type: 3, data: fixedPart(1001, 0x214, LOGON) }, { name: 'V', type: 3, data: variablePart('alice', 'Alice B.', 'a "person"', 4, 0x14) },
] };
const GUEST: KeyToWrite = { name: '000001F5', values: [
  { name: 'F', type: 3, data: fixedPart(501, 0x215, 0n) }, { name: 'V', type: 3, data: variablePart('Guest', '', '', 0x18, 0x18) },
] };
const ADMINISTRATORS = alias(544, 'Administrators', 'all rights', [sid(...MACHINE, 1001), sid(21, 9, 9, 9, 512), sid(11)]);

test('accounts of SAM have their names, times, flags and groups, and of passwords only that there is one', () => {
  const set = writtenSet({ 'HKLM\\SAM': sam([GUEST, ALICE], [['alice', 1001], ['Guest', 501]], ADMINISTRATORS) });
  const rows = artefactRows(SAM_USERS, set);
  assert.deepEqual(rows.map((row) => picked(row, 'rid', 'name', 'full_name', 'comment', 'last_logon', 'password_set', 'expires', 'logons', 'bad_passwords', 'disabled', 'has_password', 'has_lm_hash', 'groups')), [
    [501, 'Guest', '', '', undefined, '2023-01-01T03:04:05.0000000Z', undefined, 117, 2, true, false, false, ''],
    [1001, 'alice', 'Alice B.', 'a "person"', '2023-01-02T03:04:05.0000000Z', '2023-01-01T03:04:05.0000000Z', undefined, 117, 2, false, true, false, 'Administrators'],
  ]);
  assert.equal(rows[1]?.['flag_names'], 'no password required, normal, password never expires');
  assert.ok(!JSON.stringify(rows).includes('4141'), 'no byte of a hash is shown');
  assert.ok(artefactEvents(SAM_USERS, set).includes(`${LOGON} --- last log-on of alice`));
});

test('an account that claims another\'s RID, and a name that differs, are anomalies', () => {
  const anomalies = new Anomalies();
  const hidden: KeyToWrite = { name: '000003EA', values: [{ name: 'F', type: 3, data: fixedPart(500, 0x210, 0n) }, { name: 'V', type: 3, data: variablePart('bob', '', '', 4, 4) }] };
  const rows = artefactRows(SAM_USERS, writtenSet({ 'HKLM\\SAM': sam([hidden], [['robert', 1002]], ADMINISTRATORS) }, anomalies));
  assert.equal(rows.length, 1);
  assert.deepEqual(anomalies.list.map(({ what }) => what), [
    'the account is named "bob", its entry among names "robert"', 'the account\'s own RID is 500, its key\'s is 1002',
  ]);
});

test('groups name their members, well-known ones by name', () => {
  const set = writtenSet({ 'HKLM\\SAM': sam([ALICE], [], ADMINISTRATORS) });
  assert.deepEqual(artefactRows(SAM_GROUPS, set).map((row) => picked(row, 'rid', 'name', 'kind', 'member_count', 'members', 'comment')), [
    [544, 'Administrators', 'built-in', 3, 'S-1-5-21-111-222-333-1001, S-1-5-21-9-9-9-512, NT AUTHORITY\\Authenticated Users', 'all rights'],
  ]);
});

test('hostile accounts and groups give what they have, and say what is wrong', () => {
  const anomalies = new Anomalies();
  const far = variablePart('x', '', '', 0, 0);
  far.writeUInt32LE(0xffff_fff0, 12);
  const lying = alias(544, 'G', '', [sid(11)]);
  lying.writeUInt32LE(0x7fff_ffff, 0x30);
  lying[0x34 + 2] = 9;
  const broken: KeyToWrite = { name: '000003EB', values: [{ name: 'F', type: 3, data: Buffer.alloc(8) }, { name: 'V', type: 3, data: far }] };
  const empty: KeyToWrite = { name: '000003EC', values: [] };
  const set = writtenSet({ 'HKLM\\SAM': sam([broken, empty], [['who', 0x3eb]], lying) }, anomalies);
  assert.deepEqual(artefactRows(SAM_USERS, set).map((row) => picked(row, 'rid', 'name', 'last_logon')), [[1003, 'who', undefined], [1004, undefined, undefined]]);
  assert.deepEqual(artefactRows(SAM_GROUPS, set).map((row) => row['rid']), [544], 'a group whose members are damaged is still one');
  assert.deepEqual(anomalies.list.map(({ what }) => what), [
    'no SID: revision 9, 1 sub-authorities', 'the fixed part of an account is too short', 'part 1 of an account lies outside of it',
  ]);
});

/** The audit policy of three categories: two sub-categories, one, none. */
function audit(settings: readonly number[], counts: readonly number[]): Buffer {
  const bytes = Buffer.alloc(12 + settings.length * 2 + counts.length * 2);
  bytes.writeUInt16LE(counts.length, 4);
  bytes.writeUInt32LE(12 + settings.length * 2, 8);
  [...settings, ...counts].forEach((word, i) => bytes.writeUInt16LE(word, 12 + i * 2));
  return bytes;
}

function value(data: Buffer): NonNullable<KeyToWrite['values']> {
  return [{ name: '', type: 0, data }];
}

function name(text: string): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(text.length * 2, 0);
  bytes.writeUInt32LE(8, 4);
  return Buffer.concat([bytes, Buffer.from(text, 'utf16le')]);
}

test('the security policy tells SIDs, rules for passwords, rights, what is audited, and of secrets only the time', () => {
  const security: KeyToWrite = { name: 'ROOT', keys: [{ name: 'Policy', keys: [
    { name: 'PolAcDmS', values: value(sid(...MACHINE)) }, { name: 'PolPrDmN', values: value(name('WORKGROUP')) }, { name: 'PolAdtEv', values: value(audit([3, 0, 1], [2, 1, 0])) },
    { name: 'Accounts', keys: [{ name: 'S-1-5-32-544', keys: [
      { name: 'ActSysAc', values: value(dword(0x403)) }, { name: 'Privilgs', values: value(Buffer.concat([dword(1), dword(0), dword(20), dword(0), dword(0)])) },
    ] }] },
    { name: 'Secrets', keys: [{ name: 'DefaultPassword', keys: [
      { name: 'CurrVal', values: value(Buffer.from('secret!!secret!!')) }, { name: 'CupdTime', values: value((() => { const b = Buffer.alloc(8); b.writeBigUInt64LE(LOGON); return b; })()) },
    ] }] },
  ] }] };
  const set = writtenSet({ 'HKLM\\SECURITY': security, 'HKLM\\SAM': sam([], [], ADMINISTRATORS) });
  const facts = artefactRows(SECURITY_POLICY, set).map((row) => `${row['topic']}: ${row['what']} = ${row['value'] ?? row['time']}`);
  for (const fact of [
    'machine: SID of the machine\'s own accounts = S-1-5-21-111-222-333', 'password: longest age = 42 days', 'password: shortest length = 7', 'password: properties = complexity',
    'machine: SID of the account domain = S-1-5-21-111-222-333', 'machine: name of the primary domain or workgroup = WORKGROUP',
    'audit: System: Security State Change = success and failure', 'audit: System: Security System Extension = none', 'audit: Logon/Logoff: Logon = success',
    'right: S-1-5-32-544 = interactive log-on, network log-on, remote interactive log-on', 'privileges: S-1-5-32-544 = SeDebugPrivilege',
    'secret: DefaultPassword = 2023-01-02T03:04:05.0000000Z',
  ]) assert.ok(facts.includes(fact), `${fact} is among\n${facts.join('\n')}`);
  assert.ok(!facts.some((fact) => fact.includes('secret!!')));
});

test('an audit policy whose counts lie is an anomaly, not an endless list', () => {
  for (const bytes of [audit([1], [0xffff]), audit([1, 1], [1, 2]), (() => { const b = audit([1], [1]); b.writeUInt16LE(0xffff, 4); return b; })(), Buffer.alloc(3)]) {
    const anomalies = new Anomalies();
    const set = writtenSet({ 'HKLM\\SECURITY': { name: 'ROOT', keys: [{ name: 'Policy', keys: [{ name: 'PolAdtEv', values: value(bytes) }] }] } }, anomalies);
    assert.equal(artefactRows(SECURITY_POLICY, set).length, 0);
    assert.equal(anomalies.list.length, 1);
  }
});

test('a profile has its path and the times that are kept in halves', () => {
  const halves = (time: bigint, what: string): NonNullable<KeyToWrite['values']> => [
    { name: `${what}High`, type: 4, data: dword(Number(time >> 32n)) }, { name: `${what}Low`, type: 4, data: dword(Number(time & 0xffff_ffffn)) },
  ];
  const set = writtenSet({ 'HKLM\\SOFTWARE': { name: 'ROOT', keys: [{ name: 'Microsoft', keys: [{ name: 'Windows NT', keys: [{ name: 'CurrentVersion', keys: [{ name: 'ProfileList', keys: [
    { name: 'S-1-5-21-1-2-3-1001', values: [{ name: 'ProfileImagePath', type: 2, data: sz('C:\\Users\\alice') }, ...halves(LOGON, 'LocalProfileLoadTime')] },
  ] }] }] }] }] } });
  assert.deepEqual(picked(artefactRows(PROFILES, set)[0], 'sid', 'path', 'loaded', 'unloaded'), ['S-1-5-21-1-2-3-1001', 'C:\\Users\\alice', '2023-01-02T03:04:05.0000000Z', undefined]);
  assert.deepEqual(artefactEvents(PROFILES, set), [`${LOGON} RD profile loaded C:\\Users\\alice`]);
});
