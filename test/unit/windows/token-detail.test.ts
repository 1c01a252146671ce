import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aceTypeName, aces } from '../../../src/bytes/acl.js';
import { attributeNames, tokenDetail, type TokenDetail } from '../../../src/windows/token-detail.js';
import { FAMILIES, machine, type Machine } from '../../support/machine.js';
import { sidBytes } from '../../support/tokens.js';

const PID = 1000;
const ALICE = 'S-1-5-21-2598474435-2016046411-2115066570-1001';
const APP = 'S-1-15-2-1-2-3';
const CAPABILITY = 'S-1-15-3-1';

function made(build = 19041): { readonly machine: Machine; readonly address: bigint } {
  const machine_ = machine({ profile: build }).process({ name: 'made.exe', pid: PID, token: { user: ALICE, groups: [['S-1-1-0', 7]], integrity: 'S-1-16-8192' } });
  return { machine: machine_, address: machine_.built(PID).view.get('Token.Value') & ~0xfn };
}

function detailOf(made_: Machine): { readonly detail: TokenDetail; readonly anomalies: readonly string[] } {
  const process = made_.open().process(PID) ?? assert.fail();
  const detail = tokenDetail(process.kernel, process.token() ?? assert.fail(), 'token') ?? assert.fail();
  return { detail, anomalies: process.anomalies.list.map(({ what }) => what) };
}

/** A SID in paged pool. */
function sidAt({ kernel }: Machine, sid: string): bigint {
  const bytes = sidBytes(sid);
  const at = kernel.paged.alloc(bytes.length, 'SeSi');
  kernel.space.write(at, bytes);
  return at;
}

/** An array of SIDs with attributes. */
function sids(machine_: Machine, ...list: readonly (readonly [string, number])[]): bigint {
  const { kernel } = machine_;
  const array = kernel.paged.alloc(16 * list.length, 'SeTk');
  list.forEach(([sid, attributes], i) => kernel.view('_SID_AND_ATTRIBUTES', array + BigInt(16 * i)).set('Sid', sidAt(machine_, sid)).set('Attributes', attributes));
  return array;
}

/** `ACCESS_ALLOWED` for everyone, `ACCESS_DENIED` for Alice. */
function acl(): Buffer {
  const ace = (type: number, mask: number, sid: string): Buffer => {
    const head = Buffer.alloc(8);
    head.writeUInt8(type, 0);
    head.writeUInt16LE(8 + sidBytes(sid).length, 2);
    head.writeUInt32LE(mask >>> 0, 4);
    return Buffer.concat([head, sidBytes(sid)]);
  };
  const body = Buffer.concat([ace(0, 0x1000_0000, 'S-1-1-0'), ace(1, 0x8000_0000, ALICE)]);
  const head = Buffer.alloc(8);
  head.writeUInt8(2, 0);
  head.writeUInt16LE(8 + body.length, 2);
  head.writeUInt16LE(2, 4);
  return Buffer.concat([head, body]);
}

