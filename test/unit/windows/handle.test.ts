import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cidProcesses, cidThreads, handleTableProcesses } from '../../../src/windows/handle-table.js';
import { handleProcesses, handles } from '../../../src/windows/handle.js';
import { SyntheticHandleTable } from '../../support/handle-tables.js';
import type { SyntheticKernel } from '../../support/kernel-image.js';
import { BUILDS, objectMachine, type ObjectMachine } from './object-machine.js';

/** A process with a handle table of its own, and what puts objects into it. */
function opener(machine: ObjectMachine): { put: (value: number, body: bigint, access?: number) => void; table: SyntheticHandleTable; view: ReturnType<ObjectMachine['eprocess']> } {
  const view = machine.eprocess(1000, 'opener.exe');
  const table = new SyntheticHandleTable(machine.synthetic, view.address, 1000);
  return { table, view, put: (value, body, access = 0x1f0003) => { table.put(value, machine.objects.header(body).address, access); } };
}

/** A chain of key control blocks, the top key first; the last one's address. */
function keyChain(kernel: SyntheticKernel, names: readonly (readonly [name: string, flags: number])[], hive: bigint): bigint {
  let parent = 0n;
  for (const [name, flags] of names) {
    const block = kernel.paged.struct('_CM_NAME_CONTROL_BLOCK', 'CMnb', name.length);
    block.set('Compressed', 1).set('NameLength', name.length);
    kernel.space.write(block.at('Name'), Buffer.from(name, 'latin1'));
    const control = kernel.paged.struct('_CM_KEY_CONTROL_BLOCK', 'CMkb');
    control.set('KeyHive', hive).set('KeyCell', 0x158).set('ParentKcb', parent).set('NameBlock', block.address).set('Flags', flags);
    parent = control.address;
  }
  return parent;
}

for (const build of BUILDS) {
  test(`build ${build}: values, rights and objects of a table of one and of two levels`, () => {
    const machine = objectMachine(build);
    const { put, table, view } = opener(machine);
    const event = machine.objects.create('Event', '_KEVENT', { handleCount: 2 });
    const mutant = machine.objects.create('Mutant', '_KMUTANT', { name: 'once' });
    put(4, event.address, 0x1f0003);
    put(0x7f8, mutant.address, 0x100001);
    const found = handles(machine.process(view, { objectTable: table.address }));
    assert.deepEqual(found.map(({ value, object, access, type, name, handleCount }) => ({ value, object, access, type, name, handleCount })), [
      { value: 4, object: event.address, access: 0x1f0003, type: 'Event', name: '', handleCount: 2 },
      { value: 0x7f8, object: mutant.address, access: 0x100001, type: 'Mutant', name: 'once', handleCount: 1 },
    ]);
    assert.deepEqual(machine.kernel.anomalies.list, []);
  });

  test(`build ${build}: a file is named by its device and its name there`, () => {
    const machine = objectMachine(build);
    const { put, table, view } = opener(machine);
    const device = machine.objects.create('Device', '_DEVICE_OBJECT', { name: 'HarddiskVolume3' });
    machine.objects.enter('\\Device', device.address, 'HarddiskVolume3');
    const file = machine.objects.create('File', '_FILE_OBJECT').set('DeviceObject', device.address);
    machine.synthetic.text(file, 'FileName', '\\Users\\alice');
    put(4, file.address);
    const [handle] = handles(machine.process(view, { objectTable: table.address }));
    assert.equal(handle?.name, '\\HarddiskVolume3\\Users\\alice');
    assert.equal(handle.path, '\\Device\\HarddiskVolume3\\Users\\alice');
    assert.equal(handle.device, 'HarddiskVolume3');
  });

  test(`build ${build}: a key is named by hive, cell and path`, () => {
    const machine = objectMachine(build);
    const { put, table, view } = opener(machine);
    const hive = 0xffff_8f09_5c8f_d000n;
    const control = keyChain(machine.synthetic, [['REGISTRY', 0], ['MACHINE', 0], ['SYSTEM', 2], ['SYSTEM', 4], ['Select', 0]], hive);
    const key = machine.objects.create('Key', '_CM_KEY_BODY').set('KeyControlBlock', control);
    put(4, key.address);
    const [handle] = handles(machine.process(view, { objectTable: table.address }));
    assert.equal(handle?.name, '[ffff8f095c8fd000:00000158] SYSTEM\\Select');
    assert.equal(handle.path, '\\REGISTRY\\MACHINE\\SYSTEM\\Select');
  });

  test(`build ${build}: processes and threads are found in PspCidTable, and by what others hold`, () => {
    const machine = objectMachine(build);
    const { synthetic, objects, kernel } = machine;
    const first = machine.eprocess(8, 'first.exe');
    const hidden = machine.eprocess(12, 'hidden.exe');
    const thread = objects.create('Thread', '_ETHREAD').set('Cid.UniqueThread', 16);
    const cid = new SyntheticHandleTable(synthetic, 0n, 0);
    for (const [id, body] of [[8, first.address], [12, hidden.address], [16, thread.address]] as const) cid.put(id, body);
    synthetic.setVariable('PspCidTable', cid.address);
    const { put, table, view } = opener(machine);
    put(4, hidden.address);
    put(8, thread.address);
    const process = machine.process(view, { objectTable: table.address });
    assert.deepEqual(cidProcesses(kernel), [first.address, hidden.address]);
    assert.deepEqual(cidThreads(kernel), [thread.address]);
    assert.deepEqual(handleProcesses(process), [hidden.address]);
    assert.deepEqual(handles(process).map(({ name }) => name), ['PID 12 - hidden.exe', 'TID 16']);
  });
}

