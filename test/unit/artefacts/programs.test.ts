import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AMCACHE_DRIVERS } from '../../../src/artefacts/amcache-drivers.js';
import { AMCACHE_FILES } from '../../../src/artefacts/amcache-files.js';
import { AMCACHE_PROGRAMS } from '../../../src/artefacts/amcache-programs.js';
import { BAM } from '../../../src/artefacts/bam.js';
import { MUI_CACHE } from '../../../src/artefacts/mui-cache.js';
import { SCHEDULED_TASKS } from '../../../src/artefacts/scheduled-tasks.js';
import { SERVICES } from '../../../src/artefacts/services.js';
import { taskActions } from '../../../src/artefacts/task-actions.js';
import { triggerKinds } from '../../../src/artefacts/task-triggers.js';
import { rot13, USER_ASSIST } from '../../../src/artefacts/user-assist.js';
import { artefactEvents, artefactRows, picked, rootWith, systemRoot, userRoot } from '../../support/artefact-rows.js';
import { dword, sz, type ValueToWrite } from '../../support/hive-bytes.js';
import { writtenSet } from '../../support/hive-sets.js';

const TIME = 132_000_000_000_000_000n;
const ISO = '2019-04-17T18:40:00.0000000Z';
const HASH = 'da39a3ee5e6b4b0d3255bfef95601890afd80709';

const text = (name: string, data: string): ValueToWrite => ({ name, type: 1, data: sz(data) });
const number = (name: string, data: number): ValueToWrite => ({ name, type: 4, data: dword(data) });
const binary = (name: string, data: Buffer): ValueToWrite => ({ name, type: 3, data });

function filetime(time: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(time);
  return bytes;
}

function longs(...numbers: readonly number[]): Buffer {
  return Buffer.concat(numbers.map((one) => dword(one)));
}

test('services tell type, start, library, account and what happens when they fail', () => {
  const actions = longs(86_400, 0, 0, 3, 20, 1, 60_000, 3, 0, 0, 0);
  const set = writtenSet({ 'HKLM\\SYSTEM': systemRoot({
    'Services\\Evil': { written: TIME, values: [
      number('Type', 0x110), number('Start', 2), number('DelayedAutostart', 1), text('ImagePath', 'svchost.exe -k evil'), text('ObjectName', 'LocalSystem'),
      text('FailureCommand', 'C:\\again.exe'), binary('FailureActions', actions),
    ] },
    'Services\\Evil\\Parameters': { values: [text('ServiceDll', 'C:\\evil.dll')] },
    'Services\\.NET CLR Data': { values: [text('Unrelated', 'x')] },
  }) });
  assert.deepEqual(artefactRows(SERVICES, set).map((row) => picked(row, 'name', 'type', 'start', 'image_path', 'service_dll', 'account', 'failure_command', 'failure_actions', 'key_written')), [
    ['Evil', 'own process, interactive', 'automatic delayed', 'svchost.exe -k evil', 'C:\\evil.dll', 'LocalSystem', 'C:\\again.exe', 'restart after 60 s, run command after 0 s, nothing', ISO],
  ]);
  assert.deepEqual(artefactEvents(SERVICES, set), [`${TIME} MOD service Evil C:\\evil.dll`]);
});

function counted(characters: string): Buffer {
  const bytes = Buffer.from(characters, 'utf16le');
  return Buffer.concat([dword(bytes.length), bytes]);
}

function word(value: number): Buffer {
  return Buffer.from([value & 255, value >> 8]);
}

const EXEC = Buffer.concat([word(3), counted('Author'), word(0x6666), counted(''), counted('cmd.exe'), counted('/c evil'), counted('C:\\'), word(0)]);

