import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drivers } from '../../../src/windows/driver.js';
import { FAMILIES, machine, type Machine } from '../../support/machine.js';

const BASE = 0xffff_f801_452f_d000n;

/** Makes a driver object with its extension, by default in the namespace; its address. */
function driverObject(made: Machine, name: string, start: bigint, directory = '\\Driver', entered = true): bigint {
  const view = made.objects.create('Driver', '_DRIVER_OBJECT', { name });
  const extension = made.kernel.nonpaged.struct('_DRIVER_EXTENSION', 'DrvE');
  made.kernel.text(extension, 'ServiceKeyName', `${name}Service`);
  made.kernel.text(view, 'DriverName', `${directory}\\${name}`);
  view.set('DriverStart', start).set('DriverSize', 0x9000).set('DriverExtension', extension.address);
  if (entered) made.objects.enter(directory, view.address, name);
  return view.address;
}

for (const build of FAMILIES) {
  test(`build ${build}: a driver with its service, range and module`, () => {
    const made = machine({ profile: build }).driver({ name: 'CLFS.SYS', path: '\\SystemRoot\\System32\\drivers\\CLFS.SYS', base: BASE, pages: 16 });
    const address = driverObject(made, 'CLFS', BASE);
    const fileSystem = driverObject(made, 'Ntfs', BASE + 0x10_0000n, '\\FileSystem');
    const { kernel, anomalies } = made.open();
    assert.deepEqual(drivers(kernel, []), [
      {
        address, name: 'CLFS', objectName: '\\Driver\\CLFS', serviceKey: 'CLFSService', start: BASE, size: 0x9000,
        path: '\\SystemRoot\\System32\\drivers\\CLFS.SYS', module: 'CLFS.SYS', source: 'namespace',
      },
      {
        address: fileSystem, name: 'Ntfs', objectName: '\\FileSystem\\Ntfs', serviceKey: 'NtfsService', start: BASE + 0x10_0000n, size: 0x9000,
        path: undefined, module: undefined, source: 'namespace',
      },
    ]);
    assert.deepEqual(anomalies.list, []);
  });
}

test('a driver that only the scan found is told from those that the namespace names', () => {
  const made = machine();
  const named = driverObject(made, 'named', BASE);
  const hidden = driverObject(made, 'hidden', BASE + 0x10_0000n, '\\Driver', false);
  const { kernel } = made.open();
  assert.deepEqual(drivers(kernel, [hidden, named]).map(({ name, source }) => [name, source]), [['named', 'namespace'], ['hidden', 'scan']]);
});

test('a driver whose extension lies outside the kernel has no service', () => {
  const made = machine();
  made.lie('_DRIVER_OBJECT', driverObject(made, 'bare', BASE), 'DriverExtension', 0x1000n);
  assert.equal(drivers(made.open().kernel, [])[0]?.serviceKey, '');
});

test('a driver object that is not in the image is an anomaly', () => {
  const { kernel, anomalies } = machine().open();
  assert.deepEqual(drivers(kernel, [0xffff_9999_0000_0000n]), []);
  assert.ok(anomalies.list.some(({ what }) => what === 'a driver object cannot be read'));
});

test('objects of other types in a directory of drivers are none', () => {
  const made = machine();
  made.objects.enter('\\Driver', made.objects.create('Event', '_KEVENT', { name: 'odd' }).address, 'odd');
  assert.deepEqual(drivers(made.open().kernel, []), []);
});
