import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { fileContent, type FileContent } from '../../../src/windows/file-content.js';
import { cachedFile, page, type CachedFileSpec, type SyntheticFile } from '../../support/cached-files.js';
import { direct } from '../../support/direct.js';
import { familyProfile, WINDOWS } from '../../support/families.js';
import { machine, type Machine } from '../../support/machine.js';
import { peImage } from '../../support/pe-image.js';
import { PAGE } from '../../support/physical.js';
import { UNKNOWN_SYMBOLS } from '../../support/standard.js';

const TEN = [{ sector: 0, pages: Array.from({ length: 10 }, () => undefined) }];
/** The most that a cache map's own array of views reaches. */
const MIB = 0x10_0000n;

interface Opened {
  readonly content: FileContent;
  readonly anomalies: () => readonly string[];
}

/** A file on a machine of 19041, opened after `change`. */
function opened(spec: CachedFileSpec, change: (made: Machine, file: SyntheticFile) => void = () => undefined, memory = 4 << 20): Opened {
  const made = machine({ memory });
  const file = cachedFile(made, spec);
  change(made, file);
  const { kernel } = made.open();
  const content = fileContent(kernel, file.file.address);
  assert.ok(content !== undefined, 'the file object is found');
  return { content, anomalies: () => kernel.anomalies.list.filter(({ where }) => where.startsWith('file ')).map(({ what }) => what) };
}

/** All bytes as they are served, in pieces of an odd length. */
function bytesOf(content: FileContent): Buffer {
  const all = Buffer.alloc(content.size, 0xee);
  for (let at = 0; at < all.length; at += 3001) content.fill(at, all.subarray(at, at + 3001));
  return all;
}

/** `0-fff data`, with the reason of what is missing. */
function rangesOf(content: FileContent): string[] {
  return [...content.ranges()].map(({ start, end, source, why }) => `${start.toString(16)}-${(end - 1).toString(16)} ${source}${why === undefined ? '' : `: ${why}`}`);
}

for (const { name, build, modes } of WINDOWS) {
  for (const mode of modes) {
    test(`${name} ${mode}: data section, cache and image together give the file, and what none of them has is missing`, () => {
      const made = machine({ profile: familyProfile(build, mode), mode, symbolFile: UNKNOWN_SYMBOLS });
      const size = 4 * PAGE + 100;
      const file = cachedFile(made, {
        path: '\\Windows\\System32\\mixed.dll',
        data: [{ sector: 0, pages: [{ bytes: page(0) }, { bytes: page(1), transition: true }, undefined, undefined, undefined] }],
        cache: { fileSize: BigInt(size), sectionSize: BigInt(0x4_0000), pages: new Map([[1, page(91)], [2, page(2)]]) },
        image: [{ sector: 0, pages: [{ bytes: page(90) }] }, { sector: 16, pages: [{ bytes: page(92) }, { bytes: page(3) }] }],
      });
      const { kernel } = direct(made);
      const content = fileContent(kernel, file.file.address);
      assert.ok(content !== undefined);
      assert.equal(content.flags, 'DCI');
      assert.equal(content.size, size);
      assert.deepEqual(rangesOf(content), ['0-1fff data', '2000-2fff cache', '3000-3fff image', '4000-4063 missing: not in memory']);
      const expected = Buffer.concat([page(0), page(1), page(2), page(3), Buffer.alloc(100)]);
      assert.ok(bytesOf(content).equals(expected), 'each page is from the best source');
      assert.equal(content.missing, 100);
      assert.equal(content.complete, false);
      assert.equal(content.sha256(), createHash('sha256').update(expected).digest('hex'));
      assert.deepEqual([...content.runs()], [{ start: 0, length: 2 * PAGE }, { start: 2 * PAGE, length: PAGE }, { start: 3 * PAGE, length: PAGE }]);
      assert.deepEqual(kernel.anomalies.list.filter(({ where }) => where.startsWith('file')), []);
    });
  }
}

