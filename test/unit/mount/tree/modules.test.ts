import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { modulesDirectory } from '../../../../mount/tree/modules.js';
import type { Directory } from '../../../../src/vfs/node.js';
import { machine } from '../../../support/machine.js';
import { mappedImage, peFileBytes, type PeFileSpec } from '../../../support/pe-file.js';
import { readPe } from '../../../support/pe-reader.js';
import type { ModuleSpec } from '../../../support/user-memory.js';
import type { VadSpec } from '../../../support/vads.js';
import { directoryAt, listed, nodeAt, textAt, windowAt } from './nodes.js';

const PID = 1004;
const BASE = 0x7ff6_1000_0000n;
const CLR = 14;

const FILE: PeFileSpec = {
  base: BASE,
  sections: [
    { name: '.text', data: Buffer.alloc(0x1200, 0x90), characteristics: 0x6000_0020 },
    { name: '.text', data: Buffer.alloc(0x200, 0x11) },
    { name: 'a/b\n\u001b[2J', data: Buffer.alloc(0x200, 0x22) },
    { name: '..', data: Buffer.alloc(0x200, 0x33) },
    { name: '', data: Buffer.alloc(0x200, 0x44) },
  ],
  directories: { [CLR]: [0x1000, 0x48], 2: [0x3000, 0x28] },
};

/** The modules of a process whose main image is this file; `states` of its pages by index. */
function modules(spec: PeFileSpec = FILE, states: VadSpec['states'] = {}, more: readonly ModuleSpec[] = []): Directory {
  const image = mappedImage(peFileBytes(spec));
  const windows = machine().process({
    name: 'a.exe', pid: PID, parameters: { imagePath: 'C:\\a.exe', commandLine: 'a' }, modules: more,
    vads: [{ start: BASE, pages: image.length / 4096, protection: 7, type: 2, file: '\\a.exe', bytes: image, states }],
  }).open();
  const process = windows.process(PID);
  assert.ok(process !== undefined);
  return modulesDirectory(process);
}

const NAME = '_NOTLINKED-a.exe';

function bytesAt(directory: Directory, path: string): Buffer {
  const window = windowAt(directory, path);
  const bytes = Buffer.alloc(window.size);
  window.fill(0, bytes);
  return bytes;
}

test('a module has its facts, its file, and the bytes of its sections and directories', () => {
  const directory = modules();
  assert.deepEqual(listed(directoryAt(directory, NAME)), [
    'base.txt', 'directories.txt', 'directoriesd', 'entry.txt', 'export.txt', 'fullname.txt', 'import.txt', 'pefile.dll', 'sections.txt', 'sectionsd', 'size.txt',
  ]);
  const file = bytesAt(directory, `${NAME}/pefile.dll`);
  assert.deepEqual(file, peFileBytes(FILE));
  assert.equal(readPe(file).sections.length, 5);
  const node = windowAt(directory, `${NAME}/pefile.dll`);
  assert.deepEqual(node.xattrs?.(), { 'user.memlens.address': '0x00007ff610000000', 'user.memlens.relocations': 'as in memory' });
  assert.deepEqual(node.slowXattrs?.names, ['user.memlens.sha256']);
  assert.deepEqual(node.slowXattrs?.read(), { 'user.memlens.sha256': createHash('sha256').update(file).digest('hex') });
  assert.equal(nodeAt(directory, `${NAME}/pefile.map`), undefined);
});

test('section names of the image are safe, unlike each other, and listed also when they begin with a dot', () => {
  const sections = directoryAt(modules(), `${NAME}/sectionsd`);
  // A name of a section is eight bytes.
  assert.deepEqual(listed(sections), ['.text', '.text~2', 'a%2Fb%0A%1B[2J', '%2E%2E', '%']);
  const names = listed(sections);
  assert.equal(new Set(names).size, 5);
  for (const name of names) assert.match(name, /^[\x20-\x7e]+$/);
  assert.ok(names.every((name) => !name.includes('/') && name !== '.' && name !== '..'));
  assert.deepEqual([bytesAt(sections, '.text').length, bytesAt(sections, '.text~2')], [0x1200, Buffer.alloc(0x200, 0x11)]);
  assert.deepEqual(windowAt(sections, '.text').xattrs?.(), { 'user.memlens.address': '0x00007ff610001000' });
});

