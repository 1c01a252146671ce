import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handlesDirectory } from '../../../../mount/tree/handles.js';
import type { TreeServices } from '../../../../mount/tree/services.js';
import { isFileName } from '../../../../src/vfs/name.js';
import type { Directory, Node } from '../../../../src/vfs/node.js';
import { directory } from '../../../../src/vfs/directory.js';
import type { Windows } from '../../../../src/windows/windows.js';
import { nameDirectory, pidDirectory } from '../../../../mount/tree/processes.js';
import { machine, type Machine } from '../../../support/machine.js';
import { BOOT } from '../../../support/processes.js';
import { directoryAt, listed, NO_SERVICES, nodeAt, textAt, windowAt } from './nodes.js';

const PID = 1000;

function byId(made: Machine, services: TreeServices = NO_SERVICES): Directory {
  return directoryAt(handlesDirectory(made.open().process(PID) ?? assert.fail('the process is not found'), services), 'by-id');
}

/** A value of `info.txt`. */
function fact(ids: Directory, handle: string, label: string): string | undefined {
  return new RegExp(`^${label}: +(.*)$`, 'm').exec(textAt(ids, `${handle}/info.txt`) ?? '')?.[1];
}

test('handles are listed by upper-case hex value and type, and each is found by its name alone', () => {
  const made = machine().process({ name: 'opener.exe', pid: PID, handles: [{ type: 'Event', value: 0x1c }, { type: 'ALPC Port', value: 0x404 }] });
  const ids = byId(made);
  assert.deepEqual(listed(ids), ['0001C-Event', '00404-ALPC Port']);
  assert.equal(ids.lookup('0001C-Event')?.kind, 'directory');
  for (const wrong of ['0001c-Event', '0001C-Mutant', '00020-Event', '0001D-Event', '1C-Event', '0001C', 'FFFFFFFF-Event', '00000-Event']) assert.equal(ids.lookup(wrong), undefined, wrong);
});

test('a handle says where its object is, of which type, and shows header and body', () => {
  const made = machine().process({ name: 'opener.exe', pid: PID });
  const event = made.objects.create('Event', '_KEVENT', { name: 'Ready', infoMask: 8, handleCount: 3 }).set('Header.SignalState', 1);
  made.objects.enter('\\BaseNamedObjects', event.address, 'Ready');
  made.built(PID).handles?.put(4, made.objects.header(event.address).address, 0x10_0002);
  const ids = byId(made);
  assert.deepEqual(listed(directoryAt(ids, '00004-Event')), ['info.txt', 'obj-address.txt', 'obj-data.mem', 'obj-data.txt', 'obj-header.txt', 'obj-type.txt']);
  assert.equal(textAt(ids, '00004-Event/obj-address.txt'), event.address.toString(16));
  assert.equal(textAt(ids, '00004-Event/obj-type.txt'), 'Event');
  assert.equal(fact(ids, '00004-Event', 'Path'), '\\BaseNamedObjects\\Ready');
  assert.equal(fact(ids, '00004-Event', 'Access'), '0x100002 EVENT_MODIFY_STATE | SYNCHRONIZE');
  assert.equal(fact(ids, '00004-Event', 'State'), 'signalled');
  const header = textAt(ids, '00004-Event/obj-header.txt') ?? '';
  assert.match(header, /^Handle count: +3$/m);
  assert.match(header, /^Optional headers: +_OBJECT_HEADER_NAME_INFO _OBJECT_HEADER_QUOTA_INFO$/m);
  assert.match(header, /^\+0x01a InfoMask +unsigned char +0xa *$/m);
  assert.match(textAt(ids, '00004-Event/obj-data.txt') ?? '', /^\+0x004 Header\.SignalState +long +0x1 *$/m);
  const body = windowAt(ids, '00004-Event/obj-data.mem');
  const bytes = Buffer.alloc(body.size);
  assert.equal(body.fill(0, bytes), 0);
  assert.equal(bytes.readInt32LE(4), 1);
});

