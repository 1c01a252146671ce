import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

/** The ways in which a file system can be looked at; errors carry a `code` such as ENOENT. */
export interface View {
  list(path: string): Promise<string[]>;
  read(path: string): Promise<Buffer>;
  readAt(path: string, offset: number, length: number): Promise<Buffer>;
  stat(path: string): Promise<{ size: number; mtimeMs: number; ino: number; kind: 'directory' | 'file' | 'link' }>;
  readlink(path: string): Promise<string>;
  xattr(path: string, name: string): Promise<string>;
  xattrNames(path: string): Promise<string[]>;
  openForWriting(path: string): Promise<void>;
  /** Opens, writes and closes; `replace` empties the file first, `over` does not. */
  write(path: string, data: string, how?: 'replace' | 'append' | 'over'): Promise<void>;
  truncate(path: string, size: number): Promise<void>;
  /** Sets its times. */
  touch(path: string): Promise<void>;
  mode(path: string): Promise<number>;
}

/** What the fixture's memory holds at an offset. */
function memoryByte(offset: number): number {
  return offset >= 2 << 20 && offset < 3 << 20 ? 0 : 1 + (Math.floor(offset / 4096) % 250);
}

const code = (wanted: string) => (error: unknown): boolean => (error as NodeJS.ErrnoException).code === wanted;