test('a file of which all is there is complete, whatever follows its end in the last page', () => {
  const { content } = opened({ path: '\\a.txt', size: 5000n, data: [{ sector: 0, pages: [{ bytes: page(0) }, { bytes: page(1) }] }] });
  assert.equal(content.complete, true);
  assert.equal(content.missing, 0);
  assert.ok(bytesOf(content).equals(Buffer.concat([page(0), page(1)]).subarray(0, 5000)));
  const past = Buffer.alloc(100, 0xee);
  assert.equal(content.fill(4990, past), 0);
  assert.ok(past.subarray(10).every((byte) => byte === 0), 'what lies past the end is zeros');
});

test('the size is the cache\'s, else the file system\'s, else the section\'s', () => {
  const data = [{ sector: 0, pages: [{ bytes: page(0) }, undefined] }];
  const cache = { fileSize: 4100n, sectionSize: 0x4_0000n, pages: new Map<number, Uint8Array>() };
  assert.equal(opened({ path: '\\a', data, cache, size: 4200n }).content.size, 4100);
  assert.equal(opened({ path: '\\a', data, size: 4200n }).content.size, 4200);
  assert.equal(opened({ path: '\\a', data }).content.size, 2 * PAGE);
  assert.equal(opened({ path: '\\a', image: [{ sector: 0, pages: [{ bytes: page(0) }] }, { sector: 8, pages: [{ bytes: page(1) }, undefined] }] }).content.size, 2 * PAGE);
});

test('a file without sections has no content, and its size where the file system knows it', () => {
  const { content } = opened({ path: '\\never-read.txt', size: 77n, deleted: true });
  assert.equal(content.flags, '---');
  assert.equal(content.claimed, 77);
  assert.equal(content.recoverable, false);
  assert.equal(content.file.deletePending, true);
  assert.deepEqual(rangesOf(content), ['0-4c missing: not in memory']);
});

test('a data file of several subsections is laid out by their sectors, in whatever order they are linked', () => {
  const { content } = opened({
    path: '\\grown.db', data: [{ sector: 2, pages: [{ bytes: page(2) }, { bytes: page(3) }] }, { sector: 0, pages: [{ bytes: page(0) }, { bytes: page(1) }] }],
  });
  assert.ok(bytesOf(content).equals(Buffer.concat([0, 1, 2, 3].map(page))));
});

test('an image\'s pages are laid back to the file, no further than the section table says', () => {
  const headers = Buffer.alloc(PAGE);
  const sections = [
    { name: '.text', rva: 0x1000, size: 0x1000, raw: { offset: 0x400, size: 0x600 } },
    { name: '.bss', rva: 0x2000, size: 0x1000 },
    { name: '.data', rva: 0x3000, size: 0x1000, raw: { offset: 0xa00, size: 0x200 } },
  ];
  peImage({ machine: 0x8664, subsystem: 1, base: 0x1_8000_0000n, sizeOfImage: 0x4000, entry: 0, sections: sections.map(({ name, rva, size }) => ({ name, rva, size })) })
    .filter(({ rva }) => rva === 0).forEach(({ bytes }) => headers.set(bytes.subarray(0, PAGE)));
  const nt = headers.readUInt32LE(0x3c);
  headers.writeUInt32LE(0x400, nt + 0x54);
  const table = nt + 0x18 + headers.readUInt16LE(nt + 0x14);
  sections.forEach(({ raw }, i) => {
    headers.writeUInt32LE(raw?.size ?? 0, table + i * 40 + 16);
    headers.writeUInt32LE(raw?.offset ?? 0, table + i * 40 + 20);
  });
  const { content } = opened({
    path: '\\small.sys', size: 0x1000n,
    image: [
      { sector: 0, pages: [{ bytes: headers }] }, { sector: 2, pages: [{ bytes: page(1) }] },
      { sector: 0, pages: [{ bytes: page(2) }] }, { sector: 5, pages: [{ bytes: page(3) }] },
    ],
  });
  assert.deepEqual(rangesOf(content), ['0-bff image', 'c00-fff missing: not in memory']);
  assert.ok(bytesOf(content).equals(Buffer.concat([headers.subarray(0, 0x400), page(1).subarray(0, 0x600), page(3).subarray(0, 0x200), Buffer.alloc(0x400)])));
});

