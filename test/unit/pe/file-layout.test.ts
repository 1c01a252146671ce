import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileLayout } from '../../../src/pe/file-layout.js';
import { peHeader, type PeHeader } from '../../../src/pe/header.js';
import { headerPlaces, mappedImage, PE_OFFSET, peFileBytes, type PeFileSpec } from '../../support/pe-file.js';
import { memoryOf } from '../../support/memory-of.js';
import { noise } from '../../support/random.js';

const BASE = 0x7ff6_1230_0000n;

function data(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  noise(bytes, seed);
  return bytes;
}

const SECTIONS = [
  { name: '.text', data: data(0x2345, 1), characteristics: 0x6000_0020 },
  { name: '.rdata', data: data(0x600, 2) },
  // More in memory than in the file, nothing in the file, and more in the file than is used in memory.
  { name: '.data', data: data(0x400, 3), virtualSize: 0x3000, characteristics: 0xc000_0040 },
  { name: '.bss', data: Buffer.alloc(0), virtualSize: 0x2000, characteristics: 0xc000_0080 },
  { name: '.rsrc', data: data(0xa00, 4), virtualSize: 0x321 },
];

function header(image: Buffer): PeHeader {
  const found = peHeader(memoryOf(BASE, image), BASE);
  assert.ok(found !== undefined);
  return found;
}

/** The file that a layout takes out of an image. */
function rebuilt(image: Buffer, extent = image.length): Buffer {
  const { size, pieces } = fileLayout(header(image), extent);
  const file = Buffer.alloc(size);
  for (const { offset, rva, length } of pieces) {
    assert.ok(rva + length <= extent, 'nothing past the image is asked for');
    image.copy(file, offset, rva, rva + length);
  }
  return file;
}

const KINDS: readonly (readonly [what: string, spec: Omit<PeFileSpec, 'sections'>])[] = [
  ['PE32+ for x64', {}],
  ['PE32 for x86', { machine: 0x14c, is64: false, base: 0x40_0000n }],
  ['PE32+ for ARM64', { machine: 0xaa64 }],
  ['PE32+ with sections aligned to pages in the file', { fileAlignment: 0x1000 }],
  ['PE32+ that is mapped as it is', { fileAlignment: 0x20, sectionAlignment: 0x20 }],
];
for (const [what, spec] of KINDS) {
  test(`${what}: the file comes out of its image byte for byte`, () => {
    // Mapped as it is, raw data lie where they are mapped, and sections have no more than that.
    const flat = spec.sectionAlignment !== undefined;
    const sections = flat ? SECTIONS.filter(({ virtualSize }) => virtualSize === undefined) : SECTIONS;
    const file = peFileBytes({ ...spec, sections });
    assert.deepEqual(rebuilt(mappedImage(file)), file);
  });
}

test('what follows the last section is in no image and not in the rebuilt file', () => {
  const file = peFileBytes({ sections: SECTIONS, overlay: data(0x1234, 9) });
  assert.deepEqual(rebuilt(mappedImage(file)), file.subarray(0, file.length - 0x1234));
});

test('raw data that the image has no room for keep their place in the file, and are no piece', () => {
  const image = mappedImage(peFileBytes({ sections: SECTIONS }));
  const found = header(image);
  const { size, pieces, misplaced } = fileLayout(found, 0x2000);
  assert.equal(size, rebuilt(image).length);
  assert.deepEqual(pieces, [{ offset: 0, rva: 0, length: 0x400 }, { offset: 0x400, rva: 0x1000, length: 0x1000 }]);
  assert.deepEqual(misplaced, []);
});

/** An image whose section table says something else. */
function lying(index: number, field: 'virtualSize' | 'rva' | 'rawSize' | 'raw', value: number, of = mappedImage(peFileBytes({ sections: SECTIONS }))): Buffer {
  of.writeUInt32LE(value, headerPlaces(true).sections + index * 40 + { virtualSize: 8, rva: 12, rawSize: 16, raw: 20 }[field]);
  return of;
}

for (const [field, values] of Object.entries({ virtualSize: [0, 0xffff_ffff], rva: [0, 0x0fff, 0xffff_f000], rawSize: [0, 0xffff_ffff, 0x7fff_ffff], raw: [0, 1, 0x1ff, 0x7fff_fe00, 0xffff_ffff] })) {
  test(`a section whose ${field} lies makes no file larger than its image can explain, and no piece outside it`, () => {
    for (const value of values) {
      for (let index = 0; index < SECTIONS.length; index += 1) {
        const image = lying(index, field as 'raw', value);
        const { size, pieces } = fileLayout(header(image), image.length);
        assert.ok(size <= image.length + (SECTIONS.length + 2) * 0x10000, `${value}: ${size} bytes`);
        let end = 0;
        for (const { offset, rva, length } of pieces) {
          assert.ok(offset >= end && length > 0 && rva >= 0 && rva + length <= image.length, `${value}: ${offset} ${rva} ${length}`);
          end = offset + length;
        }
        assert.ok(end <= size);
      }
    }
  });
}

test('of sections that claim the same bytes of the file the first has them, and headers go before all', () => {
  const image = lying(1, 'raw', 0x400);
  const { pieces } = fileLayout(header(image), image.length);
  assert.deepEqual(pieces.slice(0, 2), [{ offset: 0, rva: 0, length: 0x400 }, { offset: 0x400, rva: 0x1000, length: 0x2400 }]);
  assert.ok(!pieces.some(({ rva }) => rva === 0x4000));
  const below = lying(1, 'raw', 0x200);
  assert.deepEqual(fileLayout(header(below), below.length).pieces[0], { offset: 0, rva: 0, length: 0x400 });
});

test('headers that claim the whole image end where the first section begins', () => {
  const image = mappedImage(peFileBytes({ sections: SECTIONS }));
  image.writeUInt32LE(0xffff_ffff, PE_OFFSET + 0x18 + 0x3c);
  assert.deepEqual(fileLayout(header(image), image.length).pieces[0], { offset: 0, rva: 0, length: 0x1000 });
});

test('a section that claims a place far behind the others is left out, and said', () => {
  const image = lying(2, 'raw', 0x7000_0000);
  const { size, misplaced } = fileLayout(header(image), image.length);
  assert.deepEqual(misplaced.map(({ name }) => name), ['.data']);
  assert.equal(size, rebuilt(mappedImage(peFileBytes({ sections: SECTIONS }))).length);
});

test('65535 sections: those that no loader takes are left out', () => {
  const image = mappedImage(peFileBytes({ sections: SECTIONS }));
  image.writeUInt16LE(0xffff, PE_OFFSET + 6);
  const found = header(image);
  assert.ok(found.sections.length <= 96);
  assert.ok(fileLayout(found, image.length).size <= image.length + 98 * 0x10000);
});
