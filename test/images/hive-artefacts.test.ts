import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ARTEFACTS } from '../../src/artefacts/artefacts.js';
import { BOOT_ENTRIES } from '../../src/artefacts/boot-entries.js';
import { COMPUTER_NAME } from '../../src/artefacts/computer-name.js';
import { LSA_PACKAGES } from '../../src/artefacts/lsa-packages.js';
import { MOUNTED_DEVICES } from '../../src/artefacts/mounted-devices.js';
import { NETWORK_INTERFACES } from '../../src/artefacts/network-interfaces.js';
import { SAM_USERS } from '../../src/artefacts/sam-users.js';
import { SECURITY_POLICY } from '../../src/artefacts/security-policy.js';
import { SHUTDOWN } from '../../src/artefacts/shutdown.js';
import { TIME_ZONE } from '../../src/artefacts/time-zone.js';
import { USB_DEVICES } from '../../src/artefacts/usb-devices.js';
import { USB_STORAGE } from '../../src/artefacts/usb-storage.js';
import { WINDOWS_VERSION } from '../../src/artefacts/windows-version.js';
import { Anomalies } from '../../src/bytes/anomaly.js';
import { FormatError } from '../../src/bytes/errors.js';
import { isoTime } from '../../src/bytes/filetime.js';
import { unpackXz } from '../../src/compress/xz.js';
import { hiveKind, hiveSet, type HiveKind, type HiveSet } from '../../src/registry/hive-set.js';
import { openHive } from '../../src/registry/open-hive.js';
import { artefactRows, picked } from '../support/artefact-rows.js';

/** Real hives, beside the checkout. */
const HIVES = fileURLToPath(new URL('../../../../shared/testdata/registry/', import.meta.url));
const REGIPY = 'mkorman90+regipy/regipy_tests/data/';
const skip = existsSync(HIVES) ? false : `there are no hives in ${HIVES}`;

function hiveBytes(name: string): Buffer {
  const bytes = readFileSync(join(HIVES, name));
  return name.endsWith('.xz') ? unpackXz(bytes, 64 << 20) : bytes;
}

/** A set of one hive, as it is without its logs. @throws FormatError when it is no hive */
function setOf(name: string, kind?: HiveKind): HiveSet {
  const anomalies = new Anomalies();
  const { hive, header } = openHive(hiveBytes(name), { where: name, anomalies });
  const found = kind ?? hiveKind(hive, header.fileName);
  return hiveSet([{ registry: hive, kind: found, mount: `HKLM\\${found}`, source: name, user: found === 'NTUSER' ? 'user' : undefined, address: undefined }], anomalies);
}

const regipy = (name: string, kind?: HiveKind): HiveSet => setOf(`${REGIPY}${name}.xz`, kind);

/** What is expected of these hives is what regipy's own validation says of the same files. */
test('the accounts of a SAM hive are those that regipy\'s validation knows', { skip }, () => {
  const rows = artefactRows(SAM_USERS, regipy('SAM'));
  assert.equal(rows.length, 3);
  assert.deepEqual([rows[0], rows[2]].map((row) => picked(row, 'rid', 'last_logon', 'password_set', 'expires', 'last_bad_password', 'flags', 'bad_passwords', 'logons')), [
    [500, '2010-11-20T21:48:12.5692440Z', '2010-11-20T21:56:34.7436870Z', undefined, undefined, 529, 0, 6],
    [1000, '2014-09-30T02:59:34.3166928Z', '2014-09-24T03:35:45.8448014Z', undefined, undefined, 16, 0, 4],
  ]);
  assert.equal(rows[2]?.['groups'], 'Administrators, Users, None');
});

test('SIDs and the workgroup are those that regipy\'s validation knows', { skip }, () => {
  const facts = (name: string): readonly string[] => artefactRows(SECURITY_POLICY, regipy(name)).map((row) => `${row['what']}: ${row['value']}`);
  assert.ok(facts('SAM').includes('SID of the machine\'s own accounts: S-1-5-21-1760460187-1592185332-161725925'));
  assert.ok(facts('SECURITY').includes('name of the primary domain or workgroup: WORKGROUP'));
});

test('the boot entries are those that regipy\'s validation knows', { skip }, () => {
  const entries = new Map<string, Record<string, unknown>>();
  for (const row of artefactRows(BOOT_ENTRIES, regipy('BCD'))) {
    const object = String(row['object']);
    entries.set(object, { ...entries.get(object), type: Number(row['object_type']).toString(16), [String(row['element'])]: row['value'] });
  }
  const known = [...entries].filter(([, entry]) => entry['path'] !== undefined).map(([object, entry]) => [object, entry['type'], entry['description'], entry['path'], entry['device']]);
  assert.equal(known.length, 8);
  const disk = '{0b2394a9-095e-487d-8d48-719ecd4d78ca}';
  assert.deepEqual(known.filter(([object]) => /62e5|9dea/.test(String(object))), [
    ['{733b62e5-f608-11eb-825c-c112f60133ab}', '10200003', 'Windows 10', '\\Windows\\system32\\winload.efi', `partition {8e0f2c38-e4ea-47ba-b7fc-9d8c74dccf0b} of disk ${disk}`],
    ['{9dea862c-5cdd-4e70-acc1-f32b344d4795}', '10100002', 'Windows Boot Manager', '\\EFI\\Microsoft\\Boot\\bootmgfw.efi', `partition {36be3955-63bf-4068-a6ab-00195cca3a22} of disk ${disk}`],
  ]);
});

