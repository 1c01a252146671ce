import assert from 'node:assert/strict';
import { test } from 'node:test';
import { securityDescriptorText } from '../../../src/windows/security-descriptor.js';
import { machine, type Machine } from '../../support/machine.js';

const SYSTEM = Buffer.from('010100000000000512000000', 'hex');
const EVERYONE = Buffer.from('010100000000000100000000', 'hex');

/** An ACL of entries: type, flags, mask, trustee. */
function acl(...entries: readonly (readonly [type: number, flags: number, mask: number, sid: Buffer])[]): Buffer {
  const aces = entries.map(([type, flags, mask, sid]) => {
    const head = Buffer.alloc(8);
    head[0] = type;
    head[1] = flags;
    head.writeUInt16LE(8 + sid.length, 2);
    head.writeUInt32LE(mask, 4);
    return Buffer.concat([head, sid]);
  });
  const head = Buffer.alloc(8);
  head[0] = 2;
  head.writeUInt16LE(8 + aces.reduce((sum, { length }) => sum + length, 0), 2);
  head.writeUInt16LE(aces.length, 4);
  return Buffer.concat([head, ...aces]);
}

function write(made: Machine, control: number, owner: Buffer, dacl: Buffer | undefined): bigint {
  const address = made.kernel.paged.alloc(0x200, 'SeSd');
  const head = Buffer.alloc(20);
  head[0] = 1;
  head.writeUInt16LE(control, 2);
  head.writeUInt32LE(20, 4);
  head.writeUInt32LE(20, 8);
  if (dacl !== undefined) head.writeUInt32LE(20 + owner.length, 16);
  made.kernel.space.write(address, Buffer.concat([head, owner, dacl ?? Buffer.alloc(0)]));
  return address;
}

test('owner, group and entries are told as SDDL', () => {
  const made = machine();
  const address = write(made, 0x9004, SYSTEM, acl([0, 3, 0x1f_0003, SYSTEM], [1, 0, 0x2, EVERYONE]));
  assert.equal(securityDescriptorText(made.open().kernel, address), 'O:S-1-5-18G:S-1-5-18D:P(A;OICI;0x1f0003;;;S-1-5-18)(D;;0x2;;;S-1-1-0)');
});

test('a list that is present and not there grants everything', () => {
  const made = machine();
  const address = write(made, 0x8004, SYSTEM, undefined);
  assert.equal(securityDescriptorText(made.open().kernel, address), 'O:S-1-5-18G:S-1-5-18D:NO_ACCESS_CONTROL');
});

test('what is no descriptor, and one whose parts lie elsewhere, are refused; one that is not in the image is absent', () => {
  const made = machine();
  const list = acl([0, 0, 1, SYSTEM]);
  const none = write(made, 0x4, SYSTEM, list);
  const far = write(made, 0x8004, SYSTEM, list);
  made.kernel.space.write(far + 16n, Buffer.from('ffffff7f', 'hex'));
  const overrun = write(made, 0x8004, SYSTEM, list);
  made.kernel.space.write(overrun + 20n + 12n + 8n + 2n, Buffer.from('ffff', 'hex'));
  const { kernel } = made.open();
  assert.throws(() => securityDescriptorText(kernel, none), /no self-relative/);
  assert.throws(() => securityDescriptorText(kernel, far), /far behind it/);
  assert.throws(() => securityDescriptorText(kernel, overrun), /past its end/);
  assert.equal(securityDescriptorText(kernel, 0xffff_9999_0000_0000n), undefined);
});
