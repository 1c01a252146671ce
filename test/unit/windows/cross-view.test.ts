import assert from 'node:assert/strict';
import { test } from 'node:test';
import { procDirectory } from '../../../mount/tree/proc.js';
import { crossView, type SeenProcess } from '../../../src/windows/cross-view.js';
import type { ScanFacts } from '../../../src/windows/pool.js';
import type { Windows } from '../../../src/windows/windows.js';
import { machine, type Machine } from '../../support/machine.js';
import { BOOT } from '../../support/processes.js';
import { withoutSymbols } from './without-symbols.js';
import { WindowsModel } from '../../../src/windows/windows.js';
import { textAt } from '../mount/tree/nodes.js';

const NOTHING: ScanFacts = { processes: [], threads: [], drivers: [], hives: [], endpoints: [], scanned: 0 };

const seenAt = (windows: Windows, pid: number): SeenProcess => crossView(windows).find(({ facts }) => facts.pid === pid) ?? assert.fail(`process ${pid} is not seen`);

/** Enters processes into the list of a session that they share. */
function session(made: Machine, ...pids: number[]): bigint {
  const space = made.kernel.nonpaged.struct('_MM_SESSION_SPACE', 'MmSe').set('SessionId', 1).listInit('ProcessList');
  const links = pids.map((pid) => made.built(pid).view.set('Session', space.address).at('SessionProcessLinks'));
  const ring = [space.at('ProcessList'), ...links];
  ring.forEach((link, i) => { made.kernel.space.setPointer(link, ring[(i + 1) % ring.length]!); });
  return space.address;
}

const hiding = (): Machine => machine({ complete: true })
  .process({ name: 'hidden.exe', pid: 1000, threads: [{ tid: 1004 }] })
  .process({ name: 'csrss.exe', pid: 600, handles: [{ pid: 1000 }] })
  .process({ name: 'open.exe', pid: 1200, handles: [{ pid: 1000 }] })
  .process({ name: 'ended.exe', pid: 1300, exited: BOOT + 99_999_999_999n })
  .unlink(1000);

test('a process that left the active list is seen by every other view, and said to hide', () => {
  const made = hiding();
  session(made, 600, 1000);
  const windows = made.open();
  windows.join({ ...NOTHING, processes: [made.built(1000).view.address] });
  const { views, hidden } = seenAt(windows, 1000);
  assert.deepEqual(views, { list: false, scan: true, cid: true, threads: true, handles: true, session: true, csrss: true, tables: true });
  assert.equal(hidden, true);
  assert.deepEqual(windows.anomalies.list, []);
});

test('one that runs openly, and one that has ended, do not hide', () => {
  const windows = hiding().open();
  assert.equal(seenAt(windows, 1200).hidden, false);
  const { views, hidden, facts } = seenAt(windows, 1300);
  assert.deepEqual([views.list, views.cid, views.tables, hidden], [true, false, false, false]);
  assert.equal(facts.exited, BOOT + 99_999_999_999n);
});

test('a view that was not taken says nothing: no scan yet, no PspCidTable, no session, before csrss.exe', () => {
  const made = machine({ complete: true }).process({ name: 'a.exe', pid: 1000 });
  const { kernel } = made.open();
  const { views, hidden } = seenAt(new WindowsModel(withoutSymbols(kernel, 'PspCidTable')), 1000);
  assert.deepEqual(views, { list: true, scan: undefined, cid: undefined, threads: undefined, handles: undefined, session: undefined, csrss: undefined, tables: true });
  assert.equal(hidden, false);
});

test('a process that only another\'s handle knows is seen', () => {
  const made = machine().process({ name: 'ghost.exe', pid: 1000, linked: false }).process({ name: 'open.exe', pid: 1200, handles: [{ pid: 1000 }] });
  const { views, hidden } = seenAt(made.open(), 1000);
  assert.deepEqual([views.list, views.cid, views.handles, hidden], [false, false, true, true]);
});

test('its own handle to itself does not count', () => {
  const made = machine().process({ name: 'self.exe', pid: 1000 }).process({ name: 'other.exe', pid: 1200, handles: [{ pid: 4 }] });
  const self = made.built(1000).view.address;
  made.built(1000).handles?.put(4, made.objects.header(self).address, 1);
  assert.equal(seenAt(made.open(), 1000).views.handles, false);
});

test('a session\'s list that leads back into itself ends, and is said', () => {
  const made = hiding();
  session(made, 600, 1000);
  const link = made.built(1000).view.at('SessionProcessLinks');
  made.kernel.space.setPointer(link, link);
  const windows = made.open();
  assert.equal(seenAt(windows, 1000).views.session, true);
  assert.ok(windows.anomalies.list.some(({ where, what }) => where === 'session process lists' && what.includes('already visited')));
});

test('what lists name and is no process is left out', () => {
  const made = hiding();
  const space = session(made, 600, 1000);
  const fake = made.kernel.nonpaged.struct('_EPROCESS', 'Fake').set('SessionProcessLinks.Flink', made.view('_MM_SESSION_SPACE', space).at('ProcessList'));
  made.kernel.space.setPointer(made.built(1000).view.at('SessionProcessLinks'), fake.at('SessionProcessLinks'));
  assert.deepEqual(crossView(made.open()).map(({ facts }) => facts.pid), [4, 600, 1000, 1200, 1300]);
});

test('psxview.txt marks who hides, and its twins keep yes, no and not known apart', () => {
  const proc = procDirectory(hiding().open());
  const lines = (textAt(proc, 'psxview.txt') ?? '').split('\n');
  assert.match(lines.find((line) => line.includes('hidden.exe')) ?? '', / no +- +yes +yes +yes +- +yes +yes +\*\*\* +hidden *$/);
  assert.match(lines.find((line) => line.includes('ended.exe')) ?? '', / UTC *$/);
  assert.equal(lines.filter((line) => /hidden *$/i.test(line)).length, 2, 'the heading and one process');
  const csv = (textAt(proc, 'psxview.csv') ?? '').split('\n');
  assert.match(csv.find((line) => line.includes('hidden.exe')) ?? '', /,0,,1,1,1,,1,1,,1$/);
});
