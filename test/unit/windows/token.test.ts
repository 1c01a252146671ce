import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sidText, integrityName, wellKnownName, isPersonal, domainRole } from '../../../src/bytes/sid.js';
import { serviceSid } from '../../../src/windows/registry-accounts.js';
import type { Token } from '../../../src/windows/token.js';
import { accountName, displayName, nameAccountsBy } from '../../../src/windows/users.js';
import { FAMILIES, machine, type Machine } from '../../support/machine.js';
import { sidBytes, type TokenSpec } from '../../support/tokens.js';

const ALICE = 'S-1-5-21-2598474435-2016046411-2115066570-1001';
const LOGON: TokenSpec = {
  user: ALICE, groups: [['S-1-1-0', 7], ['S-1-5-32-544', 0x10]], integrity: 'S-1-16-8192', session: 1, luid: 0x4_abbbn,
  present: (1n << 20n) | (1n << 23n), enabled: 1n << 23n, enabledByDefault: 1n << 23n,
};
const PID = 1000;

function withToken(token: TokenSpec, build = 19041): Machine {
  return machine({ profile: build }).process({ name: 'made.exe', pid: PID, token });
}

function tokenOf(made: Machine): Token | undefined {
  return made.open().process(PID)?.token();
}

for (const build of FAMILIES) {
  test(`build ${build}: user, groups, integrity, session and logon of a token`, () => {
    const token = tokenOf(withToken(LOGON, build));
    assert.equal(token?.userSid, ALICE);
    assert.deepEqual(token.groups, [
      { sid: ALICE, attributes: 0 }, { sid: 'S-1-1-0', attributes: 7 }, { sid: 'S-1-5-32-544', attributes: 0x10 }, { sid: 'S-1-16-8192', attributes: 0x60 },
    ]);
    assert.equal(token.integritySid, 'S-1-16-8192');
    assert.equal(token.integrity, 'Medium');
    assert.equal(token.session, 1);
    assert.equal(token.luid, 0x4_abbbn);
    assert.equal(token.wellKnown, false);
  });

  test(`build ${build}: privileges are told by their bits`, () => {
    assert.deepEqual(tokenOf(withToken(LOGON, build))?.privileges, [
      { luid: 20, name: 'SeDebugPrivilege', present: true, enabled: false, enabledByDefault: false },
      { luid: 23, name: 'SeChangeNotifyPrivilege', present: true, enabled: true, enabledByDefault: true },
    ]);
  });
}

test('a privilege that is enabled without being present is shown', () => {
  const token = tokenOf(withToken({ ...LOGON, present: 0n, enabled: 1n << 20n, enabledByDefault: 0n }));
  assert.deepEqual(token?.privileges, [{ luid: 20, name: 'SeDebugPrivilege', present: false, enabled: true, enabledByDefault: false }]);
});

test('a token without an integrity level says none', () => {
  const token = tokenOf(withToken({ user: ALICE, groups: [['S-1-1-0', 7]] }));
  assert.equal(token?.integrity, undefined);
  assert.equal(token?.integritySid, undefined);
});

test('a process without a token has none', () => {
  assert.equal(tokenOf(machine().process({ name: 'made.exe', pid: PID })), undefined);
});

test('an object of another type is no token', () => {
  const made = machine().process({ name: 'made.exe', pid: PID });
  const event = made.objects.create('Event', '_KEVENT');
  made.built(PID).view.set('Token.Value', event.address | 0xfn);
  const process = made.open().process(PID);
  assert.equal(process?.token(), undefined);
  assert.match(process?.anomalies.list.at(-1)?.what ?? '', /an object of type Event stands for a token/);
});

test('a count of groups that no token can have is refused before memory is taken for it', () => {
  const made = withToken(LOGON);
  const address = made.built(PID).view.get('Token.Value') & ~0xfn;
  made.lie('_TOKEN', address, 'UserAndGroupCount', 0xffff_ffff);
  const process = made.open().process(PID);
  assert.equal(process?.token(), undefined);
  assert.match(process?.anomalies.list.at(-1)?.what ?? '', /4294967295 groups/);
});

test('a group whose SID is broken is left out and said, and the others keep their places', () => {
  const made = withToken(LOGON);
  const token = made.view('_TOKEN', made.built(PID).view.get('Token.Value') & ~0xfn);
  const second = made.view('_SID_AND_ATTRIBUTES', token.get('UserAndGroups') + 16n).get('Sid');
  made.kernel.space.write(second, Buffer.from([7]));
  const process = made.open().process(PID);
  assert.deepEqual(process?.token()?.groups.map(({ sid }) => sid), [ALICE, 'S-1-5-32-544', 'S-1-16-8192']);
  assert.equal(process?.token()?.integrity, 'Medium');
  assert.match(process?.anomalies.list.at(-1)?.what ?? '', /no SID: revision 7/);
});

test('a SID is written as its parts, a large authority in hex, and cut bytes are none', () => {
  for (const sid of ['S-1-1-0', 'S-1-5-18', ALICE]) assert.equal(sidText(sidBytes(sid)), sid);
  assert.equal(sidText(Buffer.from('0101 0100 0000 0000 01000000'.replaceAll(' ', ''), 'hex')), 'S-1-0x010000000000-1');
  assert.equal(sidText(sidBytes(ALICE).subarray(0, 12)), undefined);
  assert.throws(() => sidText(Buffer.from([1, 16, 0, 0, 0, 0, 0, 5])), /16 sub-authorities/);
});

test('integrity levels between the named ones count as the one below', () => {
  assert.deepEqual([0, 4096, 8192, 8448, 8500, 12288, 16384, 20480].map((level) => integrityName(`S-1-16-${level}`)),
    ['Untrusted', 'Low', 'Medium', 'MediumPlus', 'MediumPlus', 'High', 'System', 'Protected']);
  assert.equal(integrityName(ALICE), undefined);
});

test('accounts that Windows brings have names on every machine', () => {
  const system = {};
  assert.equal(accountName(system, 'S-1-5-18'), 'SYSTEM');
  assert.equal(displayName(system, 'S-1-5-18'), 'NT AUTHORITY\\SYSTEM');
  assert.equal(accountName(system, 'S-1-5-90-0-3'), 'DWM-3');
  assert.equal(accountName(system, 'S-1-5-96-0-0'), 'UMFD-0');
  assert.equal(wellKnownName('S-1-5-5-0-123'), 'NT AUTHORITY\\LogonSessionId_0_123');
  assert.equal(accountName(system, ALICE), undefined);
  assert.equal(domainRole(`${ALICE.replace(/-1001$/, '')}-513`), 'Domain Users');
  assert.equal(isPersonal(ALICE), true);
  assert.equal(isPersonal('S-1-5-80-0'), false);
});

test('a person\'s account is named by what the machine stores', () => {
  const system = {};
  nameAccountsBy(system, (sid) => (sid === ALICE ? 'alice' : undefined));
  assert.equal(accountName(system, ALICE), 'alice');
  assert.equal(displayName(system, ALICE), 'alice');
  assert.equal(accountName({}, ALICE), undefined);
});

test('a service\'s SID is the hash of its name', () => {
  assert.equal(serviceSid('TrustedInstaller'), 'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464');
});
