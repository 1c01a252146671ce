import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsOf } from '../../../src/windows/pool.js';
import { listedProcesses } from '../../../src/windows/process-list.js';
import type { Windows } from '../../../src/windows/windows.js';
import { FAMILIES, machine, type Machine } from '../../support/machine.js';
import { PAGE } from '../../support/physical.js';
import { BOOT } from '../../support/processes.js';

const PIDS = [4, 300, 412, 504, 648, 700];

/** System and five processes in a row. */
function row(build?: number): Machine {
  const made = machine(build === undefined ? {} : { profile: build });
  for (const pid of PIDS.slice(1)) made.process({ name: `p${pid}.exe`, pid, ppid: 4 });
  return made;
}

const listed = (windows: Windows): number[] => windows.processes().filter(({ linked }) => linked).map(({ pid }) => pid);
const where = (windows: Windows): string[] => windows.anomalies.list.map(({ where: place }) => place);

for (const build of FAMILIES) {
  test(`build ${build}: every fact of a process is read from where this build keeps it`, () => {
    const made = machine({ profile: build }).process({
      name: 'explorer.exe', pid: 4244, ppid: 300, created: BOOT + 77n, session: 2, pcid: 2, protection: 0x31,
      kernelPath: '\\Device\\HarddiskVolume3\\Windows\\explorer-long-name.exe',
      parameters: { imagePath: 'C:\\Windows\\explorer.exe', commandLine: 'explorer.exe /x' },
      modules: [{ base: 0x7ff6_0000_0000n, pages: 4, name: 'explorer.exe', path: 'C:\\Windows\\explorer.exe' }],
      threads: [{ tid: 4300 }, { tid: 4304 }],
      token: { user: 'S-1-5-18' },
    });
    const process = made.open().process(4244);
    assert.ok(process !== undefined);
    const built = made.built(4244);
    const { facts } = process;
    assert.equal(process.name, 'explorer-long-name.exe');
    assert.equal(facts.shortName, 'explorer.exe');
    assert.equal(facts.kernelPath, '\\Device\\HarddiskVolume3\\Windows\\explorer-long-name.exe');
    assert.deepEqual([facts.address, facts.ppid, facts.created, facts.exited], [built.view.address, 300, BOOT + 77n, undefined]);
    assert.equal(facts.dtb, built.space.dtb + 2);
    assert.equal(process.memory.dtb, built.space.dtb, 'without its PCID');
    assert.equal(facts.sessionId, 2);
    assert.equal(facts.sectionBase, 0x7ff6_0000_0000n);
    assert.equal(facts.activeThreads, 2);
    assert.equal(facts.peb, built.view.get('Peb'));
    assert.equal(facts.objectTable, built.handles?.address);
    assert.equal(facts.tokenAddress, built.view.get('Token.Value') & ~0xfn);
    assert.equal(facts.protection, build < 9600 ? undefined : 0x31);
    assert.equal(facts.wow64, false);
    assert.equal(process.memory.read(0x7ff6_0000_0000n, 2)?.toString(), 'MZ');
    assert.deepEqual([...process.sources].sort(), ['cid', 'list']);
  });

  test(`build ${build}: a process that was unlinked from the list is found in PspCidTable`, () => {
    const windows = row(build).unlink(504).open();
    assert.deepEqual(windows.processes().map(({ pid }) => pid), PIDS);
    assert.deepEqual(listed(windows), PIDS.filter((pid) => pid !== 504));
    assert.deepEqual([...windows.process(504)!.sources], ['cid']);
    assert.deepEqual(windows.anomalies.list, []);
  });
}

