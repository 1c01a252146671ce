import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cidProcesses, cidThreads, handleTableProcesses } from '../../../src/windows/handle-table.js';
import { handleProcesses, handles } from '../../../src/windows/handle.js';
import type { Process } from '../../../src/windows/process.js';
import type { SyntheticKernel } from '../../support/kernel-image.js';
import type { View } from '../../support/layout.js';
import { FAMILIES, machine, type Machine } from '../../support/machine.js';
import { withoutSymbols } from './without-symbols.js';

const PID = 1000;

/** A machine with a process that holds handles, and what gives it one. Ask for the process when all is written. */
function opener(build = 19041): {
  readonly made: Machine; readonly table: View; readonly put: (value: number, body: bigint, access?: number) => void; readonly process: () => Process;
} {
  const made = machine({ profile: build }).process({ name: 'opener.exe', pid: PID });
  const table = made.built(PID).handles;
  if (table === undefined) throw new Error('the process has no handle table');
  return {
    made, table: table.view,
    put: (value, body, access = 0x1f0003) => { table.put(value, made.objects.header(body).address, access); },
    process: () => made.open().process(PID) ?? assert.fail('the process is not found'),
  };
}

const HIVE = 0xffff_8f09_5c8f_d000n;

/** A chain of key control blocks, the top key first; the last one's address. */
function keyChain(kernel: SyntheticKernel, names: readonly (readonly [name: string, flags: number])[]): bigint {
  let parent = 0n;
  for (const [name, flags] of names) {
    const block = kernel.paged.struct('_CM_NAME_CONTROL_BLOCK', 'CMnb', name.length);
    block.set('Compressed', 1).set('NameLength', name.length);
    kernel.space.write(block.at('Name'), Buffer.from(name, 'latin1'));
    const control = kernel.paged.struct('_CM_KEY_CONTROL_BLOCK', 'CMkb');
    control.set('KeyHive', HIVE).set('KeyCell', 0x158).set('ParentKcb', parent).set('NameBlock', block.address).set('Flags', flags);
    parent = control.address;
  }
  return parent;
}

for (const build of FAMILIES) {
  test(`build ${build}: values, rights and objects of a table of two levels`, () => {
    const { made, put, process } = opener(build);
    const event = made.objects.create('Event', '_KEVENT', { handleCount: 2 });
    const mutant = made.objects.create('Mutant', '_KMUTANT', { name: 'once' });
    put(4, event.address, 0x1f0003);
    put(0x7f8, mutant.address, 0x100001);
    const owner = process();
    assert.deepEqual(handles(owner).map(({ value, object, access, type, name, handleCount }) => ({ value, object, access, type, name, handleCount })), [
      { value: 4, object: event.address, access: 0x1f0003, type: 'Event', name: '', handleCount: 2 },
      { value: 0x7f8, object: mutant.address, access: 0x100001, type: 'Mutant', name: 'once', handleCount: 1 },
    ]);
    assert.deepEqual(owner.anomalies.list, []);
  });

  test(`build ${build}: a file is named by its device and its name there`, () => {
    const { made, put, process } = opener(build);
    const device = made.objects.create('Device', '_DEVICE_OBJECT', { name: 'HarddiskVolume3' });
    made.objects.enter('\\Device', device.address, 'HarddiskVolume3');
    const file = made.objects.create('File', '_FILE_OBJECT').set('DeviceObject', device.address);
    made.kernel.text(file, 'FileName', '\\Users\\alice');
    put(4, file.address);
    const [handle] = handles(process());
    assert.equal(handle?.name, '\\HarddiskVolume3\\Users\\alice');
    assert.equal(handle.path, '\\Device\\HarddiskVolume3\\Users\\alice');
    assert.equal(handle.device, 'HarddiskVolume3');
  });

  test(`build ${build}: a key is named by hive, cell and path`, () => {
    const { made, put, process } = opener(build);
    const control = keyChain(made.kernel, [['REGISTRY', 0], ['MACHINE', 0], ['SYSTEM', 2], ['SYSTEM', 4], ['Select', 0]]);
    put(4, made.objects.create('Key', '_CM_KEY_BODY').set('KeyControlBlock', control).address);
    const [handle] = handles(process());
    assert.equal(handle?.name, '[ffff8f095c8fd000:00000158] SYSTEM\\Select');
    assert.equal(handle.path, '\\REGISTRY\\MACHINE\\SYSTEM\\Select');
  });

  test(`build ${build}: processes and threads are found in PspCidTable, and by what others hold`, () => {
    const { made, put, process } = opener(build);
    made.process({ name: 'hidden.exe', pid: 1200, threads: [{ tid: 1204 }] }).unlink(1200);
    const hidden = made.built(1200);
    const [thread = 0n] = hidden.threads;
    put(4, hidden.view.address);
    put(8, thread);
    const owner = process();
    assert.deepEqual(cidProcesses(owner.kernel), [4, PID, 1200].map((pid) => made.built(pid).view.address));
    assert.deepEqual(cidThreads(owner.kernel), [thread]);
    assert.deepEqual(handleProcesses(owner), [hidden.view.address]);
    assert.deepEqual(handles(owner).map(({ name }) => name), ['PID 1200 - hidden.exe', 'TID 1204']);
  });
}

