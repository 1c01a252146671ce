import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mergeFacts, type ScanFacts } from '../../../src/windows/pool.js';
import { scanPool } from '../../../src/windows/pool-scan.js';
import type { Windows } from '../../../src/windows/windows.js';
import { CAPTURED, FAMILIES, machine, type Machine } from '../../support/machine.js';
import { KERNEL_DATA } from '../../support/tables.js';

const HEADER = 16n;

function scan(windows: Windows): ScanFacts {
  return scanPool(windows.kernel, { start: 0, end: windows.kernel.physical.size });
}

/** The pool header of the block that an object's body lies in: quota info and object header lie between for processes. */
function blockOf(built: Machine, body: bigint): bigint {
  const profile = built.kernel.profile;
  return body - BigInt(profile.need('_OBJECT_HEADER', 'Body').offset + (profile.sizeOf('_OBJECT_HEADER_QUOTA_INFO') ?? 0)) - HEADER;
}

const addresses = (built: Machine): bigint[] => [...built.processes.values()].map(({ view }) => view.address).sort((a, b) => (a < b ? -1 : 1));

for (const build of FAMILIES) {
  test(`processes and threads are found by their pool blocks on build ${build}`, () => {
    const built = machine({ profile: build })
      .process({ name: 'smss.exe', pid: 300, threads: [{ tid: 304 }, { tid: 308 }] })
      .process({ name: 'hidden.exe', pid: 1044, linked: false, threads: [{ tid: 1048 }] });
    const facts = scan(built.open());
    assert.deepEqual(facts.processes, addresses(built));
    const threads = [...built.processes.values()].flatMap((process) => process.threads).sort((a, b) => (a < b ? -1 : 1));
    assert.deepEqual(facts.threads, threads);
  });
}

test('a process that ended is found, and so is one whose block has been freed', () => {
  const built = machine()
    .process({ name: 'gone.exe', pid: 520, linked: false, created: CAPTURED - 9_000_000_000n, exited: CAPTURED - 5_000_000_000n })
    .process({ name: 'freed.exe', pid: 524, linked: false, created: CAPTURED - 9_000_000_000n, exited: CAPTURED - 5_000_000_000n });
  built.lie('_POOL_HEADER', blockOf(built, built.built(524).view.address), 'PoolType', 0);
  assert.deepEqual(scan(built.open()).processes, addresses(built));
});

test('a block with the protected bit in its tag is found', () => {
  const built = machine().process({ name: 'a.exe', pid: 520, linked: false });
  built.lie('_POOL_HEADER', blockOf(built, built.built(520).view.address), 'PoolTag', Buffer.from('Pro\xe3', 'latin1'));
  assert.ok(scan(built.open()).processes.includes(built.built(520).view.address));
});

describe('what only looks like a process is not taken', () => {
  const cases: readonly (readonly [what: string, lie: (built: Machine, body: bigint) => void])[] = [
    ['a block too small for one', (built, body) => { built.lie('_POOL_HEADER', blockOf(built, body), 'BlockSize', 4); }],
    ['an object of another type', (built, body) => {
      const header = built.objects.header(body);
      header.set('TypeIndex', Number(header.get('TypeIndex')) ^ 1);
    }],
    ['a PID that is no multiple of four', (built, body) => { built.lie('_EPROCESS', body, 'UniqueProcessId', 521); }],
    ['no creation time', (built, body) => { built.lie('_EPROCESS', body, 'CreateTime', 0n); }],
    ['an end before its beginning', (built, body) => { built.lie('_EPROCESS', body, 'ExitTime', 1n); }],
    ['a page table outside of memory and threads that do not lead back', (built, body) => {
      built.lie('_EPROCESS', body, 'Pcb.DirectoryTableBase', 0x7_0000_0000n).lie('_EPROCESS', body, 'ThreadListHead', Buffer.alloc(16, 0xff));
    }],
    ['no page table', (built, body) => { built.lie('_EPROCESS', body, 'Pcb.DirectoryTableBase', 0n); }],
    ['threads in user memory', (built, body) => { built.lie('_EPROCESS', body, 'ThreadListHead', new Uint8Array(16)); }],
    ['no name', (built, body) => { built.lie('_EPROCESS', body, 'ImageFileName', new Uint8Array(15)); }],
  ];
  for (const [what, lie] of cases) {
    test(what, () => {
      const built = machine().process({ name: 'a.exe', pid: 520, linked: false });
      const body = built.built(520).view.address;
      lie(built, body);
      const { processes } = scan(built.open());
      assert.ok(!processes.includes(body));
      assert.ok(processes.includes(built.built(4).view.address));
    });
  }
});