test('processes are named ascending by PID, then by creation', () => {
  const windows = machine().process({ name: 'b', pid: 900 }).process({ name: 'a', pid: 304 })
    .process({ name: 'older', pid: 600, created: BOOT + 1n, exited: BOOT + 2n }).process({ name: 'newer', pid: 600, created: BOOT + 3n }).open();
  assert.deepEqual(windows.processes().map(({ pid, name }) => `${pid} ${name}`), ['4 System', '304 a', '600 older', '600 newer', '900 b']);
  assert.equal(windows.process(600)?.name, 'newer', 'the one that runs');
  assert.equal(windows.process(604), undefined);
});

test('a list that loops is read to the loop, then backward: none is lost, and the loop is told', () => {
  for (const [from, to] of [[504, 504], [648, 300], [300, 4], [700, 412]] as const) {
    const windows = row().loop('active list', from, to).open();
    assert.deepEqual(listed(windows), PIDS, `${from} to ${to}`);
    assert.ok(where(windows).includes('active process list'));
  }
});

test('a list whose link leads nowhere is read from both ends', () => {
  for (const target of [0n, 1n, 0xffff_ffff_ffff_fff8n, 0xffff_8888_0000_0000n, 0x7fff_0000_0000n, 0xdead_beef_dead_beefn]) {
    const made = row();
    made.kernel.space.setU64(made.built(504).view.at('ActiveProcessLinks'), target);
    const windows = made.open();
    assert.deepEqual(listed(windows), PIDS, target.toString(16));
    assert.ok(where(windows).includes('active process list'));
  }
});

test('a process whose page is absent is lost alone', () => {
  const made = machine();
  for (const pid of PIDS.slice(1)) {
    made.process({ name: `p${pid}.exe`, pid });
    made.kernel.nonpaged.pages(PAGE);
  }
  const windows = made.absent(made.built(504).view.at('ActiveProcessLinks')).open();
  assert.deepEqual(windows.processes().map(({ pid }) => pid), PIDS.filter((pid) => pid !== 504));
  assert.ok(where(windows).includes('active process list'));
});

test('an endless list of fakes in the image ends at the number of different ones', () => {
  const made = row();
  const link = made.kernel.profile.need('_EPROCESS', 'ActiveProcessLinks').offset;
  // Each entry leads eight bytes on, through a page that is all of it plausible as links.
  const fakes = made.kernel.nonpaged.pages(4 * PAGE);
  for (let at = 0n; at < BigInt(3 * PAGE); at += 8n) made.kernel.space.setU64(fakes + at, fakes + at + 8n);
  made.kernel.space.setU64(made.built(700).view.at('ActiveProcessLinks'), fakes + BigInt(link));
  const windows = made.open();
  assert.deepEqual(windows.processes().map(({ pid }) => pid), PIDS);
  assert.ok(listedProcesses(windows.kernel).length > PIDS.length);
  assert.ok(windows.anomalies.list.some(({ what }) => what === 'an entry is no plausible process'));
});

test('an empty list and a head that is absent give what the other source knows', () => {
  const head = (made: Machine): bigint => made.kernel.symbol('PsActiveProcessHead');
  const emptied = row();
  emptied.kernel.space.setU64(head(emptied), head(emptied));
  emptied.kernel.space.setU64(head(emptied) + 8n, head(emptied));
  assert.deepEqual(listed(emptied.open()), []);
  assert.deepEqual(emptied.open().processes().map(({ pid }) => pid), PIDS);
  const gone = row();
  gone.absent(head(gone));
  assert.deepEqual(gone.open().processes().map(({ pid }) => pid), PIDS);
});

test('an entry that lies is an anomaly, not a process', () => {
  const lies: readonly (readonly [path: string, value: bigint | number | Uint8Array])[] = [
    ['UniqueProcessId', 5], ['UniqueProcessId', 0], ['UniqueProcessId', 0xffff_ffff_ffff_fffcn], ['CreateTime', 0], ['CreateTime', 0x7fff_ffff_ffff_ffffn],
    ['ExitTime', 1], ['ImageFileName', Buffer.alloc(15)], ['ImageFileName', Buffer.from('\x1b[31mevil\x07\0\0\0\0\0')], ['Pcb.DirectoryTableBase', 0],
    ['InheritedFromUniqueProcessId', 0x1234_5678_9abcn],
  ];
  for (const [path, value] of lies) {
    const made = row();
    const windows = made.lie('_EPROCESS', made.built(504).view.address, path, value).open();
    assert.deepEqual(windows.processes().map(({ pid }) => pid), PIDS.filter((pid) => pid !== 504), path);
    assert.ok(windows.anomalies.list.some(({ address }) => address === made.built(504).view.address), path);
  }
});