/** The cases that every way to the fixture tree must pass: in process, and through each mount driver. */
export function fileSystemCases(view: () => View, facts: { host: Buffer; many: number; memory: number }): void {
  test('a directory lists its names and nothing that is hidden', async () => {
    const names = await view().list('/');
    assert.ok(names.includes('hello.txt') && names.includes('Ünïcode %2F name.txt') && names.includes('dir'));
    assert.ok(!names.includes('rows.csv'));
    assert.equal((await view().list('/many')).length, facts.many);
  });

  test('a file gives as many bytes as its size says', async () => {
    for (const name of ['hello.txt', 'empty.txt', 'rows.txt', 'rows.csv', 'rows.jsonl', 'where.txt', 'large.txt', 'quick-large.txt', 'host.bin', 'dir/inner.txt', 'Ünïcode %2F name.txt']) {
      const { size } = await view().stat(`/${name}`);
      assert.equal((await view().read(`/${name}`)).length, size, name);
    }
  });

  test('a large file is the same whether the worker rendered it or the main thread', async () => {
    const slow = await view().read('/large.txt');
    assert.ok(slow.length > 4 * 2 ** 20);
    assert.ok(slow.equals(await view().read('/quick-large.txt')));
  });

  test('slow files and slow directories are made in the worker', async () => {
    assert.equal((await view().read('/where.txt')).toString(), 'worker\n');
    assert.deepEqual(await view().list('/slow-dir'), ['listed-by-worker.txt']);
  });

  test('twins answer by name', async () => {
    assert.match((await view().read('/rows.csv')).toString(), /^N,Name\n0,row 0 ä\n/);
    assert.deepEqual(JSON.parse((await view().read('/rows.jsonl')).toString().split('\n')[1] ?? ''), { n: 1, name: 'row 1 ä' });
  });

  test('memory reads right at any offset, with zeros where it is absent', async () => {
    for (const [offset, length] of [[0, 10], [4090, 5000], [(2 << 20) - 3, 4096], [(3 << 20) - 1, 2], [facts.memory - 5, 5]] as const) {
      const bytes = await view().readAt('/memory.pmem', offset, length);
      assert.deepEqual([...bytes], Array.from({ length }, (_, i) => memoryByte(offset + i)), `at ${offset}`);
    }
    assert.equal((await view().readAt('/memory.pmem', facts.memory - 3, 100)).length, 3);
    assert.equal((await view().stat('/memory.pmem')).size, facts.memory);
  });

  test('a file of the host is served as it is', async () => {
    assert.ok((await view().read('/host.bin')).equals(facts.host));
  });

  test('times are the subject\'s: its own, the directory\'s above, or the capture\'s', async () => {
    assert.equal(new Date((await view().stat('/dir')).mtimeMs).toISOString(), '2021-05-04T03:02:01.000Z');
    assert.equal(new Date((await view().stat('/dir/inner.txt')).mtimeMs).toISOString(), '2021-05-04T03:02:01.000Z');
    assert.equal(new Date((await view().stat('/dir/deep/leaf.txt')).mtimeMs).toISOString(), '2023-02-01T09:54:30.123Z');
    assert.equal(new Date((await view().stat('/hello.txt')).mtimeMs).toISOString(), '2023-02-01T09:54:30.123Z');
    assert.ok((await view().stat('/old.txt')).mtimeMs <= 0);
  });

  test('inode numbers are the same at each mount', async () => {
    assert.equal((await view().stat('/')).ino, 1);
    assert.equal((await view().stat('/dir/deep/leaf.txt')).ino, 679428210);
    assert.equal((await view().stat('/hello.txt')).ino, (await view().stat('/hello.txt')).ino);
  });

  test('a link says where it leads', async () => {
    assert.equal(await view().readlink('/link'), 'dir/inner.txt');
    assert.equal((await view().stat('/link')).kind, 'link');
  });

  test('a file says its type and what the node adds', async () => {
    assert.equal(await view().xattr('/hello.txt', 'user.mime_type'), 'text/plain');
    assert.equal(await view().xattr('/rows.csv', 'user.mime_type'), 'text/csv');
    assert.equal(await view().xattr('/memory.pmem', 'user.mime_type'), 'application/octet-stream');
    assert.equal(await view().xattr('/hello.txt', 'user.memlens.address'), '0xffff800000000000');
    assert.deepEqual((await view().xattrNames('/hello.txt')).sort(), ['user.memlens.address', 'user.mime_type']);
    await assert.rejects(view().xattr('/hello.txt', 'user.none'), code('ENODATA'));
  });

  test('what is not there is ENOENT', async () => {
    for (const path of ['/none', '/dir/none', '/rows.xml', '/hello.txt.csv']) await assert.rejects(view().stat(path), code('ENOENT'), path);
    await assert.rejects(view().stat('/hello.txt/none'), code('ENOTDIR'));
  });

  test('writing is refused as on a read-only file system', async () => {
    await assert.rejects(view().openForWriting('/hello.txt'), code('EROFS'));
  });

  test('a control file takes what is written to it, and its neighbours answer at the next open', async () => {
    await view().write('/control/value.txt', 'one\n');
    assert.equal(String(await view().read('/control/value.txt')), 'one \n');
    assert.equal(String(await view().read('/control/answer.txt')), 'the value is "one"\n');
    await view().write('/control/value.txt', 'longer than before\n', 'append');
    assert.equal((await view().stat('/control/value.txt')).size, 19);
    assert.equal((await view().stat('/control/answer.txt')).size, 'the value is "longer than before"\n'.length);
    assert.equal(String(await view().read('/control/answer.txt')), 'the value is "longer than before"\n');
    await view().write('/control/value.txt', 'two', 'over');
    assert.equal(String(await view().read('/control/value.txt')), 'two \n');
  });

  test('a control file may be emptied, and its times be set', async () => {
    await view().write('/control/value.txt', 'gone\n');
    await view().touch('/control/value.txt');
    await view().truncate('/control/value.txt', 0);
    assert.equal(String(await view().read('/control/answer.txt')), 'the value is ""\n');
    await assert.rejects(view().truncate('/control/value.txt', 5), code('EINVAL'));
    await view().write('/control/value.txt', 'here\n');
    await view().write('/control/value.txt', '');
    // It is taken when the last descriptor is closed, which the kernel says after the program has gone on.
    for (let tries = 0; tries < 100 && String(await view().read('/control/value.txt')).trim() !== ''; tries += 1) await delay(20);
    assert.equal(String(await view().read('/control/answer.txt')), 'the value is ""\n');
  });

  test('what a control file refuses fails the write, and what it held stays', async () => {
    await view().write('/control/value.txt', 'good\n');
    const before = String(await view().read('/control/taken.txt'));
    await assert.rejects(view().write('/control/value.txt', 'bad!\n'), code('EINVAL'));
    assert.equal(String(await view().read('/control/value.txt')), 'good\n');
    assert.equal(String(await view().read('/control/taken.txt')), before);
  });

  test('a control file that holds many lines takes more, and large ones whole', async () => {
    const many = 'rule x { condition: true }\n'.repeat(20_000);
    await view().write('/control/rules.txt', many);
    assert.equal(String(await view().read('/control/rules.txt')), many);
    await view().write('/control/rules.txt', 'and one\n', 'append');
    assert.equal(String(await view().read('/control/rules.txt')), `${many}and one\n`);
    await assert.rejects(view().write('/control/rules.txt', `${many}bad\n`), code('EINVAL'));
    assert.equal((await view().stat('/control/rules.txt')).size, many.length + 8);
    await assert.rejects(view().write('/control/rules.txt', 'x'.repeat((16 << 20) + 1)), code('EFBIG'));
    assert.equal((await view().stat('/control/rules.txt')).size, many.length + 8);
  });

  test('only control files may be written by their mode, and nothing else can be set', async () => {
    assert.equal(await view().mode('/control/value.txt'), 0o644);
    assert.equal(await view().mode('/hello.txt'), 0o444);
    assert.equal(await view().mode('/control'), 0o555);
    for (const path of ['/hello.txt', '/control/answer.txt', '/memory.pmem', '/control']) await assert.rejects(view().touch(path), code('EROFS'), path);
    await assert.rejects(view().truncate('/hello.txt', 0), code('EROFS'));
    await assert.rejects(view().write('/control/answer.txt', 'x'), code('EROFS'));
  });

  test('extended attributes that take long are listed, and made in the worker when they are asked for', async () => {
    assert.deepEqual((await view().xattrNames('/digest.bin')).sort(), ['user.absent', 'user.mime_type', 'user.quick', 'user.where']);
    assert.equal(await view().xattr('/digest.bin', 'user.where'), 'worker');
    assert.equal(await view().xattr('/digest.bin', 'user.quick'), '1');
    await assert.rejects(view().xattr('/digest.bin', 'user.absent'), code('ENODATA'));
  });

  test('a file that cannot be made is EIO, and the others go on', async () => {
    await assert.rejects(view().read('/broken.txt'), code('EIO'));
    await assert.rejects(view().read('/broken-quick.txt'), code('EIO'));
    assert.equal((await view().read('/hello.txt')).toString(), 'hello\n');
  });

  test('the worker is started again after it died', async () => {
    const wait = view().read('/fatal.txt');
    await assert.rejects(wait, code('EIO'));
    assert.deepEqual(await view().list('/slow-dir'), ['listed-by-worker.txt']);
  });

  test('many reads at once get each their own bytes', async () => {
    const names = (await view().list('/many')).slice(0, 40);
    const all = await Promise.all(names.map((name) => view().read(`/many/${name}`)));
    assert.deepEqual(all.map(String), names.map((name) => `${name}\n`));
  });
}
