import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, truncateSync, writeSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openImage } from '../../src/image/image.js';
import { openWindows } from '../../src/windows/open.js';
import { imageFiles } from '../images/image-files.js';
import { drain } from '../support/drain.js';
import { PAGE } from '../support/physical.js';
import { noise, seeded } from '../support/random.js';
import { slowWalk } from '../support/slow-walk.js';

/** The part of a truth file that is compared here. */
interface Truth {
  readonly processes: readonly { readonly pid: number; readonly eprocess: string; readonly in_list: boolean }[];
  readonly page_samples: readonly { readonly pid: number; readonly va: string; readonly kind: string; readonly pfn?: number; readonly note?: { readonly file: number; readonly offset: number } | string }[];
}

/** Nothing that ends needs it. */
const TIMEOUT = { timeout: 300_000 };
const KINDS: Readonly<Record<string, string>> = { valid: 'present' };

const images = imageFiles();
if (typeof images === 'string') test('images with known truth', { skip: images }, () => undefined);

const folder = mkdtempSync(join(tmpdir(), 'memlens-test-'));
test.after(() => rmSync(folder, { recursive: true }));

/** A changed copy of an image, opened; the copy's file is gone when it is closed. */
function broken(raw: string, change: (path: string) => void): ReturnType<typeof openWindows> {
  const path = join(folder, 'broken.raw');
  copyFileSync(raw, path);
  change(path);
  const image = openImage(path);
  rmSync(path);
  return openWindows(image);
}

/** Overwrites a share of the pages of a file with noise. */
function noiseIn(path: string, share: number, seed: number): void {
  const fd = openSync(path, 'r+');
  const next = seeded(seed);
  const page = Buffer.alloc(PAGE);
  for (let at = 0; readSync(fd, page, 0, PAGE, at) === PAGE; at += PAGE) {
    if (next() >= share) continue;
    noise(page, seed + at);
    writeSync(fd, page, 0, PAGE, at);
  }
  closeSync(fd);
}

for (const image of typeof images === 'string' ? [] : images) {
  test(`${image.name}: each sampled page has the state and the frame that the truth says`, TIMEOUT, () => {
    const truth = JSON.parse(readFileSync(image.truth(), 'utf8')) as Truth;
    const { windows } = openWindows(openImage(image.raw()));
    assert.ok(windows !== undefined);
    const addresses = new Map(truth.processes.map(({ pid, eprocess }) => [pid, BigInt(eprocess)]));
    const wrong: string[] = [];
    for (const { pid, va, kind, pfn, note } of truth.page_samples) {
      const process = windows.processes().find(({ address }) => address === addresses.get(pid));
      if (process === undefined) continue;
      // The VADs teach the address space where prototype PTEs lie.
      process.vads();
      const state = process.memory.pte(BigInt(va));
      const frame = state.physical === undefined ? undefined : state.physical / PAGE;
      const pagefile = typeof note === 'object' ? note : undefined;
      if (state.kind !== (KINDS[kind] ?? kind) || frame !== pfn
        || (kind === 'pagefile' && (state.pagefile?.number !== pagefile?.file || state.pagefile?.offset !== pagefile?.offset))) {
        wrong.push(`${pid} ${va} ${kind} ${pfn}: ${state.kind} ${frame} ${JSON.stringify(state.pagefile)}`);
      }
    }
    assert.deepEqual(wrong, []);
    assert.ok(truth.page_samples.length > 800);
  });

  test(`${image.name}: every mapping of every process is what a slow walk by the book finds`, TIMEOUT, () => {
    const { windows, image: opened } = openWindows(openImage(image.raw()));
    assert.ok(windows !== undefined);
    const entryAt = (at: bigint): bigint | undefined => opened.memory.read(Number(at), 8)?.readBigUInt64LE(0);
    let compared = 0;
    for (const { memory, pid } of windows.processes()) {
      let left = pid === 4 ? Infinity : 20_000;
      for (const { start, pages, physical, writable, executable, user } of memory.mappings()) {
        for (const page of new Set([0, pages >> 1, pages - 1])) {
          const walked = slowWalk(entryAt, BigInt(memory.dtb), start + BigInt(page * PAGE));
          assert.deepEqual([Number(walked?.physical), walked?.writable, walked?.executable, walked?.user], [physical + page * PAGE, writable, executable, user]);
          compared += 1;
        }
        if ((left -= 1) < 0) break;
      }
    }
    assert.ok(compared > 10_000, `${compared} pages`);
  });

  test(`${image.name}: cut off at half it is opened, and what is left is read to an end`, TIMEOUT, () => {
    const size = openImage(image.raw()).fileSize;
    const { windows, diagnosis } = broken(image.raw(), (path) => truncateSync(path, Math.floor(size / 2)));
    if (windows === undefined) assert.notEqual(diagnosis.degraded.length, 0);
    else assert.ok((drain(windows)['processes'] ?? 0) > 0);
  });

  test(`${image.name}: with noise in one page of a hundred it is opened, and most processes are listed`, TIMEOUT, () => {
    const truth = JSON.parse(readFileSync(image.truth(), 'utf8')) as Truth;
    for (const seed of [1, 2]) {
      const { windows } = broken(image.raw(), (path) => noiseIn(path, 0.01, seed));
      assert.ok(windows !== undefined, `seed ${seed}`);
      const counts = drain(windows);
      assert.ok((counts['processes'] ?? 0) > truth.processes.length * 0.7, `seed ${seed}: ${counts['processes']} of ${truth.processes.length}`);
    }
  });
}