test('pointers of a process that lead nowhere leave its other facts', () => {
  for (const path of ['Peb', 'Token.Value', 'ObjectTable', 'SeAuditProcessCreationInfo.ImageFileName', 'Session']) {
    for (const value of [1n, 0xffff_ffff_ffff_ffffn, 0x4141_4141_4141_4141n, 0xffff_8000_0000_0000n]) {
      const made = row();
      const windows = made.lie('_EPROCESS', made.built(504).view.address, path, value).open();
      const process = windows.process(504);
      assert.equal(process?.name, 'p504.exe', path);
      assert.equal(process.facts.created, made.built(504).view.get('CreateTime'));
      process.parameters();
    }
  }
});

test('a kernel path that claims more characters than there are leaves the short name', () => {
  const made = machine().process({ name: 'short.exe', pid: 300, kernelPath: '\\Device\\long.exe' });
  const information = made.built(300).view.get('SeAuditProcessCreationInfo.ImageFileName');
  const lie = Buffer.alloc(4, 0xff);
  made.kernel.space.write(information, lie);
  assert.equal(made.open().process(300)?.name, 'short.exe');
});

test('a process whose page table was lost with the end of the image is still listed', () => {
  const made = machine({ memory: 8 << 20 });
  const lost = made.kernel.physical.contiguous(1, 0x700);
  made.process({ name: 'lost.exe', pid: 504, dtbFrame: 0x7ff }).process({ name: 'kept.exe', pid: 508 });
  assert.ok(lost > 0);
  const highest = Math.max(...Array.from({ length: 0x7ff }, (_, frame) => (made.kernel.physical.used(frame) ? frame : 0)));
  assert.ok(highest < 0x7ff);
  const { windows } = made.cut(0x7ff * PAGE).opened();
  assert.deepEqual(windows?.processes().map(({ pid }) => pid), [4, 504, 508]);
  assert.equal(windows?.process(504)?.memory.read(0x1_0000n, 8), undefined);
});

test('what the pool scan adds joins: an ended process by the scan alone, the others with one more source', () => {
  const made = row().process({ name: 'ended.exe', pid: 804, exited: BOOT + 9_999_999_999n, linked: false });
  const windows = made.open();
  assert.equal(windows.process(804), undefined);
  const scanned = [804, 504].map((pid) => made.built(pid).view.address);
  windows.join(factsOf(new Map([['processes', [...scanned, 0xffff_8000_0000_1000n]]]), 1));
  assert.deepEqual(windows.processes().map(({ pid }) => pid), [...PIDS, 804]);
  assert.deepEqual([...windows.process(804)!.sources], ['scan']);
  assert.equal(windows.process(804)!.terminated, true);
  assert.deepEqual([...windows.process(504)!.sources].sort(), ['cid', 'list', 'scan']);
  assert.deepEqual(windows.anomalies.list, [], 'a chance find of the scan is no anomaly');
});

test('a smeared list, its links of different moments, loses nobody that either direction names', () => {
  const made = row();
  // Forward skips 412 and 504 (they came later), backward skips 648.
  made.loop('active list', 300, 648);
  made.kernel.space.setU64(made.built(700).view.at('ActiveProcessLinks') + 8n, made.built(504).view.at('ActiveProcessLinks'));
  assert.deepEqual(made.open().processes().map(({ pid }) => pid), PIDS);
});