test('a handle above 255 others lies in a second page of entries, and one above 131,071 below a second level of pointers', () => {
  const { made, table, process } = opener();
  const event = made.objects.create('Event', '_KEVENT').address;
  const header = made.objects.header(event).address;
  const entries = table.get('TableCode');
  const [middle, top] = [made.kernel.paged.pages(4096), made.kernel.paged.pages(4096)];
  made.kernel.space.setU64(middle + 8n, entries);
  made.kernel.space.setU64(top + 8n, middle);
  table.set('TableCode', top | 2n);
  made.view('_HANDLE_TABLE_ENTRY', entries + 16n).set('ObjectPointerBits', header >> 4n).set('GrantedAccessBits', 1);
  assert.deepEqual(handles(process()).map(({ value, object }) => ({ value, object })), [{ value: (512 + 1) * 0x400 + 4, object: event }]);
});

for (const known of [true, false]) {
  test(`the list of handle tables names their owners, with${known ? '' : 'out'} the symbol of its head`, () => {
    const made = machine().process({ name: 'a.exe', pid: 8 }).process({ name: 'b.exe', pid: 12 });
    const head = made.kernel.symbol('HandleTableListHead');
    const links = [4, 8, 12].map((pid) => made.built(pid).handles?.view.at('HandleTableList') ?? 0n);
    [head, ...links].forEach((link, i) => { made.kernel.space.setU64(link, links[i] ?? head); });
    const { kernel } = made.open();
    const found = handleTableProcesses(known ? kernel : withoutSymbols(kernel, 'HandleTableListHead'));
    assert.deepEqual(found, [4, 8, 12].map((pid) => made.built(pid).view.address));
  });
}

test('a kernel without PspCidTable has no process there', () => {
  const made = machine();
  made.kernel.setVariable('PspCidTable', 0n);
  assert.deepEqual(cidProcesses(made.open().kernel), []);
});

test('a table that says it has seven levels is refused, and said', () => {
  const { table, process } = opener();
  table.set('TableCode', table.get('TableCode') | 7n);
  const owner = process();
  assert.throws(() => handles(owner), /has 7 levels/);
  assert.deepEqual(owner.handles(), []);
  assert.ok(owner.anomalies.list.some(({ where, what }) => where === 'process 1000 opener.exe handles' && what.includes('7 levels')));
});

test('a page of pointers that names itself ends, and is said', () => {
  const { made, put, table, process } = opener();
  put(0x404, made.objects.create('Event', '_KEVENT').address);
  const pages = table.get('TableCode') & ~7n;
  made.kernel.space.setU64(pages + 16n, pages);
  const owner = process();
  assert.equal(handles(owner).length, 1);
  assert.ok(owner.anomalies.list.some(({ what }) => what.includes('already visited')));
});

test('a page of entries that is missing costs its own handles only', () => {
  const { made, put, table, process } = opener();
  const event = made.objects.create('Event', '_KEVENT').address;
  put(4, event);
  put(0x404, event);
  made.kernel.space.setU64(table.get('TableCode') & ~7n, 0xffff_9999_0000_0000n);
  const owner = process();
  assert.deepEqual(handles(owner).map(({ value }) => value), [0x404]);
  assert.ok(owner.anomalies.list.some(({ what }) => what === 'a node cannot be read'));
});

test('a handle whose object is not in the image is shown without a type', () => {
  const { made, process } = opener();
  made.built(PID).handles?.put(4, 0xffff_9999_0000_0030n, 1);
  const [handle] = handles(process());
  assert.equal(handle?.type, '***');
  assert.equal(handle.object, 0xffff_9999_0000_0060n);
});

test('the table of an ended process that is another\'s by now is not taken for its own', () => {
  const { made, put } = opener();
  put(4, made.objects.create('Event', '_KEVENT').address);
  made.process({ name: 'ended.exe', pid: 2000, exited: 133_200_600_000_000_000n });
  made.built(2000).view.set('ObjectTable', made.built(PID).handles?.address ?? 0n);
  const ended = made.open().process(2000) ?? assert.fail('the ended process is not found');
  assert.deepEqual(handles(ended), []);
  assert.match(ended.anomalies.list[0]?.what ?? '', /another process/);
});

test('a key above which a block is missing shows what is left of its path', () => {
  const { made, put, process } = opener();
  const control = keyChain(made.kernel, [['Services', 0], ['Tcpip', 0]]);
  const above = made.view('_CM_KEY_CONTROL_BLOCK', control).get('ParentKcb');
  made.lie('_CM_KEY_CONTROL_BLOCK', above, 'ParentKcb', 0xffff_9999_0000_0000n);
  put(4, made.objects.create('Key', '_CM_KEY_BODY').set('KeyControlBlock', control).address);
  assert.equal(handles(process())[0]?.path, '…\\Services\\Tcpip');
});

test('a key whose name is longer than any can be is an anomaly and has no name', () => {
  const { made, put, process } = opener();
  const control = keyChain(made.kernel, [['REGISTRY', 0]]);
  made.lie('_CM_NAME_CONTROL_BLOCK', made.view('_CM_KEY_CONTROL_BLOCK', control).get('NameBlock'), 'NameLength', 0xfffe);
  put(4, made.objects.create('Key', '_CM_KEY_BODY').set('KeyControlBlock', control).address);
  const owner = process();
  assert.equal(handles(owner)[0]?.name, '');
  assert.match(owner.anomalies.list[0]?.what ?? '', /65534 bytes/);
});
