import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peHeader } from '../../../src/pe/header.js';
import { delayImports, imports, type PeImport } from '../../../src/pe/import.js';
import { BASE, laidOut, setDirectory, type LaidOut } from './laid-out.js';

const DIRECTORY = 0x2000;
const NAMES = 0x2100;
const SLOTS = 0x2200;
const TEXTS = 0x2400;

/** An image that imports CreateFileW (bound) and ordinal 17 of KERNEL32.dll. */
function importing(is64: boolean): LaidOut {
  const image = laidOut({ sizeOfImage: 0x4000, is64 });
  const { bytes } = image;
  setDirectory(image, 1, DIRECTORY, 40, is64);
  bytes.writeUInt32LE(NAMES, DIRECTORY);
  bytes.writeUInt32LE(TEXTS, DIRECTORY + 12);
  bytes.writeUInt32LE(SLOTS, DIRECTORY + 16);
  bytes.write('KERNEL32.dll\0', TEXTS, 'latin1');
  bytes.writeUInt16LE(0x55, TEXTS + 0x20);
  bytes.write('CreateFileW\0', TEXTS + 0x22, 'latin1');
  const put = (at: number, value: bigint): void => {
    if (is64) bytes.writeBigUInt64LE(value, at);
    else bytes.writeUInt32LE(Number(value), at);
  };
  const width = is64 ? 8 : 4;
  put(NAMES, BigInt(TEXTS + 0x20));
  put(NAMES + width, (is64 ? 1n << 63n : 1n << 31n) | 17n);
  put(SLOTS, 0x7710_2030n);
  return image;
}

function read(image: LaidOut): PeImport[] {
  const header = peHeader(image, BASE);
  assert.ok(header !== undefined);
  return [...imports(image, BASE, header)];
}

for (const is64 of [true, false]) {
  test(`imports by name and by ordinal are read from a ${is64 ? 'PE32+' : 'PE32'} image`, () => {
    assert.deepEqual(read(importing(is64)), [
      { module: 'KERNEL32.dll', name: 'CreateFileW', ordinal: undefined, hint: 0x55, slot: SLOTS, target: 0x7710_2030n, delayed: false },
      { module: 'KERNEL32.dll', name: undefined, ordinal: 17, hint: undefined, slot: SLOTS + (is64 ? 8 : 4), target: 0n, delayed: false },
    ]);
  });
}

test('an image without an import directory, or with one outside it, imports nothing', () => {
  assert.deepEqual(read(laidOut({ sizeOfImage: 0x4000 })), []);
  const image = importing(true);
  setDirectory(image, 1, 0x8000_0000, 40);
  assert.deepEqual(read(image), []);
});

test('an import table that never ends is cut', () => {
  const image = laidOut({ sizeOfImage: 0x20_0000 });
  setDirectory(image, 1, DIRECTORY, 40);
  // Every descriptor and every thunk is set, up to the end of the image.
  for (let at = DIRECTORY; at + 20 <= image.bytes.length; at += 4) image.bytes.writeUInt32LE(0x1010, at);
  image.bytes.write('loop.dll\0', 0x1010, 'latin1');
  assert.ok(read(image).length <= 0x1_0000);
});

/** The end of what imports answer: whether these are all. */
function complete(image: LaidOut): boolean {
  const header = peHeader(image, BASE);
  assert.ok(header !== undefined);
  const found = imports(image, BASE, header);
  for (let step = found.next(); ; step = found.next()) if (step.done === true) return step.value;
}

test('it is told whether the imports are all there', () => {
  const image = importing(true);
  assert.equal(complete(image), true);
  image.bytes.writeUInt32LE(0, DIRECTORY);
  assert.equal(complete(image), false, 'a module whose names are left out');
  const cut = importing(true);
  setDirectory(cut, 1, 0x3ff0, 40);
  assert.equal(complete(cut), false, 'a directory that leaves the image');
});

for (const [what, attributes, shift] of [['offsets', 1, 0], ['addresses, as old linkers wrote,', 0, Number(BASE & 0xffff_ffffn)]] as const) {
  test(`delayed imports are read by ${what} from the delay-load directory`, () => {
    const image = importing(true);
    setDirectory(image, 1, 0, 0);
    setDirectory(image, 13, DIRECTORY + 0x80, 64);
    const at = DIRECTORY + 0x80;
    [attributes, TEXTS + shift, 0, SLOTS + shift, NAMES + shift].forEach((value, i) => image.bytes.writeUInt32LE(value, at + i * 4));
    const header = peHeader(image, BASE);
    assert.ok(header !== undefined);
    assert.deepEqual([...delayImports(image, BASE, header)].map(({ module, name, ordinal, delayed }) => [module, name, ordinal, delayed]),
      [['KERNEL32.dll', 'CreateFileW', undefined, true], ['KERNEL32.dll', undefined, 17, true]]);
    assert.deepEqual(read(image), []);
  });
}