for (const build of FAMILIES) {
  test(`build ${build}: type, source, logon, restricted SIDs and default DACL of a token`, () => {
    const { machine: built, address } = made(build);
    const { kernel } = built;
    const token = built.view('_TOKEN', address);
    token.set('TokenType', 2).set('ImpersonationLevel', 2).set('TokenFlags', 0x2800).set('MandatoryPolicy', 3).set('DefaultOwnerIndex', 1).set('PrimaryGroup', sidAt(built, 'S-1-5-32-544'));
    token.set('RestrictedSidCount', 1).set('RestrictedSids', sids(built, ['S-1-5-12', 7]));
    const logon = kernel.paged.struct('_SEP_LOGON_SESSION_REFERENCES', 'SeLs', 0x100);
    kernel.space.setU64(logon.at('LogonId'), 0x3_e9f0n);
    kernel.space.setU64(logon.at('BuddyLogonId'), 0x3_ea00n);
    kernel.text(logon, 'AccountName', 'alice');
    kernel.text(logon, 'AuthorityName', 'HOME');
    token.set('LogonSession', logon.address);
    const dacl = kernel.paged.alloc(acl().length, 'SeAc');
    kernel.space.write(dacl, acl());
    token.set('DefaultDacl', dacl);
    if (token.has('Capabilities')) token.set('CapabilityCount', 1).set('Capabilities', sids(built, [CAPABILITY, 4])).set('Package', sidAt(built, APP)).set('TrustLevelSid', sidAt(built, 'S-1-19-512-8192'));
    const { detail, anomalies } = detailOf(built);
    assert.deepEqual([detail.type, detail.impersonationLevel, detail.source, detail.elevation], ['Impersonation', 'Impersonation', 'Advapi', 'Limited']);
    assert.deepEqual([detail.flags, detail.mandatoryPolicy], [['filtered', 'not-low'], ['no-write-up', 'new-process-min']]);
    assert.deepEqual([detail.owner, detail.primaryGroup], ['S-1-1-0', 'S-1-5-32-544']);
    assert.deepEqual([detail.account, detail.authority, detail.linkedLogon], ['alice', 'HOME', 0x3_ea00n]);
    assert.deepEqual(detail.restricted, [{ sid: 'S-1-5-12', attributes: 7 }]);
    assert.deepEqual(detail.capabilities, token.has('Capabilities') ? [{ sid: CAPABILITY, attributes: 4 }] : []);
    assert.deepEqual([detail.appContainer, detail.trustLevel], token.has('Capabilities') ? [APP, 'S-1-19-512-8192'] : [undefined, undefined]);
    assert.deepEqual(detail.defaultDacl?.map(({ type, mask, sid }) => [aceTypeName(type), mask, sid]), [['ACCESS_ALLOWED', 0x1000_0000, 'S-1-1-0'], ['ACCESS_DENIED', 0x8000_0000, ALICE]]);
    assert.deepEqual(anomalies, []);
  });
}

test('a token of a logon without a second one is Default, one that was not filtered Full', () => {
  const elevation = (buddy: bigint, flags: number): string | undefined => {
    const { machine: built, address } = made();
    const logon = built.kernel.paged.struct('_SEP_LOGON_SESSION_REFERENCES', 'SeLs', 0x100);
    built.kernel.space.setU64(logon.at('BuddyLogonId'), buddy);
    built.view('_TOKEN', address).set('LogonSession', logon.address).set('TokenFlags', flags);
    return detailOf(built).detail.elevation;
  };
  assert.deepEqual([elevation(0n, 0x2000), elevation(5n, 0x2000), elevation(5n, 0x2800)], ['Default', 'Full', 'Limited']);
  assert.equal(detailOf(made().machine).detail.elevation, undefined);
});

test('counts that lie, pointers that lead nowhere and an ACL that goes past its end are anomalies', () => {
  const { machine: built, address } = made();
  const token = built.view('_TOKEN', address);
  token.set('RestrictedSidCount', 0x7fff_ffff).set('RestrictedSids', sids(built, ['S-1-5-12', 7]));
  const lying = acl();
  lying.writeUInt16LE(500, 4);
  const dacl = built.kernel.paged.alloc(lying.length, 'SeAc');
  built.kernel.space.write(dacl, lying);
  token.set('DefaultDacl', dacl).set('Package', 0x1234n).set('LogonSession', 0x5678n);
  const { detail, anomalies } = detailOf(built);
  assert.deepEqual([detail.appContainer, detail.account, detail.defaultDacl], [undefined, undefined, undefined]);
  assert.ok(anomalies.some((what) => what.includes('restricted SIDs')));
  assert.ok(anomalies.some((what) => what.includes('past its end')));
});

test('an ACL of garbage is none, and an entry of another shape has no SID', () => {
  assert.throws(() => aces(Buffer.alloc(8)), /no access control list/);
  const objects = acl();
  objects.writeUInt8(5, 8);
  assert.deepEqual(aces(objects).map(({ type, sid }) => [aceTypeName(type), sid]), [['ACCESS_ALLOWED_OBJECT', undefined], ['ACCESS_DENIED', ALICE]]);
});

test('attributes of groups by name', () => {
  assert.equal(attributeNames(7), 'mandatory,enabled-by-default,enabled');
  assert.equal(attributeNames(0x10), 'deny-only');
  assert.equal(attributeNames(0xc000_0007), 'mandatory,enabled-by-default,enabled,logon-id');
});
