import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startPoolScan } from '../../../mount/scan-client.js';
import { scanPool } from '../../../src/windows/pool-scan.js';
import { machine } from '../../support/machine.js';

const folder = mkdtempSync(join(tmpdir(), 'memlens-scan-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'image.raw');
const built = machine({ memory: 4 << 20 }).process({ name: 'a.exe', pid: 520, threads: [{ tid: 524 }] }).process({ name: 'b.exe', pid: 528, linked: false }).save(path);
const { windows, facts } = built.opened();

test('a scan in a worker finds what a scan in this thread finds, and tells its progress', async () => {
  assert.ok(windows !== undefined && facts !== undefined);
  const told: (readonly [scanned: number, total: number])[] = [];
  const { facts: found, anomalies } = await startPoolScan(path, facts, 4 << 20, { progress: (scanned, total) => told.push([scanned, total]) }).result;
  assert.deepEqual(found, scanPool(windows.kernel, { start: 0, end: 4 << 20 }));
  assert.ok(found.processes.includes(built.built(528).view.address));
  assert.deepEqual(anomalies, []);
  assert.deepEqual(told.at(-1), [4 << 20, 4 << 20]);
});

test('a scan that cannot open the image fails with the reason', async () => {
  assert.ok(facts !== undefined);
  await assert.rejects(startPoolScan(join(folder, 'absent.raw'), facts, 4 << 20).result, /does not exist/);
});

test('a scan that is stopped fails, and its workers end', async () => {
  assert.ok(facts !== undefined);
  const scan = startPoolScan(path, facts, 4 << 20);
  const ended = assert.rejects(scan.result, /ended early/);
  await scan.stop();
  await ended;
});
