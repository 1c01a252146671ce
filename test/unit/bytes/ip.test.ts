import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipText } from '../../../src/bytes/ip.js';

const v6 = (...groups: number[]): string => ipText(Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));

test('an IPv4 address is written in dotted form', () => {
  assert.equal(ipText(Uint8Array.of(192, 168, 0, 1)), '192.168.0.1');
});

test('an IPv6 address loses leading zeros and is in lower case', () => {
  assert.equal(v6(0x2001, 0xdb8, 1, 2, 3, 4, 0xabc, 0xF), '2001:db8:1:2:3:4:abc:f');
});

test('the longest run of zero groups becomes two colons, the first of equals', () => {
  assert.equal(v6(0x2001, 0, 0, 1, 0, 0, 0, 1), '2001:0:0:1::1');
  assert.equal(v6(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1), '2001:db8::1:0:0:1');
});

test('a single zero group stays', () => {
  assert.equal(v6(0x2001, 0xdb8, 0, 1, 1, 1, 1, 1), '2001:db8:0:1:1:1:1:1');
});

test('the unspecified and the loopback address are short', () => {
  assert.equal(v6(0, 0, 0, 0, 0, 0, 0, 0), '::');
  assert.equal(v6(0, 0, 0, 0, 0, 0, 0, 1), '::1');
  assert.equal(v6(0xfe80, 0, 0, 0, 0, 0, 0, 0), 'fe80::');
});

test('an IPv4 address mapped into IPv6 keeps its dotted form', () => {
  assert.equal(v6(0, 0, 0, 0, 0, 0xffff, 0xc0a8, 1), '::ffff:192.168.0.1');
});
