import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingWritten } from '../../../src/registry/property-type.js';
import { dataText, nativeOf, valueTypeName } from '../../../src/registry/value-type.js';

const TIME = Buffer.from('00803ed5deb19d01', 'hex');

test('data of device properties is read by its own types', () => {
  assert.equal(valueTypeName(0xffff_0010), 'DEVPROP_TYPE_FILETIME');
  assert.equal(dataText(0xffff_0010, TIME), '1970-01-01T00:00:00.0000000Z');
  assert.equal(nativeOf(0xffff_0010, TIME), 116_444_736_000_000_000n);
  assert.equal(dataText(0xffff_0011, Buffer.from([0xff])), 'true');
  assert.deepEqual(nativeOf(0xffff_2012, Buffer.from('a\0b\0\0', 'utf16le')), ['a', 'b']);
  assert.equal(dataText(0xffff_000d, Buffer.from('00112233445566778899aabbccddeeff', 'hex')), '{33221100-5544-7766-8899-aabbccddeeff}');
});

test('a setting of an app is its data, and the time of its change follows', () => {
  for (const type of [0x10c, 0x05f5_e10c]) {
    const data = Buffer.concat([Buffer.from('Grüße\0', 'utf16le'), TIME]);
    assert.equal(valueTypeName(type), 'UWP_STRING');
    assert.equal(nativeOf(type, data), 'Grüße');
    assert.equal(settingWritten(type, data), 116_444_736_000_000_000n);
  }
  assert.equal(dataText(0x116, Buffer.concat([Buffer.from([1, 0, 2, 1]), TIME])), '1\n258');
});

test('data whose length does not fit its type stays bytes', () => {
  const short = Buffer.from([1, 2, 3]);
  assert.equal(nativeOf(0xffff_0010, short), short);
  assert.equal(nativeOf(0x10c, short), short);
  assert.equal(settingWritten(0x10c, short), undefined);
  assert.equal(valueTypeName(1001), 'REG_UNKNOWN_0x000003e9');
});

/** An item of a composite setting, up to a multiple of eight bytes. */
function item(name: string, type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(12 + 2 * (name.length + 1) + data.length, 0);
  head.writeUInt32LE(type, 4);
  head.writeUInt32LE(name.length, 8);
  const bytes = Buffer.concat([head, Buffer.from(`${name}\0`, 'utf16le'), data]);
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 7)]);
}

test('a composite setting is a line for each item, those within it indented', () => {
  const inner = Buffer.concat([item('x', 0x05, Buffer.from([7, 0, 0, 0])), item('on', 0x0b, Buffer.from([1]))]);
  const data = Buffer.concat([item('Name', 0x0c, Buffer.from('Rover\0', 'utf16le')), item('In', 0x0d, inner), item('odd', 0x7f, Buffer.from([0xab, 0xcd])), TIME]);
  assert.equal(valueTypeName(0x05f5_e10d), 'UWP_COMPOSITE');
  assert.deepEqual(nativeOf(0x10d, data), ['Name = Rover', 'In =', '  x = 7', '  on = true', 'odd = abcd']);
  assert.equal(dataText(0x10d, data), 'Name = Rover\nIn =\n  x = 7\n  on = true\nodd = abcd');
});

test('an array of strings has a line for each', () => {
  const one = (text: string): Buffer => {
    const bytes = Buffer.from(`${text}\0`, 'utf16le');
    const head = Buffer.alloc(4);
    head.writeUInt32LE(bytes.length);
    return Buffer.concat([head, bytes]);
  };
  assert.equal(valueTypeName(0x11f), 'UWP_STRING_ARRAY');
  assert.deepEqual(nativeOf(0x11f, Buffer.concat([one('a'), one(''), one('Grüße'), TIME])), ['a', '', 'Grüße']);
  assert.equal(valueTypeName(0x125), 'UWP_RECT_ARRAY');
  assert.equal(valueTypeName(0x126), 'REG_UNKNOWN_0x00000126');
});

test('a composite setting or an array whose lengths lie stays bytes', () => {
  const lying = Buffer.concat([item('Name', 0x0c, Buffer.from('Rover\0', 'utf16le')), TIME]);
  for (const [at, value] of [[0, 0xffff_ffff], [0, 0], [8, 0x7fff_ffff]] as const) {
    const data = Buffer.from(lying);
    data.writeUInt32LE(value, at);
    assert.equal(nativeOf(0x10d, data), data);
  }
  let nested = item('deep', 0x0b, Buffer.from([1]));
  for (let i = 0; i < 40; i += 1) nested = item('in', 0x0d, nested);
  assert.match(dataText(0x10d, Buffer.concat([nested, TIME])), /^in =\n {2}in =\n(?: +in =\n){13} +in = [0-9a-f]+$/);
  const short = Buffer.concat([Buffer.from([0xff, 0, 0, 0, 1, 2]), TIME]);
  assert.equal(nativeOf(0x11f, short), short);
});
