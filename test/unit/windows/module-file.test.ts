import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { directoryWindows, moduleFile, sectionWindows, type ModuleFile } from '../../../src/windows/module-file.js';
import type { Module } from '../../../src/windows/module.js';
import type { Process } from '../../../src/windows/process.js';
import { machine, type Machine } from '../../support/machine.js';
import { headerPlaces, mappedImage, PE_OFFSET, peFileBytes } from '../../support/pe-file.js';
import { peImage } from '../../support/pe-image.js';
import { readPe } from '../../support/pe-reader.js';
import { noise } from '../../support/random.js';
import type { VadSpec } from '../../support/vads.js';

const PID = 1004;
const BASE = 0x7ffb_1000_0000n;
const PAGE = 0x1000;

/** Code, then exports and imports, then data of which the file holds a part. Every page holds something. */
function libraryFile(): Buffer {
  const text = Buffer.alloc(0x2345);
  noise(text, 7);
  const rdata = Buffer.alloc(0x800, 0x11);
  const RDATA = 0x4000;
  const exported = peImage({ sizeOfImage: 0x10000, exports: { rva: RDATA, name: 'lib.dll', functions: { Run: 0x1000, Stop: 0x1010 } } })[1]?.bytes ?? Buffer.alloc(0);
  rdata.set(exported);
  const at = 0x200;
  rdata.fill(0, at, 0x400);
  [RDATA + at + 0x40, 0, 0, RDATA + at + 0x80, RDATA + at + 0x60].forEach((value, i) => rdata.writeUInt32LE(value, at + i * 4));
  rdata.writeBigUInt64LE(BigInt(RDATA + at + 0xa0), at + 0x40);
  rdata.writeBigUInt64LE(1n << 63n | 17n, at + 0x48);
  rdata.write('KERNEL32.dll\0', at + 0x80, 'latin1');
  rdata.write('\0\0CreateFileW\0', at + 0xa0, 'latin1');
  return peFileBytes({
    base: BASE,
    sections: [
      { name: '.text', data: text, characteristics: 0x6000_0020 }, { name: '.rdata', data: rdata },
      { name: '.data', data: Buffer.alloc(0x400, 0x22), virtualSize: 0x1800, characteristics: 0xc000_0040 },
      { name: '.bss', data: Buffer.alloc(0), virtualSize: 0x1000, characteristics: 0xc000_0080 },
    ],
    directories: { 0: [RDATA, exported.length], 1: [RDATA + at, 40], 4: [0x9000, 0x100] },
  });
}

/** A process that has mapped an image; `change` bends what is mapped. */
function mapping(change: (image: Buffer) => void = () => undefined, states: VadSpec['states'] = {}): { made: Machine; file: Buffer; process: Process; module: Module } {
  const file = libraryFile();
  const image = mappedImage(file);
  change(image);
  const made = machine().process({
    name: 'a.exe', pid: PID, parameters: { imagePath: 'C:\\a.exe', commandLine: 'a' },
    modules: [{ base: 0x7ff6_1000_0000n, pages: 2, name: 'a.exe', path: 'C:\\a.exe' }],
    vads: [{ start: BASE, pages: image.length / PAGE, protection: 7, type: 2, file: '\\Windows\\System32\\lib.dll', bytes: image, states }],
  });
  const process = made.open().process(PID);
  const module = process?.modules().find(({ base }) => base === BASE);
  assert.ok(process !== undefined && module !== undefined);
  return { made, file, process, module };
}

function rebuilt(process: Process, module: Module): ModuleFile {
  const found = moduleFile(process, module);
  assert.ok(found !== undefined);
  return found;
}

function bytesOf({ node }: Pick<ModuleFile, 'node'>): Buffer {
  const bytes = Buffer.alloc(node.size, 0xee);
  node.fill(0, bytes);
  return bytes;
}

test('a module whose pages are all there comes out as the file that was mapped, and an independent reader takes it', () => {
  const { file, process, module } = mapping();
  const found = rebuilt(process, module);
  assert.deepEqual(bytesOf(found), file);
  assert.deepEqual(found.absent(), []);
  assert.equal(found.missing(), 0);
  assert.deepEqual([...found.node.runs?.() ?? []], [{ start: 0, length: file.length }]);
  assert.deepEqual(found.digest(), { sha256: createHash('sha256').update(file).digest('hex'), missing: 0 });
  const read = readPe(bytesOf(found));
  assert.deepEqual([read.exports(), read.imports()], [['Run', 'Stop'], ['KERNEL32.dll!CreateFileW', 'KERNEL32.dll!#17']]);
  assert.deepEqual(process.anomalies.list, []);
});

test('exactly what is missing differs from the file, and is named', () => {
  const { file, process, module } = mapping(() => undefined, { 2: { kind: 'pagefile', number: 0, offset: 5 }, 5: { kind: 'pagefile', number: 0, offset: 6 } });
  const found = rebuilt(process, module);
  const bytes = bytesOf(found);
  // Pages 2 (of .text) and 5 (of .data, of which the file holds 0x400 bytes).
  const expected = Buffer.from(file);
  const [text, data] = [{ start: 0x1400, length: 0x1000 }, { start: 0x400 + 0x2400 + 0x800, length: 0x400 }];
  expected.fill(0, text.start, text.start + text.length).fill(0, data.start, data.start + data.length);
  assert.deepEqual(bytes, expected);
  assert.deepEqual(found.absent(), [text, data]);
  assert.equal(found.missing(), 0x1400);
  assert.deepEqual(found.digest(), { sha256: createHash('sha256').update(expected).digest('hex'), missing: 0x1400 });
  assert.equal(found.node.fill(0, Buffer.alloc(file.length)), 0x1400);
  assert.doesNotThrow(() => readPe(bytes));
});