test('a task tells its actions, its times, and whether Windows shows it', () => {
  const info = Buffer.concat([dword(3), filetime(TIME), filetime(TIME + 10n), dword(0), dword(0x80070002), filetime(TIME + 20n)]);
  const cache = 'Microsoft\\Windows NT\\CurrentVersion\\Schedule\\TaskCache';
  const set = writtenSet({ 'HKLM\\SOFTWARE': rootWith({
    [`${cache}\\Tree\\Folder\\Shown`]: { values: [text('Id', '{A}'), binary('SD', Buffer.alloc(20))] },
    [`${cache}\\Tree\\Ghost`]: { values: [text('Id', '{C}')] },
    [`${cache}\\Tasks\\{a}`]: { values: [text('Path', '\\Folder\\Shown'), binary('Actions', EXEC), binary('DynamicInfo', info)] },
    [`${cache}\\Tasks\\{B}`]: { values: [text('Path', '\\Hidden'), binary('Actions', EXEC.subarray(0, EXEC.length - 12))] },
    'Classes\\CLSID': {},
  }) });
  assert.deepEqual(artefactRows(SCHEDULED_TASKS, set).map((row) => picked(row, 'path', 'command', 'arguments', 'folder', 'runs_as', 'in_tree', 'has_security', 'has_task')), [
    ['\\Folder\\Shown', 'cmd.exe', '/c evil', 'C:\\', 'Author', true, true, true],
    ['\\Hidden', '', '', '', undefined, false, false, true],
    ['\\Ghost', '', '', '', undefined, true, false, false],
  ]);
  assert.deepEqual(picked(artefactRows(SCHEDULED_TASKS, set)[0], 'registered', 'last_run', 'last_completed', 'last_result'),
    [ISO, '2019-04-17T18:40:00.0000010Z', '2019-04-17T18:40:00.0000020Z', 0x80070002]);
  assert.ok(set.anomalies.list.some(({ what }) => /actions of a task/.test(what)));
});

test('actions may be COM handlers, messages and mails, and unknown ones end the reading', () => {
  const guid = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
  const com = Buffer.concat([word(3), counted('LocalSystem'), word(0x7777), counted('id'), guid, counted('data'), word(0x9999), counted(''), counted('Caption'), counted('Words')]);
  assert.deepEqual(taskActions(com), { context: 'LocalSystem', whole: true, actions: [
    { kind: 'com', command: '{33221100-5544-7766-8899-AABBCCDDEEFF}', args: 'data', folder: '' },
    { kind: 'message', command: 'Caption', args: 'Words', folder: '' },
  ] });
  const mail = Buffer.concat([word(3), counted('A'), word(0x8888), counted(''), ...['me', 'you', '', '', '', 'smtp', 'Hello', 'body'].map(counted), dword(1), counted('file'), dword(1), counted('x'), counted('y')]);
  assert.deepEqual(taskActions(mail).actions, [{ kind: 'mail', command: 'Hello', args: 'from me to you by smtp', folder: '' }]);
  assert.equal(taskActions(mail).whole, true);
  const unknown = Buffer.concat([EXEC, word(0x1234), counted('x')]);
  assert.deepEqual([taskActions(unknown).actions.length, taskActions(unknown).whole], [1, false]);
});

test('actions that lie about their lengths end without an exception', () => {
  for (let length = 0; length <= EXEC.length; length += 1) assert.ok(taskActions(EXEC.subarray(0, length)).actions.length <= 1);
  const liar = Buffer.from(EXEC);
  liar.writeUInt32LE(0xffff_ffff, 2);
  assert.deepEqual(taskActions(liar), { context: undefined, actions: [], whole: false });
  assert.deepEqual(taskActions(Buffer.alloc(0)).actions, []);
});

test('triggers are named by kind, each once', () => {
  const blob = Buffer.alloc(0x28 + 64);
  [[0x28, 0xaaaa], [0x38, 0xffff], [0x48, 0xaaaa]].forEach(([at = 0, kind = 0]) => blob.writeUInt32LE(kind, at));
  assert.deepEqual(triggerKinds(blob), ['logon', 'boot']);
  assert.deepEqual(triggerKinds(Buffer.alloc(3)), []);
});

test('UserAssist is read in its form of Windows 7 and in the one before', () => {
  const now = Buffer.alloc(72);
  [0, 7, 9, 1500].forEach((one, i) => now.writeUInt32LE(one, 4 * i));
  now.writeBigUInt64LE(TIME, 60);
  const old = Buffer.alloc(16);
  old.writeUInt32LE(2, 0);
  old.writeUInt32LE(8, 4);
  old.writeBigUInt64LE(TIME, 8);
  const base = 'Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\UserAssist';
  const set = writtenSet({ 'HKU\\S-1-5-21-1-2-3-1001': userRoot({
    [`${base}\\{CEBFF5CD-ACE2-4F4F-9178-9926F41749EA}`]: { values: [number('Version', 5)] },
    [`${base}\\{CEBFF5CD-ACE2-4F4F-9178-9926F41749EA}\\Count`]: { values: [
      binary(rot13('{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\\cmd.exe'), now), binary(rot13('UEME_CTLSESSION'), Buffer.alloc(8)),
    ] },
    [`${base}\\{75048700-EF1F-11D0-9888-006097DEACF9}`]: { values: [number('Version', 3)] },
    [`${base}\\{75048700-EF1F-11D0-9888-006097DEACF9}\\Count`]: { values: [binary(rot13('UEME_RUNPATH:C:\\x.exe'), old)] },
  }) });
  assert.deepEqual(artefactRows(USER_ASSIST, set).map((row) => picked(row, 'path', 'expanded', 'run_count', 'focus_count', 'focus_ms', 'last_run', 'list', 'version', 'session')), [
    ['{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\\cmd.exe', '%SystemRoot%\\System32\\cmd.exe', 7, 9, 1500, ISO, 'programs', 5, 0],
    ['UEME_RUNPATH:C:\\x.exe', 'UEME_RUNPATH:C:\\x.exe', 3, undefined, undefined, ISO, 'desktop', 3, 2],
  ]);
});

