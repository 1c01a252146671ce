import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registryDirectory } from '../../../mount/tree/registry.js';
import { openHiveFile } from '../../../src/registry/hive-file.js';
import { hiveSet } from '../../../src/registry/hive-set.js';
import { Anomalies } from '../../../src/bytes/anomaly.js';
import type { Directory, Node } from '../../../src/vfs/node.js';
import { dword, inFile, sz, writeHive, type KeyToWrite } from '../../support/hive-bytes.js';
import { memberHive, sourceOf, writtenSet } from '../../support/hive-sets.js';

const SID = 'S-1-5-21-1-2-3-1001';
const WRITTEN = 133_197_188_700_000_000n;
const link = (name: string, target: string): KeyToWrite =>
  ({ name, flags: 0x10, values: [{ name: 'SymbolicLinkValue', type: 6, data: Buffer.from(target, 'utf16le') }] });
const SYSTEM: KeyToWrite = { name: 'ROOT', keys: [
  { name: 'ControlSet001', keys: [{ name: 'Control' }] },
  { name: 'ControlSet002', written: WRITTEN, keys: [{ name: 'Control', values: [{ name: 'Here', type: 4, data: dword(0x2a) }] }] },
  { name: 'Select', values: [{ name: 'Current', type: 4, data: dword(2) }] },
] };

function tree(hives: Readonly<Record<string, KeyToWrite>>): Directory {
  return registryDirectory(sourceOf(writtenSet(hives)));
}

function names(node: Node | undefined): string[] {
  assert.equal(node?.kind, 'directory');
  return [...node.entries()].map(([name]) => name);
}

/** The node at a path as the kernel finds it: links are followed and must stay inside. */
function at(root: Directory, path: string, links = 0): Node | undefined {
  let trail: Directory[] = [root];
  let node: Node | undefined = root;
  const rest = path.split('/');
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '..') {
      assert.ok(trail.length > 1, `${path} leads out of the registry`);
      trail = trail.slice(0, -1);
      node = trail.at(-1);
      continue;
    }
    node = trail.at(-1)?.lookup(name);
    if (node?.kind === 'link' && (rest.length > 0 || links > 0)) {
      assert.ok(links < 8);
      assert.ok(!node.target.startsWith('/'));
      rest.unshift(...node.target.split('/'));
    } else if (node?.kind === 'directory') {
      trail = [...trail, node];
    } else if (rest.length > 0) {
      return undefined;
    }
  }
  return node;
}

function bytesOf(node: Node | undefined): Buffer {
  assert.equal(node?.kind, 'bytes');
  return Buffer.from(node.render());
}

function regOf(node: Node | undefined): string[] {
  const bytes = bytesOf(node);
  assert.equal(bytes.readUInt16LE(0), 0xfeff);
  return bytes.toString('utf16le', 2).split('\r\n');
}

test('CurrentControlSet is a link to the set that Select names, by-hive and under HKLM alike', () => {
  const root = tree({ 'HKLM\\SYSTEM': SYSTEM });
  for (const above of ['HKLM/SYSTEM', 'by-hive/HKLM-SYSTEM/ROOT']) {
    assert.equal(at(root, `${above}/CurrentControlSet`)?.kind, 'link');
    assert.equal(bytesOf(at(root, `${above}/CurrentControlSet/Control/Here`)).readUInt32LE(0), 0x2a);
    assert.equal(at(root, `${above}/ControlSet001/Control`)?.kind, 'directory');
  }
  assert.equal(at(root, 'HKLM/SYSTEM/CurrentControlSet')?.mtime, WRITTEN);
  assert.equal(at(root, 'HKLM/system/currentcontrolset')?.kind, 'link');
});