test('an object whose optional headers do not add up to its place is not taken', () => {
  const built = machine().process({ name: 'a.exe', pid: 520, linked: false });
  const body = built.built(520).view.address;
  built.objects.header(body).set('InfoMask', 0);
  assert.ok(!scan(built.open()).processes.includes(body));
});

test('of a page that is mapped twice the address is taken that the object itself knows', () => {
  const built = machine().process({ name: 'a.exe', pid: 520, linked: false, threads: [{ tid: 524 }] });
  const { address } = built.built(520).view;
  const page = address & ~0xfffn;
  // Lower than the pool, and with the address bits that the type index is hidden with.
  const alias = 0xffff_8100_0000_0000n | (page & 0xf000n);
  built.kernel.space.map(alias, built.kernel.space.translate(page)!, KERNEL_DATA);
  const { processes } = scan(built.open());
  assert.deepEqual(processes, addresses(built));
});

test('a block whose page is mapped nowhere is not reported', () => {
  const built = machine().process({ name: 'a.exe', pid: 520, linked: false });
  const { address } = built.built(520).view;
  built.absent(address);
  assert.ok(!scan(built.open()).processes.includes(address));
});

test('a hive is found at a page\'s start, where large allocations have no pool header', () => {
  const built = machine();
  const hive = built.kernel.paged.struct('_CMHIVE', 'CM10');
  hive.set('Hive.Signature', 0xbee0_bee0).listInit('HiveList');
  assert.equal(hive.address & 0xfffn, 0n);
  assert.deepEqual(scan(built.open()).hives, [hive.address]);
});

test('a driver object is found that no directory names', () => {
  const built = machine();
  const driver = built.objects.create('Driver', '_DRIVER_OBJECT');
  driver.set('Type', 4).set('Size', built.kernel.profile.sizeOf('_DRIVER_OBJECT')!).set('DriverStart', 0xffff_f801_7000_0000n).set('DriverSize', 0x8000);
  built.kernel.text(driver, 'DriverName', '\\Driver\\rootkit');
  assert.deepEqual(scan(built.open()).drivers, [driver.address]);
});

test('parts of an image together give what the whole gives, in order and each once', () => {
  const built = machine().process({ name: 'a.exe', pid: 520, threads: [{ tid: 524 }] }).process({ name: 'b.exe', pid: 528, linked: false });
  const { kernel } = built.open();
  const middle = kernel.physical.size / 2;
  const parts = [{ start: middle, end: kernel.physical.size }, { start: 0, end: middle }].map((range) => scanPool(kernel, range));
  const whole = scanPool(kernel, { start: 0, end: kernel.physical.size });
  assert.deepEqual(mergeFacts(parts), whole);
  assert.deepEqual(mergeFacts([whole, { ...whole, scanned: 0 }]), whole);
});

test('progress ends at the size of the range', () => {
  const { kernel } = machine().open();
  const told: number[] = [];
  const { scanned } = scanPool(kernel, { start: 0, end: kernel.physical.size }, (bytes) => told.push(bytes));
  assert.equal(scanned, kernel.physical.size);
  assert.equal(told.at(-1), scanned);
  assert.deepEqual(told, told.toSorted((a, b) => a - b));
});

/** Pages of nothing but headers of large process blocks. */
function headers(): Buffer {
  const block = Buffer.alloc(16);
  block.writeUInt8(0xff, 2);
  block.writeUInt8(2, 3);
  block.write('Proc', 4, 'latin1');
  return Buffer.alloc(4096, block);
}

test('a program that fills its memory with pool headers hides nothing', () => {
  const built = machine({ memory: 40 << 20 });
  const { physical } = built.kernel;
  const page = headers();
  for (let frame = 0; frame < physical.size / 4096; frame += 1) if (!physical.used(frame)) physical.bytes.set(page, frame * 4096);
  const windows = built.open();
  assert.deepEqual(scan(windows).processes, addresses(built));
  assert.deepEqual(windows.anomalies.list.filter(({ where }) => where === 'pool scan'), []);
});

test('kernel memory full of pool headers is looked through, and what is there is found', () => {
  const built = machine({ memory: 8 << 20 });
  const { physical, space } = built.kernel;
  for (let i = 0n; i < 100n; i += 1n) {
    const frame = physical.alloc();
    physical.bytes.set(headers(), frame);
    space.map(0xffff_c000_0000_0000n + i * 0x1000n, frame, KERNEL_DATA);
  }
  assert.deepEqual(scan(built.open()).processes, addresses(built));
});