test('BAM and DAM are read in both places, and their own values are no programs', () => {
  const set = writtenSet({ 'HKLM\\SYSTEM': systemRoot({
    'Services\\bam\\State\\UserSettings\\S-1-5-18': { values: [binary('\\Device\\a.exe', Buffer.concat([filetime(TIME), Buffer.alloc(16)])), number('Version', 1), binary('short', Buffer.alloc(3))] },
    'Services\\dam\\UserSettings\\S-1-5-19': { values: [binary('\\Device\\b.exe', filetime(0n))] },
  }) });
  assert.deepEqual(artefactRows(BAM, set).map((row) => picked(row, 'service', 'sid', 'path', 'last_run')), [
    ['bam', 'S-1-5-18', '\\Device\\a.exe', ISO], ['dam', 'S-1-5-19', '\\Device\\b.exe', undefined],
  ]);
});

test('Amcache is read in both its forms', () => {
  const set = writtenSet({ 'Amcache.hve': rootWith({
    'Root\\InventoryApplicationFile\\evil.exe|1': { written: TIME, values: [
      text('LowerCaseLongPath', 'c:\\evil.exe'), text('FileId', `0000${HASH.toUpperCase()}`), text('Size', '0x10'), text('LinkDate', '04/17/2019 18:40:00'), number('IsOsComponent', 0),
    ] },
    'Root\\File\\{volume}\\100001234': { values: [text('15', 'C:\\old.exe'), text('101', `0000${HASH}`), number('f', 1_555_526_400), { name: '17', type: 11, data: filetime(TIME) }] },
    'Root\\InventoryApplication\\0000abc': { values: [text('Name', 'Tool'), text('InstallDate', '04/17/2019 00:00:00')] },
    'Root\\Programs\\0000def': { values: [text('0', 'Old tool'), number('a', 1_555_526_400)] },
    'Root\\InventoryDriverBinary\\c:/windows/evil.sys': { values: [text('DriverId', `0000${HASH}`), number('DriverSigned', 0), text('DriverLastWriteTime', '13/45/2019 00:00:00')] },
  }) });
  assert.deepEqual(artefactRows(AMCACHE_FILES, set).map((row) => picked(row, 'path', 'name', 'sha1', 'size', 'linked', 'modified', 'of_windows', 'form')), [
    ['c:\\evil.exe', 'evil.exe', HASH, 16, ISO, undefined, false, 'inventory'],
    ['C:\\old.exe', 'old.exe', HASH, undefined, ISO, ISO, undefined, 'file'],
  ]);
  assert.deepEqual(artefactRows(AMCACHE_PROGRAMS, set).map((row) => picked(row, 'name', 'installed')), [['Tool', '2019-04-17T00:00:00.0000000Z'], ['Old tool', ISO]]);
  assert.deepEqual(artefactRows(AMCACHE_DRIVERS, set).map((row) => picked(row, 'path', 'sha1', 'signed', 'modified')), [['c:\\windows\\evil.sys', HASH, false, undefined]]);
});

test('MUICache splits what was looked up from the program', () => {
  const set = writtenSet({ 'HKU\\S-1-5-21-1-2-3-1001_Classes': rootWith({ 'Local Settings\\Software\\Microsoft\\Windows\\Shell\\MuiCache': { values: [
    text('C:\\a.exe.FriendlyAppName', 'Tool'), text('C:\\old.exe', 'Old tool'), number('LangID', 9),
  ] } }) });
  assert.deepEqual(artefactRows(MUI_CACHE, set).map((row) => picked(row, 'path', 'what', 'shown')), [['C:\\a.exe', 'FriendlyAppName', 'Tool'], ['C:\\old.exe', undefined, 'Old tool']]);
});
