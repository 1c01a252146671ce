import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectManager } from '../../../src/windows/object.js';
import { namespace } from '../../../src/windows/namespace.js';
import { directoryObjects } from '../../../src/windows/object-directory.js';
import { FAMILIES, machine } from '../../support/machine.js';
import { withoutSymbols } from './without-symbols.js';

for (const build of FAMILIES) {
  test(`build ${build}: an object's type is told from its header`, () => {
    const made = machine({ profile: build });
    const event = made.objects.create('Event', '_KEVENT', { handleCount: 3 });
    const port = made.objects.create('ALPC Port', '_ALPC_PORT');
    const { kernel } = made.open();
    const manager = objectManager(kernel);
    assert.equal(manager.header(event.address)?.type?.name, 'Event');
    assert.equal(manager.header(event.address)?.type?.tag, 'Even');
    assert.equal(manager.header(event.address)?.handleCount, 3);
    assert.equal(manager.header(port.address)?.type?.name, 'ALPC Port');
    assert.deepEqual(kernel.anomalies.list, []);
  });

  test(`build ${build}: a name is found behind every set of optional headers`, () => {
    const made = machine({ profile: build });
    const masks = Array.from({ length: 16 }, (_, mask) => mask);
    const named = masks.map((infoMask) => made.objects.create('Mutant', '_KMUTANT', { name: `made-${infoMask}`, infoMask }));
    const nameless = made.objects.create('Mutant', '_KMUTANT', { infoMask: 0xd });
    const manager = objectManager(made.open().kernel);
    assert.deepEqual(named.map(({ address }) => manager.name(address)), masks.map((infoMask) => `made-${infoMask}`));
    assert.equal(manager.name(nameless.address), undefined);
  });
}

test('without the table of offsets the optional headers\' own sizes lead to the name', () => {
  const made = machine();
  const named = made.objects.create('Mutant', '_KMUTANT', { name: 'made', infoMask: 0x5 });
  const kernel = withoutSymbols(made.open().kernel, 'ObpInfoMaskToOffset');
  assert.equal(objectManager(kernel).name(named.address), 'made');
});

test('a path leads from the root through all directories', () => {
  const made = machine();
  const event = made.objects.create('Event', '_KEVENT', { name: 'ready' });
  made.objects.enter('\\Sessions\\1\\BaseNamedObjects', event.address, 'ready');
  const manager = objectManager(made.open().kernel);
  assert.equal(manager.path(event.address), '\\Sessions\\1\\BaseNamedObjects\\ready');
  assert.equal(manager.path(made.objects.directory('\\Sessions\\1')), '\\Sessions\\1');
  assert.equal(manager.path(made.objects.directory('\\')), '\\');
});

test('an object that hangs in no directory has a name and no path', () => {
  const made = machine();
  const event = made.objects.create('Event', '_KEVENT', { name: 'loose' });
  const manager = objectManager(made.open().kernel);
  assert.equal(manager.name(event.address), 'loose');
  assert.equal(manager.path(event.address), undefined);
});

test('directories that lie in each other end in no path and an anomaly', () => {
  const made = machine();
  const [outer, inner] = [made.objects.directory('\\outer'), made.objects.directory('\\outer\\inner')];
  const info = made.objects.header(outer).address - BigInt(made.kernel.profile.sizeOf('_OBJECT_HEADER_NAME_INFO') ?? 0);
  made.lie('_OBJECT_HEADER_NAME_INFO', info, 'Directory', inner);
  const { kernel, anomalies } = made.open();
  assert.equal(objectManager(kernel).path(inner), undefined);
  assert.ok(anomalies.list.some(({ where, what }) => where === 'object directories' && what.includes('already visited')));
});

test('without their table the types that the kernel exports are known, and without the cookie it is derived from them', () => {
  const made = machine();
  const driver = made.objects.create('Driver', '_DRIVER_OBJECT');
  const kernel = withoutSymbols(made.open().kernel, 'ObTypeIndexTable', 'ObHeaderCookie');
  assert.equal(objectManager(kernel).header(driver.address)?.type?.name, 'Driver');
  assert.equal(objectManager(kernel).header(made.built(4).view.address)?.type?.name, 'Process');
});

test('without any symbol but what kernels export, all types, the namespace and the drivers are known', () => {
  const made = machine();
  const port = made.objects.create('ALPC Port', '_ALPC_PORT');
  const types = made.objects.directory('\\ObjectTypes');
  for (const [name, address] of made.objects.types) made.objects.enter('\\ObjectTypes', address, name);
  const kernel = withoutSymbols(made.open().kernel, 'ObTypeIndexTable', 'ObHeaderCookie', 'ObpInfoMaskToOffset', 'ObpRootDirectoryObject', 'AlpcPortObjectType');
  const manager = objectManager(kernel);
  assert.equal(manager.header(port.address)?.type?.name, 'ALPC Port');
  assert.equal(manager.root, made.objects.directory('\\'));
  assert.equal(manager.path(types), '\\ObjectTypes');
  assert.equal([...namespace(kernel, ['ObjectTypes'])].filter(({ type }) => type?.name === 'Type').length, made.objects.types.size);
});

test('a cookie that does not fit the headers is an anomaly', () => {
  const made = machine();
  made.kernel.space.write(made.kernel.symbol('ObHeaderCookie'), Buffer.from([made.objects.cookie ^ 0x11]));
  const { kernel, anomalies } = made.open();
  objectManager(kernel).header(made.objects.directory('\\'));
  assert.ok(anomalies.list.some(({ what }) => what.startsWith('ObHeaderCookie is')));
});

test('the namespace lists every directory before what it holds', () => {
  const made = machine();
  for (const name of ['b', 'a']) made.objects.enter('\\Device', made.objects.create('Device', '_DEVICE_OBJECT', { name }).address, name);
  made.objects.enter('\\Driver', made.objects.create('Driver', '_DRIVER_OBJECT', { name: 'd' }).address, 'd');
  const { kernel } = made.open();
  assert.deepEqual([...namespace(kernel)].map(({ path, type }) => `${path} ${type?.name}`),
    ['\\ Directory', '\\Device Directory', '\\Device\\a Device', '\\Device\\b Device', '\\Driver Directory', '\\Driver\\d Driver']);
  assert.deepEqual([...namespace(kernel, ['driver'])].map(({ path }) => path), ['\\Driver', '\\Driver\\d']);
});

test('a chain of a directory\'s bucket that leads back to itself ends', () => {
  const made = machine();
  const directory = made.objects.directory('\\Device');
  const device = made.objects.create('Device', '_DEVICE_OBJECT', { name: 'x' });
  made.objects.enter('\\Device', device.address, 'x');
  const buckets = made.view('_OBJECT_DIRECTORY', directory).at('HashBuckets');
  const bucket = Array.from({ length: 37 }, (_, i) => made.kernel.space.u64(buckets + BigInt(i * 8))).find((entry) => entry !== 0n) ?? 0n;
  made.lie('_OBJECT_DIRECTORY_ENTRY', bucket, 'ChainLink', bucket);
  const { kernel, anomalies } = made.open();
  assert.deepEqual(directoryObjects(kernel, directory), [device.address]);
  assert.deepEqual(anomalies.list.map(({ where }) => where), ['object directory']);
});