test('a key that is a symbolic link is a link, and the key itself is beside it', () => {
  const root = tree({
    'HKLM\\SYSTEM': { ...SYSTEM, keys: [...SYSTEM.keys ?? [], link('CurrentControlSet', '\\Registry\\Machine\\System\\ControlSet002')] },
    'HKLM\\SOFTWARE': { name: 'ROOT', keys: [{ name: 'Deep', keys: [
      link('Elsewhere', '\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet\\Control'), link('Lost', '\\REGISTRY\\MACHINE\\SYSTEM\\Nothing'), link('Self', '\\REGISTRY\\MACHINE\\SOFTWARE\\Deep\\Self'),
    ] }] },
  });
  assert.deepEqual(names(at(root, 'HKLM/SYSTEM')).slice(-2), ['CurrentControlSet', 'CurrentControlSet(_Key_)']);
  assert.ok(names(at(root, 'HKLM/SYSTEM/CurrentControlSet(_Key_)')).includes('SymbolicLinkValue.txt'));
  assert.equal(at(root, 'HKLM/SYSTEM/CurrentControlSet')?.xattrs?.()['user.winreg.target'], '\\Registry\\Machine\\System\\ControlSet002');
  for (const above of ['HKLM/SOFTWARE', 'by-hive/HKLM-SOFTWARE/ROOT']) {
    assert.equal(bytesOf(at(root, `${above}/Deep/Elsewhere/Here`)).readUInt32LE(0), 0x2a);
    assert.equal(at(root, `${above}/Deep/Lost`)?.kind, 'directory');
    assert.equal(at(root, `${above}/Deep/Self`)?.kind, 'directory');
  }
  assert.ok(regOf(at(root, 'HKLM/SYSTEM/CurrentControlSet.reg')).includes('[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet002\\Control]'));
  assert.ok(regOf(at(root, 'HKLM/SYSTEM.reg')).includes('; [HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet] is a symbolic link to \\Registry\\Machine\\System\\ControlSet002'));
});

test('links that lead to one another end', () => {
  const root = tree({ 'HKLM\\SOFTWARE': { name: 'ROOT', keys: [link('A', '\\REGISTRY\\MACHINE\\SOFTWARE\\B\\x'), link('B', '\\REGISTRY\\MACHINE\\SOFTWARE\\A\\x')] } });
  assert.equal(at(root, 'HKLM/SOFTWARE/A')?.kind, 'directory');
});

test('users are found by name, SID and HKCU', () => {
  const root = tree({ [`HKU\\${SID}`]: { name: 'ROOT', keys: [{ name: 'Software' }] }, 'HKU\\.DEFAULT': { name: 'ROOT' } });
  assert.deepEqual(names(root), ['by-hive', 'artefacts', 'HKLM', 'HKU', 'HKCU-user1']);
  assert.deepEqual(names(at(root, 'HKU')), ['user1', 'LocalSystem']);
  assert.ok(names(at(root, 'HKCU-user1/Software')).includes('(_Key_).txt'));
  assert.equal(at(root, `HKU/${SID.toLowerCase()}`)?.kind, 'directory');
  assert.equal(at(root, 'HKU/s-1-5-18')?.kind, 'directory');
  assert.ok(regOf(at(root, `HKU/${SID}.reg`)).includes(`[HKEY_USERS\\${SID}\\Software]`));
});

test('HKCR shows the classes of the machine, and HKCR-<user> those under the user\'s', () => {
  const root = tree({
    'HKLM\\SOFTWARE': { name: 'ROOT', keys: [{ name: 'Classes', keys: [
      { name: '.txt', values: [{ name: '', type: 1, data: sz('machine') }, { name: 'Content Type', type: 1, data: sz('text/plain') }], keys: [{ name: 'ShellNew' }] },
      { name: '.zip', values: [{ name: '', type: 1, data: sz('zip') }] },
    ] }] },
    [`HKU\\${SID}`]: { name: 'ROOT' },
    [`HKU\\${SID}_Classes`]: { name: 'ROOT', keys: [{ name: '.TXT', values: [{ name: '', type: 1, data: sz('user') }] }, { name: '.own' }] },
  });
  assert.ok(names(at(root, 'HKCR/.zip')).includes('(Default).txt'));
  assert.deepEqual(names(at(root, 'HKCR-user1')), ['(_Key_)', '(_Key_).txt', '.TXT', '.own', '.zip']);
  assert.deepEqual(names(at(root, 'HKCR-user1/.txt')), ['(_Key_)', '(_Key_).txt', '(Default)', '(Default).txt', 'ShellNew', 'Content Type', 'Content Type.txt']);
  assert.equal(bytesOf(at(root, 'HKCR-user1/.txt/(Default)')).toString('utf16le'), 'user\0');
  assert.equal(at(root, 'HKCR-user1/.zip')?.kind, 'link');
  assert.equal(bytesOf(at(root, 'HKCR-user1/.zip/(Default)')).toString('utf16le'), 'zip\0');
  assert.equal(at(root, 'HKCR-user1/.txt/ShellNew/(_Key_).txt')?.kind, 'bytes');
  assert.equal(at(root, 'HKCR-user1/.own/(_Key_).txt')?.kind, 'bytes');
});