test('the list of handle tables names their owners', () => {
  const machine = objectMachine(19041);
  const { synthetic, kernel } = machine;
  const head = synthetic.symbol('HandleTableListHead');
  const views = [machine.eprocess(8, 'a.exe'), machine.eprocess(12, 'b.exe')];
  const links = views.map((view) => new SyntheticHandleTable(synthetic, view.address, 8).view.at('HandleTableList'));
  [head, ...links].forEach((link, i) => { synthetic.space.setU64(link, links[i] ?? head); });
  assert.deepEqual(handleTableProcesses(kernel), views.map(({ address }) => address));
});

test('a kernel without PspCidTable has no process there', () => {
  const { kernel } = objectMachine(19041);
  assert.deepEqual(cidProcesses(kernel), []);
});

test('a table that says it has seven levels is refused', () => {
  const machine = objectMachine(19041);
  const { table, view } = opener(machine);
  table.view.set('TableCode', table.view.get('TableCode') | 7n);
  assert.throws(() => handles(machine.process(view, { objectTable: table.address })), /has 7 levels/);
});

test('a page of pointers that names itself ends, and is said', () => {
  const machine = objectMachine(19041);
  const { put, table, view } = opener(machine);
  put(0x400 + 4, machine.objects.create('Event', '_KEVENT').address);
  const pages = table.view.get('TableCode') & ~7n;
  machine.synthetic.space.setU64(pages + 16n, pages);
  assert.equal(handles(machine.process(view, { objectTable: table.address })).length, 1);
  assert.ok(machine.kernel.anomalies.list.some(({ what }) => what.includes('already visited')));
});

test('a page of entries that is missing costs its own handles only', () => {
  const machine = objectMachine(19041);
  const { put, table, view } = opener(machine);
  const event = machine.objects.create('Event', '_KEVENT').address;
  put(4, event);
  put(0x404, event);
  const pages = table.view.get('TableCode') & ~7n;
  machine.synthetic.space.setU64(pages, 0xffff_9999_0000_0000n);
  assert.deepEqual(handles(machine.process(view, { objectTable: table.address })).map(({ value }) => value), [0x404]);
  assert.ok(machine.kernel.anomalies.list.some(({ what }) => what === 'a node cannot be read'));
});

test('a handle whose object is not in the image is shown without a type', () => {
  const machine = objectMachine(19041);
  const { table, view } = opener(machine);
  table.put(4, 0xffff_9999_0000_0030n, 1);
  const [handle] = handles(machine.process(view, { objectTable: table.address }));
  assert.equal(handle?.type, '***');
  assert.equal(handle.object, 0xffff_9999_0000_0060n);
});

test('the table of an ended process that is another\'s by now is not taken for its own', () => {
  const machine = objectMachine(19041);
  const { put, table } = opener(machine);
  put(4, machine.objects.create('Event', '_KEVENT').address);
  const ended = machine.eprocess(2000, 'ended.exe');
  assert.deepEqual(handles(machine.process(ended, { objectTable: table.address, exited: 5n })), []);
  assert.match(machine.kernel.anomalies.list[0]?.what ?? '', /another process/);
});

test('a key above which a block is missing shows what is left of its path', () => {
  const machine = objectMachine(19041);
  const { put, table, view } = opener(machine);
  const control = keyChain(machine.synthetic, [['Services', 0], ['Tcpip', 0]], 0xffff_8f09_5c8f_d000n);
  const above = machine.synthetic.view('_CM_KEY_CONTROL_BLOCK', machine.synthetic.view('_CM_KEY_CONTROL_BLOCK', control).get('ParentKcb'));
  above.set('ParentKcb', 0xffff_9999_0000_0000n);
  put(4, machine.objects.create('Key', '_CM_KEY_BODY').set('KeyControlBlock', control).address);
  assert.equal(handles(machine.process(view, { objectTable: table.address }))[0]?.path, '…\\Services\\Tcpip');
});

test('a key whose name is longer than any can be is an anomaly and has no name', () => {
  const machine = objectMachine(19041);
  const { put, table, view } = opener(machine);
  const control = keyChain(machine.synthetic, [['REGISTRY', 0]], 0xffff_8f09_5c8f_d000n);
  const name = machine.synthetic.view('_CM_KEY_CONTROL_BLOCK', control).get('NameBlock');
  machine.synthetic.view('_CM_NAME_CONTROL_BLOCK', name).set('NameLength', 0xfffe);
  put(4, machine.objects.create('Key', '_CM_KEY_BODY').set('KeyControlBlock', control).address);
  assert.equal(handles(machine.process(view, { objectTable: table.address }))[0]?.name, '');
  assert.match(machine.kernel.anomalies.list[0]?.what ?? '', /65534 bytes/);
});
