import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AUTOSTARTS } from '../../../src/artefacts/autostarts.js';
import { DIALOG_MRU } from '../../../src/artefacts/dialog-mru.js';
import { RECENT_DOCS } from '../../../src/artefacts/recent-docs.js';
import { RUN_MRU } from '../../../src/artefacts/run-mru.js';
import { SEARCHES } from '../../../src/artefacts/searches.js';
import { SHELL_BAGS } from '../../../src/artefacts/shell-bags.js';
import { TYPED_PATHS, TYPED_URLS } from '../../../src/artefacts/typed.js';
import { artefactEvents, artefactRows, picked, rootWith, systemRoot, userRoot } from '../../support/artefact-rows.js';
import { dword, sz, type ValueToWrite } from '../../support/hive-bytes.js';
import { writtenSet } from '../../support/hive-sets.js';
import { driveItem, fileItem, folderItem } from '../../support/shell-items.js';

const TIME = 132_000_000_000_000_000n;
const ISO = '2019-04-17T18:40:00.0000000Z';
const USER = 'HKU\\S-1-5-21-1-2-3-1001';
const EXPLORER = 'Software\\Microsoft\\Windows\\CurrentVersion\\Explorer';
const THIS_PC = 'e04fd020ea3a6910a2d808002b30309d';
const END = Buffer.alloc(2);

const text = (name: string, data: string): ValueToWrite => ({ name, type: 1, data: sz(data) });
const binary = (name: string, ...data: readonly Buffer[]): ValueToWrite => ({ name, type: 3, data: Buffer.concat(data) });
const order = (...numbers: readonly number[]): ValueToWrite => binary('MRUListEx', ...[...numbers, 0xffff_ffff].map(dword));

test('recent documents stand in the order of use, and the newest of a list has the key\'s time', () => {
  const set = writtenSet({ [USER]: userRoot({
    [`${EXPLORER}\\RecentDocs`]: { written: TIME, values: [
      order(1, 0), binary('0', sz('old.txt'), fileItem({ type: 0x32, short: 'old.lnk' }), END), binary('1', sz('new.doc')), binary('7', sz('unlisted')),
    ] },
    [`${EXPLORER}\\RecentDocs\\.txt`]: { values: [order(0), binary('0', sz('old.txt'))] },
  }) });
  assert.deepEqual(artefactRows(RECENT_DOCS, set).map((row) => picked(row, 'list', 'position', 'name', 'link', 'opened', 'user')), [
    ['all', 0, 'new.doc', undefined, ISO, 'user1'], ['all', 1, 'old.txt', 'old.lnk', undefined, 'user1'], ['all', undefined, 'unlisted', undefined, undefined, 'user1'],
    ['.txt', 0, 'old.txt', undefined, undefined, 'user1'],
  ]);
  assert.deepEqual(artefactEvents(RECENT_DOCS, set), [`${TIME} RD user1 opened new.doc (all)`]);
});

test('the Run dialog\'s commands come without their window state, in the order of their letters', () => {
  const set = writtenSet({ [USER]: userRoot({ [`${EXPLORER}\\RunMRU`]: { values: [text('a', 'cmd\\1'), text('b', 'regedit\\1'), text('MRUList', 'ba')] } }) });
  assert.deepEqual(artefactRows(RUN_MRU, set).map((row) => picked(row, 'position', 'command')), [[0, 'regedit'], [1, 'cmd']]);
});

