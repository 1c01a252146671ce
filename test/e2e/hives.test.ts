import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { baseBlock } from '../../src/registry/base-block.js';
import { demoImage } from '../../mount/demo-image.js';
import { badInputTests, type BadInput } from './bad-input.js';
import { at as time, CHANGED_RUN, dirtyHive, softwareHive, systemHive, userHive } from './hive-fixture.js';
import { noMount } from './mounted.js';

const MAIN = fileURLToPath(new URL('../../mount/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'memlens-hives-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
function memlens(...words: string[]): { code: number | undefined; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8', timeout: 60_000, maxBuffer: 64 << 20 });
  return { code: status ?? undefined, out: stdout, err: stderr };
}
function put(name: string, bytes: Buffer | string): string {
  mkdirSync(dirname(at(name)), { recursive: true });
  writeFileSync(at(name), bytes);
  return at(name);
}

const user = put('Users/alice/NTUSER.DAT', userHive());
const system = put('config/SYSTEM', systemHive());
const software = put('config/SOFTWARE', softwareHive());
put('config/notes.txt', 'not a hive\n');
const { file: dirtyBytes, log: logBytes, recovered } = dirtyHive();
const dirty = put('dirty/NTUSER.DAT', dirtyBytes);
const log = put('dirty/ntuser.dat.LOG1', logBytes);
put('dirty/ntuser.dat.LOG2', '');
const changed = put('changed/NTUSER.DAT', userHive({ ...CHANGED_RUN, values: CHANGED_RUN.values?.slice(0, 2) ?? [] }, [{ name: 'New', written: time('2023-03-01T00:00:00Z'), values: [{ name: 'x', type: 3, data: Buffer.from([1]) }] }]));
const RUN = 'Software/Microsoft/Windows/CurrentVersion/Run';
const before = new Map(readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(at(name)).isFile()).map((name) => [name, readFileSync(at(name))]));

describe('bad input gets one sentence and its exit code', () => {
  put('empty/NTUSER.DAT', '');
  put('text/SYSTEM', 'this is no hive, whatever it is called\n'.repeat(40));
  put('lonely/SAM.LOG1', logBytes);
  put('none/file.txt', 'x');
  put('image.bin', Buffer.alloc(2 << 20, 'memlens '));
  put('large/SOFTWARE', systemHive());
  truncateSync(at('large/SOFTWARE'), 2 ** 31 + 4096);
  put('short/SYSTEM', systemHive().subarray(0, 100));
  const cases: readonly BadInput[] = [
    [['ls', at('empty/NTUSER.DAT')], 3, /NTUSER\.DAT is empty: it is no registry hive/],
    [['ls', at('text/SYSTEM')], 3, /SYSTEM is no registry hive: it does not begin with "regf"/],
    [['ls', at('short/SYSTEM')], 3, /SYSTEM is no registry hive: it has only 100 bytes/],
    [['ls', at('lonely/SAM.LOG1')], 3, /SAM\.LOG1 is a transaction log; give the hive it belongs to \(SAM\)/],
    [['ls', at('lonely')], 3, /lonely is a directory without registry hives/],
    [['ls', at('none')], 3, /none is a directory without registry hives/],
    [['ls', at('large/SOFTWARE')], 3, /2147487744 bytes, more than a registry hive can have/],
    [['ls', at('gone/NTUSER.DAT')], 3, /does not exist/],
    [['cat', user, '/none'], 4, /\/none is not in the tree/],
    [['mount', user, at('gone/SAM'), at('config')], 3, /gone\/SAM does not exist; give the path of a registry hive/],
    [['mount', at('image.bin'), user, at('config')], 2, /a memory image is mounted alone/],
    [['mount', user, at('config')], 6, /is not empty/],
    [['registry', 'timeline', at('gone')], 3, /gone does not exist; give the path of a registry hive/],
    [['registry', 'timeline', at('config/notes.txt')], 3, /notes\.txt is no registry hive/],
    [['registry', 'timeline', at('image.bin')], 3, /neither a registry hive nor an image/],
    [['registry', 'timeline', user, at('image.bin')], 3, /image\.bin is no registry hive; a memory image is looked at alone/],
    [['registry', 'timeline', user, '--from', 'yesterday'], 2, /yesterday is no time/],
    [['registry', 'timeline', user, '--to', '2023-02-30'], 2, /2023-02-30 is no time/],
    [['registry', 'search', user], 2, /takes hives/],
    [['registry', 'search', user, '/(/'], 2, /Invalid regular expression/],
    [['registry', 'search', user, 'xyz', '--hex'], 2, /in hex/],
    [['registry', 'search', user, 'x', '--in', 'walls'], 2, /walls is none/],
    [['registry', 'search', user, 'x', '--type', 'REG_WORD'], 2, /REG_WORD is none/],
    [['registry', 'diff', user], 2, /missing required argument/],
    [['registry', 'nothing'], 2, /unknown command/],
  ];
  badInputTests(cases, folder, memlens);

  test('a hive without permission', { skip: process.getuid?.() === 0 ? 'root may read everything' : false }, () => {
    chmodSync(put('secret/NTUSER.DAT', userHive()), 0);
    const done = memlens('ls', at('secret/NTUSER.DAT'));
    assert.equal(done.code, 3);
    assert.match(done.err, /cannot be read with your permissions/);
  });

  test('a hive that is cut off, or has lost its root, shows what it has and says so', () => {
    const cut = put('cut/SYSTEM', systemHive().subarray(0, 4096 + 2048));
    assert.match(memlens('cat', cut, '/diagnose.txt').out, /SYSTEM: the hive is cut off: 2048 bytes/);
    const bytes = systemHive();
    bytes.fill(0xff, 4096, 8192);
    const lost = memlens('cat', put('lost/SYSTEM', bytes), '/diagnose.txt');
    assert.equal(lost.code, 0);
    assert.match(lost.out, /SYSTEM has no root key that can be read/);
  });

  test('a damaged hive among others is left out, and diagnose.txt says so', () => {
    const file = put('mixed/SAM', systemHive().subarray(0, 64));
    put('mixed/SYSTEM', systemHive());
    const done = memlens('cat', at('mixed'), '/diagnose.txt');
    assert.equal(done.code, 0);
    assert.match(done.err, new RegExp(`${file} is left out`));
    assert.match(done.out, /SAM is left out: no registry hive/);
    assert.match(done.out, /kind {7}SYSTEM/);
  });
});

describe('the tree of hive files without a mount', () => {
  test('a hive shows by what it is: the user\'s under her name, the machine\'s by its kind', () => {
    assert.equal(memlens('cat', user, `/registry/HKU/alice/${RUN}/Updater`).out, Buffer.from('C:\\Users\\alice\\updater.exe\0', 'utf16le').toString());
    assert.match(memlens('cat', user, `/registry/HKU/alice/${RUN}/Count.txt`).out, /\b42\b/);
    assert.match(memlens('cat', system, '/registry/HKLM/SYSTEM/CurrentControlSet/Control/ComputerName/ComputerName/ComputerName.txt').out, /NEW-PC/);
  });

  test('files and folders are shown together, and a SOFTWARE hive tells whose SID is whose', () => {
    assert.deepEqual(memlens('ls', system, software, '/registry/HKLM').out.trim().split('\n').sort(), ['SOFTWARE', 'SYSTEM']);
    assert.deepEqual(memlens('ls', at('config'), '/registry/hive_files').out.trim().split('\n'), ['SOFTWARE', 'SYSTEM']);
    const { out } = memlens('cat', at('config'), user, '/diagnose.txt');
    assert.match(out, /shown as {3}HKU\\S-1-5-21-1-2-3-1001 \(alice\)/);
    assert.match(memlens('ls', at('config'), user, '/registry/HKU/alice/Software').out, /^Microsoft$/m);
  });

  test('two hives of one kind are both shown', () => {
    const { out } = memlens('ls', system, put('other/SYSTEM', systemHive()), '/registry/HKLM');
    assert.deepEqual(out.trim().split('\n'), ['SYSTEM', 'SYSTEM (2)']);
  });

  test('a dirty hive is shown with its logs, and as it is with --no-logs', () => {
    const value = `/registry/HKU/alice/${RUN}/Updater.txt`;
    assert.match(memlens('cat', dirty, value).out, /changed\.exe/);
    assert.match(memlens('cat', '--no-logs', dirty, value).out, /updater\.exe/);
    const said = memlens('cat', dirty, '/diagnose.txt').out;
    assert.match(said, /was dirty, and is as its logs say/);
    assert.match(said, /log 1 {6}\S+ntuser\.dat\.LOG1\n/);
    assert.match(said, /recovery {3}log 1: entr\S+ 5 .*applied/);
    const left = memlens('cat', '--no-logs', dirty, '/diagnose.txt').out;
    assert.match(left, /dirty: its last write was not completed/);
    assert.match(left, /logs are left alone/);
    const facts = JSON.parse(memlens('cat', dirty, '/diagnose.json').out) as { hives: { dirty: boolean; sequence: number[] }[] };
    assert.deepEqual(facts.hives.map((hive) => [hive.dirty, hive.sequence]), [[true, [5, 5]]]);
  });

  test('a log may be given beside its hive, and a dirty hive without one says what would help', () => {
    const alone = put('alone/NTUSER.DAT', dirtyBytes);
    assert.match(memlens('cat', alone, '/diagnose.txt').out, /put NTUSER\.DAT\.LOG1 and NTUSER\.DAT\.LOG2/);
    assert.match(memlens('cat', alone, log, `/registry/HKU/alice/${RUN}/Updater.txt`).out, /changed\.exe/);
  });

  test('hive_files holds the recovered hive', () => {
    const done = memlens('export', dirty, '/registry/hive_files/NTUSER.DAT', at('out'));
    assert.equal(done.code, 0, done.err);
    const bytes = readFileSync(at('out/NTUSER.DAT'));
    assert.ok(bytes.subarray(4096).equals(recovered.subarray(4096)));
    const header = baseBlock(bytes);
    assert.ok(header.intact && header.sequence1 === header.sequence2);
  });

  test('find, ls -l and export know keys as directories with their times', () => {
    assert.match(memlens('find', user, '/registry/HKU', '-name', 'Updater*').out, new RegExp(`^/registry/HKU/alice/${RUN}/Updater\n/registry/HKU/alice/${RUN}/Updater\\.txt\n$`));
    assert.match(memlens('ls', '-l', user, `/registry/HKU/alice/${dirname(RUN)}`).out, /^dr-xr-xr-x\s+\d+ 2023-02-01 11:48:58 Run$/m);
    assert.equal(memlens('export', user, `/registry/HKU/alice/${RUN}`, at('run')).code, 0);
    assert.ok(existsSync(at('run/Updater.txt')));
    assert.equal(memlens('export', user, at('run2')).code, 2);
  });

  test('artefacts and the timeline are made of hive files', () => {
    assert.match(memlens('cat', system, '/registry/artefacts/computer_name.txt').out, /NEW-PC/);
    const lines = memlens('cat', user, '/forensic/timeline/timeline_registry.txt').out.split('\n').map((line) => line.trimEnd());
    assert.match(lines[2] ?? '', /^2023-02-01 11:48:58 UTC {2}REG {5}MOD {5}HKU\\alice\\Software\\Microsoft\\Windows\\CurrentVersion\\Run$/);
    assert.match(memlens('cat', user, '/anomalies.txt').out, /^Address/);
  });

  test('info says what the hives are', () => {
    assert.match(memlens('info', user, system).out, /kind {7}NTUSER[^]*kind {7}SYSTEM/);
    assert.equal((JSON.parse(memlens('info', '--json', system).out) as { hives: { kind: string }[] }).hives[0]?.kind, 'SYSTEM');
  });
});

describe('memlens registry', () => {
  test('timeline prints last writes, oldest first, between two times', () => {
    const { code, out } = memlens('registry', 'timeline', user, system);
    assert.equal(code, 0);
    const times = out.trim().split('\n').map((line) => line.slice(0, 19));
    assert.deepEqual(times, [...times].sort());
    assert.match(out, /^2023-01-02 03:04:05 UTC {2}REG {5}MOD {5}HKLM\\SYSTEM\\Select$/m);
    const part = memlens('registry', 'timeline', user, system, '--from', '2023-01-02', '--to', '2023-01-31').out;
    assert.ok(part.trim().split('\n').every((line) => line.startsWith('2023-01-02')));
    assert.equal(memlens('registry', 'timeline', user, '--from', '2023-02-01T11:48:58Z', '--to', '2023-02-01T11:48:58Z', '--json').out.split('\n')[0],
      '{"time":"2023-02-01T11:48:58.0000000Z","type":"REG","action":"MOD","text":"HKU\\\\alice\\\\Software\\\\Microsoft\\\\Windows\\\\CurrentVersion\\\\Run"}');
    assert.equal(memlens('registry', 'timeline', user, '--from', '2023-02-01', '--csv').out.split('\n')[1], '"2023-02-01 11:48:58",REG,MOD,HKU\\alice\\Software\\Microsoft\\Windows\\CurrentVersion\\Run');
    assert.deepEqual([memlens('registry', 'timeline', user, '--from', '2030-01-01').out, memlens('registry', 'timeline', user, '--from', '2030-01-01').code], ['', 0]);
  });

  test('search finds key names, value names and data, and its exit code says whether', () => {
    const run = 'HKU\\alice\\Software\\Microsoft\\Windows\\CurrentVersion\\Run';
    assert.equal(memlens('registry', 'search', user, 'updater.exe').out, `data   2023-02-01 11:48:58 UTC  ${run}  Updater = REG_SZ C:\\Users\\alice\\updater.exe\n`);
    assert.deepEqual([memlens('registry', 'search', user, 'UPDATER').out, memlens('registry', 'search', user, 'UPDATER').code], ['', 7]);
    assert.match(memlens('registry', 'search', '-i', user, 'UPDATER').out, /^name /);
    assert.match(memlens('registry', 'search', user, '/^run$/i').out, new RegExp(`^key {4}2023-02-01 11:48:58 UTC {2}${run.replaceAll('\\', '\\\\')}\n$`));
    for (const number of ['42', '0x2a', '0x0000002A']) assert.match(memlens('registry', 'search', user, number).out, /Count = REG_DWORD 42 \(0x0000002a\)\n$/);
    assert.match(memlens('registry', 'search', user, '--hex', 'de ad ?e ef').out, /Blob = REG_BINARY deadbeef00ff\n$/);
    assert.equal(memlens('registry', 'search', user, 'alice', '--in', 'keys').code, 7);
    assert.equal(memlens('registry', 'search', user, 'alice', '--type', 'dword').code, 7);
    const hits = memlens('registry', 'search', user, system, '/alice|NEW/', '--json').out.trim().split('\n').map((line) => JSON.parse(line) as Record<string, string>);
    assert.deepEqual(hits.map(({ found, value, type, data }) => [found, value, type, data]), [
      ['data', 'Desktop', 'REG_SZ', 'C:\\Users\\alice\\Desktop'], ['data', 'Updater', 'REG_SZ', 'C:\\Users\\alice\\updater.exe'], ['data', 'ComputerName', 'REG_SZ', 'NEW-PC'],
    ]);
    assert.match(memlens('registry', 'search', user, 'Updater', '--csv').out, /^Found,KeyWritten,Key,Value,Type,Data,Deleted\nname,"2023-02-01 11:48:58",/);
  });

  test('diff says what was added, removed and changed, with times; its exit code whether anything was', () => {
    const { code, out } = memlens('registry', 'diff', user, changed);
    assert.equal(code, 7);
    assert.equal(out, [
      '~ key    2023-02-02 00:00:00 UTC  HKU\\alice\\Software\\Microsoft\\Windows\\CurrentVersion\\Run  written before: 2023-02-01 11:48:58 UTC',
      '- value  2023-02-01 11:48:58 UTC  HKU\\alice\\Software\\Microsoft\\Windows\\CurrentVersion\\Run  Blob = REG_BINARY deadbeef00ff',
      '~ value  2023-02-02 00:00:00 UTC  HKU\\alice\\Software\\Microsoft\\Windows\\CurrentVersion\\Run  Updater = REG_SZ C:\\Users\\alice\\updater.exe -> REG_SZ C:\\Users\\alice\\changed.exe',
      '+ key    2023-03-01 00:00:00 UTC  HKU\\alice\\Software\\New',
      '+ value  2023-03-01 00:00:00 UTC  HKU\\alice\\Software\\New  x = REG_BINARY 01',
      '',
    ].join('\n'));
    assert.deepEqual([memlens('registry', 'diff', user, user).out, memlens('registry', 'diff', user, user).code], ['', 0]);
    const rows = memlens('registry', 'diff', user, changed, '--json').out.trim().split('\n').map((line) => JSON.parse(line) as Record<string, string>);
    assert.deepEqual(rows.map(({ change, kind }) => `${change} ${kind}`), ['changed key', 'removed value', 'changed value', 'added key', 'added value']);
    assert.equal(rows[2]?.['data_before'], 'C:\\Users\\alice\\updater.exe');
    assert.match(memlens('registry', 'diff', user, changed, '--csv').out, /^Change,Kind,KeyWritten,KeyWrittenBefore,Key,Value,Parts,TypeBefore,DataBefore,TypeAfter,DataAfter\n/);
    assert.match(memlens('registry', 'diff', at('config'), system).out, /^- key {4}\S+ \S+ UTC {2}HKLM\\SOFTWARE$/m);
  });

  test('the logs of a dirty hive count', () => {
    assert.match(memlens('registry', 'search', dirty, 'changed.exe').out, /Updater/);
    assert.equal(memlens('registry', 'search', '--no-logs', dirty, 'changed.exe').code, 7);
  });

  test('a reader that goes away early is no error', () => {
    const { status, stdout } = spawnSync('bash', ['-c', 'set -o pipefail; "$0" "$1" registry timeline "$2" | head -c 4', process.execPath, MAIN, user], { encoding: 'utf8' });
    assert.equal(status, 0);
    assert.equal(stdout, '2023');
  });

  test('a memory image is searched, put on a timeline and held against its own hives', async () => {
    const image = await demoImage();
    const words = ['--work', at('work'), image];
    const found = memlens('registry', 'search', '--type', 'REG_SZ', '--in', 'names', ...words, '/^ProductName$/');
    assert.match(found.out, /HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion {2}ProductName = REG_SZ Windows/);
    assert.match(memlens('registry', 'timeline', ...words, '--json').out, /"type":"REG"[^]*HKLM\\\\SYSTEM\\\\/);
    assert.equal(memlens('export', ...words, '/registry/hive_files', at('taken')).code, 0);
    const { code, out } = memlens('registry', 'diff', ...words, at('taken'));
    assert.equal(code, 7);
    // What is volatile is in memory alone.
    assert.match(out, /^- key .* HKLM\\HARDWARE\\DESCRIPTION$/m);
    assert.deepEqual(out.split('\n').filter((line) => line !== '' && !line.startsWith('-')), []);
  });

  test('help says what a hive is, and what the exit codes mean', () => {
    assert.match(memlens('registry', 'search', '--help').out, /<hives\.\.\.> <pattern>[^]*transaction logs are found beside it[^]*7 nothing found/);
    assert.match(memlens('--help').out, /registry/);
  });
});

describe('the examples of the documents', () => {
  const config = 'C/Windows/System32/config';
  put(`examples/${config}/SYSTEM`, systemHive());
  put(`examples/${config}/SOFTWARE`, softwareHive());
  put('examples/C/Users/alice/NTUSER.DAT', userHive());
  put('examples/before/NTUSER.DAT', userHive());
  put('examples/after/NTUSER.DAT', userHive(CHANGED_RUN));
  const examples = new Set(['README.md', 'docs/hive-files.md'].flatMap((document) => {
    const content = readFileSync(new URL(`../../../${document}`, import.meta.url), 'utf8');
    const section = document === 'README.md' ? content.slice(content.indexOf('## Registry hives'), content.indexOf('## When Windows')) : content;
    return [...section.matchAll(/^ {4}memlens (.+)$/gm)].map(([, line]) => line ?? '');
  }));

  test('there are some', () => assert.ok(examples.size >= 12));
  for (const line of examples) {
    test(line, { skip: line.startsWith('mount ') ? 'mounts are tested below' : false }, () => {
      const { status, stdout, stderr } = spawnSync('bash', ['-c', `"$0" "$1" ${line}`, process.execPath, MAIN], { cwd: at('examples'), encoding: 'utf8' });
      assert.equal(status, line.startsWith('registry diff') ? 7 : 0, stderr);
      if (!line.startsWith('find ')) assert.notEqual(stdout + stderr, '');
    });
  }
});

const skip = noMount() ?? false;

describe('mounting hives', { skip }, () => {
  const mountPoint = at('mnt');
  const work = at('work');

  test('several are mounted together, read like any mount, and taken away', () => {
    mkdirSync(mountPoint);
    const started = memlens('mount', '--daemon', '--work', work, system, software, dirty, mountPoint);
    assert.equal(started.code, 0, started.err);
    try {
      const root = join(mountPoint, 'registry');
      assert.deepEqual(readdirSync(mountPoint).sort(), ['anomalies.txt', 'diagnose.json', 'diagnose.txt', 'forensic', 'registry']);
      assert.deepEqual(readdirSync(join(root, 'HKLM')).sort(), ['SOFTWARE', 'SYSTEM']);
      assert.equal(readlinkSync(join(root, 'HKLM/SYSTEM/CurrentControlSet')), 'ControlSet002');
      assert.match(readFileSync(join(root, 'HKU/alice', RUN, 'Updater.txt'), 'utf8'), /changed\.exe/);
      assert.equal(statSync(join(root, 'HKU/alice', RUN)).mtime.toISOString(), '2023-02-02T00:00:00.000Z');
      assert.match(readFileSync(join(root, 'artefacts/computer_name.txt'), 'utf8'), /NEW-PC/);
      assert.match(readFileSync(join(root, 'artefacts/computer_name.csv'), 'utf8'), /NEW-PC/);
      assert.ok(readFileSync(join(root, 'hive_files/SYSTEM')).equals(systemHive()));
      assert.match(readFileSync(join(mountPoint, 'forensic/timeline/timeline_registry.txt'), 'utf8'), /HKLM\\SYSTEM\\Select/);
      assert.match(readFileSync(join(mountPoint, 'diagnose.txt'), 'utf8'), /was dirty, and is as its logs say/);
      const grep = spawnSync('grep', ['-rl', 'NEW-PC', join(root, 'HKLM')], { encoding: 'utf8' });
      assert.equal(grep.stdout.trim(), join(root, 'HKLM/SYSTEM/ControlSet002/Control/ComputerName/ComputerName/ComputerName.txt'));
    } finally {
      assert.equal(memlens('umount', mountPoint).code, 0);
    }
  });

  test('a folder of hives is mounted, and a refusal reaches the parent of a daemon', () => {
    const started = memlens('mount', '--daemon', '--work', work, at('config'), mountPoint);
    assert.equal(started.code, 0, started.err);
    try {
      assert.deepEqual(readdirSync(join(mountPoint, 'registry/hive_files')), ['SOFTWARE', 'SYSTEM']);
    } finally {
      assert.equal(memlens('umount', mountPoint).code, 0);
    }
    const refused = memlens('mount', '--daemon', '--work', work, at('lonely'), mountPoint);
    assert.equal(refused.code, 3);
    assert.match(refused.err, /without registry hives/);
  });
});

test('nothing is written to the hives, their logs or their folders', () => {
  for (const [name, bytes] of before) assert.ok(readFileSync(at(name)).equals(bytes), name);
  assert.deepEqual(readdirSync(at('dirty')).sort(), ['NTUSER.DAT', 'ntuser.dat.LOG1', 'ntuser.dat.LOG2']);
});