test('any part of the file is read as the whole is', () => {
  const { process, module } = mapping(() => undefined, { 2: { kind: 'pagefile', number: 0, offset: 5 } });
  const found = rebuilt(process, module);
  const whole = bytesOf(found);
  for (const [offset, length] of [[0, 1], [0x3ff, 2], [0x13ff, 0x1002], [0x27f0, 0x20], [found.node.size - 1, 1], [0x400, 0]] as const) {
    const part = Buffer.alloc(length, 0xee);
    const missing = found.node.fill(offset, part);
    assert.deepEqual(part, whole.subarray(offset, offset + length));
    const absent = found.absent().reduce((sum, hole) => sum + Math.max(0, Math.min(hole.start + hole.length, offset + length) - Math.max(hole.start, offset)), 0);
    assert.equal(missing, absent, `${offset} ${length}`);
  }
});

test('pages that the process has not touched are read through its VAD, and are not missing', () => {
  const { file, process, module } = mapping(() => undefined, { 1: { kind: 'vad-prototype' }, 4: { kind: 'vad-prototype' } });
  const found = rebuilt(process, module);
  assert.deepEqual(bytesOf(found), file);
  assert.deepEqual(found.absent(), []);
});

test('sections are shown as they are mapped, data directories by their bytes, certificates not at all', () => {
  const { file, process, module } = mapping();
  const found = rebuilt(process, module);
  const sections = sectionWindows(process, module, found);
  assert.deepEqual(sections.map(([{ name }, { size }]) => [name, size]), [['.text', 0x2345], ['.rdata', 0x800], ['.data', 0x1800], ['.bss', 0x1000]]);
  const text = Buffer.alloc(0x2345);
  assert.equal(sections[0]?.[1].fill(0, text), 0);
  assert.deepEqual(text, file.subarray(0x400, 0x400 + 0x2345));
  assert.deepEqual(directoryWindows(process, module, found).map(([{ name, size }, window]) => [name, size === window.size]), [['EXPORT', true], ['IMPORT', true]]);
});

test('a module without its header page has no file', () => {
  const { process, module } = mapping(() => undefined, { 0: { kind: 'pagefile', number: 0, offset: 5 } });
  assert.equal(moduleFile(process, module), undefined);
});

test('SizeOfImage of 4 GiB, and sections and directories that claim the address space, stay within what is mapped', () => {
  const places = headerPlaces(true);
  const { process, module, file } = mapping((image) => {
    image.writeUInt32LE(0x7fff_f000, PE_OFFSET + 0x18 + 0x38);
    for (let i = 0; i < 4; i += 1) image.writeUInt32LE(0xffff_ffff, places.sections + i * 40 + 8);
    for (let i = 0; i < 16; i += 1) {
      image.writeUInt32LE(0x1000, places.directories + i * 8);
      image.writeUInt32LE(0xffff_ffff, places.directories + i * 8 + 4);
    }
  });
  const found = rebuilt(process, module);
  const mapped = mappedImage(file).length;
  assert.equal(found.extent, mapped);
  const sections = sectionWindows(process, module, found);
  assert.ok(sections.reduce((sum, [, { size }]) => sum + size, 0) <= mapped, 'sections do not show the same bytes over and over');
  for (const [, { size }] of directoryWindows(process, module, found)) assert.ok(size <= mapped);
  assert.ok(found.node.size < mapped + 0x10_0000);
  assert.equal(bytesOf(found).length, found.node.size);
});

test('a header that says 0xffffffff is no header', () => {
  const { process, module } = mapping((image) => void image.writeUInt32LE(0xffff_ffff, PE_OFFSET + 0x18 + 0x38));
  assert.equal(moduleFile(process, module), undefined);
});

test('a PE in private memory whose VAD and header are huge ends near its last page', () => {
  const bytes = Buffer.alloc(2 * PAGE);
  for (const piece of peImage({ sizeOfImage: 0x7000_0000, sections: [{ name: '.text', rva: 0x1000, size: 0x6000_0000 }] })) bytes.set(piece.bytes, piece.rva);
  const windows = machine().process({
    name: 'a.exe', pid: PID, parameters: { imagePath: 'C:\\a.exe', commandLine: 'a' }, modules: [{ base: 0x7ff6_1000_0000n, pages: 2, name: 'a.exe', path: 'C:\\a.exe' }],
    vads: [{ start: 0x30_0000_0000n, pages: 0x7_0000, protection: 6, bytes }],
  }).open();
  const process = windows.process(PID);
  const module = process?.modules().find(({ kind }) => kind === 'injected');
  assert.ok(process !== undefined && module !== undefined);
  const found = rebuilt(process, module);
  assert.ok(found.extent <= 16 << 20);
  assert.ok(found.node.size <= (16 << 20) + 0x10_0000);
});

test('a kernel module is as large as the list says, whatever its header claims', () => {
  const made = machine();
  const base = 0xffff_f801_5000_0000n;
  const image = mappedImage(libraryFile());
  image.writeUInt32LE(0x7fff_f000, PE_OFFSET + 0x18 + 0x38);
  made.kernel.space.write(base, image);
  const windows = made.driver({ name: 'lib.sys', path: '\\SystemRoot\\System32\\drivers\\lib.sys', base, pages: image.length / PAGE }).open();
  const process = windows.process(4);
  const module = process?.modules().find(({ name }) => name === 'lib.sys');
  assert.ok(process !== undefined && module !== undefined);
  const found = rebuilt(process, module);
  assert.equal(found.extent, image.length);
  assert.equal(found.missing(), 0);
});