test('what a type means is said: owners, targets, limits, files', () => {
  const made = machine().process({ name: 'opener.exe', pid: PID, threads: [{ tid: 1004 }] });
  const [thread = 0n] = made.built(PID).threads;
  const put = (value: number, body: bigint): void => { made.built(PID).handles?.put(value, made.objects.header(body).address, 0x1f_ffff); };
  put(4, made.objects.create('Mutant', '_KMUTANT').set('Header.SignalState', -1).set('OwnerThread', thread).address);
  const link = made.objects.create('SymbolicLink', '_OBJECT_SYMBOLIC_LINK').set('CreationTime', BOOT);
  made.kernel.text(link, 'LinkTarget', '\\Device\\HarddiskVolume3');
  put(8, link.address);
  const file = made.objects.create('File', '_FILE_OBJECT').set('Type', 5).set('ReadAccess', 1).set('SharedRead', 1).set('SharedDelete', 1).set('Flags', 0x10002);
  made.kernel.text(file, 'FileName', '\\Temp\\a\x1b[2J\nb.txt');
  put(12, file.address);
  put(16, thread);
  put(20, made.built(4).view.address);
  const ids = byId(made);
  assert.equal(fact(ids, '00004-Mutant', 'State'), 'held');
  assert.equal(fact(ids, '00004-Mutant', 'Held times'), '2');
  assert.equal(fact(ids, '00004-Mutant', 'Owner thread'), '1004 of process 1000 opener.exe');
  assert.equal(fact(ids, '00008-SymbolicLink', 'Target'), '\\Device\\HarddiskVolume3');
  assert.equal(fact(ids, '00008-SymbolicLink', 'Created'), '2023-02-05 05:02:08 UTC');
  assert.equal(fact(ids, '0000C-File', 'Name'), '\\Temp\\a\\x1b[2J\\x0ab.txt');
  assert.equal(fact(ids, '0000C-File', 'Shared for'), 'read, delete');
  assert.equal(fact(ids, '0000C-File', 'Flags'), '0x10002 FO_SYNCHRONOUS_IO | FO_DELETE_ON_CLOSE');
  assert.equal(fact(ids, '00010-Thread', 'Thread'), '1004 of process 1000 opener.exe');
  assert.equal(fact(ids, '00010-Thread', 'Access'), '0x1fffff THREAD_ALL_ACCESS');
  assert.equal(fact(ids, '00014-Process', 'Process'), '4 System');
});

/** /pid and /name of a machine, whose nodes know the whole tree. */
function wholeTree(windows: Windows): Directory {
  const services: TreeServices = { ...NO_SERVICES, tree: { windows, at: (path) => nodeAt(root, path) } };
  const root = directory({ name: () => nameDirectory(windows, services), pid: () => pidDirectory(windows, services) });
  return root;
}

/** Where a link leads, from the directory that holds it. */
function followed(root: Directory, from: string, node: Node | undefined): Node | undefined {
  assert.equal(node?.kind, 'link');
  const path = from.split('/');
  for (const step of node.target.split('/')) {
    if (step === '..') path.pop();
    else path.push(step);
  }
  return nodeAt(root, path.join('/'));
}

test('a handle to a process leads to that process, also where its PID is used again, by each of its owner\'s names', () => {
  const made = machine().process({ name: 'old.exe', pid: 2000, created: BOOT + 1n, exited: BOOT + 2n, linked: false }).process({ name: 'opener.exe', pid: PID });
  const old = made.built(2000).view.address;
  made.process({ name: 'new.exe', pid: 2000, created: BOOT + 3n });
  const newer = made.built(2000).view.address;
  made.built(PID).handles?.put(4, made.objects.header(old).address, 1);
  made.built(PID).handles?.put(8, made.objects.header(newer).address, 1);
  const windows = made.open();
  windows.join({ processes: [old], threads: [], drivers: [], hives: [], endpoints: [], scanned: 0 });
  const root = wholeTree(windows);
  for (const own of [`pid/${PID}`, `name/opener.exe-${PID}`]) {
    for (const [handle, name] of [['00004', 'old.exe'], ['00008', 'new.exe']]) {
      const from = `${own}/handles/by-id/${handle}-Process`;
      const target = followed(root, from, nodeAt(root, `${from}/process`));
      assert.equal(target?.kind === 'directory' ? textAt(target, 'name.txt')?.trim() : undefined, name);
    }
  }
});

test('a link that would lead nowhere is not there', () => {
  const made = machine().process({ name: 'opener.exe', pid: PID, handles: [{ type: 'File', path: '\\gone.txt' }, { type: 'Section' }] });
  const key = made.objects.create('Key', '_CM_KEY_BODY');
  made.built(PID).handles?.put(12, made.objects.header(key.address).address, 1);
  const root = wholeTree(made.open());
  for (const handle of ['00004-File', '00008-Section', '0000C-Key']) {
    const names = listed(directoryAt(root, `pid/${PID}/handles/by-id/${handle}`));
    assert.ok(names.includes('obj-type.txt'));
    assert.deepEqual(names.filter((name) => !/^(info|obj-)/.test(name)), []);
  }
});