test('a key is exported as regedit writes it', () => {
  const root = tree({ 'HKLM\\SOFTWARE': { name: 'ROOT', keys: [{ name: 'Key', keys: [{ name: 'Sub' }], values: [
    { name: '', type: 1, data: sz('C:\\"x"') }, { name: 'a\\"b', type: 4, data: dword(0x2a) }, { name: 'short', type: 4, data: Buffer.from([1, 2]) },
    { name: 'bin', type: 3, data: Buffer.alloc(60, 0xab) }, { name: 'none', type: 0, data: Buffer.alloc(0) }, { name: 'q', type: 11, data: Buffer.alloc(8, 1) },
    { name: 'raw', type: 1, data: Buffer.from('no end', 'utf16le') }, { name: 'lines', type: 1, data: sz('a\r\n[HKEY_LOCAL_MACHINE\\Evil]') }, { name: 'multi', type: 7, data: Buffer.concat([sz('a'), sz('')]) },
    { name: '日本', type: 1, data: sz('é') },
  ] }] } });
  const lines = regOf(at(root, 'HKLM/SOFTWARE/Key.reg'));
  assert.deepEqual(lines.slice(0, 8), [
    'Windows Registry Editor Version 5.00', '', '[HKEY_LOCAL_MACHINE\\SOFTWARE\\Key]', '@="C:\\\\\\"x\\""', '"a\\\\\\"b"=dword:0000002a', '"short"=hex(4):01,02',
    `"bin"=hex:${'ab,'.repeat(23)}\\`, `  ${'ab,'.repeat(25)}\\`,
  ]);
  assert.equal(lines[8], `  ${'ab,'.repeat(11)}ab`);
  assert.ok(lines.includes('"none"=hex(0):'));
  assert.ok(lines.includes('"q"=hex(b):01,01,01,01,01,01,01,01'));
  assert.ok(lines.includes('"multi"=hex(7):61,00,00,00,00,00'));
  assert.ok(lines.includes('"日本"="é"'));
  assert.ok(lines.some((line) => line.startsWith('"raw"=hex(1):6e,00')));
  assert.ok(lines.includes('[HKEY_LOCAL_MACHINE\\SOFTWARE\\Key\\Sub]'));
  assert.ok(lines.every((line) => line.length <= 80));
  assert.equal(lines.filter((line) => line.startsWith('[')).length, 2);
});

test('a name cannot add a key to an export', () => {
  const root = tree({ 'HKLM\\SOFTWARE': { name: 'ROOT', keys: [{ name: 'x]\r\n[HKEY_LOCAL_MACHINE\\Evil', values: [{ name: 'v"\r\n[y]', type: 4, data: dword(1) }] }] } });
  const heads = regOf(at(root, 'HKLM/SOFTWARE.reg')).filter((line) => line.startsWith('['));
  assert.deepEqual(heads, ['[HKEY_LOCAL_MACHINE\\SOFTWARE]', '[HKEY_LOCAL_MACHINE\\SOFTWARE\\x]\\x0d\\x0a[HKEY_LOCAL_MACHINE\\Evil]']);
});

