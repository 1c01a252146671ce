import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guidDigits } from '../../../src/bytes/guid.js';
import { hex, hexAscii } from '../../../src/bytes/hex.js';
import { ipText } from '../../../src/bytes/ip.js';
import { ascii, utf16 } from '../../../src/bytes/utf16.js';

test('a GUID is written as symbol stores name it: three little-endian numbers, then eight bytes', () => {
  assert.equal(guidDigits(Buffer.from('012f8eca22b8de6357898bfbf8629977', 'hex')), 'CA8E2F01B82263DE57898BFBF8629977');
  assert.equal(guidDigits(Buffer.from('ffff012f8eca22b8de6357898bfbf8629977', 'hex'), 2), 'CA8E2F01B82263DE57898BFBF8629977');
});

test('hex digits are lower case and padded, never cut', () => {
  assert.equal(hex(0xabcn, 16), '0000000000000abc');
  assert.equal(hex(0xfffff, 2), 'fffff');
});

test('a hex dump shows control bytes as dots and pads its last line', () => {
  const dump = hexAscii(Buffer.from('MZ\x1b[31m\x7f\xff~ and more\n', 'latin1'));
  const [first, second, end] = dump.split('\n');
  assert.equal(first, '0000  4d 5a 1b 5b 33 31 6d 7f  ff 7e 20 61 6e 64 20 6d   MZ.[31m..~ and m');
  assert.equal(second, '0010  6f 72 65 0a                                        ore.');
  assert.equal(end, '');
});

test('UTF-16 ends at its trailing NULs, keeps inner ones, and ignores an odd last byte', () => {
  assert.equal(utf16(Buffer.from('ab\0cd\0\0', 'utf16le')), 'ab\0cd');
  assert.equal(utf16(Buffer.from([0x41, 0, 0x42])), 'A');
  assert.equal(utf16(Buffer.alloc(0)), '');
  assert.equal(utf16(Buffer.from([0, 0xd8])), '\ud800');
});

test('an 8-bit name ends at its first NUL and has one character a byte', () => {
  assert.equal(ascii(Buffer.from('svchost.exe\0\xff', 'latin1')), 'svchost.exe');
  assert.equal(ascii(Buffer.from('caf\xe9', 'latin1')), 'café');
});

test('IPv6 text follows RFC 5952', () => {
  const text = (digits: string): string => ipText(Buffer.from(digits, 'hex'));
  assert.equal(text('c0a81501'), '192.168.21.1');
  assert.equal(text('20010db8000000000000000000000001'), '2001:db8::1');
  assert.equal(text('20010db8000100000000000100000001'), '2001:db8:1::1:0:1');
  assert.equal(text('20010db8000100010001000100000001'), '2001:db8:1:1:1:1:0:1', 'one zero group is not shortened');
  assert.equal(text('00000000000000000000000000000000'), '::');
  assert.equal(text('00000000000000000000ffffc0a81501'), '::ffff:192.168.21.1');
  assert.equal(text('fe800000000000000000000000000000'), 'fe80::');
});
