import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { fileSystemCases } from './cases.js';
import { LONG_NAME } from './fixture-tree.js';
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

    test('standard tools walk a registry: links, odd names, names in any case, exports', async () => {
      const at = `${mount.mountPoint}/registry`;
      assert.equal(readlinkSync(`${at}/HKLM/SYSTEM/CurrentControlSet`), 'ControlSet001');
      assert.match(readFileSync(`${at}/hklm/system/currentcontrolset/control/here.TXT`.replace('hklm', 'HKLM'), 'utf8'), /REG_DWORD\n0000002a\n42\n/);
      assert.match(readFileSync(`${at}/HKCR-user1/.txt/(Default).txt`, 'utf8'), /\nuser\n/);
      assert.match(readFileSync(`${at}/HKCR/.txt/(Default).txt`, 'utf8'), /\nmachine\n/);
      assert.ok(readdirSync(`${at}/HKCU-user1`).includes('Software'));
      const names = readdirSync(`${at}/HKLM/SOFTWARE/Names`);
      for (const name of ['a%2Fb', 'nul%00%1B[31m', '%2E%2E', 'C:\\x%2Fy.txt']) assert.ok(names.includes(name), name);
      assert.ok(names.every((name) => Buffer.byteLength(name) <= 255));
      const long = names.find((name) => name.startsWith('kkk')) ?? '';
      assert.equal((await run('getfattr', ['--only-values', '-n', 'user.memlens.name', `${at}/HKLM/SOFTWARE/Names/${long}`])).stdout, LONG_NAME);
      const reg = readFileSync(`${at}/HKLM/SOFTWARE.reg`);
      assert.equal(reg.length, statSync(`${at}/HKLM/SOFTWARE.reg`).size);
      assert.ok(reg.length > 8 << 20 && reg.readUInt16LE(0) === 0xfeff, 'it is larger than what is kept in memory');
      assert.match(reg.toString('utf16le', 2), /\r\n"C:\\\\x\/y"="value"\r\n/);
      const json = JSON.parse(readFileSync(`${at}/HKLM/SYSTEM/Select.json`, 'utf8')) as { values: { data: number }[] };
      assert.equal(json.values[0]?.data, 1);
      assert.ok(!readdirSync(`${at}/HKLM`).some((name) => name.endsWith('.reg')));
      const found = (await run('find', ['-L', at])).stdout;
      assert.ok(found.includes('/HKCR-user1/.zip/(_Key_).txt'));
    });

    test('the mount is without set-uid, devices and programs, and nothing can be made, changed or taken away in it', () => {
      const at = mount.mountPoint;
      const line = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').find((one) => one.includes(` ${at} `));
      for (const option of ['nosuid', 'nodev', 'noexec']) assert.match(line ?? '', new RegExp(`[ ,]${option}[ ,]`));
      const refused = (command: string, ...given: string[]): void => {
        const { status, stderr } = spawnSync(command, given);
        assert.notEqual(status, 0, `${command} ${given.join(' ')}`);
        assert.match(stderr.toString(), /Read-only file system/, `${command} ${given.join(' ')}`);
      };
      refused('touch', `${at}/new`);
      refused('touch', `${at}/hello.txt`);
      refused('mkdir', `${at}/new`);
      refused('rm', '-f', `${at}/hello.txt`);
      refused('rmdir', `${at}/dir`);
      refused('mv', `${at}/hello.txt`, `${at}/other.txt`);
      refused('ln', '-s', 'x', `${at}/new`);
      refused('ln', `${at}/hello.txt`, `${at}/new`);
      refused('chmod', '600', `${at}/hello.txt`);
      refused('mknod', `${at}/new`, 'p');
      refused('setfattr', '-n', 'user.x', '-v', '1', `${at}/hello.txt`);
      refused('sh', '-c', `echo x > '${at}/control/answer.txt'`);
      refused('cp', '/etc/hostname', `${at}/dir`);
    });

    test('shells, cp, tee, dd, printf and truncate write control files as any other', async () => {
      const folder = `${mount.mountPoint}/control`;
      const shell = (script: string): string => {
        const { status, stdout, stderr } = spawnSync('bash', ['-c', script], { cwd: folder });
        assert.equal(status, 0, `${script}: ${stderr.toString()}`);
        return stdout.toString();
      };
      const answer = (script: string, wanted: string): void => assert.equal(shell(`${script}; cat answer.txt`), `the value is "${wanted}"\n`, script);
      answer('echo 0x1000 > value.txt', '0x1000');
      answer('echo 0x2000 >> value.txt', '0x2000');
      answer('printf 0x3 > value.txt', '0x3');
      answer('echo tee | tee value.txt >/dev/null', 'tee');
      answer('echo tee2 | tee -a value.txt >/dev/null', 'tee2');
      answer('echo dd | dd of=value.txt status=none', 'dd');
      answer(': > value.txt; sleep 0.05', '');
      answer('{ echo a; echo b; } > value.txt', 'a\nb');
      answer('echo full > value.txt; truncate -s 0 value.txt; sleep 0.05', '');
      answer('echo full > value.txt; chmod 600 value.txt; touch value.txt', 'full');
      const { status, stderr } = spawnSync('bash', ['-c', 'echo bad > value.txt'], { cwd: folder });
      assert.match(`${status} ${stderr.toString()}`, /^1 .*Invalid argument/);
      assert.equal(shell('cat value.txt'), 'full\n');
      const rules = `${mount.folder}/rules.yar`;
      writeFileSync(rules, `rule r { condition: false } // ${'-'.repeat(300_000)}\n`);
      shell(`cp '${rules}' rules.txt && cmp '${rules}' rules.txt`);
      shell(`cat '${rules}' >> rules.txt && test $(stat -c %s rules.txt) = $((2 * $(stat -c %s '${rules}')))`);
      writeFileSync(rules, `bad // ${'-'.repeat(300_000)}\n`);
      assert.match(shell(`cp '${rules}' rules.txt 2>&1 || true`), /Invalid argument/);
    });

    test('a reader beside a writer reads what the file held', async () => {
      const at = `${mount.mountPoint}/control/value.txt`;
      await writeFile(at, 'old\n');
      const writer = await open(at, 'w');
      await writer.write('new\n');
      // In this process: a program that is started closes what it inherits, and with that the text would be taken.
      const read = await readFile(at, 'utf8');
      await writer.close();
      assert.equal(read, 'old \n');
      assert.equal(await readFile(at, 'utf8'), 'new \n');
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
