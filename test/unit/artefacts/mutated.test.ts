import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ARTEFACTS } from '../../../src/artefacts/artefacts.js';
import { Anomalies } from '../../../src/bytes/anomaly.js';
import { FormatError } from '../../../src/bytes/errors.js';
import { hiveSet, type SetHive } from '../../../src/registry/hive-set.js';
import { csvOf, jsonlOf, textOf } from '../../../src/vfs/table.js';
import { rootWith, systemRoot, userRoot, type KeyContent } from '../../support/artefact-rows.js';
import { writeHive, type KeyToWrite } from '../../support/hive-bytes.js';
import { memberHive } from '../../support/hive-sets.js';
import { seeded } from '../../support/random.js';

const ROUNDS = 60;
const next = seeded(0x5eed);

function below(limit: number): number {
  return Math.floor(next() * limit);
}

/** The places that artefacts say they read, each with values of every kind of wrong data. */
function places(root: RegExp): Record<string, KeyContent> {
  const content: Record<string, KeyContent> = {};
  for (const { reads } of ARTEFACTS) {
    for (const read of reads) {
      const path = root.exec(read)?.[1]?.replace(/ \(.*\)$/, '').replace(/<[^>]*>/g, '1');
      if (path === undefined || path === '') continue;
      content[path] = { values: junk(), keys: [{ name: '{00000000-0000-0000-0000-000000000001}', values: junk() }, { name: '000001F4', values: junk(), keys: [{ name: '0', values: junk() }] }] };
    }
  }
  return content;
}

const NAMES = [
  '', 'F', 'V', 'C', 'Item 1', 'MRUListEx', 'AppCompatCache', 'Actions', 'Triggers', 'DynamicInfo', 'DateCreated', 'InstallDate', 'Element', 'FailureActions', 'DaylightStart', 'ShutdownTime',
  'SecurityProviders', 'Security Packages', 'ProviderOrder', 'PendingFileRenameOperations', 'AppInit_DLLs', 'Path', '0', '1', 'DefaultGatewayMac', 'DhcpGatewayHardware', 'a', 'MRUList', 'url1', 'ProgramId',
];

function junk(): NonNullable<KeyToWrite['values']> {
  return NAMES.map((name) => {
    const data = Buffer.alloc(below(3) === 0 ? below(12) : below(400));
    for (let i = 0; i < data.length; i += 1) data[i] = below(4) === 0 ? below(256) : 0;
    if (below(4) === 0) data.fill(0xff);
    return { name, type: below(12), data };
  });
}

const FILES: readonly (readonly [mount: string, file: Buffer])[] = [
  ['HKLM\\SYSTEM', writeHive(systemRoot(places(/^SYSTEM\\<control set>\\(.*)$/))).file], ['HKLM\\SOFTWARE', writeHive(rootWith(places(/^SOFTWARE\\(.*)$/))).file],
  ['HKLM\\SAM', writeHive(rootWith(places(/^SAM\\(.*)$/))).file], ['HKLM\\SECURITY', writeHive(rootWith(places(/^SECURITY\\(.*)$/))).file],
  ['HKLM\\BCD', writeHive(rootWith(places(/^BCD\\(.*)$/))).file], ['HKLM\\Amcache.hve', writeHive(rootWith(places(/^Amcache\.hve\\(.*)$/i))).file],
  ['HKU\\S-1-5-21-1-2-3-1001', writeHive(userRoot(places(/^NTUSER\.DAT\\(.*)$/))).file], ['HKU\\S-1-5-21-1-2-3-1001_Classes', writeHive(rootWith({ ...places(/^UsrClass\.dat\\(.*)$/i), 'Local Settings': {} })).file],
];

/** The hive, with bytes of it changed; undefined when it is none any more. */
function mutated(mount: string, file: Buffer, changes: number, anomalies: Anomalies): SetHive | undefined {
  const copy = Buffer.from(file);
  for (let i = 0; i < changes; i += 1) copy[0x1000 + below(copy.length - 0x1000)] = below(256);
  try {
    return memberHive(mount, copy, anomalies);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

test('artefacts of damaged hives end in rows, texts and anomalies, never in an exception', () => {
  let rows = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const anomalies = new Anomalies();
    const set = hiveSet(FILES.flatMap(([mount, file]) => mutated(mount, file, round === 0 ? 0 : below(60), anomalies) ?? []), anomalies);
    for (const artefact of ARTEFACTS) {
      artefact.use((of) => {
        const all = [...of.rows(set)];
        rows += all.length;
        for (const row of all) for (const { text } of of.timeline?.events(row) ?? []) assert.equal(typeof text, 'string');
        if (round % 10 === 0) for (const form of [textOf, csvOf, jsonlOf]) assert.ok(form(of.table, all).toString().split('\n').length > all.length);
      });
    }
  }
  assert.ok(rows > ROUNDS, 'the places that artefacts read are found');
});
