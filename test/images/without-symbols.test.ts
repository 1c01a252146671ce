import assert from 'node:assert/strict';
import { copyFileSync, closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openImage } from '../../src/image/image.js';
import { openWindows, type OpenedWindows } from '../../src/windows/open.js';
import type { OpenOptions } from '../../src/windows/options.js';
import { listed, recallOf, type Listing } from '../support/listing.js';
import { imageFiles } from './image-files.js';

/** What must be found of a kernel that nobody knows, and how much of it. */
const KINDS = ['processes', 'modules', 'vads', 'drivers'] as const;
const ENOUGH = 0.99;
/** Builds whose layouts are near to those of the image's build, and wrong. */
const WRONG: Readonly<Record<number, readonly number[]>> = { 17_763: [18_362, 19_041], 19_041: [18_362, 22_000], 22_000: [19_041, 26_100] };
const BLOCK = 1 << 22;

function opened(path: string, options: OpenOptions = {}): OpenedWindows {
  return openWindows(openImage(path), options);
}

function listing({ windows, diagnosis }: OpenedWindows): Listing {
  assert.ok(windows !== undefined, diagnosis.degraded.join('; '));
  return listed(windows);
}

function assertEnough(expected: Listing, found: Listing): void {
  for (const kind of KINDS) {
    const missing = recallOf(expected, found, kind);
    const recall = 1 - missing.length / expected[kind].length;
    assert.ok(expected[kind].length > 0 && recall >= ENOUGH, `${kind}: recall ${recall.toFixed(4)}; missing ${missing.slice(0, 5).join(', ')}`);
  }
}

/** Overwrites every GUID of a kernel's symbol file in an image. */
function forgetSymbols(path: string, guid: Buffer): number {
  const fd = openSync(path, 'r+');
  let changed = 0;
  const block = Buffer.alloc(BLOCK + guid.length);
  for (let at = 0; ; at += BLOCK) {
    const length = readSync(fd, block, 0, block.length, at);
    for (let hit = block.indexOf(guid); hit >= 0 && hit < length; hit = block.indexOf(guid, hit + 1)) {
      writeSync(fd, Buffer.alloc(guid.length, 0xa5), 0, guid.length, at + hit);
      changed += 1;
    }
    if (length < block.length) break;
  }
  closeSync(fd);
  return changed;
}

/** A GUID as it stands in memory, from the digits that symbol stores name it by. */
function guidOf(symbolFile: string): Buffer {
  const straight = Buffer.from(symbolFile.slice(0, 32), 'hex');
  return Buffer.concat([straight.subarray(0, 4).reverse(), straight.subarray(4, 6).reverse(), straight.subarray(6, 8).reverse(), straight.subarray(8)]);
}

const images = imageFiles();
if (typeof images === 'string') {
  test('without symbols the same is found', { skip: images }, () => undefined);
} else {
  for (const image of images) {
    describe(image.name, () => {
      let exact: Listing | undefined;
      const expected = (): Listing => exact ??= listing(opened(image.raw()));

      test('without any profile: processes, parents, page tables, modules, VADs and drivers are found by what the image says', () => {
        const found = opened(image.raw(), { overrides: { profile: 'none' } });
        assertEnough(expected(), listing(found));
        assert.equal(found.diagnosis.profile?.source, 'derived');
      });

      test('with a symbol file that no table knows: layouts of its build are taken and verified', () => {
        const folder = mkdtempSync(join(tmpdir(), 'memlens-images-'));
        try {
          const copy = join(folder, 'image.raw');
          copyFileSync(image.raw(), copy, constants.COPYFILE_FICLONE);
          const { facts } = opened(copy);
          assert.ok(facts?.symbolFile !== undefined);
          assert.ok(forgetSymbols(copy, guidOf(facts.symbolFile)) > 0);
          const found = opened(copy);
          assert.notEqual(found.facts?.symbolFile, facts.symbolFile);
          assertEnough(expected(), listing(found));
          assert.notEqual(found.diagnosis.profile?.source, 'exact');
        } finally {
          rmSync(folder, { recursive: true });
        }
      });

      test('with layouts of a neighbouring build forced: the verification notices', () => {
        const build = opened(image.raw()).windows?.kernel.profile.build ?? 0;
        for (const wrong of WRONG[build] ?? []) {
          const { diagnosis, windows } = opened(image.raw(), { overrides: { profile: String(wrong) } });
          assert.ok(diagnosis.refused.some(({ profile, why }) => profile.includes(String(wrong)) && why.length > 10), `${wrong}: ${JSON.stringify(diagnosis.refused)}`);
          assert.notEqual(windows?.kernel.profile.build, wrong);
        }
        assert.ok((WRONG[build] ?? []).length > 0, `no neighbours of ${build} are named`);
      });
    });
  }
}
