import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyDirectory } from '../../../mount/tree/registry-key.js';
import { openHiveFile } from '../../../src/registry/hive-file.js';
import type { SetHive } from '../../../src/registry/hive-set.js';
import type { Directory, Node } from '../../../src/vfs/node.js';
import { dword, sz, writeHive, type KeyToWrite } from '../../support/hive-bytes.js';

/** A hive's root key as a directory. */
function treeOf(root: KeyToWrite): Directory {
  const { hive: registry } = openHiveFile(writeHive(root).file);
  const hive: SetHive = { address: 0xffff_8f09_5c8f_d000n, kind: 'OTHER', mount: 'HKLM\\TEST', source: '\\REGISTRY\\MACHINE\\TEST', user: undefined, registry };
  const key = registry.root();
  assert.ok(key !== undefined);
  return keyDirectory({ hive, path: ['HKLM', 'TEST'], registry: undefined }, key);
}

function names(directory: Directory): string[] {
  return [...directory.entries()].map(([name]) => name);
}

function bytesOf(node: Node | undefined): string {
  assert.equal(node?.kind, 'bytes');
  return Buffer.from(node.render()).toString('utf8');
}

test('a key lists its description, its sub-keys as directories and each value raw and as text', () => {
  const tree = treeOf({ name: 'ROOT', keys: [{ name: 'Sub' }], values: [{ name: '', type: 1, data: sz('x') }, { name: 'Count', type: 4, data: dword(0x2a) }] });
  assert.deepEqual(names(tree), ['(_Key_)', '(_Key_).txt', 'Sub', '(Default)', '(Default).txt', 'Count', 'Count.txt']);
  assert.equal(tree.lookup('Sub')?.kind, 'directory');
  assert.deepEqual(bytesOf(tree.lookup('Count')), '*\0\0\0');
  assert.match(bytesOf(tree.lookup('Count.txt')), /^ffff8f095c8fd000:[0-9a-f]{8}\nREG_DWORD\n0000002a\n42\n$/);
});

test('the description begins with the address, the kind, the name and the last write', () => {
  const tree = treeOf({ name: 'ROOT', keys: [{ name: 'Sub', written: 133_197_188_700_000_000n, className: 'Shell' }] });
  const sub = tree.lookup('Sub');
  assert.equal(sub?.kind, 'directory');
  assert.equal(sub.mtime, 133_197_188_700_000_000n);
  const lines = bytesOf(sub.lookup('(_Key_).txt')).split('\n');
  assert.match(lines[0] ?? '', /^ffff8f095c8fd000:[0-9a-f]{8}$/);
  assert.deepEqual(lines.slice(1, 4), ['REG_KEY', 'Sub', '2023-02-01 09:54:30 UTC']);
  assert.ok(lines.includes('Path:      HKLM\\TEST\\Sub'));
  assert.ok(lines.includes('Class:     Shell'));
  const cell = sub.lookup('(_Key_)');
  assert.equal(cell?.kind === 'bytes' ? Buffer.from(cell.render()).toString('latin1', 4, 6) : undefined, 'nk');
});

test('all of Unicode reaches the text, and nothing that acts on a terminal', () => {
  const tree = treeOf({ name: 'ROOT', values: [{ name: 'v', type: 1, data: sz('日本 \x1b[31m é') }, { name: 'm', type: 7, data: Buffer.concat([sz('one'), sz('two'), sz('')]) }] });
  assert.match(bytesOf(tree.lookup('v.txt')), /\nREG_SZ\n日本 \\x1b\[31m é\n$/);
  assert.match(bytesOf(tree.lookup('m.txt')), /\nREG_MULTI_SZ\none\ntwo\n$/);
});

test('a value with the name of a sub-key or of a text gets a name of its own', () => {
  const tree = treeOf({ name: 'ROOT', keys: [{ name: 'Run' }], values: [
    { name: 'Run', type: 4, data: dword(1) }, { name: 'Run.txt', type: 4, data: dword(2) }, { name: '(Default)', type: 4, data: dword(3) },
  ] });
  const listed = names(tree);
  assert.equal(new Set(listed).size, listed.length);
  assert.equal(tree.lookup('Run')?.kind, 'directory');
  assert.equal(bytesOf(tree.lookup('Run~2')), '\x01\0\0\0');
  assert.match(bytesOf(tree.lookup('Run.txt')), /00000001\n1\n$/);
  for (const name of listed) assert.ok(tree.lookup(name) !== undefined, name);
});

test('names keep what Linux allows, escape what it does not, and answer as MemProcFS spells them', () => {
  const tree = treeOf({ name: 'ROOT', keys: [{ name: 'a:b?c' }, { name: 'x/y' }, { name: '..' }], values: [{ name: 'C:\\Windows\\x.exe', type: 4, data: dword(1) }] });
  assert.deepEqual(names(tree), ['(_Key_)', '(_Key_).txt', 'a:b?c', 'x%2Fy', '%2E%2E', 'C:\\Windows\\x.exe', 'C:\\Windows\\x.exe.txt']);
  assert.equal(tree.lookup('a_b_c')?.kind, 'directory');
  assert.equal(tree.lookup('x_y')?.kind, 'directory');
  assert.equal(tree.lookup('C__Windows_x.exe')?.kind, 'bytes');
  assert.equal(tree.lookup('c__windows_X.EXE.txt')?.kind, 'bytes');
  assert.equal(tree.lookup('none'), undefined);
  assert.equal(tree.lookup('x%2Fy')?.xattrs?.()['user.memlens.name'], 'x/y');
});

test('extended attributes tell the type and the address of a value', () => {
  const tree = treeOf({ name: 'ROOT', values: [{ name: 'v', type: 4, data: dword(1) }, { name: 'rid', type: 500, data: Buffer.alloc(0) }] });
  const attributes = tree.lookup('v')?.xattrs?.() ?? {};
  assert.equal(attributes['user.winreg.type'], 'REG_DWORD');
  assert.match(attributes['user.memlens.address'] ?? '', /^ffff8f095c8fd000:[0-9a-f]{8}$/);
  assert.equal(tree.lookup('rid.txt')?.xattrs?.()['user.winreg.type'], 'REG_UNKNOWN_0x000001f4');
});

test('sizes that are said are the sizes that are rendered', () => {
  const tree = treeOf({ name: 'ROOT', values: [0, 1, 3, 4, 5, 9].map((length) => ({ name: `v${length}`, type: 3, data: Buffer.alloc(length, 1) })) });
  for (const [name, node] of tree.entries()) {
    if (node.kind !== 'bytes' || node.size === undefined) continue;
    assert.equal(node.size, node.render().length, name);
  }
});
