import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dosTime, itemList, itemPath, joinItems, shellItem } from '../../../src/artefacts/shell-item.js';
import { isoTime } from '../../../src/bytes/filetime.js';

import { driveItem, fileItem, folderItem, item, networkItem, randomBytes } from '../../support/shell-items.js';

test('a folder of the shell has its name, an unknown one its GUID', () => {
  assert.deepEqual(shellItem(folderItem('e04fd020ea3a6910a2d808002b30309d')), { kind: 'folder', name: 'This PC' });
  assert.equal(shellItem(folderItem('000102030405060708090a0b0c0d0e0f')).name, '{03020100-0504-0706-0809-0a0b0c0d0e0f}');
});

test('a directory has its long name, its times and its place in the MFT', () => {
  const directory = shellItem(fileItem({ type: 0x31, short: 'PROGRA~1', long: 'Program Files', created: [0x4e91, 0x9500], modified: [0x4e92, 0], mft: 1417n, sequence: 3 }));
  assert.deepEqual({ ...directory, created: isoTime(directory.created), modified: isoTime(directory.modified) }, {
    kind: 'directory', name: 'Program Files', shortName: 'PROGRA~1', size: undefined, accessed: undefined, mftRecord: 1417, mftSequence: 3,
    created: '2019-04-17T18:40:00.0000000Z', modified: '2019-04-18T00:00:00.0000000Z',
  });
});

test('extension blocks of Windows XP, 7 and 10 keep the name at different places', () => {
  for (const version of [3, 7, 8, 9]) {
    const file = shellItem(fileItem({ type: 0x32, short: 'A~1.TXT', long: 'A long name.txt', version, size: 77 }));
    assert.deepEqual([file.kind, file.name, file.size, file.shortName], ['file', 'A long name.txt', 77, 'A~1.TXT']);
  }
  assert.equal(shellItem(fileItem({ type: 0x36, short: 'Wide name' })).name, 'Wide name');
});

test('drives, shares, addresses and what Windows puts into its own items are told by name', () => {
  assert.deepEqual(shellItem(driveItem('C:\\')), { kind: 'volume', name: 'C:\\' });
  assert.deepEqual(shellItem(networkItem('\\\\server\\share')), { kind: 'network', name: '\\\\server\\share' });
  assert.deepEqual(shellItem(item(0x61, Buffer.concat([Buffer.from([0x80, 0, 0]), Buffer.from('ftp://host/\0', 'utf16le')]))), { kind: 'uri', name: 'ftp://host/' });
  assert.equal(shellItem(item(0x01, Buffer.from('008421de390500000000000000', 'hex'))).name, 'System and Security');
  const view = Buffer.concat([Buffer.from('002f0010b7a6f519002f', 'hex'), Buffer.from('E:\\\0', 'latin1'), Buffer.alloc(22)]);
  assert.deepEqual(shellItem(item(0x1f, view)), { kind: 'volume', name: 'E:\\' });
});

test('an item of an unknown kind says what can be read in it', () => {
  assert.equal(shellItem(item(0x52, Buffer.from('..inner name..\0', 'latin1'))).name, '{item 0x52 ..inner name..}');
  assert.equal(shellItem(item(0x52, Buffer.alloc(8))).name, '{item 0x52}');
});

test('items become a path, which a network name begins anew', () => {
  const list = Buffer.concat([folderItem('e04fd020ea3a6910a2d808002b30309d'), driveItem('C:\\'), fileItem({ type: 0x31, short: 'Users' }), Buffer.alloc(2)]);
  assert.equal(itemPath(itemList(list)), 'This PC\\C:\\Users');
  assert.equal(joinItems(['Network', '\\\\server\\share', 'folder']), '\\\\server\\share\\folder');
  assert.equal(joinItems(['C:\\']), 'C:\\');
  assert.equal(joinItems([]), '');
});

test('times of MS-DOS that no calendar knows are none', () => {
  assert.equal(dosTime(Buffer.from([0, 0, 0, 0]), 0), undefined);
  assert.equal(dosTime(Buffer.from([0xff, 0xff, 0xff, 0xff]), 0), undefined);
  assert.equal(dosTime(Buffer.alloc(3), 0), undefined);
});

test('items cut anywhere, and random ones, give an item and no exception', () => {
  const whole = fileItem({ type: 0x31, short: 'PROGRA~1', long: 'Program Files', mft: 5n, sequence: 5 });
  for (let length = 3; length <= whole.length; length += 1) assert.notEqual(shellItem(whole.subarray(0, length)).name, '');
  for (const bytes of randomBytes(3000, 0x5eed)) {
    for (const type of [bytes[2] ?? 0, 0x1f, 0x2f, 0x31, 0x36, 0x42, 0x61, 0x71, 0x74]) {
      bytes[2] = type;
      if (bytes.length > 2) assert.notEqual(shellItem(bytes).name, '');
    }
    for (const signature of [0x46534643, 0x23febbee, 0x10312005, 0x07192006, 0xf5a6b710, 0x23a3dfd5, 0x3b93afbb]) {
      if (bytes.length >= 10) bytes.writeUInt32LE(signature, 6);
      if (bytes.length > 2) assert.notEqual(shellItem(bytes).name, '');
    }
    assert.ok(itemList(bytes).length <= 256);
  }
});