test('devices, interfaces and packages of a SYSTEM hive are those that regipy\'s validation knows', { skip }, () => {
  const set = regipy('SYSTEM');
  assert.equal(artefactRows(MOUNTED_DEVICES, set).length, 11);
  // regipy counts both control sets: twice as many.
  assert.equal(artefactRows(USB_DEVICES, set).length, 7);
  assert.deepEqual(artefactRows(NETWORK_INTERFACES, set).map((row) => picked(row, 'guid', 'dhcp', 'address', 'mask', 'gateway', 'name_server')), [
    ['{698E50A9-4F58-4D86-B61D-F42E58DCACF6}', false, '10.3.58.5', '255.255.255.0', '10.3.58.1', '10.3.58.4'],
    ['{6AAFC9A9-0542-4DB2-8760-CCFFA953737C}', false, '192.168.1.123', '255.255.255.0', '192.168.1.1', '192.168.1.112'],
    ['{e29ac6c2-7037-11de-816d-806e6f6e6963}', undefined, undefined, undefined, undefined, undefined],
  ]);
  assert.deepEqual(artefactRows(LSA_PACKAGES, set).filter((row) => row['kind'] === 'security package').map((row) => row['name']),
    ['kerberos', 'msv1_0', 'schannel', 'wdigest', 'tspkg', 'pku2u']);
});

/** Read from the bytes by another program: name, zone, bias, shutdown, and the serial number and drive of each USB disk. */
const MACHINES = [
  ['SYSTEM', 'WKS-WIN732BITA', 'Eastern Standard Time', 300, 129_779_783_208_392_499n, 'AA951D0000007252 E:'],
  ['SYSTEM_2', 'SENSEI', 'Pacific Standard Time', 480, 130_943_646_158_053_425n, ''],
  ['SYSTEM_B', 'DESKTOP-PM6C56D', 'Eastern Standard Time', 300, 131_666_607_280_567_018n, 'AA010215170355310594  | AA010603160707470215 D:'],
  ['SYSTEM_WIN_10_1709', 'DESKTOP-2KGM189', 'Pacific Standard Time', 480, 132_317_609_249_237_487n, '200608767007B7C08A6A '],
] as const;

for (const [hive, name, zone, bias, shutdown, disks] of MACHINES) {
  test(`${hive}: the machine's name, time zone, shutdown and USB disks are those in its bytes`, { skip }, () => {
    const set = regipy(hive);
    assert.equal(artefactRows(COMPUTER_NAME, set)[0]?.['name'], name);
    const [row] = artefactRows(TIME_ZONE, set);
    assert.deepEqual(picked(row, 'name', 'bias'), [zone, bias]);
    assert.equal(artefactRows(SHUTDOWN, set)[0]?.['shutdown'], isoTime(shutdown));
    assert.equal(artefactRows(USB_STORAGE, set).map((disk) => `${disk['serial']} ${disk['letters']}`).join(' | '), disks);
  });
}

test('the versions before an upgrade are told', { skip }, () => {
  assert.deepEqual(artefactRows(WINDOWS_VERSION, regipy('SYSTEM_WIN_10_1709')).map((row) => picked(row, 'product', 'build', 'revision', 'installed')), [
    ['Windows 10 Pro', '15063', 1387, '2017-07-12T07:18:28.9312427Z'], ['Windows 10 Pro', '17134', 765, '2019-01-27T10:39:32.8980553Z'],
  ]);
});

/** Every file in the collection that may be a hive. */
function files(folder: string): readonly string[] {
  return readdirSync(join(HIVES, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : [path];
  });
}

test('every artefact of every hive ends in rows, whatever the hive is like', { skip }, () => {
  const lines: string[] = [];
  let rows = 0;
  for (const file of files('')) {
    if (/\.(md|txt|tsv|golden)$|LICENSE|\.bin$/i.test(file)) continue;
    let set: HiveSet;
    try {
      set = setOf(file);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      continue;
    }
    const counts = ARTEFACTS.flatMap((artefact) => {
      const count = artefactRows(artefact, set).length;
      rows += count;
      return count === 0 ? [] : [`${artefact.name} ${count}`];
    });
    if (counts.length > 0) lines.push(`${file.split('/').at(-1)} (${set.hives[0]?.kind}): ${counts.join(', ')}`);
  }
  assert.ok(rows > 1000, `${rows} rows`);
  after(() => { for (const line of lines) console.log(line); });
});
