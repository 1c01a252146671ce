import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MOUNT_POINTS_OF_USERS } from '../../../src/artefacts/mount-points.js';
import { MOUNTED_DEVICES } from '../../../src/artefacts/mounted-devices.js';
import { USB_DEVICES } from '../../../src/artefacts/usb-devices.js';
import { USB_STORAGE } from '../../../src/artefacts/usb-storage.js';
import { artefactEvents, artefactRows, picked, rootWith, userRoot } from '../../support/artefact-rows.js';
import { dword, sz, type KeyToWrite, type ValueToWrite } from '../../support/hive-bytes.js';
import { writtenSet } from '../../support/hive-sets.js';

const VOLUME = '{eba74da6-5bb2-11e0-95d1-000c2971073c}';
const DISK = 'Disk&Ven_HP&Prod_v100w&Rev_1024';
const INSTANCE = 'AA951D0000007252&0';
const FIRST = 129_461_071_580_000_000n;
const LAST = FIRST + 36_000_000_000n;
const DATES = '{83da6326-97a6-4088-9453-a1923f573b29}';

function time(ticks: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(ticks);
  return bytes;
}

function value(name: string, text: string): ValueToWrite {
  return { name, type: 1, data: sz(text) };
}

function binary(name: string, data: Buffer): ValueToWrite {
  return { name, type: 3, data };
}

/** Dates as Windows 8 keeps them, or as Windows 7 does. */
function dates(form: 'new' | 'old', ...times: readonly (readonly [string, bigint])[]): KeyToWrite {
  return { name: 'Properties', keys: [{ name: DATES, keys: times.map(([id, ticks]) => (form === 'new'
    ? { name: id, values: [{ name: '', type: 0xffff0010, data: time(ticks) }] }
    : { name: `0000${id}`, keys: [{ name: '00000000', values: [{ name: 'Data', type: 0xffff0010, data: time(ticks) }] }] })) }] };
}

function system(form: 'new' | 'old'): KeyToWrite {
  const device = `_??_USBSTOR#${DISK}#${INSTANCE}#{53f56307-b6bf-11d0-94f2-00a0c91efb8b}`;
  return { name: 'ROOT', keys: [
    { name: 'Select', values: [{ name: 'Current', type: 4, data: dword(1) }] },
    { name: 'MountedDevices', values: [
      binary('\\DosDevices\\C:', Buffer.concat([dword(0x5cbea03e), time(0x100000n)])),
      binary('\\DosDevices\\G:', Buffer.concat([Buffer.from('DMIO:ID:'), Buffer.from('2c380f8eeae4ba47b7fc9d8c74dccf0b', 'hex')])),
      binary('\\DosDevices\\E:', Buffer.from(device, 'utf16le')), binary(`\\??\\Volume${VOLUME}`, Buffer.from(device, 'utf16le')),
      binary('\\DosDevices\\Z:', Buffer.from([1, 2, 3])),
    ] },
    { name: 'ControlSet001', keys: [{ name: 'Enum', keys: [
      { name: 'USB', keys: [{ name: 'VID_03F0&PID_3207', keys: [{
        name: 'AA951D0000007252', values: [value('DeviceDesc', '@usbstor.inf,%x%;USB Mass Storage Device')], keys: [dates(form, ['0065', FIRST])],
      }] }] },
      { name: 'USBSTOR', keys: [{ name: DISK, keys: [
        { name: INSTANCE, values: [value('FriendlyName', 'HP v100w USB Device')], keys: [dates(form, ['0064', FIRST], ['0065', FIRST], ['0066', LAST], ['0067', LAST + 1n])] },
        { name: '6&1a2b&0&SER', values: [] },
      ] }] },
    ] }] },
  ] };
}

const USER = userRoot({ 'Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\MountPoints2': {
  keys: [{ name: VOLUME, written: LAST }, { name: '##server#share', written: FIRST, values: [value('_LabelFromReg', 'Share')] }, { name: 'CPC' }],
} });
const SOFTWARE = rootWith({ 'Microsoft\\Windows Portable Devices\\Devices': { keys: [{
  name: `WPDBUSENUMROOT#UMB#2&37C186B&0&STORAGE#VOLUME#_??_USBSTOR#${DISK.toUpperCase()}#${INSTANCE}#`, values: [value('FriendlyName', 'EVIDENCE')],
}] } });

for (const form of ['new', 'old'] as const) {
  test(`a USB stick has its serial number, its times, its drive, its label and its users (${form} dates)`, () => {
    const set = writtenSet({ 'HKLM\\SYSTEM': system(form), 'HKLM\\SOFTWARE': SOFTWARE, 'HKU\\S-1-5-21-1-2-3-1001': USER });
    const [stick, other] = artefactRows(USB_STORAGE, set);
    assert.deepEqual(picked(stick, 'vendor', 'product', 'revision', 'serial', 'name', 'letters', 'label', 'users', 'volumes'),
      ['HP', 'v100w', '1024', 'AA951D0000007252', 'HP v100w USB Device', 'E:', 'EVIDENCE', 'user1', VOLUME]);
    assert.deepEqual(picked(stick, 'first_installed', 'last_arrival'), ['2011-04-01T04:52:38.0000000Z', '2011-04-01T05:52:38.0000000Z']);
    assert.deepEqual(picked(other, 'serial', 'letters', 'first_installed'), [undefined, '', undefined], 'a number that Windows made is no serial number');
    assert.deepEqual(artefactEvents(USB_STORAGE, set).map((event) => event.split(' ').slice(0, 3).join(' ')), [`${FIRST} CRE first`, `${LAST} --- connected`, `${LAST + 1n} --- removed`]);
    assert.deepEqual(artefactRows(USB_DEVICES, set).map((row) => picked(row, 'vid', 'pid', 'serial', 'name', 'first_installed')),
      [['03F0', '3207', 'AA951D0000007252', 'USB Mass Storage Device', '2011-04-01T04:52:38.0000000Z']]);
  });
}

test('drive letters and volumes lead to partitions by signature or GUID, or to devices', () => {
  const rows = artefactRows(MOUNTED_DEVICES, writtenSet({ 'HKLM\\SYSTEM': system('new') }));
  assert.deepEqual(rows.map((row) => picked(row, 'letter', 'volume', 'kind', 'disk_signature', 'partition_offset', 'partition')), [
    ['C:', undefined, 'MBR partition', 0x5cbea03e, 0x100000, undefined],
    ['G:', undefined, 'GPT partition', undefined, undefined, '{8e0f382c-e4ea-47ba-b7fc-9d8c74dccf0b}'],
    ['E:', undefined, 'device', undefined, undefined, undefined],
    [undefined, VOLUME, 'device', undefined, undefined, undefined],
    ['Z:', undefined, 'unknown', undefined, undefined, undefined],
  ]);
});

test('mount points of a user are volumes, shares and network drives', () => {
  const user = { ...USER, keys: [...USER.keys ?? [], { name: 'Network', keys: [{ name: 'p', values: [value('RemotePath', '\\\\controller\\public')] }] }] };
  const rows = artefactRows(MOUNT_POINTS_OF_USERS, writtenSet({ 'HKU\\S-1-5-21-1-2-3-1001': user }));
  assert.deepEqual(rows.map((row) => picked(row, 'user', 'kind', 'target', 'label')), [
    ['user1', 'volume', VOLUME, undefined], ['user1', 'network', '\\\\server\\share', 'Share'], ['user1', 'network', '\\\\controller\\public', 'P:'],
  ]);
});
