import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { exactKernels } from '../../../src/profile/bundled.js';
import { isfTable } from '../../../src/profile/isf.js';
import { openWindows } from '../../../src/windows/open.js';
import { isfFile, isfOf } from '../../support/isf-json.js';
import { FAMILIES, machine, type Machine } from '../../support/machine.js';
import { SyntheticNetwork, TCPIP } from '../../support/network.js';

const root = mkdtempSync(join(tmpdir(), 'memlens-user-symbols-'));
after(() => rmSync(root, { recursive: true, force: true }));
const UNKNOWN = '0123456789ABCDEF0123456789ABCDEF-1';

/** A folder with this one file. */
function folder(name: string, bytes: Buffer): string {
  const path = mkdtempSync(join(root, 'f-'));
  writeFileSync(join(path, name), bytes);
  return path;
}

function kernelSymbols({ kernel: { profile } }: Machine): Buffer {
  const { structNames, symbolNames } = exactKernels();
  return isfOf(profile, structNames, symbolNames, UNKNOWN);
}

for (const build of FAMILIES) {
  test(`build ${build}: a kernel that no table knows is exact with the user's symbols, in every thread`, () => {
    const made = machine({ profile: build, symbolFile: UNKNOWN }).process({ name: 'smss.exe', pid: 300 });
    const symbolFolders = [folder('kernel.json', kernelSymbols(made))];
    const symbolCache = join(root, `cache-${build}`);
    const { windows, diagnosis, facts } = made.opened({ symbolFolders, symbolCache });
    assert.equal(diagnosis.profile?.source, 'exact', JSON.stringify(diagnosis.refused));
    assert.equal(diagnosis.profile?.id, UNKNOWN);
    assert.equal(windows?.kernel.profile.build, build);
    assert.deepEqual(windows?.processes().map(({ pid }) => pid), [4, 300]);
    assert.equal(windows?.kernel.profile.symbol('PspCidTable'), made.kernel.profile.symbol('PspCidTable'));
    const again = openWindows(made.image(), { known: structuredClone(facts) });
    assert.deepEqual(again.windows?.processes().map(({ pid }) => pid), [4, 300]);
    assert.equal(again.windows?.kernel.profile.source, 'exact');
  });
}

test('symbols of another kernel in the same folder change nothing', () => {
  const made = machine({ symbolFile: UNKNOWN }).process({ name: 'smss.exe', pid: 300 });
  const { diagnosis, windows } = made.opened({ symbolFolders: [folder('kernel.json', isfFile())] });
  assert.equal(diagnosis.profile?.source, 'nearest');
  assert.deepEqual(windows?.processes().map(({ pid }) => pid), [4, 300]);
});

test('connections are found by the tables that the user\'s symbols of tcpip.sys name', () => {
  const id = '00112233445566778899AABBCCDDEEFF-1';
  const made = machine({ memory: 8 << 20 }).process({ name: 'svchost.exe', pid: 524 });
  const network = new SyntheticNetwork(made, { symbolFile: id });
  network.port({ kind: 'listener', version: 4, port: 135, pid: 524 });
  const symbols = Object.fromEntries(['PartitionTable', 'PartitionCount', 'TcpCompartmentSet', 'UdpCompartmentSet']
    .map((name) => [name, { address: TCPIP[name as 'PartitionTable'] }]));
  const file = isfFile({ symbols, metadata: { windows: { pdb: { GUID: id.slice(0, 32), age: 1, database: 'tcpip.pdb', machine_type: 34404 } } } });
  assert.equal(isfTable(file).symbols.get('PartitionTable'), TCPIP.PartitionTable);
  const windows = made.open({ symbolFolders: [folder('tcpip.json', file)] });
  assert.deepEqual(windows.endpoints().map(({ localPort, source }) => [localPort, source]), [[135, 'table']]);
  assert.deepEqual(windows.anomalies.list.filter(({ where }) => where === 'network'), [], 'nothing was searched for by shape');
});

test('a file of public symbols alone is no reason to do without layouts', () => {
  const made = machine({ symbolFile: UNKNOWN }).process({ name: 'smss.exe', pid: 300 });
  const symbolFolders = [folder('kernel.json', isfOf(made.kernel.profile, [], exactKernels().symbolNames, UNKNOWN))];
  const { diagnosis, windows } = made.opened({ symbolFolders });
  assert.equal(diagnosis.profile?.source, 'nearest');
  assert.deepEqual(windows?.processes().map(({ pid }) => pid), [4, 300]);
});