test('without its header an image\'s pages go no further than the next subsection', () => {
  const { content } = opened({ path: '\\small.sys', size: 0x3000n, image: [{ sector: 0, pages: [undefined] }, { sector: 2, pages: [{ bytes: page(1) }] }, { sector: 5, pages: [{ bytes: page(3) }] }] });
  assert.deepEqual(rangesOf(content), ['0-3ff missing: not in memory', '400-19ff image', '1a00-2fff missing: not in memory']);
  assert.ok(bytesOf(content).subarray(0x400, 0x1a00).equals(Buffer.concat([page(1).subarray(0, 0x600), page(3)])));
});

test('views of the cache are found through an array of one level and of two', () => {
  for (const sectionSize of [2n * MIB, 40n * MIB]) {
    const last = Number(sectionSize) / PAGE - 1;
    const { content, anomalies } = opened({
      path: '\\$Mft', data: [{ sector: 0, pages: [] }], cache: { fileSize: sectionSize - 10n, sectionSize, pages: new Map([[0, page(0)], [70, page(70)], [last, page(last)]]) },
    });
    const at = last * PAGE;
    assert.deepEqual(rangesOf(content).filter((range) => range.endsWith('cache')), ['0-fff cache', '46000-46fff cache', `${at.toString(16)}-${(Number(sectionSize) - 11).toString(16)} cache`]);
    const bytes = Buffer.alloc(PAGE - 10);
    assert.equal(content.fill(at, bytes), 0);
    assert.ok(bytes.equals(page(last).subarray(0, PAGE - 10)));
    assert.deepEqual(anomalies(), []);
  }
});

test('pages in a page file are read from it, and without it the map says that they are paged out', () => {
  const spec: CachedFileSpec = { path: '\\shared.dat', data: [{ sector: 0, pages: [{ bytes: page(0) }, { pagefile: [1, 0x77] }] }] };
  const without = opened(spec).content;
  assert.deepEqual(rangesOf(without), ['0-fff data', '1000-1fff missing: paged out']);
  const { content } = opened(spec);
  content.kernel.memory.pagedOut = {
    kind: () => 'pagefile', has: (file, offset) => file === 1 && offset === 0x77, read: (file, offset) => (file === 1 && offset === 0x77 ? page(1) : undefined),
    close: () => undefined,
  };
  assert.ok(bytesOf(content).equals(Buffer.concat([page(0), page(1)])));
  assert.equal(content.complete, true);
});

test('a frame outside the image is missing, and said to be', () => {
  const { content } = opened({ path: '\\a', data: [{ sector: 0, pages: [{ bytes: page(0) }, { pte: 0x0000_0012_3456_7863n }] }] });
  assert.deepEqual(rangesOf(content), ['0-fff data', '1000-1fff missing: not in the image']);
  assert.equal(content.present, PAGE);
});

test('a cache that says more than its section holds is not believed', () => {
  const { content, anomalies } = opened({
    path: '\\a', size: 5000n, data: [{ sector: 0, pages: [{ bytes: page(0) }, { bytes: page(1) }] }], cache: { fileSize: 1n << 60n, sectionSize: 0x4_0000n, pages: new Map() },
  });
  assert.equal(content.size, 5000);
  assert.match(anomalies().join('\n'), /the cache says that it has 0x1000000000000000 bytes in a section of 0x40000/);
});

test('a file that says it is far larger than memory ends where its last page in memory ends', () => {
  const { content, anomalies } = opened({ path: '\\huge.vhdx', size: 1n << 43n, data: [{ sector: 0, pages: [{ bytes: page(0) }, undefined, { bytes: page(2) }, undefined] }] });
  assert.equal(content.claimed, 2 ** 43);
  assert.equal(content.size, 3 * PAGE);
  assert.equal(content.complete, false);
  assert.match(anomalies().join('\n'), /far more than memory/);
});

test('sizes of 2^60 everywhere give what the section holds', () => {
  const { content } = opened({ path: '\\a', size: 1n << 60n, data: [{ sector: 0, pages: [{ bytes: page(0) }, { bytes: page(1) }] }] }, (made, { data }) => {
    data?.segment.set('SizeOfSegment', 1n << 60n);
    data?.subsections[0]?.set('PtesInSubsection', 0xffff_ffff);
    assert.ok(made.bytes.length > 0);
  });
  assert.equal(content.claimed, undefined);
  assert.ok(content.size >= 2 * PAGE && content.size <= 2 ** 30, `${content.size} bytes`);
  const head = Buffer.alloc(2 * PAGE);
  assert.equal(content.fill(0, head), 0);
  assert.ok(head.equals(Buffer.concat([page(0), page(1)])));
});

