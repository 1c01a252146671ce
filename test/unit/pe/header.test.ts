import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeView, directoryOf, exportDirectory, isDll, MACHINE, peHeader, type PeHeader } from '../../../src/pe/header.js';
import { BASE, laidOut, setDirectory, type LaidOut } from './laid-out.js';

const FUNCTIONS = { Alpha: 0x1100, Beta: 0x1200, Gamma: 0x1300 };
const GUID = '89284D0CA6ACC8274B9A44BD5AF9290B';

function sample(is64 = true): LaidOut {
  return laidOut({
    sizeOfImage: 0x8000, base: is64 ? 0x1_8000_0000n : 0x1000_0000n, is64, dll: true, entry: 0x1100, timestamp: 0x6000_0000,
    sections: [{ name: '.text', rva: 0x1000, size: 0x2000 }, { name: '.rdata', rva: 0x3000, size: 0x1000, characteristics: 0x4000_0040 }],
    exports: { rva: 0x3000, name: 'sample.dll', functions: FUNCTIONS },
    codeView: { rva: 0x5000, symbolFile: `${GUID}-1`, path: 'sample.pdb' },
  });
}

function headerOf(image: LaidOut): PeHeader {
  const header = peHeader(image, BASE);
  assert.ok(header !== undefined);
  return header;
}

for (const is64 of [true, false]) {
  test(`the headers of a ${is64 ? 'PE32+' : 'PE32'} image say what it is`, () => {
    const header = headerOf(sample(is64));
    assert.equal(header.is64, is64);
    assert.equal(header.machine, is64 ? MACHINE.amd64 : MACHINE.i386);
    assert.equal(header.timestamp, 0x6000_0000);
    assert.equal(header.sizeOfImage, 0x8000);
    assert.equal(header.entry, 0x1100);
    assert.equal(header.imageBase, is64 ? 0x1_8000_0000n : 0x1000_0000n);
    assert.ok(isDll(header));
    assert.deepEqual(header.sections.map(({ name, rva, virtualSize }) => [name, rva, virtualSize]), [['.text', 0x1000, 0x2000], ['.rdata', 0x3000, 0x1000]]);
    assert.equal(header.directories.length, 16);
    assert.equal(directoryOf(header, 'EXPORT')?.rva, 0x3000);
    assert.equal(directoryOf(header, 'IMPORT'), undefined);
  });

  test(`the exports and the CodeView record of a ${is64 ? 'PE32+' : 'PE32'} image are found`, () => {
    const image = sample(is64);
    const header = headerOf(image);
    const exported = exportDirectory(image, BASE, header);
    assert.equal(exported?.name, 'sample.dll');
    assert.equal(exported.find('Beta'), 0x1200);
    assert.equal(exported.find('Delta'), undefined);
    assert.deepEqual([...exported.entries()].map(({ name, rva }) => [name, rva]), Object.entries(FUNCTIONS));
    assert.deepEqual(codeView(image, BASE, header), { guid: GUID, age: 1, path: 'sample.pdb' });
  });
}

test('bytes that are no image have no header', () => {
  const image = sample();
  assert.equal(peHeader(image, BASE + 0x1000n), undefined);
  assert.equal(peHeader(image, BASE + 0x100_0000n), undefined);
  for (const [what, break_] of Object.entries<(bytes: Buffer) => void>({
    'no MZ': (bytes) => bytes.writeUInt16LE(0, 0),
    'no PE': (bytes) => bytes.writeUInt32LE(0, 0x80),
    'unknown magic': (bytes) => bytes.writeUInt16LE(0x107, 0x98),
    'no size': (bytes) => bytes.writeUInt32LE(0, 0xd0),
    'a size of four gigabytes': (bytes) => bytes.writeUInt32LE(0xffff_ffff, 0xd0),
    'headers far away': (bytes) => bytes.writeUInt32LE(0x7fff_fff0, 0x3c),
    'an optional header without room': (bytes) => bytes.writeUInt16LE(8, 0x94),
  })) {
    const broken = sample();
    break_(broken.bytes);
    assert.equal(peHeader(broken, BASE), undefined, what);
  }
});

test('a header that declares more sections or directories than can be is cut to what can', () => {
  const image = sample();
  image.bytes.writeUInt16LE(0xffff, 0x86);
  image.bytes.writeUInt32LE(0xffff_ffff, 0x80 + 0x84);
  const header = headerOf(image);
  assert.ok(header.sections.length <= 96);
  assert.equal(header.directories.length, 16);
});

test('a forwarded export is named and has no address of its own', () => {
  const image = sample();
  // The forwarder's text must lie inside the export directory: the first function points at the module's own name.
  const nameAt = image.bytes.readUInt32LE(0x300c);
  image.bytes.writeUInt32LE(nameAt, image.bytes.readUInt32LE(0x301c));
  const exported = exportDirectory(image, BASE, headerOf(image));
  assert.equal(exported?.find('Alpha'), undefined);
  assert.deepEqual([...exported?.entries() ?? []].map(({ name, forwarder }) => [name, forwarder]), [['Alpha', 'sample.dll'], ['Beta', undefined], ['Gamma', undefined]]);
});

test('lying counts in the export directory end at its bounds', () => {
  const image = sample();
  image.bytes.writeUInt32LE(0xffff_ffff, 0x3014);
  image.bytes.writeUInt32LE(0xffff_ffff, 0x3018);
  const exported = exportDirectory(image, BASE, headerOf(image));
  assert.ok([...exported?.entries() ?? []].length <= 0x1_0000);
  assert.equal(exported?.find('Gamma'), 0x1300);
});

test('what lies in absent pages is undefined, and the rest is read', () => {
  const image = sample();
  image.drop(5);
  const header = headerOf(image);
  assert.equal(codeView(image, BASE, header), undefined);
  assert.equal(exportDirectory(image, BASE, header)?.find('Alpha'), 0x1100);
  image.drop(3);
  assert.equal(exportDirectory(image, BASE, header), undefined);
  image.drop(0);
  assert.equal(peHeader(image, BASE), undefined);
});

test('a debug directory without a CodeView record gives none', () => {
  const image = sample();
  image.bytes.write('NB10', 0x501c, 'latin1');
  assert.equal(codeView(image, BASE, headerOf(image)), undefined);
  setDirectory(image, 6, 0xffff_f000, 0xffff);
  assert.equal(codeView(image, BASE, headerOf(image)), undefined);
});
