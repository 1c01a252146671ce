import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSearch, type SearchRunner } from '../../mount/memory-search-run.js';
import type { SearchQuestion, SearchScope } from '../../mount/memory-search-protocol.js';
import { openImage } from '../../src/image/image.js';
import { openWindows } from '../../src/windows/open.js';
import { imageFiles } from './image-files.js';
import { loadTruth } from './truth.js';

const RUNNER: SearchRunner = { cancelled: () => false, progress: () => undefined, found: () => undefined, watch: () => undefined };

const images = imageFiles();
if (typeof images === 'string') {
  test('searches find what the truth files say', { skip: images }, () => undefined);
} else {
  for (const image of images) {
    test(`${image.name}: a text that is split over two frames is found in virtual memory, and not in physical memory`, async (context) => {
      const truth = loadTruth(image.truth());
      const evil: readonly { readonly kind: string; readonly pid?: number; readonly address?: bigint; readonly also?: bigint; readonly text?: string }[] = truth.evil ?? [];
      const split = evil.find(({ kind }) => kind === 'split-string');
      if (split?.text === undefined) {
        context.skip('the image has none');
        return;
      }
      const opened = openWindows(openImage(image.raw()));
      const physical = opened.image.memory;
      const process = opened.windows?.process(split.pid ?? 0);
      const questions: readonly SearchQuestion[] = [
        { kind: 'text', text: split.text, ignoreCase: false },
        { kind: 'regex', source: 'hooked[_]func', flags: '' },
        { kind: 'bytes', value: Buffer.from(split.text), ignore: new Uint8Array(split.text.length), align: 1 },
        { kind: 'yara', rules: `rule split { strings: $a = "${split.text}" condition: $a }` },
      ];
      const search = async (scope: SearchScope, question: SearchQuestion): Promise<bigint[]> =>
        (await runSearch({ windows: opened.windows, physical }, { scope, question, min: 0n, max: 2n ** 64n - 1n }, RUNNER)).hits.map(({ address }) => address);
      for (const question of questions) {
        const virtual = await search({ kind: 'process', address: process?.address ?? 0n }, question);
        assert.deepEqual(virtual.filter((address) => address === split.address || address === split.also), [split.address, split.also], question.kind);
        const linear = await search({ kind: 'physical' }, question);
        const frame = process?.memory.translate(split.address ?? 0n);
        assert.ok(frame !== undefined && !linear.map(Number).includes(frame), question.kind);
      }
    });
  }
}