test('a .NET image is told by its directory', () => {
  const directory = modules();
  assert.match(textAt(directory, `${NAME}/directories.txt`) ?? '', /COM_DESCRIPTOR {7}1000 +48 \.NET: the CLR header/);
  assert.deepEqual(listed(directoryAt(directory, `${NAME}/directoriesd`)), ['RESOURCE', 'COM_DESCRIPTOR']);
  assert.equal(bytesAt(directory, `${NAME}/directoriesd/COM_DESCRIPTOR`).length, 0x48);
});

test('what is missing of the file is counted, and mapped beside it', () => {
  const directory = modules(FILE, { 1: { kind: 'pagefile', number: 0, offset: 5 } });
  assert.equal(windowAt(directory, `${NAME}/pefile.dll`).xattrs?.()['user.memlens.missing'], '4096');
  assert.equal(textAt(directory, `${NAME}/pefile.map`), [
    'Offset           Length           State', '---------------------------------------', '0000000000000400 0000000000001000 missing', ''].join('\n'));
  assert.equal(windowAt(directory, `${NAME}/sectionsd/.text`).xattrs?.()['user.memlens.missing'], '4096');
});

test('a module without readable headers keeps what the lists say', () => {
  const directory = modules(FILE, { 0: { kind: 'pagefile', number: 0, offset: 5 } });
  assert.deepEqual(listed(directoryAt(directory, NAME)), ['base.txt', 'entry.txt', 'fullname.txt', 'size.txt']);
});

test('beside the modules stand the tables: of those loaded, of those unloaded, and of what the lists do not agree on', () => {
  const directory = modules();
  assert.deepEqual(listed(directory), ['ldrmodules.txt', 'modules.txt', 'modules-v.txt', 'modules-versioninfo.txt', 'unloaded_modules.txt', NAME]);
  const rows = (textAt(directory, 'ldrmodules.csv') ?? '').trimEnd().split('\n');
  assert.deepEqual(rows, [
    'PID,Process,Base,Size,Wow64,InLoad,InInit,InMem,Vad,Mz,Oddity,Name,Path,MappedPath,LdrEntry',
    '1004,a.exe,0x7ff610000000,0x7000,0,0,0,0,image,1,unlinked,,,\\a.exe,',
  ]);
  assert.match((textAt(directory, 'ldrmodules.txt') ?? '').split('\n')[2] ?? '', /^0000 {3}1004 00007ff610000000 {5}7000 {4}no {5}no {5}no {5}image {3}yes unlinked {44}\\a\.exe/);
  assert.equal(textAt(directory, 'unloaded_modules.csv'), 'PID,Process,ModuleName,UnloadTime,Wow64,Size,Start,End\n');
  const system = machine().open().process(4);
  assert.ok(system !== undefined);
  assert.deepEqual(listed(modulesDirectory(system)), ['modules.txt', 'modules-v.txt', 'modules-versioninfo.txt', 'unloaded_modules.txt', 'ntoskrnl.exe']);
});

test('names of modules that hold slashes, newlines and escapes, or 32,000 characters, are names of directories', () => {
  const long = `${'n'.repeat(32_000)}.dll`;
  const more: readonly ModuleSpec[] = ['e/v\nil\u001b[2J.dll', '..', long].map((name, i) => ({ base: 0x7ffb_1000_0000n + BigInt(i << 24), pages: 2, name, path: `C:\\${i}` }));
  const names = listed(modules(FILE, {}, more));
  assert.ok(names.includes('e%2Fv%0Ail%1B[2J.dll') && names.includes('%2E%2E'));
  assert.ok(names.every((name) => Buffer.byteLength(name) <= 255 && !name.includes('/')));
  assert.equal(names.length, 5 + 4);
});
