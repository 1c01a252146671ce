import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { fileSystemCases } from './cases.js';
import { FixtureMount, mountedView, noMount } from './mounted.js';

const run = promisify(execFile);

/** All cases through a real mount, in a child process, for one driver. */
export function mountCases(driver: string, reason = noMount()): void {
  if (reason !== undefined) {
    test(`the ${driver} driver mounts`, { skip: reason }, () => undefined);
    return;
  }
  describe(`through ${driver}`, () => {
    const mount = new FixtureMount(driver, 300, 8 << 20);
    before(() => mount.start());
    after(() => mount.remove());
    fileSystemCases(() => mountedView(mount.mountPoint), { host: mount.host, many: 300, memory: 8 << 20 });

    test('standard tools see the same tree', async () => {
      const at = mount.mountPoint;
      assert.equal((await run('cat', [`${at}/hello.txt`])).stdout, 'hello\n');
      assert.equal((await run('find', [`${at}/many`, '-type', 'f'])).stdout.trim().split('\n').length, 300);
      assert.match((await run('stat', ['-c', '%A %s', `${at}/hello.txt`])).stdout, /^-r--r--r-- 6$/m);
      assert.equal((await run('grep', ['-rl', 'row 19 ', `${at}/rows.txt`, `${at}/dir`])).stdout.trim(), `${at}/rows.txt`);
      const dd = execFileSync('dd', [`if=${at}/memory.pmem`, 'bs=1M', 'status=none'], { maxBuffer: 64 << 20 });
      assert.equal(dd.length, 8 << 20);
    });

    test('the mount is read-only, without set-uid, devices and programs', () => {
      const line = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').find((one) => one.includes(` ${mount.mountPoint} `));
      for (const option of ['ro', 'nosuid', 'nodev', 'noexec']) assert.match(line ?? '', new RegExp(`[ ,]${option}[ ,]`));
      assert.notEqual(spawnSync('touch', [`${mount.mountPoint}/new`]).status, 0);
    });

    test('a volatile file shows its new content soon', async () => {
      const at = `${mount.mountPoint}/volatile.txt`;
      const first = (await run('cat', [at])).stdout;
      let later = first;
      for (let i = 0; i < 20 && later === first; i += 1) {
        await new Promise((resolve) => { setTimeout(resolve, 200); });
        later = (await run('cat', [at])).stdout;
      }
      assert.notEqual(later, first);
    });

    test('a second mount on the same folder is refused with a sentence', async () => {
      const second = new FixtureMount(driver, 1, 4096);
      Object.assign(second, { mountPoint: mount.mountPoint });
      await assert.rejects(second.start(), /already has something mounted on it/);
      rmSync(second.folder, { recursive: true });
    });

    test('SIGTERM unmounts and the process ends well', async () => {
      assert.equal(await mount.stop('SIGTERM'), 0);
      assert.equal(mount.isMounted(), false);
      assert.deepEqual(readdirSync(mount.mountPoint), []);
    });

    test('after kill -9 the next mount works', async () => {
      await mount.start();
      await mount.stop('SIGKILL');
      await mount.start();
      assert.ok((await readdir(mount.mountPoint)).includes('hello.txt'));
    });

    test('the process ends when the mount is taken away from outside', async () => {
      spawnSync('umount', ['-l', mount.mountPoint]);
      await mount.until(() => typeof mount.process?.exitCode === 'number');
      assert.equal(mount.process?.exitCode, 0);
    });
  });
}