test('a page at the end of the address space of files does not make a file of that size', () => {
  const { content } = opened({ path: '\\a', data: [{ sector: 0, pages: [{ bytes: page(0) }] }, { sector: 0xffff_fff0, pages: [{ bytes: page(1) }] }] }, (_, { data }) => {
    data?.segment.set('SizeOfSegment', 1n << 60n);
  });
  assert.ok(content.size <= 2 ** 30, `${content.size} bytes`);
  assert.equal(content.present, PAGE);
});

test('a chain of subsections that closes is followed once, and that is an anomaly', () => {
  const { content, anomalies } = opened({ path: '\\a', data: [{ sector: 0, pages: [{ bytes: page(0) }] }, { sector: 1, pages: [{ bytes: page(1) }] }] }, (_, { data }) => {
    data?.subsections[1]?.set('NextSubsection', data.subsections[0]?.address ?? 0n);
  });
  assert.ok(bytesOf(content).equals(Buffer.concat([page(0), page(1)])));
  assert.match(anomalies().join('\n'), /leads back/);
});

test('a subsection of another control area ends the chain', () => {
  const { content, anomalies } = opened({ path: '\\a', data: [{ sector: 0, pages: [{ bytes: page(0) }] }, { sector: 1, pages: [{ bytes: page(1) }] }] }, (_, { data }) => {
    data?.subsections[1]?.set('ControlArea', 0xffff_8000_1234_5680n);
  });
  assert.deepEqual(rangesOf(content), ['0-fff data', '1000-1fff missing: not in memory']);
  assert.match(anomalies().join('\n'), /a subsection belongs to another control area/);
});

test('a chain without end stops', () => {
  const { content, anomalies } = opened({ path: '\\a', data: [{ sector: 0, pages: [{ bytes: page(0) }] }] }, (made, { data }) => {
    const { kernel } = made;
    const size = kernel.profile.sizeOf('_SUBSECTION')!;
    const count = 65_600;
    const at = kernel.nonpaged.pages(count * size);
    const one = Buffer.alloc(size);
    const [area, next] = ['ControlArea', 'NextSubsection'].map((field) => kernel.profile.need('_SUBSECTION', field).offset) as [number, number];
    const all = Buffer.alloc(count * size);
    for (let i = 0; i < count; i += 1) {
      one.writeBigUInt64LE(data?.controlArea.address ?? 0n, area);
      one.writeBigUInt64LE(at + BigInt(((i + 1) % count) * size), next);
      one.copy(all, i * size);
    }
    kernel.space.write(at, all);
    data?.subsections[0]?.set('NextSubsection', at);
  }, 16 << 20);
  assert.equal(content.present, PAGE);
  assert.match(anomalies().join('\n'), /stopped after 65536 nodes/);
});

test('a segment of another control area, and section object pointers that lead nowhere, give no content', () => {
  const segment = opened({ path: '\\a', data: [{ sector: 0, pages: [{ bytes: page(0) }] }] }, (_, { data }) => { data?.segment.set('ControlArea', 0xffff_8000_1234_5680n); });
  assert.equal(segment.content.flags, '---');
  assert.equal(segment.content.recoverable, false);
  assert.match(segment.anomalies().join('\n'), /a segment belongs to another control area/);
  const pointers = opened({ path: '\\a', size: 10n }, (made, { file }) => {
    const at = file.get('SectionObjectPointer');
    made.view('_SECTION_OBJECT_POINTERS', at).set('DataSectionObject', 0x41n).set('ImageSectionObject', 0xffff_ffff_ffff_fff0n).set('SharedCacheMap', at);
  });
  assert.equal(pointers.content.flags, '---');
  assert.equal(pointers.content.recoverable, false);
  assert.match(pointers.anomalies().join('\n'), /leads to no control area/);
  assert.match(pointers.anomalies().join('\n'), /there is no shared cache map/);
});

