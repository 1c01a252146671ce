import assert from 'node:assert/strict';
import { test } from 'node:test';
import { machine, type Machine } from '../../support/machine.js';
import { noise } from '../../support/random.js';
import { Space, USER_DATA } from '../../support/tables.js';

const PID = 1004;
const DATA = 0x20_0000n;
const SHARED = 0x7ffe_0000n;

/** A process whose user mode has a table of its own, as where the kernel is hidden from it. */
function shadowed(): { readonly made: Machine; readonly user: Space } {
  const made = machine({ profile: 19_041 }).process({ name: 'smss.exe', pid: 300 }).process({ name: 'a.exe', pid: PID, ppid: 300, vads: [{ start: DATA, pages: 2, bytes: Buffer.from('its data') }] });
  const { physical, space, sharedData } = made.kernel;
  const user = new Space(physical, physical.alloc());
  user.map(DATA, made.built(PID).space.translate(DATA)!, USER_DATA);
  user.map(SHARED, space.translate(sharedData)!, USER_DATA);
  made.built(PID).view.set('Pcb.UserDirectoryTableBase', user.dtb);
  return { made, user };
}
const overwritten = (made: Machine): void => {
  const { dtb } = made.built(PID).space;
  noise(made.kernel.physical.bytes.subarray(dtb, dtb + 4096), 5);
};
const said = (made: Machine): { readonly data: string | undefined; readonly said: boolean; readonly pids: readonly number[] } => {
  const windows = made.open();
  const data = windows.process(PID)?.memory.read(DATA, 8)?.toString('latin1');
  return { data, said: windows.anomalies.list.some(({ what }) => /in use in user mode is read in its place/.test(what)), pids: windows.processes().map(({ pid }) => pid) };
};

test('the kernel\'s table of a process is read where it is sound, whatever the other one holds', () => {
  const { made } = shadowed();
  assert.deepEqual(said(made), { data: 'its data', said: false, pids: [4, 300, PID] });
});

test('where it was overwritten the table of user mode is read, and that is said', () => {
  const { made } = shadowed();
  overwritten(made);
  assert.deepEqual(said(made), { data: 'its data', said: true, pids: [4, 300, PID] });
});

test('where it lies beyond the image, likewise', () => {
  const { made } = shadowed();
  made.built(PID).view.set('Pcb.DirectoryTableBase', 0x7_0000_0000n);
  assert.deepEqual(said(made), { data: 'its data', said: true, pids: [4, 300, PID] });
});

test('a table of user mode that does not show the shared page is not believed; the process is listed all the same', () => {
  const { made, user } = shadowed();
  overwritten(made);
  user.setPte(SHARED, 0n);
  assert.deepEqual(said(made), { data: undefined, said: false, pids: [4, 300, PID] });
  const windows = made.open();
  const process = windows.process(PID)!;
  void process.memory;
  assert.ok(windows.anomalies.list.some(({ where, what }) => where.startsWith(`process ${PID}`) && /page table is missing or overwritten/.test(what)));
  assert.deepEqual(process.vads().map(({ start }) => start), [DATA], 'its VADs are the kernel\'s');
  let runs = 0;
  for (const { pages } of process.memory.states(0n, 0x8000_0000_0000n)) runs += pages > 0 ? 1 : 0;
  assert.ok(runs >= 0 && process.name === 'a.exe');
});