test('what was typed is in the order of its numbers, with the times of Internet Explorer 10', () => {
  const urls = 'Software\\Microsoft\\Internet Explorer\\TypedURLs';
  const when = Buffer.alloc(8);
  when.writeBigUInt64LE(TIME);
  const set = writtenSet({ [USER]: userRoot({
    [urls]: { values: [text('url10', 'http://c/'), text('url2', 'http://b/'), text('url1', 'http://a/'), text('other', 'x')] },
    [`${urls}Time`]: { values: [binary('url2', when)] },
    [`${EXPLORER}\\TypedPaths`]: { written: TIME, values: [text('url1', 'C:\\secret')] },
  }) });
  assert.deepEqual(artefactRows(TYPED_URLS, set).map((row) => picked(row, 'number', 'url', 'typed')), [[1, 'http://a/', undefined], [2, 'http://b/', ISO], [10, 'http://c/', undefined]]);
  assert.deepEqual(artefactRows(TYPED_PATHS, set).map((row) => picked(row, 'number', 'path')), [[1, 'C:\\secret']]);
  assert.deepEqual(artefactEvents(TYPED_PATHS, set), [`${TIME} RD user1 typed C:\\secret`]);
});

test('searches of Explorer and of Windows XP are told', () => {
  const set = writtenSet({ [USER]: userRoot({
    [`${EXPLORER}\\WordWheelQuery`]: { values: [order(1, 0), binary('0', sz('first')), binary('1', sz('password'))] },
    'Software\\Microsoft\\Search Assistant\\ACMru\\5603': { values: [text('000', '*.doc')] },
  }) });
  assert.deepEqual(artefactRows(SEARCHES, set).map((row) => picked(row, 'position', 'words', 'list')), [[0, 'password', 'Explorer'], [1, 'first', 'Explorer'], [0, '*.doc', 'file names']]);
});

test('the common dialog\'s lists give programs and paths', () => {
  const items = [folderItem(THIS_PC), driveItem('C:\\'), fileItem({ type: 0x32, short: 'A~1.DOC', long: 'A report.doc' }), END];
  const set = writtenSet({ [USER]: userRoot({
    [`${EXPLORER}\\ComDlg32\\OpenSavePidlMRU\\doc`]: { written: TIME, values: [order(0), binary('0', ...items)] },
    [`${EXPLORER}\\ComDlg32\\LastVisitedPidlMRU`]: { values: [order(0), binary('0', sz('WINWORD.EXE'), ...items)] },
    [`${EXPLORER}\\ComDlg32\\LastVisitedMRU`]: { values: [text('MRUList', 'a'), binary('a', sz('old.exe'), sz('C:\\old'))] },
    [`${EXPLORER}\\ComDlg32\\OpenSaveMRU\\txt`]: { values: [text('MRUList', 'a'), text('a', 'C:\\x.txt')] },
  }) });
  assert.deepEqual(artefactRows(DIALOG_MRU, set).map((row) => picked(row, 'list', 'extension', 'program', 'path', 'used')), [
    ['OpenSavePidlMRU', 'doc', undefined, 'This PC\\C:\\A report.doc', ISO],
    ['LastVisitedPidlMRU', undefined, 'WINWORD.EXE', 'This PC\\C:\\A report.doc', undefined],
    ['LastVisitedMRU', undefined, 'old.exe', 'C:\\old', undefined],
    ['OpenSaveMRU', 'txt', undefined, 'C:\\x.txt', undefined],
  ]);
});

test('shell bags are a tree of folders, each with its path and place', () => {
  const bags = 'Local Settings\\Software\\Microsoft\\Windows\\Shell\\BagMRU';
  const set = writtenSet({ [`${USER}_Classes`]: rootWith({
    [bags]: { values: [order(0), binary('0', folderItem(THIS_PC), END)] },
    [`${bags}\\0`]: { written: TIME, values: [order(1, 0), binary('0', driveItem('C:\\'), END), binary('1', driveItem('E:\\'), END), { name: 'NodeSlot', type: 4, data: dword(5) }] },
    [`${bags}\\0\\1`]: { values: [order(0), binary('0', fileItem({ type: 0x31, short: 'SECRET~1', long: 'Secret things', mft: 9n, sequence: 2 }), END), binary('1', Buffer.from([0xff, 0xff]))] },
  }) });
  assert.deepEqual(artefactRows(SHELL_BAGS, set).map((row) => picked(row, 'path', 'kind', 'position', 'visited', 'mft_record', 'slot')), [
    ['This PC', 'folder', 0, undefined, undefined, 5],
    ['This PC\\E:\\', 'volume', 0, ISO, undefined, undefined],
    ['This PC\\E:\\Secret things', 'directory', 0, undefined, 9, undefined],
    ['This PC\\C:\\', 'volume', 1, undefined, undefined, undefined],
  ]);
  assert.ok(set.anomalies.list.some(({ what }) => /shell item/.test(what)));
});

