// All keys and values of a SYSTEM hive, in a process of its own: the largest one in ../shared/testdata, else one of 16 MiB that is made for it.
// Usage: `registry.js [HIVE]`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isXz, unpackXz } from '../../src/compress/xz.js';
import { openHive } from '../../src/registry/open-hive.js';
import { dword, sz, writeHive, type KeyToWrite } from '../support/hive-bytes.js';
import { median, report, timed } from './figures.js';

const RUNS = 5;
const LARGEST = 1 << 28;
const HIVES = fileURLToPath(new URL('../../../../shared/testdata/registry/', import.meta.url));
/** Keys of the hive that is made: with their values about 16 MiB. */
const SERVICES = 1200;
const BELOW = 40;

const [given] = process.argv.slice(2);
if (given === undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'memlens-bench-'));
  try {
    const { name, bytes } = realHive() ?? madeHive();
    const file = join(folder, name);
    writeFileSync(file, bytes);
    const { status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), file], { stdio: 'inherit' });
    process.exitCode = status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
} else {
  await measure(given);
}

function realHive(): { name: string; bytes: Buffer } | undefined {
  if (!existsSync(HIVES)) return undefined;
  const systems = readdirSync(HIVES, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^SYSTEM/.test(entry.name) && !/\.LOG\d?(\.xz)?$|\.DAT$/i.test(entry.name))
    .map(({ name, parentPath }) => {
      const raw = readFileSync(join(parentPath, name));
      return { name: name.replace(/\.xz$/, ''), bytes: isXz(raw) ? unpackXz(raw, LARGEST) : raw };
    });
  return systems.sort((a, b) => b.bytes.length - a.bytes.length)[0];
}

function madeHive(): { name: string; bytes: Buffer } {
  const below = (i: number): KeyToWrite => ({ name: `Parameters ${i}`, values: [
    { name: 'Start', type: 4, data: dword(i) },
    { name: 'ImagePath', type: 2, data: sz(`%SystemRoot%\\System32\\drivers\\driver${i}.sys`) },
    { name: 'DisplayName', type: 1, data: sz(`Driver ${i}`) },
  ] });
  const keys = Array.from({ length: SERVICES }, (_, i) => ({ name: `Service ${i}`, keys: Array.from({ length: BELOW }, (_unused, n) => below(n)) }));
  return { name: 'SYSTEM (made)', bytes: writeHive({ name: 'ROOT', keys }).file };
}

async function measure(path: string): Promise<void> {
  const bytes = readFileSync(path);
  let keys = 0;
  let values = 0;
  let sum = 0;
  const walks: number[] = [];
  const passes: number[] = [];
  for (let i = 0; i < RUNS; i += 1) {
    keys = 0;
    values = 0;
    walks.push(await timed(() => {
      for (const key of openHive(bytes).hive.keys()) {
        keys += 1;
        for (const value of key.values()) {
          value.native();
          values += 1;
        }
      }
    }));
    passes.push(await timed(() => { for (let at = 0; at + 4 <= bytes.length; at += 4) sum = sum + bytes.readUInt32LE(at) | 0; }));
  }
  console.log(`${basename(path)} (${(bytes.length / 2 ** 20).toFixed(1)} MiB), ${keys} keys, ${values} values, checksum ${sum >>> 0}`);
  const pass = median(passes);
  report('all keys and values with their data, first', `${(walks[0] ?? 0).toFixed(0)} ms`, `${((walks[0] ?? 0) / pass).toFixed(1)} times a straight pass over its words`);
  report('again, median', `${median(walks).toFixed(0)} ms`, `${(median(walks) / pass).toFixed(1)} times; the pass: ${pass.toFixed(1)} ms`);
  report('peak resident memory', `${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`, 'with Node itself, the file and all runs');
}