test('JSON has the keys in one another, what the data means, and its bytes where that is not all', () => {
  const root = tree({ 'HKLM\\SOFTWARE': { name: 'ROOT', keys: [
    { name: 'A', written: WRITTEN, className: 'c', keys: [{ name: 'B', keys: [{ name: 'C' }] }, { name: 'D' }], values: [
      { name: 's', type: 1, data: sz('x\x9b\u202e') }, { name: 'cut', type: 1, data: Buffer.concat([sz('x'), sz('y')]) }, { name: 'b', type: 3, data: Buffer.from([0xff, 1]) },
      { name: 'm', type: 7, data: Buffer.concat([sz('a'), sz('b'), sz('')]) }, { name: 'q', type: 11, data: Buffer.alloc(8, 0xff) },
    ] }, { name: 'E' }] } });
  const text = bytesOf(at(root, 'HKLM/SOFTWARE.json')).toString('utf8');
  assert.doesNotMatch(text, /[\x7f-\x9f\u202e]/);
  interface Shown { name: string; path: string; written: string; class?: string; keys?: Shown[]; values?: { name: string; data?: unknown; hex?: string; base64?: string }[] }
  const json = JSON.parse(text) as Shown;
  assert.deepEqual(json.keys?.map(({ name }) => name), ['A', 'E']);
  const [a] = json.keys ?? [];
  assert.equal(a?.path, 'HKLM\\SOFTWARE\\A');
  assert.equal(a.written, '2023-02-01T09:54:30.0000000Z');
  assert.equal(a.class, 'c');
  assert.deepEqual(a.keys?.map(({ name, keys }) => [name, keys?.length]), [['B', 1], ['D', undefined]]);
  const values = new Map(a.values?.map((value) => [value.name, value]));
  assert.deepEqual([values.get('s')?.data, values.get('s')?.hex], ['x\x9b\u202e', undefined]);
  assert.deepEqual([values.get('cut')?.data, values.get('cut')?.hex], ['x', '7800000079000000']);
  assert.deepEqual([values.get('b')?.hex, values.get('b')?.base64], ['ff01', '/wE=']);
  assert.deepEqual(values.get('m')?.data, ['a', 'b']);
  assert.equal(values.get('q')?.data, '18446744073709551615');
});

test('exports are answered and not listed, and a key of that name goes before', () => {
  const root = tree({ 'HKLM\\SOFTWARE': { name: 'ROOT', keys: [{ name: 'a' }, { name: 'a.reg' }] } });
  assert.deepEqual(names(at(root, 'HKLM/SOFTWARE')).slice(2), ['a', 'a.reg']);
  assert.equal(at(root, 'HKLM/SOFTWARE/a.reg')?.kind, 'directory');
  assert.equal(at(root, 'HKLM/SOFTWARE/A.JSON')?.kind, 'bytes');
  assert.equal(at(root, 'HKLM/SOFTWARE/none.reg'), undefined);
  assert.equal(at(root, 'by-hive/HKLM-SOFTWARE/ROOT.reg')?.kind, 'bytes');
});

test('keys that no parent lists are under ORPHAN, with what is below them', () => {
  const { file, cells } = writeHive({ name: 'ROOT', keys: [{ name: 'Lost', keys: [{ name: 'Below', values: [{ name: 'v', type: 4, data: dword(7) }] }] }] });
  const root = cells.get('') ?? 0;
  file.writeUInt32LE(0, inFile(root) + 0x14);
  const set = hiveSet([memberHive('HKLM\\SOFTWARE', file)], new Anomalies());
  const directory = registryDirectory(sourceOf(set));
  assert.deepEqual(names(at(directory, 'by-hive/HKLM-SOFTWARE/ORPHAN')), ['Lost']);
  assert.equal(bytesOf(at(directory, 'by-hive/HKLM-SOFTWARE/ORPHAN/Lost/Below/v')).readUInt32LE(0), 7);
  assert.equal(openHiveFile(file).hive.root()?.subkeyCount, 0);
});

test('a hive whose keys all hang together has no orphans', () => {
  assert.deepEqual(names(at(tree({ 'HKLM\\SYSTEM': SYSTEM }), 'by-hive/HKLM-SYSTEM/ORPHAN')), []);
});

test('orphans that are one another\'s parent end', () => {
  const { file, cells } = writeHive({ name: 'ROOT', keys: [{ name: 'A', keys: [{ name: 'B', keys: [{ name: 'C' }] }] }] });
  file.writeUInt32LE(0, inFile(cells.get('') ?? 0) + 0x14);
  // B lists A, and A says that B is its parent.
  const list = cells.get('A\\B:keys') ?? 0;
  file.writeUInt32LE(cells.get('A') ?? 0, inFile(list) + 4);
  file.writeUInt32LE(cells.get('A\\B') ?? 0, inFile(cells.get('A') ?? 0) + 0x10);
  const directory = registryDirectory(sourceOf(hiveSet([memberHive('HKLM\\SOFTWARE', file)], new Anomalies())));
  assert.deepEqual(names(at(directory, 'by-hive/HKLM-SOFTWARE/ORPHAN')).includes('C'), true);
});

