import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { badInputTests, type BadInput } from './bad-input.js';
import { noMount } from './mounted.js';

const MAIN = fileURLToPath(new URL('../../mount/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'memlens-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
function memlens(...words: string[]): { code: number | undefined; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8', timeout: 60_000, maxBuffer: 64 << 20 });
  return { code: status ?? undefined, out: stdout, err: stderr };
}

/** Memory without a Windows: a pattern in 2 MiB. */
const PLAIN = Buffer.alloc(2 << 20, 'memlens ');
writeFileSync(at('plain.raw'), PLAIN);
writeFileSync(at('empty.raw'), '');
writeFileSync(at('text.txt'), 'not an image\n');
writeFileSync(at('secret.raw'), PLAIN);
chmodSync(at('secret.raw'), 0);
mkdirSync(at('full'));
writeFileSync(at('full/file'), '');

describe('bad input gets one sentence and its exit code', () => {
  const cases: readonly BadInput[] = [
    [['info', at('none.raw')], 3, /none\.raw does not exist/],
    [['info', at('empty.raw')], 3, /empty\.raw is empty/],
    [['info', at('text.txt')], 3, /text\.txt has only 13 bytes/],
    [['info', folder], 3, /is a directory/],
    [['ls', at('empty.raw')], 3, /is empty/],
    [['cat', at('plain.raw'), '/none'], 4, /\/none is not in the tree/],
    [['cat', at('plain.raw'), '/'], 4, /is a directory/],
    [['export', at('plain.raw'), '/memory.pmem', at('text.txt')], 6, /text\.txt/],
    [['umount', folder], 6, /Nothing of memlens is mounted/],
    [['mount', at('plain.raw')], 2, /missing required argument/],
    [['mount', at('plain.raw'), folder, '-o', 'rw'], 2, /-o rw is not known/],
    [['mount', at('plain.raw'), folder, '--forensic=maybe'], 2, /Allowed choices are on, off, wait/],
    [['find', at('plain.raw'), '/', '-newer', 'x'], 2, /find takes -name/],
    [['search', at('plain.raw')], 2, /search takes a text/],
    [['search', at('plain.raw'), '/a*/'], 2, /fits an empty text/],
    [['search', at('plain.raw'), 'zz', '--hex'], 2, /in hex/],
    [['search', at('plain.raw'), 'x', '--pid', '7'], 4, /no process 7/],
    [['search', at('plain.raw'), '--yara', at('none.yar')], 2, /none\.yar cannot be read/],
    [['search', at('plain.raw'), '--yara', at('text.txt')], 2, /do not compile: line 1/],
    [['nothing'], 2, /unknown command/],
  ];
  badInputTests(cases, folder, memlens);

  test('a file without permission', { skip: process.getuid?.() === 0 ? 'root may read everything' : false }, () => {
    const done = memlens('info', at('secret.raw'));
    assert.equal(done.code, 3);
    assert.match(done.err, /cannot be read with your permissions/);
  });

  test('memory in which no Windows is recognised', () => {
    const done = memlens('info', at('plain.raw'));
    assert.equal(done.code, 3);
    assert.match(done.err, /No Windows was recognised/);
    assert.match(done.out, /FORMAT|format/);
  });
});

test('the tree can be read without a mount', () => {
  assert.match(memlens('ls', at('plain.raw')).out, /^memory\.pmem$/m);
  assert.match(memlens('ls', '-l', at('plain.raw')).out, new RegExp(`^-r--r--r--\\s+${PLAIN.length}\\s+.* memory\\.pmem$`, 'm'));
  assert.equal(memlens('cat', at('plain.raw'), '/memory.pmem').out, PLAIN.toString());
  assert.equal(memlens('find', at('plain.raw'), '-name', '*.pmem', '-type', 'f').out, '/memory.pmem\n');
  assert.equal((JSON.parse(memlens('info', at('plain.raw'), '--json').out) as { container: { size: number } }).container.size, PLAIN.length);
});

test('memory can be searched without a mount', () => {
  const { code, out } = memlens('search', at('plain.raw'), 'MEMLENS m', '--csv');
  assert.deepEqual([code, out.split('\n').length], [0, 2]);
  const found = memlens('search', at('plain.raw'), '/MEMLENS M/i', '--csv').out.split('\n');
  assert.equal(found.length, 65_538, 'the heading, the most hits, and the end');
  assert.match(found[1] ?? '', /^0x0,ascii,9,,,,,"memlens memlens memlens memlens ",/);
  const limited = memlens('search', at('plain.raw'), '--hex', '6d656d6c656e73');
  assert.match(limited.out, /^0000000000000000\n0000000000000008\n/);
  assert.match(limited.err, /Stopped at 65536 hits/);
  const rows = memlens('search', at('plain.raw'), '/lens mem(?!x)/', '--json').out.split('\n');
  assert.equal((JSON.parse(rows[0] ?? '') as { address: string }).address, '0x0000000000000003');
});

test('export writes the same bytes to a folder, and nothing beside the image', () => {
  const done = memlens('export', at('plain.raw'), '/memory.pmem', at('out'));
  assert.equal(done.code, 0, done.err);
  assert.ok(readFileSync(at('out/memory.pmem')).equals(PLAIN));
  assert.deepEqual(readdirSync(folder).sort(), ['empty.raw', 'full', 'out', 'plain.raw', 'secret.raw', 'text.txt']);
});

test('a reader that goes away early is no error', () => {
  const { status, stdout } = spawnSync('sh', ['-c', '"$0" "$1" cat "$2" /memory.pmem | head -c 8', process.execPath, MAIN, at('plain.raw')], { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.equal(stdout, 'memlens ');
});

test('doctor says a line for each thing', () => {
  const { out } = memlens('doctor', '--work', folder);
  for (const name of ['Node', 'FUSE', 'fusermount', 'allow_other', 'fuse-native', 'SQLite', 'work folder']) assert.match(out, new RegExp(`^(ok|no|note) +${name} +\\S`, 'm'));
});

const skip = noMount() ?? false;

describe('mounting from the command line', { skip }, () => {
  const mountPoint = join(folder, 'full', 'mnt');
  mkdirSync(mountPoint);
  const mounted = (): boolean => readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${mountPoint} `);
  const until = async (condition: () => boolean): Promise<void> => {
    for (let i = 0; i < 200 && !condition(); i += 1) await new Promise((resolve) => { setTimeout(resolve, 25); });
  };

  test('a folder that is missing, full or a file is refused with what to do', () => {
    for (const [target, sentence] of [['none', /create it with `mkdir/], ['full', /is not empty/], ['text.txt', /is not a directory/]] as const) {
      const done = memlens('mount', at('plain.raw'), at(target), '--work', at('work'));
      assert.equal(done.code, 6);
      assert.match(done.err, sentence);
    }
  });

  test('--daemon returns when the mount answers, and umount ends it', async () => {
    const started = memlens('mount', at('plain.raw'), mountPoint, '--daemon', '--work', at('work'));
    assert.equal(started.code, 0, started.err);
    assert.match(started.out, /^\d+\n$/);
    assert.ok(readFileSync(join(mountPoint, 'memory.pmem')).equals(PLAIN));
    assert.equal(memlens('umount', mountPoint).code, 0);
    await until(() => !existsSync(`/proc/${started.out.trim()}`) || readFileSync(`/proc/${started.out.trim()}/stat`, 'utf8').includes(') Z '));
    assert.equal(mounted(), false);
  });

  test('--daemon passes the child\'s sentence and exit code on', () => {
    const done = memlens('mount', at('empty.raw'), mountPoint, '--daemon', '--work', at('work'));
    assert.equal(done.code, 3);
    assert.match(done.err, /is empty/);
  });

  test('Ctrl-C unmounts and the exit code is 0', async () => {
    const child = spawn(process.execPath, [MAIN, 'mount', at('plain.raw'), mountPoint, '--work', at('work')], { stdio: 'ignore' });
    await until(mounted);
    assert.ok(mounted());
    child.kill('SIGINT');
    assert.deepEqual((await once(child, 'exit'))[0], 0);
    assert.equal(mounted(), false);
  });

  test('a mount waits for the forensic pass when asked to', async () => {
    const done = memlens('mount', at('plain.raw'), mountPoint, '--daemon', '--forensic=wait', '--work', at('work'));
    assert.equal(done.code, 0, done.err);
    assert.equal(memlens('umount', mountPoint).code, 0);
    await until(() => !mounted());
  });
});