test('autostarts of the machine and its users are told with their kind, library and state', () => {
  const disabled = Buffer.alloc(12);
  disabled.writeUInt8(3, 0);
  disabled.writeBigUInt64LE(TIME, 4);
  const current = 'Microsoft\\Windows\\CurrentVersion';
  const id = '{00112233-4455-6677-8899-AABBCCDDEEFF}';
  const set = writtenSet({
    'HKLM\\SOFTWARE': rootWith({
      [`${current}\\Run`]: { values: [text('good', 'C:\\good.exe'), text('off', 'C:\\off.exe')] },
      [`Wow6432Node\\${current}\\Run`]: { values: [text('thirty-two', 'C:\\32.exe')] },
      [`${current}\\RunOnceEx\\001`]: { values: [text('1', 'C:\\once.dll|entry')] },
      [`${current}\\Explorer\\StartupApproved\\Run`]: { values: [binary('off', disabled), binary('good', Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))] },
      [`${current}\\Explorer\\StartupApproved\\StartupFolder`]: { values: [binary('Gone.lnk', disabled)] },
      [`${current}\\Explorer\\Browser Helper Objects\\${id}`]: {},
      [`Classes\\CLSID\\${id}\\InprocServer32`]: { values: [text('', 'C:\\bho.dll')] },
      'Microsoft\\Windows NT\\CurrentVersion\\Winlogon': { values: [text('Shell', 'explorer.exe, evil.exe')] },
      'Microsoft\\Active Setup\\Installed Components\\{x}': { values: [text('StubPath', 'C:\\stub.exe')] },
    }),
    'HKLM\\SYSTEM': systemRoot({ 'Control\\Session Manager': { values: [{ name: 'BootExecute', type: 7, data: sz('autocheck autochk *\0evil\0') }] } }),
    [USER]: userRoot({ [`Software\\${current}\\Run`]: { written: TIME, values: [text('bot', 'C:\\bot.exe')] }, 'Control Panel\\Desktop': { values: [text('SCRNSAVE.EXE', 'C:\\saver.scr')] } }),
  });
  assert.deepEqual(artefactRows(AUTOSTARTS, set).map((row) => picked(row, 'kind', 'name', 'command', 'library', 'disabled')), [
    ['Run', 'good', 'C:\\good.exe', undefined, false],
    ['Run', 'off', 'C:\\off.exe', undefined, true],
    ['Run', 'thirty-two', 'C:\\32.exe', undefined, undefined],
    ['Run', 'bot', 'C:\\bot.exe', undefined, undefined],
    ['RunOnceEx', '001\\1', 'C:\\once.dll|entry', undefined, undefined],
    ['Winlogon', 'Shell', 'explorer.exe, evil.exe', undefined, undefined],
    ['Active Setup', '{x}', 'C:\\stub.exe', undefined, undefined],
    ['Browser helper object', id, undefined, 'C:\\bho.dll', undefined],
    ['Session manager', 'BootExecute', 'autocheck autochk *', undefined, undefined],
    ['Session manager', 'BootExecute', 'evil', undefined, undefined],
    ['Screen saver', 'SCRNSAVE.EXE', 'C:\\saver.scr', undefined, undefined],
    ['Startup folder', 'Gone.lnk', undefined, undefined, true],
  ]);
  assert.ok(artefactEvents(AUTOSTARTS, set).includes(`${TIME} MOD Run bot C:\\bot.exe`));
});