test('over-long names, and names with NUL and control bytes, are found and keep their original', () => {
  const long = 'k'.repeat(255) + 'ü';
  const root = tree({ 'HKLM\\SOFTWARE': { name: 'ROOT', keys: [{ name: 'a\0b/c\x1b' }, { name: long }, { name: '\ud800x' }] } });
  const listed = names(at(root, 'HKLM/SOFTWARE')).slice(2);
  assert.ok(listed.every((name) => Buffer.byteLength(name) <= 255 && !/[\x00-\x1f/]/.test(name)), listed.join(' '));
  const originals = listed.map((name) => at(root, 'HKLM/SOFTWARE')?.kind === 'directory' ? (at(root, 'HKLM/SOFTWARE') as Directory).lookup(name)?.xattrs?.() : undefined);
  assert.deepEqual(originals.map((one) => one?.['user.memlens.name']).slice(0, 2), ['a\0b/c\x1b', long]);
  assert.equal(originals[2]?.['user.memlens.name_utf16le'], '00d87800');
});

test('what was deleted is under DELETED at its path, and says where it was found', () => {
  const { file, cells } = writeHive({ name: 'ROOT', keys: [{ name: 'Software', keys: [
    { name: 'Gone', written: WRITTEN, keys: [{ name: 'Sub', written: WRITTEN }], values: [{ name: 'v', type: 1, data: sz('some text') }] }, { name: 'Stays' },
  ] }] });
  const set = hiveSet([memberHive('HKLM\\SOFTWARE', withoutKey(file, cells, 'Software\\Gone', ['Software\\Gone\\Sub'], ['Software\\Gone:v', 'Software\\Gone:v:data', 'Software\\Gone:values']))], new Anomalies());
  const root = registryDirectory(sourceOf(set));
  const deleted = 'by-hive/HKLM-SOFTWARE/DELETED';
  assert.deepEqual(names(at(root, 'HKLM/SOFTWARE/Software')).slice(2), ['Stays']);
  assert.deepEqual(names(at(root, deleted)), ['Software']);
  assert.deepEqual(names(at(root, `${deleted}/Software`)), ['Gone']);
  const gone = `${deleted}/Software/Gone`;
  assert.deepEqual(names(at(root, gone)), ['(_Key_)', '(_Key_).txt', 'Sub', 'v', 'v.txt']);
  assert.match(bytesOf(at(root, `${gone}/v.txt`)).toString(), /\nREG_SZ\nsome text\n$/);
  assert.match(bytesOf(at(root, `${gone}/(_Key_).txt`)).toString(), /\nPath: {6}HKLM\\SOFTWARE\\Software\\Gone\nFound in: {2}free cell\n/);
  assert.equal(at(root, gone)?.mtime, WRITTEN);
  assert.equal(at(root, gone)?.xattrs?.()['user.memlens.found'], 'free cell');
  assert.equal(at(root, `${gone}/v`)?.xattrs?.()['user.memlens.data'], 'whole');
  assert.deepEqual(names(at(root, 'by-hive/HKLM-SOFTWARE/ORPHAN')), []);
});

/** Frees cells as Windows does when it deletes a key, and takes it out of its parent's list. */
function withoutKey(file: Buffer, cells: ReadonlyMap<string, number>, path: string, keys: readonly string[], others: readonly string[]): Buffer {
  const parent = path.slice(0, path.lastIndexOf('\\'));
  const list = inFile(cells.get(`${parent}:keys`) ?? 0);
  const count = file.readUInt16LE(list + 2);
  for (let i = 0, kept = 0; i < count; i += 1) {
    if (file.readUInt32LE(list + 4 + 8 * i) === cells.get(path)) continue;
    file.copy(file, list + 4 + 8 * kept, list + 4 + 8 * i, list + 12 + 8 * i);
    kept += 1;
  }
  file.writeUInt16LE(count - 1, list + 2);
  file.writeUInt32LE(count - 1, inFile(cells.get(parent) ?? 0) + 0x14);
  for (const name of [path, ...keys, ...others]) {
    const at = inFile(cells.get(name) ?? 0) - 4;
    file.writeInt32LE(-file.readInt32LE(at), at);
  }
  return file;
}
