import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peHeader } from '../../../src/pe/header.js';
import { parseVersion, versionInfo } from '../../../src/pe/version.js';
import { BASE, laidOut, setDirectory } from './laid-out.js';

function block(key: string, text: boolean, value: Buffer, children: readonly Buffer[] = []): Buffer {
  const pad = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  const head = Buffer.alloc(6);
  let whole = pad(Buffer.concat([head, Buffer.from(`${key}\0`, 'utf16le')]));
  whole = Buffer.concat([whole, value]);
  for (const child of children) whole = Buffer.concat([pad(whole), child]);
  whole.writeUInt16LE(whole.length, 0);
  whole.writeUInt16LE(text ? value.length / 2 : value.length, 2);
  whole.writeUInt16LE(text ? 1 : 0, 4);
  return whole;
}

const string = (key: string, value: string): Buffer => block(key, true, Buffer.from(`${value}\0`, 'utf16le'));

function resource(): Buffer {
  const fixed = Buffer.alloc(52);
  fixed.writeUInt32LE(0xfeef04bd, 0);
  fixed.writeUInt32LE((10 << 16) | 0, 8);
  fixed.writeUInt32LE((19041 << 16) | 2965, 12);
  const table = block('040904B0', true, Buffer.alloc(0), [string('CompanyName', 'Contoso®'), string('FileVersion', '1.2.3'), string('Comments', '')]);
  return block('VS_VERSION_INFO', false, fixed, [
    block('VarFileInfo', true, Buffer.alloc(0), [block('Translation', false, Buffer.from([9, 4, 0xb0, 4]))]),
    block('StringFileInfo', true, Buffer.alloc(0), [table]),
  ]);
}

test('the strings and the fixed version of a version resource are read', () => {
  const version = parseVersion(resource());
  assert.equal(version?.fixed, '10.0.19041.2965');
  assert.deepEqual([...version.strings], [['CompanyName', 'Contoso®'], ['FileVersion', '1.2.3'], ['Comments', '']]);
});

test('bytes that are no version resource give none, and a cut one gives what is whole', () => {
  assert.equal(parseVersion(Buffer.alloc(0)), undefined);
  assert.equal(parseVersion(Buffer.alloc(64)), undefined);
  const whole = resource();
  assert.equal(parseVersion(whole.subarray(0, whole.length - 10)), undefined);
  // The table claims to be larger than what holds it.
  const lying = resource();
  lying.writeUInt16LE(0xffff, lying.indexOf(Buffer.from('040904B0', 'utf16le')) - 6);
  assert.deepEqual([...parseVersion(lying)?.strings ?? []], []);
});

test('the version resource is found through the resource directories of an image', () => {
  const image = laidOut({ sizeOfImage: 0x4000 });
  const { bytes } = image;
  const root = 0x2000;
  setDirectory(image, 2, root, 0x800);
  const level = (at: number, id: number, offset: number): void => {
    bytes.writeUInt16LE(1, at + 14);
    bytes.writeUInt32LE(id, at + 16);
    bytes.writeUInt32LE(offset >>> 0, at + 20);
  };
  level(root, 16, 0x8000_0020);
  level(root + 0x20, 1, 0x8000_0040);
  level(root + 0x40, 0x409, 0x60);
  bytes.writeUInt32LE(0x2800, root + 0x60);
  bytes.writeUInt32LE(resource().length, root + 0x64);
  bytes.set(resource(), 0x2800);
  const header = peHeader(image, BASE);
  assert.ok(header !== undefined);
  assert.equal(versionInfo(image, BASE, header)?.strings.get('FileVersion'), '1.2.3');
  // A directory that names itself.
  level(root, 16, 0x8000_0000);
  assert.equal(versionInfo(image, BASE, header), undefined);
  bytes.writeUInt16LE(0xffff, root + 14);
  assert.equal(versionInfo(image, BASE, header), undefined);
});