test('a segment that is not in the image does not hide the pages', () => {
  const { content } = opened({ path: '\\a', size: 5000n, data: [{ sector: 0, pages: [{ bytes: page(0) }, { bytes: page(1) }] }] }, (made, { data }) => {
    const far = made.kernel.paged.pages(PAGE);
    data?.controlArea.set('Segment', far);
    made.absent(far);
  });
  assert.equal(content.flags, 'D--');
  assert.equal(content.complete, true);
});

test('views of the cache that lie are left out, each with an anomaly', () => {
  const pages = new Map([[0, page(0)], [64, page(64)], [128, page(128)], [192, page(192)]]);
  const { content, anomalies } = opened({ path: '\\a', data: TEN, cache: { fileSize: MIB, sectionSize: MIB, pages } }, ({ kernel }, { vacbs }) => {
    vacbs.get(1)?.set('SharedCacheMap', 0xffff_8000_1234_5680n);
    kernel.space.setU64(vacbs.get(2)?.at('Overlay.FileOffset') ?? 0n, 0x4_0000n);
    vacbs.get(3)?.set('BaseAddress', 0x1000n);
  });
  assert.deepEqual(rangesOf(content).filter((range) => range.endsWith('cache')), ['0-fff cache']);
  assert.match(anomalies().join('\n'), /belongs to another file/);
  assert.match(anomalies().join('\n'), /says that it begins at 0x40000, not 0x80000/);
  assert.match(anomalies().join('\n'), /has no address/);
});

test('an array of views that names itself ends', () => {
  const { content, anomalies } = opened({ path: '\\a', data: TEN, cache: { fileSize: 1n << 40n, sectionSize: 1n << 40n, pages: new Map() } }, ({ kernel }, { cache }) => {
    const block = cache?.get('Vacbs') ?? 0n;
    for (let slot = 0; slot < 128; slot += 1) kernel.space.setPointer(block + BigInt(slot * 8), block);
  });
  assert.equal(content.recoverable, false);
  assert.match(anomalies().join('\n'), /more views than are looked at|belongs to another file/);
});

test('what is no file object has no content', () => {
  const made = machine();
  const event = made.objects.create('Event', '_KEVENT');
  const { kernel } = made.open();
  assert.equal(fileContent(kernel, event.address), undefined);
  assert.equal(fileContent(kernel, 0x1000n), undefined);
  assert.equal(fileContent(kernel, 0xffff_ffff_ffff_fff8n), undefined);
});

test('noise in the image is at most an anomaly, and no file becomes larger than memory allows', () => {
  for (let seed = 1; seed <= 12; seed += 1) {
    const made = machine({ seed });
    const files = Array.from({ length: 12 }, (_, i) => cachedFile(made, {
      path: `\\file${i}`, size: BigInt(5000 * (i + 1)), data: [{ sector: 0, pages: [{ bytes: page(0) }, { bytes: page(1) }] }, { sector: 2, pages: [{ bytes: page(2) }, undefined] }],
      image: [{ sector: 0, pages: [{ bytes: page(3) }] }, { sector: 8, pages: [{ bytes: page(4) }] }], cache: { fileSize: 5000n, sectionSize: 2n * MIB, pages: new Map([[100, page(100)]]) },
    }));
    const top = Math.floor(made.kernel.space.dtb / PAGE);
    made.noise(0.15, seed, (frame) => frame === top);
    const { kernel } = direct(made);
    for (const { file } of files) {
      const content = fileContent(kernel, file.address);
      if (content === undefined) continue;
      assert.ok(content.size <= 2 ** 30, `${content.size} bytes`);
      const counted = [...content.ranges()].reduce((sum, { start, end, source }) => sum + (source === 'missing' ? 0 : end - start), 0);
      assert.equal(counted, content.present, 'ranges and counts agree');
      assert.equal([...content.ranges()].at(-1)?.end ?? 0, content.size, 'the map covers the file');
      const bytes = Buffer.alloc(Math.min(content.size, 1 << 20));
      const known = [...content.runs()].reduce((sum, { start, length }) => sum + Math.max(0, Math.min(start + length, bytes.length) - start), 0);
      assert.equal(content.fill(0, bytes), bytes.length - known, 'what is missing is counted');
    }
  }
});
