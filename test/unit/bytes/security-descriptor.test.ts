import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormatError } from '../../../src/bytes/errors.js';
import { sddl, securityDescriptor } from '../../../src/bytes/security-descriptor.js';

function sid(authority: number, ...parts: number[]): Buffer {
  const bytes = Buffer.alloc(8 + 4 * parts.length);
  bytes[0] = 1;
  bytes[1] = parts.length;
  bytes[7] = authority;
  parts.forEach((part, i) => bytes.writeUInt32LE(part, 8 + 4 * i));
  return bytes;
}

function ace(type: number, flags: number, mask: number, rest: Buffer): Buffer {
  const bytes = Buffer.alloc(8);
  bytes[0] = type;
  bytes[1] = flags;
  bytes.writeUInt16LE(8 + rest.length, 2);
  bytes.writeUInt32LE(mask, 4);
  return Buffer.concat([bytes, rest]);
}

function acl(...aces: Buffer[]): Buffer {
  const bytes = Buffer.alloc(8);
  bytes[0] = 2;
  bytes.writeUInt16LE(8 + Buffer.concat(aces).length, 2);
  bytes.writeUInt16LE(aces.length, 4);
  return Buffer.concat([bytes, ...aces]);
}

function descriptor(control: number, dacl: Buffer | undefined, sacl?: Buffer): Buffer {
  const owner = sid(5, 32, 544);
  const group = sid(5, 18);
  const head = Buffer.alloc(0x14);
  head[0] = 1;
  head.writeUInt16LE(control, 2);
  head.writeUInt32LE(0x14, 4);
  head.writeUInt32LE(0x14 + owner.length, 8);
  const lists = 0x14 + owner.length + group.length;
  if (dacl !== undefined) head.writeUInt32LE(lists, 0x10);
  if (sacl !== undefined) head.writeUInt32LE(lists + (dacl?.length ?? 0), 0x0c);
  return Buffer.concat([head, owner, group, dacl ?? Buffer.alloc(0), sacl ?? Buffer.alloc(0)]);
}

test('a descriptor of a key is SDDL with the aliases and the rights of keys', () => {
  const bytes = descriptor(0x9404, acl(ace(0, 2, 0xf003f, sid(5, 18)), ace(0, 0x12, 0x20019, sid(5, 32, 545)), ace(1, 0, 0x3, sid(5, 21, 1, 2, 3, 1001))));
  assert.equal(sddl(securityDescriptor(bytes), 'key'), 'O:BAG:SYD:PAI(A;CI;KA;;;SY)(A;CIID;KR;;;BU)(D;;CCDC;;;S-1-5-21-1-2-3-1001)');
});

test('labels, objects and conditions keep what they say', () => {
  const guid = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
  const flags = Buffer.from([1, 0, 0, 0]);
  const bytes = descriptor(0x8014, acl(ace(5, 0, 0x100, Buffer.concat([flags, guid, sid(1, 0)])), ace(9, 0, 0x8000_0000, Buffer.concat([sid(1, 0), Buffer.from('artx')]))),
    acl(ace(0x11, 0, 1, sid(16, 12288))));
  assert.equal(sddl(securityDescriptor(bytes), 'key'),
    'O:BAG:SYD:(OA;;CR;33221100-5544-7766-8899-aabbccddeeff;;WD)(XA;;GR;;;WD;(0x61727478))S:(ML;;NW;;;HI)');
});

test('a null list is told apart from an empty and from an absent one', () => {
  assert.equal(sddl(securityDescriptor(descriptor(0x8004, undefined)), 'key'), 'O:BAG:SYD:NO_ACCESS_CONTROL');
  assert.equal(sddl(securityDescriptor(descriptor(0x8004, acl())), 'key'), 'O:BAG:SYD:');
  assert.equal(sddl(securityDescriptor(descriptor(0x8000, undefined)), 'key'), 'O:BAG:SY');
});

test('a descriptor that lies about its parts is a contradiction', () => {
  const long = descriptor(0x8004, acl(ace(0, 0, 1, sid(1, 0))));
  const entry = long.indexOf(Buffer.from([0, 0, 20, 0]));
  const listLies = Buffer.from(long);
  listLies.writeUInt16LE(0xffff, listLies.readUInt32LE(0x10) + 2);
  const entryLies = Buffer.from(long);
  entryLies.writeUInt16LE(2, entry + 2);
  const ownerLies = Buffer.from(long);
  ownerLies.writeUInt32LE(0xffff_fff0, 4);
  for (const bytes of [Buffer.alloc(0), listLies, entryLies, ownerLies]) assert.throws(() => securityDescriptor(bytes), FormatError);
});

test('the plain form has SIDs in full and rights in hex', () => {
  const bytes = descriptor(0x8004, acl(ace(0, 2, 0xf003f, sid(5, 18))));
  assert.equal(sddl(securityDescriptor(bytes), 'plain'), 'O:S-1-5-32-544G:S-1-5-18D:(A;CI;0xf003f;;;S-1-5-18)');
});