test('ten thousand handles to one object are listed, and the last is found at once', () => {
  const made = machine().process({ name: 'opener.exe', pid: PID });
  const event = made.objects.create('Event', '_KEVENT').address;
  const header = made.objects.header(event).address;
  const entries = 10_000;
  for (let i = 1; i <= entries; i += 1) if (i % 256 !== 0) made.built(PID).handles?.put(i * 4, header, 1);
  const ids = byId(made);
  assert.equal(listed(ids).length, entries - Math.floor(entries / 256));
  assert.equal(textAt(ids, '09C40-Event/obj-address.txt'), event.toString(16));
});

test('types and names of an image\'s making are safe file names and whole in the text', () => {
  const made = machine().process({ name: 'opener.exe', pid: PID });
  const long = 'x'.repeat(32_000);
  const type = made.view('_OBJECT_TYPE', made.objects.types.get('Event') ?? 0n);
  type.setText('Name', '../\x1b[31m\n/', made.kernel.paged.alloc(64, 'ObNm'));
  const event = made.objects.create('Event', '_KEVENT', { name: long });
  made.built(PID).handles?.put(4, made.objects.header(event.address).address, 1);
  const ids = byId(made);
  const [name = ''] = listed(ids);
  assert.equal(name, '00004-..%2F%1B[31m%0A%2F');
  assert.ok(isFileName(name));
  assert.equal(fact(ids, name, 'Name')?.length, 32_000);
  assert.equal(fact(ids, name, 'Type'), '../\\x1b[31m\\x0a/');
});

test('an object whose header is not in the image is listed by what its entry says', () => {
  const made = machine().process({ name: 'opener.exe', pid: PID });
  made.built(PID).handles?.put(4, 0xffff_9999_0000_0000n, 1);
  const ids = byId(made);
  assert.deepEqual(listed(ids), ['00004-Unknown']);
  assert.deepEqual(listed(directoryAt(ids, '00004-Unknown')), ['obj-address.txt']);
});

test('an object whose body runs into an absent page says how much and which fields are missing', () => {
  const made = machine().process({ name: 'opener.exe', pid: PID });
  const pages = made.kernel.nonpaged.pages(0x2000);
  const body = pages + 0xfc0n;
  const event = made.objects.create('Event', '_KEVENT').address;
  const header = made.objects.header(event);
  // A file object's body of 0xd8 bytes, under an Event's header that says File.
  made.kernel.space.write(body - 0x30n, made.kernel.space.read(header.address, 0x30));
  const index = made.objects.header(made.objects.create('File', '_FILE_OBJECT').address);
  const type = Number(index.get('TypeIndex')) ^ Number((index.address >> 8n) & 0xffn) ^ Number(((body - 0x30n) >> 8n) & 0xffn);
  made.objects.header(body).set('TypeIndex', type);
  made.view('_FILE_OBJECT', body).set('Type', 5);
  made.built(PID).handles?.put(4, body - 0x30n, 1);
  made.absent(pages + 0x1000n);
  const ids = byId(made);
  const data = windowAt(ids, '00004-File/obj-data.mem');
  assert.equal(data.size, 0xd8);
  assert.equal(data.xattrs?.()['user.memlens.missing'], String(0xd8 - 0x40));
  const lines = (textAt(ids, '00004-File/obj-data.txt') ?? '').split('\n');
  assert.ok(lines.some((line) => /^\+0x000 Type +short +0x5 *$/.test(line)));
  assert.ok(lines.some((line) => /^\+0x098 Event +_KEVENT +\*\*\* *$/.test(line)));
  assert.equal(fact(ids, '00004-File', 'Body'), '***');
});

test('a handle table of one page that says it is a second level does not hang a lookup', () => {
  const made = machine().process({ name: 'opener.exe', pid: PID, handles: [{ type: 'Event' }] });
  const table = made.built(PID).handles?.view ?? assert.fail();
  table.set('TableCode', table.get('TableCode') | 2n);
  const ids = byId(made);
  for (const handle of ['00004-Event', '7FFFFFFC-Event', 'FFFFFFFC-Event']) assert.equal(ids.lookup(handle), undefined);
});
