import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectManager } from '../../../src/windows/object.js';
import { directoryObjects, namespace } from '../../../src/windows/object-directory.js';
import { BUILDS, objectMachine, profileOf, withoutSymbols } from './object-machine.js';

for (const build of BUILDS) {
  test(`build ${build}: an object's type is told from its header`, () => {
    const { objects, kernel } = objectMachine(build);
    const event = objects.create('Event', '_KEVENT', { handleCount: 3 });
    const port = objects.create('ALPC Port', '_ALPC_PORT');
    const manager = objectManager(kernel);
    assert.equal(manager.header(event.address)?.type?.name, 'Event');
    assert.equal(manager.header(event.address)?.type?.tag, 'Even');
    assert.equal(manager.header(event.address)?.handleCount, 3);
    assert.equal(manager.header(port.address)?.type?.name, 'ALPC Port');
    assert.deepEqual(kernel.anomalies.list, []);
  });

  test(`build ${build}: a name is found behind every set of optional headers`, () => {
    const { objects, kernel } = objectMachine(build);
    const manager = objectManager(kernel);
    for (let infoMask = 0; infoMask < 0x10; infoMask += 1) {
      const named = objects.create('Mutant', '_KMUTANT', { name: `made-${infoMask}`, infoMask });
      assert.equal(manager.name(named.address), `made-${infoMask}`);
    }
    assert.equal(manager.name(objects.create('Mutant', '_KMUTANT', { infoMask: 0xd }).address), undefined);
  });
}

test('without the table of offsets the optional headers\' own sizes lead to the name', () => {
  const profile = withoutSymbols(19041, ['ObpInfoMaskToOffset']);
  const { objects, kernel } = objectMachine(19041, profile);
  const named = objects.create('Mutant', '_KMUTANT', { name: 'made', infoMask: 0x5 });
  assert.equal(objectManager(kernel).name(named.address), 'made');
});

test('a path leads from the root through all directories', () => {
  const { objects, kernel } = objectMachine(19041);
  const event = objects.create('Event', '_KEVENT', { name: 'ready' });
  objects.enter('\\Sessions\\1\\BaseNamedObjects', event.address, 'ready');
  const manager = objectManager(kernel);
  assert.equal(manager.path(event.address), '\\Sessions\\1\\BaseNamedObjects\\ready');
  assert.equal(manager.path(objects.directory('\\Sessions\\1')), '\\Sessions\\1');
  assert.equal(manager.path(objects.directory('\\')), '\\');
});

test('an object that hangs in no directory has a name and no path', () => {
  const { objects, kernel } = objectMachine(19041);
  const event = objects.create('Event', '_KEVENT', { name: 'loose' });
  assert.equal(objectManager(kernel).name(event.address), 'loose');
  assert.equal(objectManager(kernel).path(event.address), undefined);
});

test('directories that lie in each other end in no path and an anomaly', () => {
  const { objects, kernel, synthetic } = objectMachine(19041);
  const [outer, inner] = [objects.directory('\\outer'), objects.directory('\\outer\\inner')];
  const header = BigInt(synthetic.profile.need('_OBJECT_HEADER', 'Body').offset);
  const info = synthetic.view('_OBJECT_HEADER_NAME_INFO', outer - header - BigInt(synthetic.profile.sizeOf('_OBJECT_HEADER_NAME_INFO') ?? 0));
  info.set('Directory', inner);
  assert.equal(objectManager(kernel).path(inner), undefined);
  assert.ok(kernel.anomalies.list.some(({ where, what }) => where === 'object directories' && what.includes('already visited')));
});

test('without symbols the types that the kernel exports are known, and the cookie is derived from them', () => {
  const profile = withoutSymbols(19041, ['ObTypeIndexTable', 'ObHeaderCookie']);
  const { synthetic, objects, kernel } = objectMachine(19041, profileOf(19041));
  const reduced = objectMachine(19041).kernel;
  assert.notEqual(reduced, kernel);
  const driver = objects.create('Driver', '_DRIVER_OBJECT');
  const blind = new (kernel.constructor as typeof import('../../../src/windows/kernel.js').Kernel)(
    kernel.physical, kernel.mode, kernel.software, kernel.facts, profile, kernel.anomalies);
  assert.equal(objectManager(blind).header(driver.address)?.type?.name, 'Driver');
  assert.equal(objectManager(blind).header(synthetic.symbol('PsProcessType'))?.type, undefined);
});

test('a cookie that does not fit the headers is an anomaly', () => {
  const { synthetic, objects, kernel } = objectMachine(19041);
  synthetic.space.write(synthetic.symbol('ObHeaderCookie'), Buffer.from([objects.cookie ^ 0x11]));
  objectManager(kernel).header(objects.directory('\\'));
  assert.ok(kernel.anomalies.list.some(({ what }) => what.startsWith('ObHeaderCookie is')));
});

test('the namespace lists every directory before what it holds', () => {
  const { objects, kernel } = objectMachine(19041);
  for (const name of ['b', 'a']) objects.enter('\\Device', objects.create('Device', '_DEVICE_OBJECT', { name }).address, name);
  objects.enter('\\Driver', objects.create('Driver', '_DRIVER_OBJECT', { name: 'd' }).address, 'd');
  const all = [...namespace(kernel)].map(({ path, type }) => `${path} ${type?.name}`);
  assert.deepEqual(all, ['\\ Directory', '\\Device Directory', '\\Device\\a Device', '\\Device\\b Device', '\\Driver Directory', '\\Driver\\d Driver']);
  assert.deepEqual([...namespace(kernel, ['driver'])].map(({ path }) => path), ['\\Driver', '\\Driver\\d']);
});

test('a chain of a directory\'s bucket that leads back to itself ends', () => {
  const { synthetic, objects, kernel } = objectMachine(19041);
  const directory = objects.directory('\\Device');
  const device = objects.create('Device', '_DEVICE_OBJECT', { name: 'x' });
  objects.enter('\\Device', device.address, 'x');
  const buckets = synthetic.view('_OBJECT_DIRECTORY', directory).at('HashBuckets');
  const bucket = Array.from({ length: 37 }, (_, i) => synthetic.space.u64(buckets + BigInt(i * 8))).find((entry) => entry !== 0n);
  assert.notEqual(bucket, undefined);
  synthetic.view('_OBJECT_DIRECTORY_ENTRY', bucket ?? 0n).set('ChainLink', bucket ?? 0n);
  assert.deepEqual(directoryObjects(kernel, directory), [device.address]);
  assert.equal(kernel.anomalies.list.length, 1);
});
